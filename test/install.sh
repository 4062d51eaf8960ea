#!/bin/sh
# test/install.sh -- what `make install` puts down is all that a user needs: each example is compiled
# by the line in its head, against a copy installed elsewhere, shared and static. Speaks TAP.
#
# make calls it, with MAKE, CC, BUILD and SAN set.
. "$(dirname "$0")/tap.sh"

command -v pkg-config >/dev/null || skip_all "needs the package pkg-config"
[ -z "$SAN" ] || skip_all "a user's program has no sanitizer in it"

# As a packager would: everything in one place, later to be moved to another.
at() {
	$MAKE --no-print-directory "$@" BUILD="$BUILD" CC="$CC" DESTDIR="$tmp/root" \
		PREFIX=/opt/ouro libdir=/opt/ouro/lib64
}
root=$tmp/root/opt/ouro
lib=$root/lib64
export PKG_CONFIG_PATH=$lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$tmp/root

check "make install" at install
version=$(pkg-config --modversion ouro)
check "every public header is there, and no other" \
	diff -r include "$root/include" -x .clang-format -x 'ouro-*.h'
check "the names of the shared library lead to one file" \
	cmp "$lib/libouro.so" "$lib/libouro.so.$version"
soname() {
	readelf -d "$1" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p'
}
check "its soname is libouro.so.${version%%.*}" \
	[ "$(soname "$lib/libouro.so")" = "libouro.so.${version%%.*}" ]

# "A" is the name of the version itself.
nm -D --defined-only "$lib/libouro.so" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' |
	sort >"$tmp/shown"
cat include/ouro/*.h | sed -n 's/^OURO_API .*\(ouro_[a-z0-9_]*\)(.*/\1/p' | sort >"$tmp/declared"
check "it shows ouro_ and nothing else" nothing "$(grep -v '^ouro_[a-z]' "$tmp/shown")"
check "it shows what the headers declare, no more, no less" diff "$tmp/declared" "$tmp/shown"
check "it needs libc, libev and http-parser only" nothing "$(ldd "$lib/libouro.so" |
	grep -v -e linux-vdso -e ld-linux -e 'lib\(c\|m\|ev\|http_parser\)\.so')"

# The line in the head of an example, up to where it runs it, for our compiler; `more` goes behind.
as_told() {
	line=$(sed -n ':a; /\\$/ { N; s/\\\n \* *//; ba; }
		s/ \*\/$//; s/ && .*//; s/^ \*  *\(cc .*\.c .*pkg-config.*\)/\1/p' "examples/$1.c")
	[ -n "$line" ] || { echo "no line that compiles it in its head"; return 1; }
	(cd "examples/$(dirname "$1")" && eval "$CC -Wall -Wextra -Werror ${line#cc } $2")
}

for example in examples/*.c; do
	name=$(basename "$example" .c)
	check "$name, by the line in its head" as_told "$name" "-o $tmp/$name"
done

# The hosts of examples/embed/ are where they always are, as seen from the other place.
ln -s /usr "$tmp/root/usr"
mkdir "$tmp/embed"
for example in examples/embed/*.c; do
	name=embed/$(basename "$example" .c)
	if .ci/deps --host "${name#*/}"; then
		check "$name, by the line in its head" as_told "$name" "-o $tmp/$name"
	else
		skip "$name" "needs the package $(.ci/deps --package "${name#*/}")"
	fi
done
rm "$tmp/root/usr"

check "timer runs with the shared library" env LD_LIBRARY_PATH="$lib" "$tmp/timer"
check "and not without" nothing "$("$tmp/timer" 2>/dev/null)"

# Debian's libev.so has functions of libevent's names in it; which of the two a program gets is a
# matter of order, and README.md says of which.
cat >"$tmp/both.c" <<'END'
#include <event2/event.h>
#include <ouro.h>
int main(void)
{
	struct event_base *base = event_base_new();
	ouro_loop *loop = ouro_loop_new(NULL);

	event_base_loop(base, EVLOOP_NONBLOCK);
	event_base_free(base);
	ouro_loop_free(loop);
	return 0;
}
END
as_both() {
	eval "$CC $tmp/both.c -o $tmp/both \$(pkg-config --cflags --libs ouro) -levent" &&
		LD_LIBRARY_PATH=$lib "$tmp/both"
}
in_the_house() {
	echo hello | LD_LIBRARY_PATH=$lib "$tmp/embed/libevent" 0 | grep -q '^tick .* hello$'
}
if pkg-config --exists libevent; then
	check "libevent beside ouro, in the order of README.md" as_both
	check "libevent with ouro inside, by the line in its head" in_the_house
else
	skip "libevent beside ouro" "needs the package libevent-dev"
fi

# A module is a second library, for whoever asks for it; ours knows nothing of it.
cat >"$tmp/zipped.c" <<'END'
#include <ouro-gzip.h>
#include <ouro.h>
int main(void)
{
	ouro_loop *loop = ouro_loop_new(NULL);
	ouro_gzip *gzip;
	int err = ouro_gzip_new(loop, NULL, &gzip);

	ouro_loop_free(loop);
	ouro_gzip_free(gzip);
	return err;
}
END
as_zipped() {
	eval "$CC $tmp/zipped.c -o $tmp/zipped \$(pkg-config $1 --cflags --libs ouro-gzip) $2" &&
		LD_LIBRARY_PATH=$lib "$tmp/zipped"
}
check "no module is installed that nobody asked for" nothing "$(find "$root" -name '*gzip*')"
if pkg-config --exists zlib; then
	check "make install WITH_GZIP=1" at install WITH_GZIP=1
	check "the module's soname is libouro-gzip.so.${version%%.*}" \
		[ "$(soname "$lib/libouro-gzip.so")" = "libouro-gzip.so.${version%%.*}" ]
	check "it needs libouro, and zlib" [ "$(readelf -d "$lib/libouro-gzip.so" |
		sed -n 's/.*NEEDED.*\[\(.*\)\.so.*/\1/p' | sort | paste -sd ' ')" = "libc libouro libz" ]
	nm -D --defined-only "$lib/libouro-gzip.so" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' |
		sort >"$tmp/shown"
	sed -n 's/^OURO_API .*\(ouro_[a-z0-9_]*\)(.*/\1/p' include/ouro-gzip.h | sort >"$tmp/declared"
	check "it shows what its header declares" diff "$tmp/declared" "$tmp/shown"
	check "ours needs no zlib because of that" nothing "$(readelf -d "$lib/libouro.so" | grep libz)"
	check "a program with the module" as_zipped
	check "a program with the module inside" as_zipped --static \
		"-Wl,-Bstatic -louro-gzip -louro -Wl,-Bdynamic -lz -lev -lhttp_parser -lpthread -lm"
else
	skip "a module" "needs the package zlib1g-dev"
fi

rm "$lib"/libouro.so*
as_static() {
	(cd examples && eval "$CC $1.c $2 \$(pkg-config --static --cflags --libs ouro) -o $tmp/$1.s")
}
check "timer, with libouro.a" as_static timer
check "timer runs with libouro.a inside" "$tmp/timer.s"
check "posts, with static libraries alone" as_static posts -static
check "posts runs all by itself" "$tmp/posts.s"

check "make uninstall" at uninstall
check "and nothing is left" nothing "$(find "$tmp/root" ! -type d)"
echo "1..$n"
