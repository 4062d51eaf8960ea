/* head.c -- where the parts of a request's head are. See parse.h.
 *
 * One pass forward over the octets, a step for each kind of thing that may come next. A step takes
 * what is there and leaves parse->scanned behind it, so the next call goes on in the same step and
 * no octet is looked at twice (but a '%' and its first digit, when the cut is there). A verdict is
 * due to one octet, the first that may not stand where it stands or is one too many: so it is the
 * same however the bytes were cut, and comes as soon as that octet does. Asked again after a
 * refusal, it refuses again.
 *
 * Most heads are whole when they are first looked at, and plain: for those there is a shorter way,
 * which never refuses. Whatever it does not take goes through the steps.
 *
 * What the parts mean is not asked here, with one exception: a version other than 1.0 and 1.1 ends
 * it, since nobody knows how the head of such a message would end. */
#include "http/octet.h"
#include "http/parse.h"

#define HEAD_ROOM  65535 /* what the offsets can count */
#define METHOD_MAX 32    /* octets: no method is that long, so a longer one is none of ours: 501 */

/* In the order in which they come; from the last it goes on with `line`. */
#define HEAD_STEPS(X)                                                \
	X(start) /* of the message: an empty line may stand here */  \
	X(method)                                                    \
	X(target)                                                    \
	X(version)                                                   \
	X(line) /* a field's, or the empty one, which is the last */ \
	X(name)                                                      \
	X(blank) /* before the value */                              \
	X(value)                                                     \
	X(line_end)

enum head_step {
#define STEP(name) STEP_##name,
	HEAD_STEPS(STEP)
#undef STEP
		STEPS
};

/* What a step answers; or -status. */
enum {
	STEP_DONE,  /* the next one's turn */
	STEP_AGAIN, /* there must be more bytes */
	HEAD_DONE
};

struct scan {
	struct parse *parse;
	const struct head_limits *limits;
	const char *bytes, *at, *end;
};

static uint16_t offset(const struct scan *scan, const char *at)
{
	return (uint16_t)(at - scan->bytes);
}

/* CR LF, of which the first may have come and be behind us already. */
static int scan_cut_crlf(struct scan *scan, const char *start)
{
	for (; scan->at - start < 2; scan->at++) {
		if (scan->at == scan->end)
			return STEP_AGAIN;
		if (*scan->at != "\r\n"[scan->at - start])
			return -400;
	}
	return STEP_DONE;
}

/* Mostly both are here. */
static inline int scan_crlf(struct scan *scan, const char *start)
{
	if (scan->end - start < 2 || memcmp(start, "\r\n", 2) != 0)
		return scan_cut_crlf(scan, start);
	scan->at = start + 2;
	return STEP_DONE;
}

static int scan_start(struct scan *scan)
{
	if (scan->at == scan->end)
		return STEP_AGAIN;
	if (*scan->bytes != '\r')
		return STEP_DONE;
	scan->parse->skipped = 2;
	return scan_crlf(scan, scan->bytes);
}

static int scan_method(struct scan *scan)
{
	const char *start = scan->bytes + scan->parse->skipped;

	scan->at = octet_run(scan->at, scan->end, OCTET_TOKEN);
	if ((size_t)(scan->at - start) > METHOD_MAX)
		return -501;
	if (scan->at == scan->end)
		return STEP_AGAIN;
	if (*scan->at != ' ' || scan->at == start)
		return -400;
	scan->parse->method_len = (uint16_t)(scan->at - start);
	scan->at++;
	scan->parse->target = offset(scan, scan->at);
	return STEP_DONE;
}

/* At a '%': two hex digits must follow. */
static int scan_escape(struct scan *scan)
{
	for (int i = 1; i <= 2; i++) {
		if (scan->end - scan->at <= i)
			return STEP_AGAIN;
		if (!octet_is(scan->at[i], OCTET_HEX))
			return -400;
	}
	scan->parse->escaped = true;
	scan->at += 3;
	return STEP_DONE;
}

static int scan_target(struct scan *scan)
{
	struct parse *parse = scan->parse;
	const char *start = scan->bytes + parse->target;

	for (;;) {
		scan->at = octet_run(scan->at, scan->end, OCTET_TARGET);
		if ((size_t)(scan->at - start) > scan->limits->target_max)
			return -414;
		if (scan->at == scan->end)
			return STEP_AGAIN;
		if (*scan->at == '%') {
			int verdict = scan_escape(scan);

			if (verdict != STEP_DONE)
				return verdict;
		} else if (*scan->at == '?') {
			scan->at++;
			if (!parse->query)
				parse->query = offset(scan, scan->at);
		} else {
			break;
		}
	}
	if (*scan->at != ' ' || scan->at == start)
		return -400;
	parse->target_len = (uint16_t)(scan->at - start);
	scan->at++;
	return STEP_DONE;
}

