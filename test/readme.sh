#!/bin/sh
# test/readme.sh -- README.md tells the truth. Every ```c block is a program that compiles without a
# warning, and ends well; a ```output block behind one is what it prints. Every `make target` and
# every path is there. Speaks TAP.
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

i=1
while [ -e "$tmp/$i.c" ]; do
	check "block $i compiles" compiles $i
	check "block $i runs" prints $i
	i=$((i + 1))
done
check "there is code in it" [ $i -gt 1 ]

for target in $(grep -oE '(^    |`|\$ )make [a-z-]+' README.md | sed 's/.* //' | sort -u); do
	check "make $target is there" $MAKE -n "$target"
done
for path in $(grep -oE '(include|lib|test|examples)/[a-z/_.]*' README.md | sort -u); do
	check "$path is there" [ -e "$path" ]
done
echo "1..$n"
