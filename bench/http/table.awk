# table.awk -- from the rows wanted (standard input) and the raw lines, the table.
#
# A cell is the median of the rounds: of the figures, or, in a row that is divided, of the ratios
# within each round. There the column of what it is divided by has the figure itself. "spread" is
# how far the middle half of ouro's rounds lies apart: what differs less was not shown to differ.

NR == FNR {
	task[++rows] = $1
	figure[rows] = $2
	by[rows] = $3
	most[rows] = $4
	next
}

{
	value[$2, $3, $4, $1] = $6
	if ($1 > last[$2, $3, $4])
		last[$2, $3, $4] = $1
}

# A share of the rounds lie below it; "" when there are none. Divided as the row says, unless raw.
function quantile(who, row, share, raw,    key, n, r, i, j, v, t, under)
{
	for (r = 0; r <= last[who, task[row], figure[row]]; r++) {
		key = who SUBSEP task[row] SUBSEP figure[row] SUBSEP r
		if (!(key in value))
			continue
		t = value[key]
		if (!raw && by[row] != "-") {
			under = by[row] == "epoll" ? "epoll" SUBSEP task[row] : who SUBSEP by[row]
			under = value[under, figure[row], r]
			if (!under)
				continue
			t /= under
		}
		for (j = n++; j > 0 && v[j] > t; j--)
			v[j + 1] = v[j]
		v[j + 1] = t
	}
	if (!n)
		return ""
	i = 1 + share * (n - 1)
	j = int(i)
	return j == n ? v[n] : v[j] + (i - j) * (v[j + 1] - v[j])
}

function number(v)
{
	return v == "" ? "-" : sprintf(v < 10 ? "%.2f" : v < 1000 ? "%.1f" : "%.0f", v)
}

function cell(who, row)
{
	return number(quantile(who, row, 0.5, who == by[row]))
}

function spread(row,    middle, high, low)
{
	middle = quantile("ouro", row, 0.5)
	if (!middle || last["ouro", task[row], figure[row]] < 4)
		return "-"
	high = quantile("ouro", row, 0.75)
	low = quantile("ouro", row, 0.25)
	return sprintf("%.0f%%", 100 * (high - low) / middle)
}

function verdict(row,    is)
{
	is = cell("ouro", row)
	if (most[row] == "-" || is == "-")
		return ""
	return sprintf("<= %s: %s", most[row], is + 0 <= most[row] + 0 ? "yes" : "NO")
}

function title(row,    of)
{
	of = by[row]
	return figure[row] (of == "-" ? "" : of == "epoll" ? ", x epoll" : ", x " of)
}

END {
	n = split("epoll ouro spread libev parser nginx h2o microhttpd libevent node", names, " ")
	printf "%-13s %-14s", "task", "figure"
	for (i = 1; i <= n; i++)
		printf " %10s", names[i]
	print "  ouro wanted"
	for (row = 1; row <= rows; row++) {
		line = ""
		for (i = 1; i <= n; i++)
			line = line sprintf(" %10s", names[i] == "spread" ? spread(row) : \
							     cell(names[i], row))
		if (line ~ /[0-9]/)
			printf "%-13s %-14s%s  %s\n", task[row], title(row), line, verdict(row)
	}
	explain()
}

function explain()
{
	print "\ncpu: ns of the server's processor a request; memory, held: bytes a connection."
	print "The column of what a row is divided by has the figure itself, not 1."
	print "parser: libev and http_parser, and no more. varied: another target each time."
}
