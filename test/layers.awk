# layers.awk -- an include points sideways or down, never up. Give it every file of include/, lib/,
# workers/ and inspect/, by its path from the top; it answers with a sentence for each include that must not
# be, and with status 1 if there is any.
#
# Ours are in quotes: <sys/uio.h> is libc's.

BEGIN {
	n = split("base sys loop offload net http app", floors, " ")
	for (i = 1; i <= n; i++)
		height[floors[i]] = i - 1
	# A library that has one floor to itself.
	home["ev.h"] = "loop"
	home["http_parser.h"] = "http"
	home["zlib.h"] = "gzip"
	# A module: a library of its own, which stands on what a user has and on itself.
	module["gzip"] = 1
	libc = "^(std[a-z]+|string|errno|limits|inttypes|time|signal|sys/[a-z]+|netinet/[a-z]+)\\.h$"
}

# Where a file lives: "lib" and its floor, "include", "workers" or "inspect".
FNR == 1 {
	split(FILENAME, part, "/")
	top = part[1]
	floor = top == "lib" ? part[2] : ""
	if (top == "lib" && !(floor in height) && !(floor in module))
		bad("lib/" floor " is no floor; the floors are base sys loop offload net http app")
}

/^[ \t]*#[ \t]*include/ && match($0, /[<"][^>"]*[>"]/) {
	bracket = substr($0, RSTART, 1)
	what = substr($0, RSTART + 1, RLENGTH - 2)
	split(what, part, "/")
	to = part[1]
	if (what ~ /(^|\/)\.\.?\//)
		bad("\"" what "\" should be written from lib/")
	else if (top == "include")
		check_public()
	else if (top == "inspect")
		check_inspect()
	else if (to == "workers" && !(floor in module))
		check_workers()
	else if (what in home)
		check_home()
	else if (top == "lib" && floor in module)
		check_module()
	else if (to in module)
		bad("nothing stands on a module, such as " what)
	else if (to in height && bracket == "\"")
		check_height()
	else if (to in height && to !~ /^(sys|net)$/)
		bad("<" what "> is ours, and should be written with quotes")
}

# A user has libc and our other public headers, and no others.
function check_public() {
	if (what !~ /^ouro\/[a-z]+\.h$/ && !(bracket == "<" && what ~ libc))
		bad("a public header may include ouro/*.h and libc, not " what)
}

function check_module() {
	if (to != floor && bracket == "\"" && what !~ /^ouro(\/[a-z]+|-[a-z]+)?\.h$/)
		bad("lib/" floor " is a module, so it may include ouro/*.h and its own, not " what)
}

# A user of ouro and of libev.
function check_inspect() {
	if ((what in home && what != "ev.h") || (to in height || to == "workers") && bracket == "\"")
		bad("inspect/ stands on ouro.h and ev.h, so it may not include " what)
}

# The far side is lib/offload's: who wants a job done asks a crew. The jobs are for tests and benches.
function check_workers() {
	if (what ~ /^workers\/jobs\//) {
		if (FILENAME !~ /^workers\/jobs\//)
			bad("the library has no jobs, so it may not include " what)
	} else if (top != "workers" && floor != "offload") {
		bad("only lib/offload may include " what)
	}
}

function check_home() {
	if (floor != home[what])
		bad("only lib/" home[what] " may include <" what ">")
}

function check_height() {
	if (top == "workers" && height[to] > height["sys"])
		bad("workers/ stands on base and sys, so it may not include " what)
	else if (top == "lib" && height[to] > height[floor])
		bad("lib/" floor " is floor " height[floor] ", so it may not include " what \
		    " of floor " height[to])
}

function bad(sentence) {
	print FILENAME ":" FNR ": " sentence
	failed = 1
}

END { exit failed }
