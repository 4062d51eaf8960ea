/* A date: as text, and as a number to be written and read again. */
#include "fuzz.h"
#include "http/encoded.h"

#define LAST 253402300799

static void check_number(time_t when)
{
	char text[HTTP_DATE_LEN];
	time_t back = -1, wanted = when < 0 ? 0 : when > LAST ? LAST : when;

	PROMISE(ouro__http_date_format(text, when) == HTTP_DATE_LEN);
	PROMISE(ouro__http_date_parse(ouro_str_n(text, sizeof(text)), when, &back));
	PROMISE(back == wanted);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char *copy = exactly(bytes, len);
	time_t when = 0;

	if (len >= sizeof(when)) {
		memcpy(&when, bytes, sizeof(when));
		check_number(when);
	}
	if (ouro__http_date_parse(ouro_str_n(copy, len), when, &when))
		check_number(when);
	free(copy);
	return 0;
}
