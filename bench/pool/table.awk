# table.awk -- from the rows wanted (standard input) and the raw lines of each program, the table.
#
# A cell is the median of the rounds. What was measured in ns each is shown as a rate where the row
# says so. "spread" is how far ouro's rounds lie apart, of their median: what differs less than that
# was not shown to differ.

NR == FNR {
	task[++rows] = $1
	figure[rows] = $2
	unit[rows] = $3
	wanted[rows] = $4
	next
}

{
	who = FILENAME
	sub(/\.tsv$/, "", who)
	key = who SUBSEP $2 SUBSEP $3
	value[key, ++count[key]] = $5
}

# The value that a share of the rounds lie below; "" when there are none.
function quantile(who, task, figure, share,    key, n, i, j, v, t)
{
	key = who SUBSEP task SUBSEP figure
	n = count[key]
	if (!n)
		return ""
	for (i = 1; i <= n; i++) {
		t = value[key, i] + 0
		for (j = i - 1; j > 0 && v[j] > t; j--)
			v[j + 1] = v[j]
		v[j + 1] = t
	}
	i = 1 + share * (n - 1)
	j = int(i)
	return j == n ? v[n] : v[j] + (i - j) * (v[j + 1] - v[j])
}

function median(who, task, figure)
{
	return quantile(who, task, figure, 0.5)
}

# As the row's unit has it.
function shown(v, unit)
{
	if (v == "")
		return "-"
	if (unit == "M/s")
		v = v ? 1e3 / v : 0
	else if (unit == "k/s")
		v = v ? 1e6 / v : 0
	else if (unit == "us")
		v /= 1e3
	return sprintf(v < 10 ? "%.2f" : v < 1000 ? "%.1f" : "%.0f", v)
}

# How many times better ouro is than who: every raw figure is a cost.
function ratio(who, row,    ours, theirs)
{
	ours = median("ouro", task[row], figure[row])
	theirs = who in programs ? median(who, task[row], figure[row]) \
				 : median("ouro", who, figure[row])
	return ours == "" || theirs == "" || !ours ? "" : theirs / ours
}

function times(who, row,    r)
{
	r = ratio(who, row)
	return r == "" ? "-" : sprintf("%.2f", r)
}

function spread(row,    m)
{
	m = median("ouro", task[row], figure[row])
	if (!m)
		return "-"
	return sprintf("%.0f%%", 100 * (quantile("ouro", task[row], figure[row], 1) - \
					quantile("ouro", task[row], figure[row], 0)) / m)
}

# "libev>=0.95", "=>=5", "=<=0": met or not, with what it is.
function verdict(want, row,    at, who, bound, is, most)
{
	most = index(want, "<=")
	at = most ? most : index(want, ">=")
	who = substr(want, 1, at - 1)
	bound = substr(want, at + 2) + 0
	is = who == "=" ? shown(median("ouro", task[row], figure[row]), unit[row]) : times(who, row)
	if (is == "-")
		return ""
	if (who == "=")
		who = "itself"
	return sprintf("%s %s%s: %s %s", who, most ? "<= " : ">= ", bound, is, \
		       (most ? is + 0 <= bound : is + 0 >= bound) ? "yes" : "NO")
}

function verdicts(row,    n, i, list, all, one)
{
	n = split(wanted[row] == "-" ? "" : wanted[row], list, ",")
	for (i = 1; i <= n; i++) {
		one = verdict(list[i], row)
		if (one != "")
			all = all (all == "" ? "" : "; ") one
	}
	return all
}

function explain()
{
	print "\nwall: the clock; cpu: all threads together; \"x libuv\": how many times better ouro is."
	print "stat_behind: while four jobs of 100 ms and eight lookups of 5 s are out, from 1 ms after."
	print "lookups_128: ouro asks the resolver once for all who ask for one name at once."
}

END {
	split("ouro libuv inline", names, " ")
	for (i in names)
		programs[names[i]]
	line = "%-13s %-6s %-5s %8s %7s %8s %8s  %8s %8s  %s\n"
	printf line, "task", "by", "unit", "ouro", "spread", "libuv", "inline", "x libuv", "x inline", \
		"wanted: is"
	for (row = 1; row <= rows; row++) {
		t = task[row]
		f = figure[row]
		u = unit[row]
		if (median("ouro", t, f) == "")
			continue
		printf line, t, f, u, shown(median("ouro", t, f), u), spread(row), \
			shown(median("libuv", t, f), u), shown(median("inline", t, f), u), \
			times("libuv", row), times("inline", row), verdicts(row)
	}
	explain()
}
