/* symbol.h -- the name of a function, found in the symbol table of the file it came from. */
#ifndef OURO__SYMBOL_H
#define OURO__SYMBOL_H
#include <stddef.h>
#include <stdint.h>

/* "fib_page"; static functions too, unless the file is stripped: then "app+0x1f3a", the offset that
 * addr2line takes. Always answers something that fits room, cut if it must be. Reads files:
 * never on a loop's thread. */
void ouro__symbol_name(const void *address, char *name, size_t room);

/* Without reading any file: "app+0x1f3a". For a loop's thread. */
void ouro__symbol_place(const void *address, char *name, size_t room);

/* How many shared objects have been unloaded so far: an address may mean another function since. */
uint64_t ouro__symbol_unloads(void);
#endif
