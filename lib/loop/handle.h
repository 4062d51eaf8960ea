/* handle.h -- what every handle has in common: a life that ends in the close phase.
 *
 *     open     on loop->handles; calls back
 *     closing  on loop->closing; calls back no more; its memory is still there
 *     gone     in the close phase: on_close, then free
 *
 * The memory outlives every callback of the turn it was closed in, so a callback may close its own
 * handle, or one that is ready too. */
#ifndef OURO__HANDLE_H
#define OURO__HANDLE_H
#include "base/list.h"
#include "loop/label.h"
#include "ouro/io.h"

struct handle;

struct handle_type {
	const char *kind; /* "descriptor" */
	uint32_t magic;
	const void *(*callee)(const struct handle *handle); /* the user's function */
	int (*number)(const struct handle *handle);         /* as in ouro_active.fd */
	void (*stop)(struct handle *handle);                /* at close: end all effects */
	bool (*is_idle)(const struct handle *handle);       /* may its memory go? NULL: yes */
	void (*free)(struct handle *handle); /* just before its memory goes; NULL: nothing to do */
	bool parks; /* if not: it waits for an operation, and is settled when that has ended */
};

struct handle {
	uint32_t magic;
	bool holds;
	bool closing;
	const struct handle_type *type;
	ouro_loop *loop;
	struct list link;
	struct label *label;
	ouro_close_fn *on_close;
	void *arg;
};

/* A zeroed handle of that size, linked in and holding; *ret_err -ENOMEM, or OURO_ECLOSED when the
 * loop is ending, with NULL. */
void *ouro__handle_new(ouro_loop *loop, const struct handle_type *type, size_t size, void *arg,
		       int *ret_err);

/* Frees a handle that is closed, or that could not be opened. */
void ouro__handle_drop(struct handle *handle);

/* What a closed handle that parks was waiting for has ended. Harmless for an open one. */
void ouro__handle_settled(struct handle *handle);

/* The public calls that all handles share. */
void ouro__handle_close(struct handle *handle);
void ouro__handle_hold(struct handle *handle, bool hold);
int ouro__handle_name(struct handle *handle, const char *name);

#define handle_check(handle, type_) ouro__check_magic(&(handle)->base, (type_).magic)
#endif
