# table.awk -- from the lines of memory.c, a line a server: bytes a connection, what 10,000 (or as many
# as it was given) make of it in MiB, and its processes and threads then.

BEGIN {
	FS = "\t"
}

{
	value[$2, $3, $4] = $6
	if (!($2 in most))
		name[++servers] = $2
	most[$2] = $3
}

function each(who, count)
{
	return (who, count, "each") in value ? sprintf("%.0f", value[who, count, "each"]) : "-"
}

END {
	printf "%-15s | bytes a connection, of %26s | %8s %10s %8s\n", "", "", "MiB then", \
		"processes", "threads"
	printf "%-15s | %15s %15s %15s  |\n", "", "100", "1,000", "10,000"
	for (i = 1; i <= servers; i++) {
		who = name[i]
		printf "%-15s | %15s %15s %15s  | %8.1f %10d %8d\n", who, each(who, 100), \
			each(who, 1000), each(who, 10000), value[who, most[who], "all"] / 1048576, \
			value[who, most[who], "processes"], value[who, most[who], "threads"]
	}
}
