# rows.awk -- what finds a figure in the tables of the benches: for bars.awk, costs.awk and losses.awk.
#
# A row is known by how it begins, a figure by its place among the words behind that, or by the name of
# its column. Blanks count as one, and bars between columns as blanks. "ouro-inline#2" is the second
# row that begins so.

# The words of a line, one blank between them.
function squeeze(line)
{
	gsub(/[|]/, " ", line)
	gsub(/[ \t]+/, " ", line)
	gsub(/^ | $/, "", line)
	return line
}

# Keeps a line of the table of that name.
function keep(table, line)
{
	kept[table, ++kept_count[table]] = squeeze(line)
}

# What stands behind `begin` in its row; "" when there is no such row.
function behind(table, begin,    i, nth)
{
	nth = 1
	if (match(begin, /#[0-9]+$/)) {
		nth = substr(begin, RSTART + 1) + 0
		begin = substr(begin, 1, RSTART - 1)
	}
	for (i = 1; i <= kept_count[table]; i++)
		if (index(kept[table, i] " ", begin " ") == 1 && --nth == 0)
			return substr(kept[table, i], length(begin) + 2)
	return ""
}

# Where the column of that name is: in the first line that has the word, but for what heads the rows.
function column(table, name,    i, j, n, words, place)
{
	for (i = 1; i <= kept_count[table]; i++) {
		n = split(kept[table, i], words, " ")
		place = 0
		for (j = 1; j <= n; j++) {
			place += (words[j] !~ /^(task|figure|by|unit)$/)
			if (words[j] == name)
				return place
		}
	}
	return 0
}

# The word at that place; "-" when it is not there.
function figure(table, begin, place,    words, n)
{
	n = split(behind(table, begin), words, " ")
	place = place ~ /^[0-9]+$/ ? place + 0 : column(table, place)
	return place <= n && place > 0 ? words[place] : "-"
}
