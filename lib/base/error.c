/* error.c -- numbers to words.
 *
 * Two ranges that cannot meet: the kernel's numbers end at 4095 by its ABI (a system call answers
 * -4095..-1 for an error), and it fills them from 1 upward, so ours sit at the far end; those of
 * name lookups from 3000 on, as far from either. The kernel's own words come from libc's tables,
 * which unlike strerror() are neither translated nor written to a shared buffer: every answer is
 * static and any thread may ask. */
#include "ouro/error.h"

#include <string.h>

#define LOWEST (-4095)

/* The errno in err, or -1: no errno at all. */
static int errno_of(int err)
{
	return err < 0 && err >= LOWEST ? -err : -1;
}

static const char *or_else(const char *found, const char *otherwise)
{
	return found ? found : otherwise;
}

const char *ouro_strerror(int err)
{
	switch (err) {
	case 0:
		return "success";
#define SENTENCE(name, number, text) \
	case number:                 \
		return text;
		OURO_ERRORS(SENTENCE)
#undef SENTENCE
	default:
		return or_else(strerrordesc_np(errno_of(err)), "unknown error");
	}
}

const char *ouro_errname(int err)
{
	switch (err) {
	case 0:
		return "OK";
#define NAME(name, number, text) \
	case number:             \
		return "OURO_" #name;
		OURO_ERRORS(NAME)
#undef NAME
	default:
		return or_else(strerrorname_np(errno_of(err)), "?");
	}
}
