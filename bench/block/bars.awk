# bars.awk -- for p99.gp: a line a server, p99 of the pings in ms on two cores: idle, one, four.

BEGIN {
	FS = OFS = "\t"
}

$4 == "p99" && $3 ~ /^2-/ {
	value[$2, $3] = $6 / 1e6
	if (!seen[$2]++)
		name[++servers] = $2
}

END {
	for (i = 1; i <= servers; i++)
		if ((name[i], "2-four") in value)
			print name[i], value[name[i], "2-idle"], value[name[i], "2-one"], \
				value[name[i], "2-four"]
}
