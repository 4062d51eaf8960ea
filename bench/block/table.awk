# table.awk -- from the lines of load.c: for one core and for two, a line a server. Times are ms; late
# is the share of pings that took more than 10 ms; jobs is how many half seconds of work were done a
# second; "x idle" is p99 under four clients, divided by p99 with nobody computing.

BEGIN {
	FS = "\t"
}

{
	value[$2, $3, $4] = $6
	if (!($2 in seen)) {
		seen[$2] = ++servers
		name[servers] = $2
	}
}

function cell(who, load, figure, scale, form,    key)
{
	key = who SUBSEP load SUBSEP figure
	return key in value ? sprintf(form, value[key] / scale) : "-"
}

function ms(who, load, figure,    key)
{
	key = who SUBSEP load SUBSEP figure
	return cell(who, load, figure, 1e6, !(key in value) || value[key] < 1e7 ? "%.2f" : "%.0f")
}

function load_cells(who, load)
{
	return sprintf(" | %8s %8s %8s %5s %5s", ms(who, load, "p50"), ms(who, load, "p99"),
		ms(who, load, "max"), cell(who, load, "late", 0.01, "%.0f%%"),
		cell(who, load, "jobs", 1, "%.1f"))
}

function times(who, cores,    idle, four)
{
	idle = value[who, cores "-idle", "p99"]
	four = value[who, cores "-four", "p99"]
	return idle && four ? sprintf("%.2f", four / idle) : "-"
}

function table(cores,    i, who)
{
	printf "\n%s\n", cores == 1 ? "The server has one core" : "The server has two cores, " \
		"which it shares with the client"
	printf "%-18s | %17s | %36s | %36s |\n", "", "nobody computes", "one client has work done",
		"four clients have work done"
	printf "%-18s | %8s %8s | %8s %8s %8s %5s %5s | %8s %8s %8s %5s %5s | %6s\n", "", "p50",
		"p99", "p50", "p99", "max", "late", "jobs", "p50", "p99", "max", "late", "jobs",
		"x idle"
	for (i = 1; i <= servers; i++) {
		who = name[i]
		printf "%-18s | %8s %8s%s%s | %6s\n", who, ms(who, cores "-idle", "p50"),
			ms(who, cores "-idle", "p99"), load_cells(who, cores "-one"),
			load_cells(who, cores "-four"), times(who, cores)
	}
}

END {
	table(1)
	table(2)
}