#define VERSION_LEN 8

static bool version_octet(char c, size_t nth)
{
	return nth == 5 || nth == 7 ? octet_is(c, OCTET_DIGIT) : c == "HTTP/0."[nth];
}

static int scan_version_octets(struct scan *scan, const char *start)
{
	for (; scan->at - start < VERSION_LEN; scan->at++) {
		if (scan->at == scan->end)
			return STEP_AGAIN;
		if (!version_octet(*scan->at, (size_t)(scan->at - start)))
			return -400;
	}
	return STEP_DONE;
}

/* `PRI * HTTP/2.0` begins what a client of HTTP/2 says, and is no request. */
static int refuse_version(const struct scan *scan)
{
	const struct parse *parse = scan->parse;
	ouro_str method = ouro_str_n(scan->bytes + parse->skipped, parse->method_len);

	return ouro_str_eq(method, "PRI") ? -400 : -505;
}

static int scan_version(struct scan *scan)
{
	struct parse *parse = scan->parse;
	const char *start = scan->bytes + parse->target + parse->target_len + 1;
	int verdict;

	if (scan->at == start && scan->end - start >= VERSION_LEN &&
	    !memcmp(start, "HTTP/1.1", VERSION_LEN))
		scan->at += VERSION_LEN;
	verdict = scan_version_octets(scan, start);
	if (verdict == STEP_DONE)
		verdict = scan_crlf(scan, start + VERSION_LEN);
	if (verdict != STEP_DONE)
		return verdict;
	if (start[5] != '1' || start[7] > '1')
		return refuse_version(scan);
	parse->minor = start[7] == '1';
	parse->line = offset(scan, scan->at);
	return STEP_DONE;
}

static int scan_line(struct scan *scan)
{
	const struct parse *parse = scan->parse;
	const char *start = scan->bytes + parse->line;

	if (scan->at == scan->end)
		return STEP_AGAIN;
	if (*start == '\r') {
		int verdict = scan_crlf(scan, start);

		return verdict == STEP_DONE ? HEAD_DONE : verdict;
	}
	if (parse->count >= scan->limits->fields_max || parse->count >= PARSE_FIELDS)
		return -431;
	return STEP_DONE;
}

/* A blank is no part of a name: so neither `Name : value` nor a folded line gets through. */
static int scan_name(struct scan *scan)
{
	struct field *field = &scan->parse->fields[scan->parse->count];
	const char *start = scan->bytes + scan->parse->line;

	scan->at = octet_run(scan->at, scan->end, OCTET_TOKEN);
	if (scan->at == scan->end)
		return STEP_AGAIN;
	if (*scan->at != ':' || scan->at == start)
		return -400;
	field->name = offset(scan, start);
	field->name_len = (uint16_t)(scan->at - start);
	scan->at++;
	return STEP_DONE;
}

static int scan_blank(struct scan *scan)
{
	while (scan->at < scan->end && octet_is_blank(*scan->at))
		scan->at++;
	if (scan->at == scan->end)
		return STEP_AGAIN;
	scan->parse->fields[scan->parse->count].value = offset(scan, scan->at);
	return STEP_DONE;
}

static int scan_value(struct scan *scan)
{
	struct field *field = &scan->parse->fields[scan->parse->count];
	const char *start = scan->bytes + field->value, *last;

	scan->at = octet_value(scan->at, scan->end);
	if (scan->at == scan->end)
		return STEP_AGAIN;
	if (*scan->at != '\r')
		return -400;
	for (last = scan->at; last > start && octet_is_blank(last[-1]);)
		last--;
	field->value_len = (uint16_t)(last - start);
	scan->parse->line = offset(scan, scan->at);
	return STEP_DONE;
}

/* The next line begins behind it. */
static int scan_line_end(struct scan *scan)
{
	struct parse *parse = scan->parse;
	int verdict = scan_crlf(scan, scan->bytes + parse->line);

	if (verdict == STEP_DONE) {
		parse->line += 2;
		parse->count++;
	}
	return verdict;
}

/* The short way. */

/* `name: value` and its end: what is behind it. NULL: not here, or not so plain. */
static const char *plain_field(const char *bytes, const char *start, const char *end,
			       struct field *field)
{
	const char *colon = octet_run(start, end, OCTET_TOKEN), *value, *at;

