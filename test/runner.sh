#!/bin/sh
# test/runner.sh -- the tests of the tests: whatever goes wrong in one is found, told in words, and
# counted. Speaks TAP.
#
# make calls it, with CC, BUILD and SAN set.
. "$(dirname "$0")/tap.sh"

cat >"$tmp/bad.c" <<'END'
#include "test.h"
#include "ouro/str.h"
#include <fcntl.h>

static int fails_well(void)
{
	ouro_buf *buf = ouro_buf_new();
	int err = buf ? ouro_buf_append(buf, "x", 1) : -ENOMEM;

	ouro_buf_free(buf);
	return err;
}

static int fails_badly(void)
{
	ouro_buf *buf = ouro_buf_new();
	int err = buf ? ouro_buf_append(buf, "x", 1) : -ENOMEM;

	if (!err)
		ouro_buf_free(buf);
	return err;
}

static int fails_in_other_words(void)
{
	return fails_well() ? -EINVAL : 0;
}

TEST(good) { CHECK_EQ(for_each_failing_allocation(fails_well), 2); }
TEST(skipped) { SKIP("no moon"); }
TEST(unequal) { CHECK_EQ(1, 2); }
TEST(unlike) { CHECK_STR("x", NULL); }
TEST(opens) { CHECK(open("/dev/null", O_RDONLY) > 0); }
TEST(shuts) { close(0); }
TEST(byte) { CHECK(ouro_buf_new()); }
TEST(byte_on_failure) { for_each_failing_allocation(fails_badly); }
TEST(wrong_error) { for_each_failing_allocation(fails_in_other_words); }
TEST(crash) { raise(SIGKILL); }
TEST(left) { exit(0); }
TEST(silent) { alarm(1); pause(); }
#ifdef LEAK
TEST(leak) { char *volatile p = malloc(8); p = NULL; CHECK(!p); }
#endif
END
case $SAN in *address*) leak=-DLEAK ;; esac
check "a program of bad tests" $CC -std=c11 -D_GNU_SOURCE -Iinclude -iquote test $leak \
	${SAN:+-fsanitize=$SAN} -o "$tmp/bad" "$tmp/bad.c" "$BUILD/libouro.a" \
	-lev -lhttp_parser -lpthread -lm
V= test/run "$tmp/bad" >"$tmp/said" 2>&1
status=$?

tells() {
	grep -qxF "       $1" "$tmp/said" || { cat "$tmp/said"; return 1; }
}
check "a number that differs is shown" tells "# it is 1, not 2"
check "a string that differs is shown" tells '# it is "x", not "(null)"'
check "a descriptor left open is named" tells "# descriptor 3 was left open: /dev/null"
check "a descriptor closed is named" tells "# descriptor 0 was closed, and not the test's to close"
check "a failure that leaks is found" tells "not ok 8 - byte_on_failure"
check "another error than ENOMEM is found" tells "# with allocation 1 failing it answers -22"
check "a crash is told" tells "not ok 10 - crash # Killed"
check "a test that exits is found" tells "not ok 11 - left # ended by exit(0)"
check "a silent one is told" grep '^       not ok 12 - silent # silent for [0-9]* s$' "$tmp/said"
check "a byte kept is counted" grep '^       # ouro kept [0-9]* bytes$' "$tmp/said"
check "a skip is told" tells "skipped skipped: no moon"
[ -z "$leak" ] || check "a leak of the test's own is found" grep -q LeakSanitizer "$tmp/said"
check "they are added up" grep -x "1 passed, 1[01] failed, 1 skipped" "$tmp/said"
check "the runner fails" [ "$status" = 1 ]

check "one test by name" "$tmp/bad" good
check "no test by that name" [ "$("$tmp/bad" none >/dev/null 2>&1; echo $?)" = 2 ]

# sums LAST-LINE SCRIPT: what test/run makes of a program that prints so.
sums() {
	printf '#!/bin/sh\n%s\n' "$2" >"$tmp/program" && chmod +x "$tmp/program"
	TEST_LIMIT=1 test/run "$tmp/program" >"$tmp/said"
	[ "$(tail -n 1 "$tmp/said")" = "$1" ] || { cat "$tmp/said"; return 1; }
}
check "a good program" sums "1 passed, 0 failed" "echo ok 1; echo 1..1"
check "a program that ends too soon" sums "1 passed, 1 failed" "echo ok 1"
check "a program that plans more" sums "1 passed, 1 failed" "echo ok 1; echo 1..2"
check "a program that says all is well and is not" sums "1 passed, 1 failed" \
	"echo ok 1; echo 1..1; exit 3"
check "a program that does not end" sums "0 passed, 1 failed" "exec sleep 60"
echo "1..$n"
