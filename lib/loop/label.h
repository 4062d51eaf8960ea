/* label.h -- the name somebody gave to a handle or a timer, and who made it.
 *
 * Most have neither, so it is one pointer in them, NULL. */
#ifndef OURO__LABEL_H
#define OURO__LABEL_H
#include <stdbool.h>
#include <stddef.h>

#define LABEL_FRAMES 16

struct label {
	int depth; /* of origin; 0: not kept */
	void *origin[LABEL_FRAMES];
	char *name; /* NULL: none */
};

/* Names *label, which is made when it is NULL. 0 or -ENOMEM, with the old name kept. */
int ouro__label_name(struct label **label, const char *name);

/* Keeps the callers of the function that calls this; without memory it keeps none. */
void ouro__label_origin(struct label **label);

/* A line a caller, "main" or "app+0x1f3a"; always ended by a zero. Reads files. */
void ouro__label_tell(const struct label *label, char *text, size_t room);

/* Takes NULL. */
void ouro__label_free(struct label *label);
#endif
