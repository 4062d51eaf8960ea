/* version.c -- the version that was linked, which need not be the one whose headers were read. */
#include "ouro/base.h"

const char *ouro_version(void)
{
	return OURO_VERSION_STRING;
}
