/* namebook.c -- see namebook.h. */
#include "loop/namebook.h"
#include "sys/symbol.h"
#include <string.h>

void ouro__namebook_refresh(struct namebook *names)
{
	uint64_t unloads = ouro__symbol_unloads();

	if (unloads != names->unloads)
		memset(names->known, 0, sizeof(names->known));
	names->unloads = unloads;
}

const char *ouro__namebook_find(struct namebook *names, const void *address)
{
	uint64_t hash = (uint64_t)(uintptr_t)address * UINT64_C(0x9e3779b97f4a7c15);
	struct known *known = &names->known[hash >> 32 & (NAMES - 1)];

	if (known->address != address) {
		ouro__symbol_name(address, known->name, sizeof(known->name));
		known->address = address;
	}
	return known->name;
}
