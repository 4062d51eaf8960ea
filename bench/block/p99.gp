# p99.gp -- a group of bars a server: idle, one client computing, four.
set terminal svg size 900,460 font "sans-serif,13" background "white"
set output "p99.svg"
set datafile separator "\t"
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.9 noborder
set logscale y
set yrange [0.05:10000]
set ytics ("0.1 ms" 0.1, "1 ms" 1, "10 ms" 10, "100 ms" 100, "1 s" 1000, "10 s" 10000)
set xtics rotate by -40
set grid ytics lc rgb "#dddddd"
set key top left
set title "99 of 100 pings were answered within (two cores)"
plot "bars.tsv" using 2:xtic(1) lc rgb "#b8c4ce" title "nobody computes", \
     "" using 3 lc rgb "#e39b3b" title "one client has work done", \
     "" using 4 lc rgb "#c0392b" title "four clients have work done"
