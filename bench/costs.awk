# costs.awk -- see bench/costs. After rows.awk; reads bench/RESULTS.md, bench/costs.md and README.md.

function filled(line,    done, part, what)
{
	while (match(line, /[{][a-z]+: [^}]*: [0-9a-z]+[}]/)) {
		done = done substr(line, 1, RSTART - 1)
		what = substr(line, RSTART + 1, RLENGTH - 2)
		line = substr(line, RSTART + RLENGTH)
		split(what, part, /: /)
		if (kept_count[part[1]] && behind(part[1], part[2]) == "")
			print "bench/RESULTS.md has no row of " part[1] ": " part[2] >"/dev/stderr"
		done = done figure(part[1], part[2], part[3])
	}
	return done line
}

FNR == 1 {
	file++
}

file == 1 && match($0, /^`make bench-[a-z]+`/) {
	table = substr($0, 13, RLENGTH - 13)
}

file == 1 && /^    / {
	keep(table, $0)
}

file == 2 {
	costs = costs filled($0) "\n"
}

file == 3 && /^## / {
	ours = $0 == "## What it costs"
	if (ours)
		printf "%s\n\n%s\n", $0, costs
}

file == 3 && !ours
