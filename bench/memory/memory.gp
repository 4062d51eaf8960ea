# memory.gp -- a group of bars a server: MiB with 100, 1,000 and 10,000 idle connections.
set terminal svg size 900,420 font "sans-serif,13" background "white"
set output "memory.svg"
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.9 noborder
set logscale y
set yrange [0.1:10000]
set ytics ("0.1 MiB" 0.1, "1 MiB" 1, "10 MiB" 10, "100 MiB" 100, "1 GiB" 1024, "10 GiB" 10240)
set xtics rotate by -25
set grid ytics lc rgb "#dddddd"
set key top left
set title "Memory of a server with idle connections"
plot "bars.tsv" using 2:xtic(1) lc rgb "#b8c4ce" title "100", \
     "" using 3 lc rgb "#e39b3b" title "1,000", \
     "" using 4 lc rgb "#c0392b" title "10,000"
