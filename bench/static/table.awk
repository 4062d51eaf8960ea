# table.awk -- from the raw lines, the table: medians of the rounds' ratios to bare epoll.

BEGIN {
	FS = "\t"
	most["1k"] = 1.15
	most["1m"] = 1.10
}

$4 == "cpu" {
	value[$3, $2, $1] = $6
	tasks[$3]
	names[$2]
	if ($1 > rounds)
		rounds = $1
}

function median(task, name, raw,    n, r, v, i, j, t)
{
	n = 0
	for (r = 1; r <= rounds; r++) {
		if (!((task, name, r) in value))
			continue
		t = value[task, name, r] / (raw ? 1 : value[task, "epoll", r])
		for (j = n++; j > 0 && v[j] > t; j--)
			v[j + 1] = v[j]
		v[j + 1] = t
	}
	i = int((n + 1) / 2)
	return n ? v[i] : 0
}

END {
	printf "%-6s %14s %8s %8s  %s\n", "file", "epoll, ns", "ouro", "nginx", "ouro wanted"
	for (i = 1; i <= split("1k 1m", order, " "); i++) {
		task = order[i]
		is = median(task, "ouro")
		printf "%-6s %14.0f %8.2f %8s  <= %.2f: %s\n", task, median(task, "epoll", 1), is,
			("nginx" in names) ? sprintf("%.2f", median(task, "nginx")) : "-", \
			most[task], is <= most[task] ? "yes" : "NO"
	}
	print "\ncpu of the server a request, as a multiple of bare epoll's with the descriptor open."
}
