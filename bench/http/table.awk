# table.awk -- from the rows wanted (standard input) and the raw lines, the table.
#
# A cell is the median of the rounds: of the figures, or, in a row that is divided, of the ratios
# within each round. There the column of what it is divided by has the figure itself. A row that is
# by "k/s" has ns, and is shown as thousands a second. "spread" is how far the middle half of ouro's
# rounds lies apart: what differs less was not shown to differ.
#
#	-v columns="epoll ouro spread ..."

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

function divided(row)
{
	return by[row] != "-" && by[row] != "k/s"
}

# A share of the rounds lie below it; "" when there are none. Divided as the row says, unless raw.
function quantile(who, row, share, raw,    key, n, r, i, j, v, t, under)
{
	for (r = 0; r <= last[who, task[row], figure[row]]; r++) {
		key = who SUBSEP task[row] SUBSEP figure[row] SUBSEP r
		if (!(key in value))
			continue
		t = value[key]
		if (!raw && divided(row)) {
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

function cell(who, row,    v)
{
	v = quantile(who, row, 0.5, who == by[row])
	return number(by[row] == "k/s" && v ? 1e6 / v : v)
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
	return of == "k/s" ? of : figure[row] (of == "-" ? "" : ", x " of)
}

END {
	n = split(columns, names, " ")
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
	print "\ncpu: ns of the server's processor a request; k/s: thousands of answers a second."
	print "The column of what a row is divided by has the figure itself, not 1."
}
