/* check.h -- our own mistakes end the program, at once and in words.
 *
 * For what cannot happen unless ouro is wrong or its memory was trampled on. The world's errors
 * return; a caller's mistakes return -EINVAL; this is for neither. */
#ifndef OURO__CHECK_H
#define OURO__CHECK_H
#include <stdint.h>

/* Writes "ouro: <what> (file:line)" to stderr and aborts. */
_Noreturn void ouro__broken(const char *what, const char *file, int line);

#define ouro__check(truth) ((truth) ? (void)0 : ouro__broken(#truth, __FILE__, __LINE__))

/* Every handle starts with the magic of its kind and loses it with its memory. */
#define ouro__check_magic(object, wanted) \
	((object)->magic == (wanted)      \
		 ? (void)0                \
		 : ouro__broken("used after it was freed: " #object, __FILE__, __LINE__))
#endif
