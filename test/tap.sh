# tap.sh -- what the tests that are scripts share: the top of the tree to stand in, a folder of their
# own ($tmp), and checks that speak TAP. A script ends with `echo "1..$n"`.
cd "$(dirname "$0")/.." || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
n=0

# check NAME COMMAND...: what it prints is shown if it fails.
check() {
	n=$((n + 1)) name=$1
	shift
	if said=$("$@" 2>&1); then
		echo "ok $n - $name"
	else
		echo "$said" | sed 's/^/# /'
		echo "not ok $n - $name"
	fi
}

# skip NAME WORDS
skip() {
	n=$((n + 1))
	echo "ok $n - $1 # skip $2"
}

# skip_all WORDS: the rest of the script, and there is no more.
skip_all() {
	skip "$(basename "$0" .sh)" "$1"
	echo "1..$n"
	exit 0
}

# prints WANTED COMMAND...: just that.
prints() {
	wanted=$1
	shift
	got=$("$@") && [ "$got" = "$wanted" ] || { echo "it is: $got"; return 1; }
}

# until_ COMMAND...: for half a minute at most.
until_() {
	tries=0
	while ! "$@"; do
		[ $((tries += 1)) -lt 400 ] || { echo "never: $*"; return 1; }
		sleep 0.05
	done
}

# A check that something is empty; what is in it is what is wrong.
nothing() {
	[ -z "$1" ] || { echo "$1"; return 1; }
}
