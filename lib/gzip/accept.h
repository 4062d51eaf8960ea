/* accept.h -- what gzip may do to an answer, as the fields say it. Bytes in, yes or no out. */
#ifndef OURO__GZIP_ACCEPT_H
#define OURO__GZIP_ACCEPT_H
#include "ouro/str.h"

/* What an Accept-Encoding field has said so far of gzip, and of leaving things as they are: a weight
 * in thousandths, -1: nothing. Begin with {-1, -1, -1}, and add each line. */
struct gzip_accept {
	int gzip, identity, any;
};

/* False: it is no list of codings, and nothing of it counts. */
bool gzip_accept_add(struct gzip_accept *accept, ouro_str line);

/* Is gzip welcome, and no less so than nothing? */
bool gzip_accept_says_yes(const struct gzip_accept *accept);

/* Does a media type, its parameters aside, stand in the list; NULL: in the usual one? */
bool gzip_type_is_in(ouro_str type, const char *const *types);

/* Is that word in a list of directives, `max-age=1, no-transform`? */
bool gzip_list_has(ouro_str list, const char *word);
#endif
