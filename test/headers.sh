#!/bin/sh
# test/headers.sh -- every public header stands alone: as strict C11, and as C++17. Speaks TAP.
#
# Included, not compiled: a user's compiler is as strict with headers in a folder of its own, and
# clang has a word to say about unused functions in a file that it compiles.
cd "$(dirname "$0")/.." || exit 2
strict='-Wall -Wextra -Wpedantic -Wshadow -Wundef -Werror -Iinclude -fsyntax-only'
n=0

# alone header language words...: what the compiler in `words` thinks of it.
alone() {
	n=$((n + 1)) name="$1 as $2"
	shift 2
	if ! command -v "$1" >/dev/null; then
		echo "ok $n - $name # skip needs $1"
	elif said=$(echo "#include <${name%% *}>" | "$@" $strict - 2>&1); then
		echo "ok $n - $name"
	else
		echo "$said" | sed 's/^/# /'
		echo "not ok $n - $name"
	fi
}

for header in include/ouro.h include/ouro/*.h; do
	alone "${header#include/}" C11 ${CC:-cc} -std=c11 -Wstrict-prototypes -x c
	alone "${header#include/}" C++17 ${CXX:-g++} -std=c++17 -Wold-style-cast -x c++
done
echo "1..$n"
