/* head.c -- where the parts of a request's head are. See parse.h.
 *
 * One pass forward over the octets, a step for each kind of thing that may come next. A step takes
 * what is there and leaves parse->scanned behind it, so the next call goes on in the same step and
 * no octet is looked at twice (but a '%' and its first digit, when the cut is there). A verdict is
 * due to one octet, the first that may not stand where it stands or is one too many: so it is the
 * same however the bytes were cut, and comes as soon as that octet does. Asked again after a
 * refusal, it refuses again.
 *
 * What the parts mean is not asked here, with one exception: a version other than 1.0 and 1.1 ends
 * it, since nobody knows how the head of such a message would end. */
#include "http/octet.h"
#include "http/parse.h"

#define HEAD_ROOM  65535 /* what the offsets can count */
#define METHOD_MAX 32    /* octets: no method is that long, so a longer one is none of ours: 501 */

enum head_step {
	STEP_START, /* of the message: an empty line may stand before it */
	STEP_START_LF,
	STEP_METHOD,
	STEP_TARGET,
	STEP_VERSION,
	STEP_VERSION_LF,
	STEP_LINE, /* a field's, or the empty one */
	STEP_NAME,
	STEP_BLANK, /* before the value */
	STEP_VALUE,
	STEP_VALUE_LF,
	STEP_HEAD_LF,
};

/* What a step answers; or -status. */
enum {
	STEP_AGAIN, /* there must be more bytes */
	STEP_DONE,  /* on to the next step */
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

static int go_to(struct scan *scan, enum head_step step)
{
	scan->parse->step = step;
	return STEP_DONE;
}

/* One octet that can only be this one. */
static int expect(struct scan *scan, char c, enum head_step next)
{
	if (scan->at == scan->end)
		return STEP_AGAIN;
	if (*scan->at != c)
		return -400;
	scan->at++;
	return go_to(scan, next);
}

static int scan_start(struct scan *scan)
{
	if (scan->at == scan->end)
		return STEP_AGAIN;
	if (*scan->at != '\r')
		return go_to(scan, STEP_METHOD);
	scan->at++;
	scan->parse->skipped = 2;
	return go_to(scan, STEP_START_LF);
}

static int scan_method(struct scan *scan)
{
	const char *start = scan->bytes + scan->parse->skipped;

	scan->at = octet_run(scan->at, scan->end, OCTET_TOKEN);
	if (scan->at - start > METHOD_MAX)
		return -501;
	if (scan->at == scan->end)
		return STEP_AGAIN;
	if (*scan->at != ' ' || scan->at == start)
		return -400;
	scan->parse->method_len = (uint16_t)(scan->at - start);
	scan->at++;
	scan->parse->target = offset(scan, scan->at);
	return go_to(scan, STEP_TARGET);
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
		if (scan->at - start > scan->limits->target_max)
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
	return go_to(scan, STEP_VERSION);
}

#define VERSION_LEN   8
#define VERSION_OTHER 255 /* for a minor version: it was another HTTP */

static bool version_octet(char c, size_t nth)
{
	return nth == 5 || nth == 7 ? octet_is(c, OCTET_DIGIT) : c == "HTTP/0."[nth];
}

static int scan_version(struct scan *scan)
{
	struct parse *parse = scan->parse;
	const char *start = scan->bytes + parse->target + parse->target_len + 1;

	while (scan->at < scan->end && scan->at - start < VERSION_LEN) {
		if (!version_octet(*scan->at, (size_t)(scan->at - start)))
			return -400;
		scan->at++;
	}
	if (scan->at == scan->end)
		return STEP_AGAIN;
	parse->minor = start[5] != '1' || start[7] > '1' ? VERSION_OTHER : start[7] == '1';
	return expect(scan, '\r', STEP_VERSION_LF);
}

/* `PRI * HTTP/2.0` begins what a client of HTTP/2 says, and is no request. */
static int scan_version_lf(struct scan *scan)
{
	struct parse *parse = scan->parse;
	int verdict = expect(scan, '\n', STEP_LINE);

	if (verdict != STEP_DONE || parse->minor != VERSION_OTHER)
		return verdict;
	return ouro_str_eq(ouro_str_n(scan->bytes + parse->skipped, parse->method_len), "PRI")
		       ? -400
		       : -505;
}

static int scan_line(struct scan *scan)
{
	if (scan->at == scan->end)
		return STEP_AGAIN;
	if (*scan->at == '\r') {
		scan->at++;
		return go_to(scan, STEP_HEAD_LF);
	}
	if (scan->parse->count >= scan->limits->fields_max || scan->parse->count >= PARSE_FIELDS)
		return -431;
	scan->parse->line = offset(scan, scan->at);
	return go_to(scan, STEP_NAME);
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
	return go_to(scan, STEP_BLANK);
}

static int scan_blank(struct scan *scan)
{
	while (scan->at < scan->end && octet_is_blank(*scan->at))
		scan->at++;
	if (scan->at == scan->end)
		return STEP_AGAIN;
	scan->parse->fields[scan->parse->count].value = offset(scan, scan->at);
	return go_to(scan, STEP_VALUE);
}

/* True if one of these eight octets is a control, by the arithmetic of bytes in a word: the top bit
 * of a byte is left standing where it was below 0x20, or equal to 0x7f. */
static bool any_control(const char *eight)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
	uint64_t word, del;

