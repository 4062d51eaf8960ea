/* label.c -- names and origins. See label.h. */
#include "loop/label.h"
#include "base/alloc.h"
#include "sys/symbol.h"
#include <errno.h>
#include <execinfo.h>
#include <stdatomic.h>
#include <stdio.h>

/* Our own frames on top of the caller's: this function's, and the public function that called it. */
#define OWN_FRAMES 1

static struct label *label_of(struct label **label)
{
	if (!*label)
		*label = ouro__alloc(sizeof(**label));
	return *label;
}

int ouro__label_name(struct label **label, const char *name)
{
	char *copy = ouro__strdup(name), *old;

	if (!copy || !label_of(label)) {
		ouro__free(copy);
		return -ENOMEM;
	}
	old = (*label)->name;
	(*label)->name = copy;
	atomic_signal_fence(memory_order_release); /* the watchdog may look at it now */
	ouro__free(old);
	return 0;
}

void ouro__label_origin(struct label **label)
{
	void *frames[LABEL_FRAMES + OWN_FRAMES];
	int depth = backtrace(frames, LABEL_FRAMES + OWN_FRAMES) - OWN_FRAMES;

	if (depth <= 0 || !label_of(label))
		return;
	(*label)->depth = depth;
	memcpy((*label)->origin, frames + OWN_FRAMES, (size_t)depth * sizeof(*frames));
}

void ouro__label_tell(const struct label *label, char *text, size_t room)
{
	size_t used = 0;

	text[0] = '\0';
	for (int i = 0; label && i < label->depth && used + 2 < room; i++) {
		const char *call = (const char *)label->origin[i] - 1; /* not where it returns to */

		ouro__symbol_name(call, text + used, room - used - 1);
		used += strlen(text + used);
		text[used++] = '\n';
		text[used] = '\0';
	}
}

void ouro__label_free(struct label *label)
{
	if (!label)
		return;
	ouro__free(label->name);
	ouro__free(label);
}
