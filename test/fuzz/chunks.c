/* A body in chunks; and a second reader of them, slow and simple, that must agree. */
#include "same.h"

#define HEAD    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
#define LONGEST 4096

/* Up to the next CR LF, which *at moves behind; NULL: there is none. */
static const char *line(const char **at, const char *end)
{
	const char *start = *at, *cr = memmem(start, (size_t)(end - start), "\r\n", 2);

	if (!cr)
		return NULL;
	*at = cr + 2;
	return cr;
}

/* The body that stands in bytes that were accepted. */
static void check_reference(const struct heard *heard, const char *at, const char *end)
{
	size_t seen = 0;

	for (;;) {
		const char *start = at, *stop = line(&at, end);
		char *behind;
		unsigned long long size = stop ? strtoull(start, &behind, 16) : 0;

		PROMISE(stop && behind > start && behind <= stop);
		if (!size)
			break;
		PROMISE(size <= (size_t)(end - at) && size <= heard->body_len - seen);
		PROMISE(!memcmp(at, heard->body + seen, size));
		seen += size;
		at += size;
		PROMISE(line(&at, end) == at - 2);
	}
	while (line(&at, end) && at[-4] != '\r' && at < end)
		;
	PROMISE(seen == heard->body_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const size_t head = strlen(HEAD);
	struct heard heard;
	char *text;

	if (len > LONGEST)
		return 0;
	text = malloc(head + len);
	PROMISE(text != NULL);
	memcpy(text, HEAD, head);
	memcpy(text + head, bytes, len);
	check_request(text, head + len);
	heard = hear(text, head + len, (struct cuts){ head + len, 1 });
	if (heard.status == 200)
		check_reference(&heard, text + head, text + heard.used);
	unhear(&heard);
	free(text);
	return 0;
}