	memcpy(&word, eight, sizeof(word));
	del = word ^ (ones * 0x7f);
	return (((word - ones * 0x20) & ~word) | ((del - ones) & ~del)) & tops;
}

static int scan_value(struct scan *scan)
{
	struct field *field = &scan->parse->fields[scan->parse->count];
	const char *start = scan->bytes + field->value, *last;

	while (scan->end - scan->at >= 8 && !any_control(scan->at))
		scan->at += 8;
	scan->at = octet_run(scan->at, scan->end, OCTET_FIELD);
	if (scan->at == scan->end)
		return STEP_AGAIN;
	if (*scan->at != '\r')
		return -400;
	for (last = scan->at; last > start && octet_is_blank(last[-1]);)
		last--;
	field->value_len = (uint16_t)(last - start);
	scan->at++;
	return go_to(scan, STEP_VALUE_LF);
}

static int scan_value_lf(struct scan *scan)
{
	int verdict = expect(scan, '\n', STEP_LINE);

	if (verdict == STEP_DONE)
		scan->parse->count++;
	return verdict;
}

static int scan_head_lf(struct scan *scan)
{
	int verdict = expect(scan, '\n', STEP_HEAD_LF);

	return verdict == STEP_DONE ? HEAD_DONE : verdict;
}

static int take_step(struct scan *scan)
{
	switch ((enum head_step)scan->parse->step) {
	case STEP_START:
		return scan_start(scan);
	case STEP_START_LF:
		return expect(scan, '\n', STEP_METHOD);
	case STEP_METHOD:
		return scan_method(scan);
	case STEP_TARGET:
		return scan_target(scan);
	case STEP_VERSION:
		return scan_version(scan);
	case STEP_VERSION_LF:
		return scan_version_lf(scan);
	case STEP_LINE:
		return scan_line(scan);
	case STEP_NAME:
		return scan_name(scan);
	case STEP_BLANK:
		return scan_blank(scan);
	case STEP_VALUE:
		return scan_value(scan);
	case STEP_VALUE_LF:
		return scan_value_lf(scan);
	case STEP_HEAD_LF:
		return scan_head_lf(scan);
	}
	return -400;
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

	do
		verdict = take_step(&scan);
	while (verdict == STEP_DONE);
	parse->scanned = (uint32_t)(scan.at - bytes);
	if (verdict == HEAD_DONE)
		return (int)parse->scanned;
	if (verdict == STEP_AGAIN && len >= room)
		return parse->step == STEP_TARGET ? -414 : -431;
	return verdict;
}
