/* symbol.c -- which function is this the address of?
 *
 * dladdr() knows exported functions only, and a program's callbacks are static. So the loader is
 * asked which file the address came from and where it put it, and the file's own symbol table
 * for the rest (symtab.c). Without a name there is still a place: an offset into the file, as it
 * is linked, which addr2line and a debugger understand.
 *
 * The place alone costs a loop's thread no read from a disk: the loader's list, under a lock that
 * is held for the length of a list operation, and a link of /proc. */
#include "sys/symbol.h"

#include "sys/symtab.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SELF "/proc/self/exe"

struct module {
	uintptr_t offset; /* asked for as an address; from where the file is loaded when found */
	uint64_t shape;
	char path[PATH_MAX];
};

static bool covers(const struct dl_phdr_info *info, uintptr_t offset)
{
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const elf_part *part = &info->dlpi_phdr[i];

		if (part->p_type == PT_LOAD && offset - part->p_vaddr < part->p_memsz)
			return true;
	}
	return false;
}

/* All is copied, because the module may be unloaded once the loader's lock is open again. The
 * program itself comes without a name. */
static int look_at(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct module *module = arg;
	uintptr_t offset = module->offset - info->dlpi_addr;
	const char *path = info->dlpi_name && info->dlpi_name[0] ? info->dlpi_name : SELF;

	(void)size;
	if (!covers(info, offset))
		return 0;
	module->offset = offset;
	module->shape = ouro__symtab_shape(info->dlpi_phdr, info->dlpi_phnum);
	snprintf(module->path, sizeof(module->path), "%s", path);
	return 1;
}

static bool find_module(struct module *module, const void *address)
{
	module->offset = (uintptr_t)address;
	return dl_iterate_phdr(look_at, module);
}

/* The program's path for SELF, which is what its link says; the kernel marks there that the file is
 * gone. */
static void resolve_self(char *path)
{
	static const char gone[] = " (deleted)";
	ssize_t n = readlink(SELF, path, PATH_MAX - 1);
	char *mark;

	if (n < 0)
		return;
	path[n] = 0;
	mark = path + n - (sizeof(gone) - 1);
	if (mark > path && strcmp(mark, gone) == 0)
		*mark = 0;
}

static void print_place(struct module *module, char *name, size_t room)
{
	const char *slash;

	if (strcmp(module->path, SELF) == 0)
		resolve_self(module->path);
	slash = strrchr(module->path, '/');
	snprintf(name, room, "%s+0x%jx", slash ? slash + 1 : module->path,
		 (uintmax_t)module->offset);
}

void ouro__symbol_place(const void *address, char *name, size_t room)
{
	struct module module;

	if (find_module(&module, address))
		print_place(&module, name, room);
	else
		snprintf(name, room, "0x%jx", (uintmax_t)(uintptr_t)address);
}

void ouro__symbol_name(const void *address, char *name, size_t room)
{
	struct module module;

	if (!find_module(&module, address))
		snprintf(name, room, "0x%jx", (uintmax_t)(uintptr_t)address);
	else if (!ouro__symtab_find(module.path, module.shape, module.offset, name, room))
		print_place(&module, name, room);
}

static int read_unloads(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	*(uint64_t *)arg = info->dlpi_subs;
	return 1;
}

uint64_t ouro__symbol_unloads(void)
{
	uint64_t unloads = 0;

	dl_iterate_phdr(read_unloads, &unloads);
	return unloads;
}
