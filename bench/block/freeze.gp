# freeze.gp -- every ping of the run with one client computing: when it should have left, and how
# long it took.
set terminal svg size 900,380 font "sans-serif,13" background "white"
set output "freeze.svg"
set datafile separator "\t"
set logscale y
set yrange [0.02:6000]
set xrange [0:*]
set ytics ("0.1 ms" 0.1, "1 ms" 1, "10 ms" 10, "100 ms" 100, "1 s" 1000, "5 s" 5000)
set xtics format "%g s"
set grid ytics lc rgb "#dddddd"
set key outside top center horizontal
set title "How long a ping takes while another client asks for half a second of computing"
of(name) = sprintf("< awk -F '\\t' '$1 == \"%s\" && $2 == \"2-one\"' pings.tsv", name)
plot of("node-inline") using 3:4 every 2 with points pt 7 ps 0.25 lc rgb "#bbbbbb" title "Node, in the handler", \
     of("ouro-inline") using 3:4 every 2 with points pt 7 ps 0.3 lc rgb "#c0392b" title "ouro, in the handler", \
     of("ouro-processes") using 3:4 every 2 with points pt 7 ps 0.3 lc rgb "#1f6fb2" title "ouro, on a crew"
