/* base.h -- what every other header of ouro stands on: markers, version, memory.
 *
 * Nothing here needs a loop. */
#ifndef OURO_BASE_H
#define OURO_BASE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__)
#define OURO_API                __attribute__((visibility("default")))
#define OURO_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define OURO_MUST_CHECK         __attribute__((warn_unused_result))
#else
#define OURO_API
#define OURO_PRINTF(fmt, first)
#define OURO_MUST_CHECK
#endif

#ifdef __cplusplus
#define OURO_BEGIN extern "C" {
#define OURO_END   }
#else
#define OURO_BEGIN
#define OURO_END
#endif

#define OURO_VERSION_MAJOR  0
#define OURO_VERSION_MINOR  1
#define OURO_VERSION_PATCH  0
#define OURO_VERSION_STRING "0.1.0"
#define OURO_VERSION_NUMBER \
	(OURO_VERSION_MAJOR * 10000 + OURO_VERSION_MINOR * 100 + OURO_VERSION_PATCH)

/* In an option whose 0 means "the default": no limit, or never. */
#define OURO_NEVER 0xffffffffu

OURO_BEGIN
/* The version of the library that is running, "0.1.0". Any thread. It is static. */
OURO_API const char *ouro_version(void);

/* Where all of ouro's memory comes from; each function is called from any thread. alloc and
 * realloc answer NULL when there is none, and ouro reports that as -ENOMEM. */
typedef struct ouro_allocator {
	void *(*alloc)(size_t size, void *arg);
	void *(*realloc)(void *old, size_t size, void *arg);
	void (*free)(void *old, void *arg);
	void *arg;
} ouro_allocator;

/* Takes another allocator than malloc's, for the whole process: the one thing that two loops share.
 * Copies what it is given; NULL: malloc's again. -EINVAL when a function is missing; -EBUSY while
 * ouro holds memory from the allocator before, so call it first. Call it from one thread, before
 * any other thread uses ouro.
 *
 * libev keeps a few arrays of its own, by malloc, and ends the process when it gets none. */
OURO_API int ouro_set_allocator(const ouro_allocator *allocator) OURO_MUST_CHECK;
OURO_END
#endif
