#!/bin/sh
# test/readme.sh -- README.md tells the truth. Every ```c block is a program that compiles without a
# warning, and ends well; a ```output block behind one is what it prints. One that listens at port
# 8080 does so at another one here, answers, and ends by SIGTERM. Every `make target` and every path
# is there, and every figure in bench/RESULTS.md. Speaks TAP.
#
# make calls it, with MAKE, CC, BUILD and SAN set.
. "$(dirname "$0")/tap.sh"

# 1.c, 2.c, ... and, where what it prints is told, 1.output
awk -v tmp="$tmp" '
/^```c$/      { file = tmp "/" ++count ".c"; next }
/^```output$/ { file = tmp "/" count ".output"; next }
/^```/        { file = ""; next }
file          { print >file }' README.md

compiles() {
	$CC -std=c11 -Wall -Wextra -Wpedantic -Werror ${SAN:+-fsanitize=$SAN} -Iinclude \
		-o "$tmp/$1" "$tmp/$1.c" "$BUILD/libouro.a" -lev -lhttp_parser -lpthread -lm
}

prints() {
	timeout 60 "$tmp/$1" >"$tmp/$1.said" || return 1
	[ ! -e "$tmp/$1.output" ] || diff "$tmp/$1.output" "$tmp/$1.said"
}

# The port that an example has just been given and given back.
free_port() {
	mkfifo "$tmp/address"
	"$BUILD/examples/hello" -p 0 >"$tmp/address" 2>/dev/null &
	read -r _ _ url <"$tmp/address"
	kill $! && wait $!
	rm "$tmp/address"
	echo "$url" | tr -dc '0-9:' | sed 's/.*://'
}

# Ends only when told to, so it is told to as soon as it has answered.
serves() {
	"$tmp/$1" 2>"$tmp/$1.said" &
	curl -s -o /dev/null --retry 30 --retry-connrefused --retry-delay 1 "http://127.0.0.1:$port/"
	kill $! && wait $! && grep ' 1 requests answered' "$tmp/$1.said"
}

i=1
while [ -e "$tmp/$i.c" ]; do
	if ! grep -q 8080 "$tmp/$i.c"; then
		check "block $i compiles" compiles $i
		check "block $i runs" prints $i
	else
		port=$(free_port)
		sed -i "s/8080/$port/g" "$tmp/$i.c"
		check "block $i compiles" compiles $i
		if command -v curl >/dev/null; then
			check "block $i serves" serves $i
		else
			skip "block $i serves" "needs the package curl"
		fi
	fi
	i=$((i + 1))
done
check "there is code in it" [ $i -gt 1 ]

# Each figure of a bench is that of bench/RESULTS.md: see bench/costs.
figures() {
	bench/costs 2>&1 | diff README.md -
}
check "its figures are those of bench/RESULTS.md" figures

# What `make run` starts: the page, and the dashboard that it draws with.
shows_the_page() {
	mkfifo "$tmp/page"
	"$BUILD/examples/cpu-block/cpu-block" -p 0 >"$tmp/page" 2>/dev/null &
	read -r _ _ url <"$tmp/page"
	curl -s "$url" | grep -q 'One long computation' &&
		curl -s "${url}dashboard/state" | grep -q '"title":"cpu-block"'
	found=$?
	kill $! && wait $! && return $found
}
if command -v curl >/dev/null; then
	check "make run shows the page" shows_the_page
else
	skip "make run shows the page" "needs the package curl"
fi

for target in $(grep -oE '(^    |`|\$ )make [a-z-]+' README.md | sed 's/.* //' | sort -u); do
	check "make $target is there" $MAKE -n "$target"
done
for path in $(grep -oE '(include|lib|test|examples|bench)/[a-zA-Z/_.-]*' README.md | sort -u); do
	check "$path is there" [ -e "$path" ]
done
echo "1..$n"
