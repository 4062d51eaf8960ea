# table.awk -- from the raw lines, the table: throughput inside each host, as a multiple of that in a
# loop of ouro's own, medians of the rounds.

BEGIN {
	FS = "\t"
}

$4 == "cpu" {
	value[$3, $2, $1] = $6
	if (!($2 in seen)) {
		seen[$2]
		order[++names] = $2
	}
	if ($1 > rounds)
		rounds = $1
}

function median(task, name, raw,    n, r, v, j, t)
{
	n = 0
	for (r = 1; r <= rounds; r++) {
		if (!((task, name, r) in value))
			continue
		t = raw ? value[task, name, r] : value[task, "own", r] / value[task, name, r]
		for (j = n++; j > 0 && v[j] > t; j--)
			v[j + 1] = v[j]
		v[j + 1] = t
	}
	return n ? v[int((n + 1) / 2)] : 0
}

END {
	printf "%-12s %10s %8s %10s %8s  %s\n", "host", "ns, of 64", "ratio", "ns, of 1", "ratio", \
		"wanted of 64"
	for (i = 1; i <= names; i++) {
		is = median("64", order[i])
		told = is >= 0.9 ? "yes" : "NO"
		printf "%-12s %10.0f %8.2f %10.0f %8.2f  >= 0.90: %s\n", order[i], \
			median("64", order[i], 1), is, median("1", order[i], 1), \
			median("1", order[i]), told
	}
	print "\nprocessor time of the server a request, with 64 connections and with one; ratio: of" \
		"\nthe own loop's to the host's, so 1 is as good and less is worse."
}
