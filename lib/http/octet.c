/* octet.c -- the table of octet.h, made by the compiler from grammars as the RFCs write them. */
#include "http/octet.h"

#define LETTER(c) (((c) >= 'a' && (c) <= 'z') || ((c) >= 'A' && (c) <= 'Z'))
#define DIGIT(c)  ((c) >= '0' && (c) <= '9')
#define HEX(c)    (DIGIT(c) || ((c) >= 'a' && (c) <= 'f') || ((c) >= 'A' && (c) <= 'F'))
#define MARK(c)   ((c) == '-' || (c) == '.' || (c) == '_' || (c) == '~')
#define SUB_DELIM(c)                                                                          \
	((c) == '!' || (c) == '$' || (c) == '&' || (c) == '\'' || (c) == '(' || (c) == ')' || \
	 (c) == '*' || (c) == '+' || (c) == ',' || (c) == ';' || (c) == '=')

/* RFC 9110, 5.6.2. */
#define TOKEN(c)                                                                              \
	(LETTER(c) || DIGIT(c) || MARK(c) || (c) == '!' || (c) == '#' || (c) == '$' ||        \
	 (c) == '%' || (c) == '&' || (c) == '\'' || (c) == '*' || (c) == '+' || (c) == '^' || \
	 (c) == '`' || (c) == '|')

/* RFC 9110, 5.5: a control is none, not even DEL. */
#define FIELD(c) ((c) == '\t' || ((c) >= 0x20 && (c) != 0x7f))

/* RFC 3986, 2.3, 3.2.2 and 3.3. Square brackets stand in queries as browsers send them. */
#define NAME(c)   (LETTER(c) || DIGIT(c) || MARK(c) || SUB_DELIM(c))
#define TARGET(c) (NAME(c) || (c) == ':' || (c) == '@' || (c) == '/' || (c) == '[' || (c) == ']')

/* RFC 6265, 4.1.1, and the blank, comma and quote that browsers let pass. */
#define COOKIE(c) ((c) >= 0x20 && (c) < 0x7f && (c) != ';' && (c) != '\\')

#define OF(c)                                                                         \
	(TOKEN(c) * OCTET_TOKEN | FIELD(c) * OCTET_FIELD | TARGET(c) * OCTET_TARGET | \
	 NAME(c) * OCTET_NAME | DIGIT(c) * OCTET_DIGIT | HEX(c) * OCTET_HEX |         \
	 COOKIE(c) * OCTET_COOKIE)
#define OF_4(c)  OF(c), OF((c) + 1), OF((c) + 2), OF((c) + 3)
#define OF_16(c) OF_4(c), OF_4((c) + 4), OF_4((c) + 8), OF_4((c) + 12)
#define OF_64(c) OF_16(c), OF_16((c) + 16), OF_16((c) + 32), OF_16((c) + 48)

const uint8_t ouro__octet[256] = { OF_64(0), OF_64(64), OF_64(128), OF_64(192) };
