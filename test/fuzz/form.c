/* A form: whatever is encoded comes back as it was, and whatever is decoded fits. */
#include "fuzz.h"
#include "http/encoded.h"

#define LONGEST 1024

/* As a browser does it; in `plain` nothing but what must be. */
static size_t encode(const uint8_t *bytes, size_t len, char *text)
{
	char *to = text;

	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == ' ')
			*to++ = '+';
		else if (bytes[i] > ' ' && bytes[i] < 0x7f && !strchr("%+&=", bytes[i]))
			*to++ = (char)bytes[i];
		else
			to += sprintf(to, i % 2 ? "%%%02x" : "%%%02X", bytes[i]);
	}
	return (size_t)(to - text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char text[3 * LONGEST + 1], room[3 * LONGEST + 1];
	ouro_str raw = ouro_str_n(bytes, len);
	size_t n;
	int got;

	if (len > LONGEST)
		return 0;
	got = ouro__form_decode(raw, room);
	PROMISE(got == -400 ||
		(got >= 0 && (size_t)got <= len && !memchr(room, '\0', (size_t)got)));
	n = encode(bytes, len, text);
	got = ouro__form_decode(ouro_str_n(text, n), room);
	if (len && memchr(bytes, '\0', len))
		PROMISE(got == -400);
	else
		PROMISE(same_bytes(ouro_str_n(room, (size_t)got), raw));
	return 0;
}
