/* namebook.h -- names of functions, looked up once.
 *
 * A stack of thirty is thirty searches of symbol tables on disk, and the next stack has most of them
 * again. Forgets all when a shared object has gone: another may be in its place. One thread. */
#ifndef OURO__NAMEBOOK_H
#define OURO__NAMEBOOK_H
#include <stdint.h>

#define NAMES     512
#define NAME_ROOM 96

struct namebook {
	uint64_t unloads; /* so many shared objects had gone */
	struct known {
		const void *address;
		char name[NAME_ROOM];
	} known[NAMES];
};

/* Before a row of questions. */
void ouro__namebook_refresh(struct namebook *names);

/* "fib_page", "app+0x1f3a"; valid until the next question. Reads files. */
const char *ouro__namebook_find(struct namebook *names, const void *address);
#endif
