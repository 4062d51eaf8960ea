# table.awk -- from the raw lines, a line for each kind of work: ns without a watchdog and with one, and
# how many times as much that is.

BEGIN {
	FS = "\t"
}

{
	if (!($3 in rounds))
		work[++works] = $3
	rounds[$3] = $1
	value[$3, $2, $1] = $6
}

# The value that a share of the rounds lie below; who is "ratio", "with" or "without".
function quantile(what, who, share,    n, r, j, t, v)
{
	for (r = 1; r <= rounds[what]; r++) {
		t = who == "ratio" ? value[what, "with", r] / value[what, "without", r] \
				   : value[what, who, r]
		for (j = n++; j > 0 && v[j] > t; j--)
			v[j + 1] = v[j]
		v[j + 1] = t
	}
	return v[1 + int(share * (n - 1) + 0.5)]
}

END {
	printf "%-20s %12s %9s %8s   %s\n", "ns of the processor", "without one", "with one", "ratio", \
		"quartiles"
	for (i = 1; i <= works; i++)
		printf "%-20s %12.0f %9.0f %8.2f   %.2f to %.2f\n", work[i], \
			quantile(work[i], "without", 0.5), quantile(work[i], "with", 0.5), \
			quantile(work[i], "ratio", 0.5), quantile(work[i], "ratio", 0.25), \
			quantile(work[i], "ratio", 0.75)
}
