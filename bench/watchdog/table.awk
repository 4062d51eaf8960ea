# table.awk -- from the raw lines, a line for each kind of work: ns without a watchdog and with one, how many
# times as much that is, where the true median is 19 times of 20, and where half of the rounds are.

BEGIN {
	FS = "\t"
}

{
	if (!($3 in count))
		work[++works] = $3
	if (!(($3, $1) in known))
		round[$3, ++count[$3]] = $1
	known[$3, $1] = 1
	value[$3, $2, $1] = $6
}

function sorted(what, who, v,    n, r, j, t)
{
	for (n = 0; n < count[what]; n++) {
		r = round[what, n + 1]
		t = who == "ratio" ? value[what, "with", r] / value[what, "without", r] \
				   : value[what, who, r]
		for (j = n; j > 0 && v[j] > t; j--)
			v[j + 1] = v[j]
		v[j + 1] = t
	}
	return n
}

# The value that a share of the rounds lie below; who is "ratio", "with" or "without".
function quantile(what, who, share,    n, v, at)
{
	n = sorted(what, who, v)
	at = 1 + int(share * (n - 1) + 0.5)
	return v[at < 1 ? 1 : at > n ? n : at]
}

# As many places to each side of the median as it may be off.
function doubt(what)
{
	return 0.98 / sqrt(count[what])
}

END {
	printf "%-22s %12s %9s %8s   %-18s %s\n", "ns of the processor", "without one", "with one", \
		"ratio", "that is between", "quartiles"
	for (i = 1; i <= works; i++) {
		printf "%-22s %12.0f %9.0f %8.3f", work[i], quantile(work[i], "without", 0.5), \
			quantile(work[i], "with", 0.5), quantile(work[i], "ratio", 0.5)
		if (count[work[i]] > 1)
			printf "   %.3f and %.3f    %.2f to %.2f", \
				quantile(work[i], "ratio", 0.5 - doubt(work[i])), \
				quantile(work[i], "ratio", 0.5 + doubt(work[i])), \
				quantile(work[i], "ratio", 0.25), quantile(work[i], "ratio", 0.75)
		print ""
	}
	print "\nA watchdog is to cost a percent of the processor's time at most."
}
