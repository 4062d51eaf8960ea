/* alloc.h -- every byte of ouro comes through here: see ouro_set_allocator() in base.h. */
#ifndef OURO__ALLOC_H
#define OURO__ALLOC_H
#include "ouro/base.h"

/* Zeroed; NULL: none. Any thread, all of them. */
void *ouro__alloc(size_t size);

/* As realloc: what is new in it is not zeroed; old may be NULL; on NULL old stays as it was. */
void *ouro__realloc(void *old, size_t size);
void ouro__free(void *old);

/* A copy of z, zero included; NULL: no memory. */
char *ouro__strdup(const char *z);
#endif