	if (end - colon < 4 || colon == start || colon[0] != ':' || colon[1] != ' ')
		return NULL;
	value = colon + 2;
	at = octet_value(value, end);
	if (end - at < 2 || memcmp(at, "\r\n", 2) != 0 || octet_is_blank(*value) ||
	    octet_is_blank(at[-1]))
		return NULL;
	*field = (struct field){ (uint16_t)(start - bytes), (uint16_t)(colon - start),
				 (uint16_t)(value - bytes), (uint16_t)(at - value) };
	return at + 2;
}

/* The fields and the empty line: what is behind it, or NULL. */
static const char *plain_fields(struct parse *parse, const struct head_limits *limits,
				const char *bytes, const char *at, const char *end)
{
	unsigned most = limits->fields_max < PARSE_FIELDS ? limits->fields_max : PARSE_FIELDS;
	unsigned count = 0;

	while (end - at >= 2 && *at != '\r') {
		if (count == most)
			return NULL;
		at = plain_field(bytes, at, end, &parse->fields[count++]);
		if (!at)
			return NULL;
	}
	if (end - at < 2 || at[1] != '\n')
		return NULL;
	parse->count = (uint16_t)count;
	return at + 2;
}

#define PLAIN_VERSION " HTTP/1.1\r\n"

/* A whole head with nothing unusual in it, as most are, in one go: how long it is. 0: it is not so,
 * and the steps will say what it is; they begin anew. */
static uint32_t scan_plain(struct parse *parse, const struct head_limits *limits, const char *bytes,
			   const char *end)
{
	const char *space = octet_run(bytes, end, OCTET_TOKEN), *target = space + 1, *at,
		   *query = NULL;

	if (end - space < 2 || *space != ' ' || space == bytes || space - bytes > METHOD_MAX)
		return 0;
	at = octet_run(target, end, OCTET_TARGET);
	if (at < end && *at == '?') {
		query = at + 1;
		at = octet_run(query, end, OCTET_TARGET);
	}
	if (at == target || at - target > limits->target_max ||
	    end - at < (ptrdiff_t)sizeof(PLAIN_VERSION) ||
	    memcmp(at, PLAIN_VERSION, sizeof(PLAIN_VERSION) - 1) != 0)
		return 0;
	end = plain_fields(parse, limits, bytes, at + sizeof(PLAIN_VERSION) - 1, end);
	if (!end)
		return 0;
	parse->method_len = (uint16_t)(space - bytes);
	parse->target = (uint16_t)(target - bytes);
	parse->target_len = (uint16_t)(at - target);
	parse->query = query ? (uint16_t)(query - bytes) : 0;
	parse->minor = 1;
	parse->scanned = (uint32_t)(end - bytes);
	parse->line = (uint16_t)(parse->scanned - 2);
	parse->step = STEP_line;
	return parse->scanned;
}

/* From the step at hand to the end of a line, or to where there is no going on. */
static int scan_steps(struct scan *scan)
{
	struct parse *parse = scan->parse;
	int verdict;

	switch ((enum head_step)parse->step) {
#define STEP(name)                                 \
	case STEP_##name:                          \
		verdict = scan_##name(scan);       \
		if (verdict != STEP_DONE) {        \
			parse->step = STEP_##name; \
			return verdict;            \
		}                                  \
		__attribute__((fallthrough));
		HEAD_STEPS(STEP)
#undef STEP
	case STEPS:
		parse->step = STEP_line;
	}
	return STEP_DONE;
}

void ouro__parse_start(struct parse *parse)
{
	memset(parse, 0, offsetof(struct parse, parser));
}

/* Bytes beyond the limit are not there: who needs them has a head that is too large. */
int ouro__head_scan(struct parse *parse, const struct head_limits *limits, const char *bytes,
		    uint32_t len)
{
	uint32_t room = limits->head_max < HEAD_ROOM ? limits->head_max : HEAD_ROOM;
	struct scan scan = {
		.parse = parse,
		.limits = limits,
		.bytes = bytes,
		.at = bytes + parse->scanned,
		.end = bytes + (len < room ? len : room),
	};
	int verdict;

	if (!parse->scanned) {
		uint32_t plain = scan_plain(parse, limits, bytes, scan.end);

		if (plain)
			return (int)plain;
	}
	do
		verdict = scan_steps(&scan);
	while (verdict == STEP_DONE);
	parse->scanned = (uint32_t)(scan.at - bytes);
	if (verdict == HEAD_DONE)
		return (int)parse->scanned;
	if (verdict != STEP_AGAIN || len < room)
		return verdict < 0 ? verdict : 0;
	return parse->step == STEP_target ? -414 : -431;
}
