/* symtab.h -- the symbol table of an ELF file, asked about one address. */
#ifndef OURO__SYMTAB_H
#define OURO__SYMTAB_H
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef ElfW(Phdr) elf_part;

/* A number that two builds of a program hardly share: their program headers, hashed. Never 0. */
uint64_t ouro__symtab_shape(const elf_part *headers, size_t n);

/* Names the function whose code is at `offset` from where the file is loaded, if the file has that
 * shape (0: any); false when it does not say. Any file, however broken. */
bool ouro__symtab_find(const char *path, uint64_t shape, uintptr_t offset, char *name, size_t room);
#endif
