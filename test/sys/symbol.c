/* Which function is this the address of? */
#include "sys/symbol.h"

#include "test.h"
#include <stdint.h>

/* --- Functions to be named --- */

__attribute__((noinline)) static int fib_page(int n)
{
	return n * 3 + 1;
}

__attribute__((visibility("default"), noinline)) int exported_page(int n);
int exported_page(int n)
{
	return n * 5 + 2;
}

/* As gcc names what it makes out of a function. */
__attribute__((noinline, used)) static int fib_part(int n) __asm__("fib.constprop.0.isra.1");
static int fib_part(int n)
{
	return n * 7 + 3;
}

/* Two more names for one place, an underscore less each. */
__attribute__((noinline, used)) static int __attribute__((aligned(16))) __twin(int n)
{
	return n * 11 + 4;
}
__attribute__((alias("__twin"), used)) static int _twin(int n);
__attribute__((alias("__twin"), used)) static int twin(int n);

static const void *address_of(int (*fn)(int))
{
	return (const void *)(uintptr_t)fn;
}

static const char *name_of(const void *address)
{
	static char name[256];

	ouro__symbol_name(address, name, sizeof(name));
	return name;
}

static const char *place_of(const void *address)
{
	static char place[256];

	ouro__symbol_place(address, place, sizeof(place));
	return place;
}

/* --- This program run once more, as somebody may have treated its file --- */

/* Instead of being a test it says a name and a place; the file that UNLINK names is gone before. */
__attribute__((constructor)) static void speak(void)
{
	const char *gone = getenv("SYMBOL_UNLINK");

	if (!getenv("SYMBOL_SPEAK"))
		return;
	if (gone)
		unlink(gone);
	printf("%s %s\n", name_of(address_of(fib_page)), place_of(address_of(fib_page)));
	fflush(stdout);
	_exit(0);
}

static char said[256];

/* The first line of what a command prints; $program in it is this one. */
static const char *first_line(const char *command)
{
	char program[4096];
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);
	FILE *f;

	CHECK(n > 0);
	program[n] = 0;
	setenv("program", program, 1);
	f = popen(command, "r");
	CHECK(f != NULL);
	CHECK(fgets(said, sizeof(said), f) != NULL);
	CHECK_EQ(pclose(f), 0);
	said[strcspn(said, "\n")] = 0;
	return said;
}

static bool have(const char *tool)
{
	char command[64];

	snprintf(command, sizeof(command), "%s --version >/dev/null 2>&1", tool);
	return system(command) == 0;
}

/* --- Tests --- */

TEST(a_static_function_has_a_name)
{
	CHECK_STR(name_of(address_of(fib_page)), "fib_page");
	CHECK_STR(name_of((const char *)address_of(fib_page) + 1), "fib_page");
}

TEST(an_exported_function_has_a_name)
{
	CHECK_STR(name_of(address_of(exported_page)), "exported_page");
}

TEST(a_function_of_libc_has_the_name_it_is_called_by)
{
	CHECK_STR(name_of((const void *)(uintptr_t)getppid), "getppid");
}

TEST(what_a_compiler_appends_is_left_out)
{
	CHECK_STR(name_of(address_of(fib_part)), "fib");
}

TEST(of_several_names_it_is_the_plainest)
{
	CHECK(address_of(_twin) == address_of(twin));
	CHECK_STR(name_of(address_of(__twin)), "twin");
}

TEST(an_address_in_nowhere_is_a_number)
{
	char on_the_stack, wanted[32];

	CHECK_STR(name_of(NULL), "0x0");
	CHECK_STR(place_of(NULL), "0x0");
	snprintf(wanted, sizeof(wanted), "%p", (void *)&on_the_stack);
	CHECK_STR(name_of(&on_the_stack), wanted);
	snprintf(wanted, sizeof(wanted), "%p", (void *)UINTPTR_MAX);
	CHECK_STR(name_of((const void *)UINTPTR_MAX), wanted);
}

TEST(what_is_no_function_has_a_place)
{
	static int variable;

	CHECK(strncmp(name_of(&variable), "symbol+0x", 9) == 0);
	CHECK_STR(name_of(&variable), place_of(&variable));
}

TEST(a_place_is_a_file_and_an_offset)
{
	CHECK(strncmp(place_of(address_of(fib_page)), "symbol+0x", 9) == 0);
	CHECK(strncmp(place_of((const void *)(uintptr_t)getppid), "lib", 3) == 0);
	CHECK(strstr(place_of((const void *)(uintptr_t)getppid), ".so"));
}

TEST(a_place_is_what_addr2line_takes)
{
	char command[256];

	if (!have("addr2line"))
		SKIP("needs addr2line");
	snprintf(command, sizeof(command), "addr2line -f -e \"$program\" %s",
		 strchr(place_of(address_of(fib_page)), '+') + 1);
	CHECK_STR(first_line(command), "fib_page");
}

TEST(a_name_is_cut_to_its_room)
{
	char name[] = "########";

	ouro__symbol_name(address_of(fib_page), name, 4);
	CHECK_STR(name, "fib");
	CHECK_STR(name + 4, "####");
	ouro__symbol_place(address_of(fib_page), name, 3);
	CHECK_STR(name, "sy");
	ouro__symbol_name(address_of(fib_page), name, 1);
	CHECK_STR(name, "");
	ouro__symbol_name(address_of(fib_page), NULL, 0);
}

TEST(a_stripped_program_has_places_only)
{
	if (!have("strip"))
		SKIP("needs strip");
	first_line("d=$(mktemp -d) && strip -o $d/bare \"$program\" &&"
		   " SYMBOL_SPEAK=1 $d/bare; rm -r $d");
	CHECK(strncmp(said, "bare+0x", 7) == 0);
	CHECK(strncmp(strchr(said, ' ') + 1, said, strcspn(said, " ")) == 0);
}

TEST(a_program_may_be_deleted_while_it_runs)
{
	first_line("d=$(mktemp -d) && cp \"$program\" $d/late &&"
		   " SYMBOL_SPEAK=1 SYMBOL_UNLINK=$d/late $d/late; rm -r $d");
	CHECK(strncmp(said, "fib_page late+0x", 16) == 0);
	CHECK(!strstr(said, "deleted"));
}
