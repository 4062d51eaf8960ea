/* static_path.c -- paths that may be looked for. See static_path.h.
 *
 * It sees the octets that the kernel will see, so there is no spelling to see through: percent
 * signs are decoded before, an overlong UTF-8 dot is two octets of a name like any other, and so is
 * a backslash. */
#include "app/static_path.h"

bool ouro__static_path_is_good(ouro_str path)
{
	bool begins = true; /* a name does here */

	if (path.len > STATIC_PATH_MAX)
		return false;
	for (size_t i = 0; i < path.len; i++) {
		char c = path.ptr[i];

		if (!c || (begins && (c == '/' || c == '.')))
			return false;
		begins = c == '/';
	}
	return true;
}
