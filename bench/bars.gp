# bars.gp -- a group of bars a line: what bars.awk has made. bench/bars sets title, unit, scale, from,
# data, bars and picture.
set terminal svg size 900,420 font "sans-serif,13" background "white"
set output picture
set datafile separator "\t"
set datafile missing "-"
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.9 noborder
set grid ytics lc rgb "#dddddd"
if (bars > 1) { set key outside right top } else { unset key }
set title title
set ylabel unit
set xtics nomirror
if (scale eq "log") { set logscale y } else { set yrange [0:*] }
if (from ne "") { set yrange [from + 0:*] }
colours = "#c0392b #1f6fb2 #e39b3b #4d9a52 #8e6bb0 #7f8c8d #b8c4ce #2c3e50 #d98880 #76a5c9"
plot for [i = 2:bars + 1] data using i:xtic(1) lc rgb word(colours, i - 1) title columnheader(i)
