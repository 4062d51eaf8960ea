/* The symbol table of a file: whole, stripped, cut short, and of pure nonsense. */
#include "sys/symtab.h"

#include "test.h"
#include <fcntl.h>
#include <sys/stat.h>

#define SELF "/proc/self/exe"

/* What is looked for, in this program's own file. */
__attribute__((noinline)) static int needle(int n)
{
	return n * 7 + 1;
}

static int (*volatile keep)(int) = needle;

/* Where the loader put this program, and what its headers look like. */
static struct {
	uintptr_t base;
	uint64_t shape;
} self;

static int note(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size, (void)arg;
	self.base = info->dlpi_addr;
	self.shape = ouro__symtab_shape(info->dlpi_phdr, info->dlpi_phnum);
	return 1; /* the program comes first */
}

static uintptr_t offset_of(int (*fn)(int))
{
	dl_iterate_phdr(note, NULL);
	return (uintptr_t)fn - self.base;
}

static char folder[] = "/tmp/symtab-XXXXXX";
static char copy[sizeof(folder) + 8];

/* A copy of this program, to be maltreated; $copy for a shell. */
static void make_copy(void)
{
	char program[4096];
	ssize_t n = readlink(SELF, program, sizeof(program) - 1);

	CHECK(n > 0);
	program[n] = 0;
	CHECK(mkdtemp(folder) != NULL);
	snprintf(copy, sizeof(copy), "%s/copy", folder);
	setenv("program", program, 1);
	setenv("copy", copy, 1);
	CHECK_EQ(system("cp \"$program\" $copy"), 0);
}

static void drop_copy(void)
{
	CHECK_EQ(unlink(copy), 0);
	CHECK_EQ(rmdir(folder), 0);
}

/* True when it has the right name; false when it has none. */
static bool finds_needle(const char *path, uint64_t shape)
{
	char name[64] = "";

	if (!ouro__symtab_find(path, shape, offset_of(keep), name, sizeof(name)))
		return false;
	CHECK_STR(name, "needle");
	return true;
}

TEST(a_file_names_its_functions)
{
	make_copy();
	CHECK(finds_needle(SELF, 0));
	CHECK(finds_needle(copy, 0));
	drop_copy();
}

TEST(a_file_of_another_shape_is_not_believed)
{
	offset_of(keep);
	CHECK(finds_needle(SELF, self.shape));
	CHECK(!finds_needle(SELF, self.shape + 1));
}

TEST(what_is_no_function_has_no_name)
{
	char name[8] = "before";

	CHECK(!ouro__symtab_find(SELF, 0, 0, name, sizeof(name)));
	CHECK(!ouro__symtab_find(SELF, 0, UINTPTR_MAX, name, sizeof(name)));
	CHECK_STR(name, "before");
}

TEST(a_stripped_file_does_not_say)
{
	make_copy();
	if (system("strip --version >/dev/null 2>&1") != 0) {
		drop_copy();
		SKIP("needs strip");
	}
	CHECK_EQ(system("strip $copy"), 0);
	CHECK(!finds_needle(copy, 0));
	drop_copy();
}

TEST(what_is_no_program_does_not_say)
{
	CHECK(!finds_needle("/nonexistent/file", 0));
	CHECK(!finds_needle("/", 0));
	CHECK(!finds_needle("/dev/null", 0));
	CHECK(!finds_needle("/dev/zero", 0));
	CHECK(!finds_needle("/etc/passwd", 0));
	CHECK(!finds_needle("", 0));
}

/* From whole to empty in 300 steps, and then each byte of the header. */
TEST(a_file_cut_short_names_it_right_or_not_at_all)
{
	struct stat st;
	bool found = true;

	make_copy();
	CHECK_EQ(stat(copy, &st), 0);
	for (off_t size = st.st_size; size > 0; size -= size > 300 ? st.st_size / 300 + 1 : 1) {
		bool now;

		CHECK_EQ(truncate(copy, size), 0);
		now = finds_needle(copy, 0);
		CHECK(found || !now);
		found = now;
	}
	CHECK(!found);
	drop_copy();
}

static uint32_t random_next(uint32_t *seed)
{
	*seed ^= *seed << 13, *seed ^= *seed >> 17, *seed ^= *seed << 5;
	return *seed;
}

/* Eight bytes at an address, as they are; `wild` is put there instead. */
static uint64_t swap_in(int fd, off_t at, uint64_t wild)
{
	uint64_t before;

	CHECK_EQ(pread(fd, &before, sizeof(before), at), sizeof(before));
	CHECK_EQ(pwrite(fd, &wild, sizeof(wild), at), sizeof(wild));
	return before;
}

/* What it answers is not the point, only that it does, and within its room. */
static void ask_about_nonsense(void)
{
	char name[16];

	memset(name, '#', sizeof(name));
	if (ouro__symtab_find(copy, 0, offset_of(keep), name, 8))
		CHECK(strnlen(name, 8) < 8);
	CHECK(name[8] == '#');
}

static void trample_on(int fd, off_t from, off_t to, uint32_t *seed)
{
	static const uint64_t wild[] = { 0, 1, UINT64_MAX, UINT64_C(1) << 63, 0xffffffff, 1 << 16 };

	for (off_t at = from; at < to; at += 4)
		for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]) + 1; i++) {
			uint64_t word = i ? wild[i - 1] : random_next(seed) * UINT64_C(0x100000001);
			uint64_t before = swap_in(fd, at, word);

			ask_about_nonsense();
			swap_in(fd, at, before);
		}
}

TEST(nonsense_in_any_header_is_survived)
{
	uint32_t seed = 2463534242;
	ElfW(Ehdr) head;
	int fd;

	make_copy();
	fd = open(copy, O_RDWR | O_CLOEXEC);
	CHECK_EQ(read(fd, &head, sizeof(head)), sizeof(head));
	trample_on(fd, 0, sizeof(head), &seed);
	trample_on(fd, (off_t)head.e_shoff,
		   (off_t)(head.e_shoff + head.e_shnum * sizeof(ElfW(Shdr)) - 8), &seed);
	CHECK(finds_needle(copy, 0)); /* all was put back */
	close(fd);
	drop_copy();
}

TEST(nonsense_all_over_is_survived)
{
	uint32_t seed = 88172645;
	struct stat st;
	int fd;

	make_copy();
	fd = open(copy, O_RDWR | O_CLOEXEC);
	CHECK_EQ(fstat(fd, &st), 0);
	for (int round = 0; round < 300; round++) {
		for (int i = 0; i < 20; i++)
			swap_in(fd, (off_t)(random_next(&seed) % (uint64_t)(st.st_size - 8)),
				random_next(&seed));
		ask_about_nonsense();
	}
	close(fd);
	drop_copy();
}

TEST(a_shape_is_never_zero_and_tells_headers_apart)
{
	ElfW(Phdr) a[2] = { { .p_type = PT_LOAD }, { .p_type = PT_DYNAMIC } };
	ElfW(Phdr) b[2] = { { .p_type = PT_LOAD }, { .p_type = PT_DYNAMIC, .p_filesz = 1 } };

	CHECK(ouro__symtab_shape(a, 0) != 0);
	CHECK(ouro__symtab_shape(a, 2) != 0);
	CHECK(ouro__symtab_shape(a, 2) != ouro__symtab_shape(a, 1));
	CHECK(ouro__symtab_shape(a, 2) != ouro__symtab_shape(b, 2));
	CHECK(ouro__symtab_shape(a, 2) == ouro__symtab_shape(a, 2));
}
