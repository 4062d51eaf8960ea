/* symtab.c -- as much of ELF as it takes to name a function.
 *
 * The file may be anything by now: stripped, cut short, or replaced by a newer one while the
 * program runs. So it is read, not mapped (a mapped file that shrinks is a SIGBUS), a read is
 * whole or it failed, and a number found in the file is good for nothing but the place of the next
 * read: there is no pointer that it could lead astray. And it is believed only while its program
 * headers are those that the loader has in memory: a wrong name would be worse than none.
 *
 *     header -> section headers -> a table of symbols, and of strings -> the symbol -> its name
 *
 * The full table (.symtab) knows static functions too; a stripped file has only the exported ones
 * (.dynsym). */
#include "sys/symtab.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MOST_HEADERS 64
#define AT_A_TIME    128 /* symbols in one read: 3 KiB of stack */
#define NAME_ROOM    256

#define NATIVE_CLASS (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32)
#define NATIVE_DATA  (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB)

typedef ElfW(Shdr) elf_section;
typedef ElfW(Sym) elf_symbol;

struct file {
	int fd;
	ElfW(Ehdr) head;
	elf_section symbols;
	elf_section strings;
};

/* The best so far; name "": none. */
struct found {
	uintptr_t start;
	char name[NAME_ROOM];
};

/* --- Reading --- */

/* As many of n bytes as the file has there; 0 when it has none, or cannot be read. */
static size_t read_some(int fd, uint64_t at, void *into, size_t n)
{
	ssize_t got;

	do
		got = pread(fd, into, n, (off_t)at);
	while (got < 0 && errno == EINTR);
	return got < 0 ? 0 : (size_t)got;
}

static bool read_all(int fd, uint64_t at, void *into, size_t n)
{
	return read_some(fd, at, into, n) == n;
}

static bool read_head(struct file *file)
{
	ElfW(Ehdr) *head = &file->head;

	return read_all(file->fd, 0, head, sizeof(*head)) &&
	       memcmp(head->e_ident, ELFMAG, SELFMAG) == 0 &&
	       head->e_ident[EI_CLASS] == NATIVE_CLASS && head->e_ident[EI_DATA] == NATIVE_DATA &&
	       head->e_phentsize == sizeof(elf_part) && head->e_shentsize == sizeof(elf_section);
}

static bool read_section(const struct file *file, size_t i, elf_section *ret_section)
{
	return i < file->head.e_shnum &&
	       read_all(file->fd, file->head.e_shoff + i * sizeof(*ret_section), ret_section,
			sizeof(*ret_section));
}

/* --- The same file? --- */

/* FNV-1a. */
uint64_t ouro__symtab_shape(const elf_part *headers, size_t n)
{
	const unsigned char *bytes = (const unsigned char *)headers;
	uint64_t shape = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < n * sizeof(*headers); i++)
		shape = (shape ^ bytes[i]) * UINT64_C(0x100000001b3);
	return shape ? shape : 1;
}

static bool has_shape(const struct file *file, uint64_t shape)
{
	elf_part headers[MOST_HEADERS];
	size_t n = file->head.e_phnum;

	if (shape == 0)
		return true;
	return n <= MOST_HEADERS &&
	       read_all(file->fd, file->head.e_phoff, headers, n * sizeof(headers[0])) &&
	       ouro__symtab_shape(headers, n) == shape;
}

/* --- The symbol --- */

static bool find_table(struct file *file, unsigned type)
{
	for (size_t i = 0; read_section(file, i, &file->symbols); i++)
		if (file->symbols.sh_type == type)
			return file->symbols.sh_entsize == sizeof(elf_symbol) &&
			       read_section(file, file->symbols.sh_link, &file->strings) &&
			       file->strings.sh_type == SHT_STRTAB;
	return false;
}

/* Written by hand, or the program's own entry for a library's function: such have no size, and
 * cover their first byte. What is imported without one has no value. */
static bool covers(const elf_symbol *symbol, uintptr_t offset)
{
	unsigned type = ELF64_ST_TYPE(symbol->st_info); /* in both classes the same bits */

	if ((type != STT_FUNC && type != STT_GNU_IFUNC) || symbol->st_value == 0)
		return false;
	return offset == symbol->st_value || offset - symbol->st_value < symbol->st_size;
}

/* Without what the compiler put behind it for a part or a variant of a function (fib.cold,
 * fib.constprop.0), and the linker for a version (puts@GLIBC_2.2.5). */
static void read_name(const struct file *file, const elf_symbol *symbol, char *name)
{
	uint64_t left, n = NAME_ROOM - 1;

	name[0] = 0;
	if (symbol->st_name >= file->strings.sh_size)
		return;
	left = file->strings.sh_size - symbol->st_name;
	n = read_some(file->fd, file->strings.sh_offset + symbol->st_name, name,
		      left < n ? left : n);
	name[n] = 0;
	name[strcspn(name, ".@")] = 0;
}

/* Of two that cover the offset, the inner one; of two names for one place, the one with fewer
 * underscores in front: write, not __write. */
static void consider(const struct file *file, const elf_symbol *symbol, struct found *best)
{
	char name[NAME_ROOM];
	bool first = !best->name[0];

	if (!first && symbol->st_value < best->start)
		return;
	read_name(file, symbol, name);
	if (!name[0])
		return;
	if (!first && symbol->st_value == best->start &&
	    strspn(name, "_") >= strspn(best->name, "_"))
		return;
	best->start = symbol->st_value;
	memcpy(best->name, name, sizeof(name));
}

static void search(const struct file *file, uintptr_t offset, struct found *best)
{
	elf_symbol some[AT_A_TIME];
	uint64_t left = file->symbols.sh_size / sizeof(some[0]), at = file->symbols.sh_offset;

	while (left) {
		size_t n = left < AT_A_TIME ? (size_t)left : AT_A_TIME;

		if (!read_all(file->fd, at, some, n * sizeof(some[0])))
			return;
		for (size_t i = 0; i < n; i++)
			if (covers(&some[i], offset))
				consider(file, &some[i], best);
		left -= n;
		at += n * sizeof(some[0]);
	}
}

static void look(struct file *file, uint64_t shape, uintptr_t offset, struct found *best)
{
	if (!read_head(file) || !has_shape(file, shape))
		return;
	if (find_table(file, SHT_SYMTAB))
		search(file, offset, best);
	if (!best->name[0] && find_table(file, SHT_DYNSYM))
		search(file, offset, best);
}

bool ouro__symtab_find(const char *path, uint64_t shape, uintptr_t offset, char *name, size_t room)
{
	struct file file = { .fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) };
	struct found best = { .start = 0 };

	if (file.fd < 0)
		return false;
	look(&file, shape, offset, &best);
	close(file.fd);
	if (!best.name[0])
		return false;
	snprintf(name, room, "%s", best.name);
	return true;
}
