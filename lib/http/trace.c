/* trace.c -- the name by which logs know a request. See ouro_req_trace() in ouro/http.h.
 *
 * A name is made of the loop's key, drawn when its first server is opened, and of the request's
 * token, which no other request of the loop has. Mixing spreads that over all digits and can be
 * turned back, so two tokens never make one name. Nothing is kept for it. */
#include "http/octet.h"
#include "http/req.h"
#include "http/server.h"
#include "sys/clock.h"
#include <sys/random.h>

#define NAME_MAX_LEN 128

void ouro__trace_begin(struct http *http)
{
	uint64_t *key = http->trace_key;

	if (getrandom(key, sizeof(http->trace_key), GRND_NONBLOCK) == sizeof(http->trace_key))
		return;
	key[0] = clock_ns() * UINT64_C(0x9e3779b97f4a7c15);
	key[1] = (uint64_t)(uintptr_t)http * UINT64_C(0xbf58476d1ce4e5b9);
}

static uint64_t mix(uint64_t bits)
{
	bits = (bits ^ bits >> 32) * UINT64_C(0xd6e8feb86659fd93);
	bits = (bits ^ bits >> 29) * UINT64_C(0xd6e8feb86659fd93);
	return bits ^ bits >> 32;
}

static void write_hex(char *to, uint64_t bits)
{
	static const char digits[] = "0123456789abcdef";

	for (int shift = 60; shift >= 0; shift -= 4)
		*to++ = digits[bits >> shift & 15];
}

static bool is_sane(ouro_str name)
{
	static const char others[] = "-_.~:+/=@";

	if (!name.len || name.len > NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i], lower = (char)(c | 0x20);

		if (!(lower >= 'a' && lower <= 'z') && !octet_is(c, OCTET_DIGIT) &&
		    !memchr(others, c, sizeof(others) - 1))
			return false;
	}
	return true;
}

ouro_str ouro__req_trace(const ouro_req *req, char text[TRACE_LEN])
{
	ouro_str said = ouro_req_header(req, "X-Request-Id");
	const uint64_t *key = req->http->trace_key;

	if (is_sane(said))
		return said;
	write_hex(text, key[0]);
	write_hex(text + TRACE_LEN / 2,
		  mix((req->trace_of ? req->trace_of : req->record.id) ^ key[1]));
	return ouro_str_n(text, TRACE_LEN);
}

ouro_str ouro_req_trace(ouro_req *req)
{
	char text[TRACE_LEN];
	ouro_str name;

	req_check(req);
	if (req->trace.ptr)
		return req->trace;
	name = ouro__req_trace(req, text);
	if (name.ptr == text)
		name.ptr = ouro__req_copy(req, name);
	if (!name.ptr)
		name.len = 0;
	return req->trace = name;
}
