/* authority.h -- `host[:port]`, as RFC 3986 has it and Host, CONNECT and an absolute target use it.
 *
 * Userinfo is refused, and so is an empty host: no http URI has either. */
#ifndef OURO__AUTHORITY_H
#define OURO__AUTHORITY_H
#include "ouro/str.h"

bool ouro__authority_is_valid(ouro_str authority, bool needs_port);
#endif
