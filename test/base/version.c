/* The library's version is that of its headers. */
#include "test.h"

TEST(the_version_is_the_headers)
{
	char made[32];

	snprintf(made, sizeof(made), "%d.%d.%d", OURO_VERSION_MAJOR, OURO_VERSION_MINOR,
		 OURO_VERSION_PATCH);
	CHECK_STR(ouro_version(), made);
	CHECK_STR(ouro_version(), OURO_VERSION_STRING);
}
