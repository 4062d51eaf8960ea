# bench/bench.sh -- what the runs share. A run says which bench it is, and reads this at the top folder:
#
#	bench=http
#	. bench/bench.sh
#
# Then $out is the folder for all that it leaves, $TMPDIR one that is gone when it ends, $lib the folder of the
# library, $flags what every program is compiled with. Everything goes below $BUILD/bench.
BUILD=${BUILD:-build}
CC=${CC:-cc}
mkdir -p "$BUILD/bench/$bench/tmp"
out=$(cd "$BUILD/bench/$bench" && pwd)
lib=${out%/*}/lib
flags='-std=c11 -D_GNU_SOURCE -O2 -g -fvisibility=hidden -fno-common -Iinclude'
linked="-L$lib -louro -Wl,-rpath,$lib"
began=$(cut -d ' ' -f 1 /proc/loadavg)
export TMPDIR="$out/tmp" PATH="$PATH:/usr/sbin"
export GOCACHE="${out%/*}/go-cache" GO111MODULE=off GOFLAGS=
trap 'rm -rf "$TMPDIR"' EXIT

say() {
	printf '%s\n' "$*" >&2
}

# The library as `make` builds it, with -O2: one for all benches. Warm when the last one has built it.
library() {
	say "building in ${out%/*}"
	MAKEFLAGS='' ${MAKE:-make} -s --no-print-directory -j "$(nproc)" BUILD="$lib" CC="$CC" \
		CFLAGS='-O2 -g' LDFLAGS= SAN= "$lib/libouro.so" "$lib/libouro.a" >/dev/null
}

# there COMMAND WHO: said when it is not
there() {
	command -v "$1" >/dev/null || {
		say "no $2: needs $1"
		false
	}
}

# with HEADER PACKAGE NAME SOURCE LIBRARY...: a program of another library; said when it cannot be had
with() {
	header=$1 package=$2 name=$3 source=$4
	shift 4
	rm -f "$out/$name"
	if ! echo "#include <$header>" | $CC $flags -DH2O_USE_LIBUV=0 -E - >/dev/null 2>&1; then
		say "no $name: needs $package"
	elif ! $CC $flags -o "$out/$name" "$source" "$@"; then
		say "no $name: it does not compile"
	fi
}

# go_program NAME SOURCE
go_program() {
	rm -f "$out/$1"
	! there go "$1" || go build -o "$out/$1" "$2" || say "no $1: it does not compile"
}

# On what, and when: the first lines of a table.
machine() {
	model=$(sed -n 's/^model name.*: //p' /proc/cpuinfo | sed 1q)
	compiler=$($CC --version | sed '1!d; s/ ([^)]*)//')
	echo "${model:-$(uname -m)}, $(nproc) cores, Linux $(uname -r | sed 's/-.*//'), $compiler,"
	echo "$(date -u '+%Y-%m-%d %H:%M UTC'), load $began before, $(cut -d ' ' -f 1 /proc/loadavg) after"
}
