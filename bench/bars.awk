# bars.awk -- from a picture's description and a table, what bars.gp draws: the names of the bars, then
# a line a group, with tabs between. After rows.awk. bench/bars says what is in a description.

NR == FNR {
	if ($1 == "bar") {
		name = $0
		sub(/^bar +[^ ]+ +/, "", name)
		names = names "\t" name
		place[++bars] = $2
	} else if ($1 == "group") {
		name = $0
		sub(/^group +/, "", name)
		split(name, part, / *= */)
		group[++groups] = part[1]
		row[groups] = part[2]
	}
	next
}

{
	keep("table", $0)
}

END {
	print names
	for (i = 1; i <= groups; i++) {
		line = group[i]
		found = 0
		for (j = 1; j <= bars; j++) {
			value = figure("table", row[i], place[j])
			sub(/[^0-9.].*$/, "", value)
			found += value != ""
			line = line "\t" (value == "" ? "-" : value)
		}
		if (found)
			print line
	}
}
