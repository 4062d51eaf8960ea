#!/bin/sh
# test/headers.sh -- every public header stands alone: as strict C11, and as C++17. Speaks TAP.
#
# Included, not compiled: that is what a user's file does, and clang has a word to say about unused
# functions in a file that it compiles.
. "$(dirname "$0")/tap.sh"
strict='-Wall -Wextra -Wpedantic -Wshadow -Wundef -Werror -Iinclude -fsyntax-only'

# includes HEADER COMPILER...
includes() {
	header=$1
	shift
	echo "#include <$header>" | "$@" $strict -
}

for header in include/*.h include/ouro/*.h; do
	header=${header#include/}
	check "$header as C11" includes "$header" ${CC:-cc} -std=c11 -Wstrict-prototypes -x c
	if command -v ${CXX:-g++} >/dev/null; then
		check "$header as C++17" includes "$header" ${CXX:-g++} -std=c++17 -x c++
	else
		skip "$header as C++17" "needs the package g++"
	fi
done
echo "1..$n"
