# losses.awk -- from bench/losses and the tables, a line of Markdown for each comparison that ouro loses.
# After rows.awk; the name of a table is that of its folder.

FILENAME ~ /losses$/ {
	if ($0 !~ /^#|^$/)
		line[++lines] = $0
	next
}

FNR == 1 {
	table = FILENAME
	sub(/\/[^\/]*$/, "", table)
	sub(/.*\//, "", table)
}

{
	keep(table, $0)
}

# "row: place" in a table.
function at(table, where,    part)
{
	split(where, part, /: */)
	return figure(table, part[1], part[2])
}

# What another has: "name place" in ouro's row, "name=row: place" in its own, "name=@1" the number 1.
function other(table, row, what,    part, n)
{
	if ((n = index(what, "=")) != 0) {
		name = substr(what, 1, n - 1)
		what = substr(what, n + 1)
		return what ~ /^@/ ? substr(what, 2) : at(table, what)
	}
	match(what, / [0-9a-z]+$/)
	name = substr(what, 1, RSTART - 1)
	return figure(table, row, substr(what, RSTART + 1))
}

function compare(text,    part, row, ours, theirs, all, list, n, i)
{
	split(text, part, / *\| */)
	row = part[4]
	sub(/: *[0-9a-z]+$/, "", row)
	ours = part[3] == "ratio" ? 1 : at(part[1], part[4])
	if (ours !~ /^[0-9]/)
		return
	n = split(part[5], list, /; */)
	for (i = 1; i <= n; i++) {
		theirs = other(part[1], row, list[i])
		if (theirs !~ /^[0-9]/)
			continue
		if (part[3] == "more" ? theirs + 0 > ours + 0 : theirs + 0 < ours + 0)
			all = all ", " name " " (part[3] == "ratio" ? "(" theirs " x)" : theirs)
	}
	if (all != "")
		printf "- %s: %s\n", part[2], (part[3] == "ratio" ? "" : "ouro " ours "; ") \
			"better: " substr(all, 3)
}

END {
	for (i = 1; i <= lines; i++)
		compare(line[i])
}
