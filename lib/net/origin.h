/* origin.h -- where a connection comes from, in 24 bytes: of an address no more than what a peer on
 * the network has, and of a Unix socket that it is one. */
#ifndef OURO__ORIGIN_H
#define OURO__ORIGIN_H
#include "ouro/addr.h"

struct origin {
	uint16_t family, port;
	uint32_t scope;
	uint8_t addr[16];
};

/* Another family has no more than its number. Does all of the address fit? */
bool ouro__origin_note(struct origin *origin, const ouro_addr *addr);

/* The address again. */
void ouro__origin_addr(const struct origin *origin, ouro_addr *ret_addr);
#endif
