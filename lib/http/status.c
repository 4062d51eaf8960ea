/* status.c -- see status.h, and ouro_status_text() in ouro/http.h.
 *
 * Every line there can be is a constant: an answer begins with a copy, and nothing is formatted. */
#include "http/status.h"
#include "ouro/http.h"

#define LINE(digits)                       \
	{                                  \
		"HTTP/1.1 " digits " \r\n" \
	}
#define TEN(two)                                                                                  \
	LINE(two "0"), LINE(two "1"), LINE(two "2"), LINE(two "3"), LINE(two "4"), LINE(two "5"), \
		LINE(two "6"), LINE(two "7"), LINE(two "8"), LINE(two "9")
#define HUNDRED(one)                                                                        \
	TEN(one "0"), TEN(one "1"), TEN(one "2"), TEN(one "3"), TEN(one "4"), TEN(one "5"), \
		TEN(one "6"), TEN(one "7"), TEN(one "8"), TEN(one "9")

#define NAMELESS_LEN (sizeof("HTTP/1.1 299 \r\n") - 1)
static const struct {
	char line[NAMELESS_LEN + 1];
} nameless[900] = { HUNDRED("1"), HUNDRED("2"), HUNDRED("3"), HUNDRED("4"), HUNDRED("5"),
		    HUNDRED("6"), HUNDRED("7"), HUNDRED("8"), HUNDRED("9") };

const char *ouro__status_line(int status, size_t *ret_len)
{
	switch (status) {
#define STATUS(number, text)                                                \
	case number:                                                        \
		*ret_len = sizeof("HTTP/1.1 " #number " " text "\r\n") - 1; \
		return "HTTP/1.1 " #number " " text "\r\n";
		STATUSES(STATUS)
#undef STATUS
	}
	*ret_len = NAMELESS_LEN;
	return status >= 100 && status <= 999 ? nameless[status - 100].line : NULL;
}

const char *ouro_status_text(int status)
{
	switch (status) {
#define STATUS(number, text) \
	case number:         \
		return text;
		STATUSES(STATUS)
#undef STATUS
	}
	return "";
}
