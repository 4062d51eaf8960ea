/* static_path.h -- which file a request is for: a path below the root, or none.
 *
 * Touches no file: what a name is there is the disk's business, and that it stays below the root
 * the kernel's (static_open.c). This is the first of the two fences, and each is enough alone. */
#ifndef OURO__STATIC_PATH_H
#define OURO__STATIC_PATH_H
#include "ouro/str.h"

#define STATIC_PATH_MAX 4095

/* Is the path, decoded to its end, one that may be looked for? Names with one slash between two and
 * none before; a slash at the end, or nothing at all, says folder. No name is empty, begins with a
 * dot or has a zero in it. */
bool ouro__static_path_is_good(ouro_str path);
#endif
