/* multipart.c -- a form with files, out of the bytes of a body. See multipart.h.
 *
 * A content ends where CR LF "--" and the boundary stand, and nowhere else. What one reader could
 * take for that and another for content is refused, though no browser sends it: the boundary behind
 * a bare line feed, or right at the beginning of a content; anything but a line end or "--" behind
 * it; anything before the first or behind the last. So are a field on two lines, a second name, a
 * `filename*`, which RFC 7578 forbids, and a coding that somebody would have to undo.
 *
 * Names are what browsers send: between quotes, a quote in them as `%22`, a line end as `%0D%0A`.
 * The first is decoded, the second stays as it is, so that no name has a line end in it. To a
 * browser a backslash is a backslash, to RFC 9110 it escapes: where that would make a quote end a
 * name for one of them only, right before a quote, it is refused.
 *
 * Of the delimiter, CR and LF can only be at its beginning, since no boundary has them. So what was
 * taken for the beginning of one and is none cannot have another in it, and need not be kept: it is
 * what the delimiter says. */
#include "http/multipart.h"
#include "http/encoded.h"
#include "http/octet.h"

/* ---- Parameters ---- */

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end && octet_is_blank(*at))
		at++;
	return at;
}

/* At a quote: the one that closes; NULL: none, or one that a backslash makes doubtful. */
static const char *closing_quote(const char *at, const char *end)
{
	const char *quote = end - at > 1 ? memchr(at + 1, '"', (size_t)(end - at - 1)) : NULL;

	return quote && quote[-1] != '\\' ? quote : NULL;
}

/* The next of `; name=value`, all of it without exception. 1; 0: no more; -400. */
static int parameter_next(const char **at, const char *end, ouro_str *ret_name, ouro_str *ret_value)
{
	const char *start = skip_blanks(*at, end), *stop;

	if (start == end)
		return 0;
	if (*start != ';')
		return -400;
	start = skip_blanks(start + 1, end);
	stop = octet_run(start, end, OCTET_TOKEN);
	if (stop == start || stop == end || *stop != '=')
		return -400;
	*ret_name = ouro_str_n(start, (size_t)(stop - start));
	start = stop + 1;
	if (start < end && *start == '"') {
		stop = closing_quote(start++, end);
		*at = stop ? stop + 1 : NULL;
	} else {
		stop = octet_run(start, end, OCTET_TOKEN);
		*at = stop > start ? stop : NULL;
	}
	if (!*at)
		return -400;
	*ret_value = ouro_str_n(start, (size_t)(stop - start));
	return 1;
}

/* ---- The boundary ---- */

/* RFC 2046, 5.1.1. */
static bool is_boundary(ouro_str value)
{
	if (!value.len || value.len > MULTIPART_BOUNDARY || value.ptr[value.len - 1] == ' ')
		return false;
	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i], small = (char)(c | 0x20);

		if (!(small >= 'a' && small <= 'z') && !(c >= '0' && c <= '9') &&
		    !(c && strchr("'()+_,-./:=? ", c)))
			return false;
	}
	return true;
}

static int find_boundary(ouro_str type, ouro_str *ret_boundary)
{
	const char *end = octet_end(type), *at = memchr(type.ptr, ';', type.len);
	ouro_str name, value;
	int more = at ? 1 : 0;

	*ret_boundary = ouro_str_n(NULL, 0);
	while (more > 0 && (more = parameter_next(&at, end, &name, &value)) > 0) {
		if (!ouro_str_caseeq(name, "boundary"))
			continue;
		if (ret_boundary->ptr || !is_boundary(value))
			return -400;
		*ret_boundary = value;
	}
	return more || !ret_boundary->ptr ? -400 : 0;
}

int ouro__multipart_start(struct multipart *form, ouro_str type, unsigned parts_max,
			  size_t name_max)
{
	ouro_str boundary;
	int err;

	memset(form, 0, offsetof(struct multipart, head));
	form->step = MULTIPART_REFUSED;
	form->refusal = -415;
	if (!ouro_str_caseeq(ouro__media_type(type), "multipart/form-data"))
		return -415;
	err = find_boundary(type, &boundary);
	if (err) {
		form->refusal = err;
		return err;
	}
	memcpy(form->delimiter, "\r\n--", 4);
	memcpy(form->delimiter + 4, boundary.ptr, boundary.len);
	form->length = (uint8_t)(4 + boundary.len);
	form->parts_max = parts_max;
	form->name_max = name_max;
	form->step = MULTIPART_FIRST;
	form->matched = 2;
	return 0;
}

/* ---- The fields of a part ---- */

/* A line that a reader of bare line feeds, or of empty heads, would take for a delimiter. */
static bool is_delimiter(const struct multipart *form, ouro_str line)
{
	size_t n = form->length - 2u;

	return line.len >= n && !memcmp(line.ptr, form->delimiter + 2, n);
}

/* `%22` is how browsers write a quote. In place. */
static ouro_str decode_name(ouro_str raw)
{
	char *to = (char *)(uintptr_t)raw.ptr, *start = to;
	const char *end = octet_end(raw);

	for (const char *at = raw.ptr; at < end;) {
		bool quote = end - at >= 3 && !memcmp(at, "%22", 3);

		*to++ = quote ? '"' : *at;
		at += quote ? 3 : 1;
	}
	return ouro_str_n(start, (size_t)(to - start));
}

static int keep_name(ouro_str *place, ouro_str value)
{
	if (place->ptr)
		return -400;
	*place = decode_name(value);
	return 0;
}

static int note_disposition(struct multipart *form, ouro_str value)
{
	const char *end = octet_end(value), *at = octet_run(value.ptr, end, OCTET_TOKEN);
	ouro_str name, given;
	int err = 0, more = 1;

	if (form->name.ptr ||
	    !ouro_str_caseeq(ouro_str_n(value.ptr, (size_t)(at - value.ptr)), "form-data"))
		return -400;
	while (!err && (more = parameter_next(&at, end, &name, &given)) > 0) {
		if (name.ptr[name.len - 1] == '*')
			err = -400;
		else if (ouro_str_caseeq(name, "name"))
			err = keep_name(&form->name, given);
		else if (ouro_str_caseeq(name, "filename"))
			err = keep_name(&form->filename, given);
	}
	return err || more || !form->name.ptr ? -400 : 0;
}

static int note_type(struct multipart *form, ouro_str value)
{
	if (form->has_type || !ouro__media_type(value).ptr)
		return -400;
	form->has_type = true;
	form->type = value;
	return 0;
}

/* What RFC 7578 calls deprecated is let pass where it says nothing. */
static int note_coding(struct multipart *form, ouro_str value)
{
	if (form->has_coding || !(ouro_str_caseeq(value, "binary") ||
				  ouro_str_caseeq(value, "8bit") || ouro_str_caseeq(value, "7bit")))
		return -400;
	form->has_coding = true;
	return 0;
}

static int note_field(struct multipart *form, ouro_str line)
{
	const char *end = octet_end(line), *colon = octet_run(line.ptr, end, OCTET_TOKEN);
	ouro_str name = ouro_str_n(line.ptr, (size_t)(colon - line.ptr)), value;

	if (!name.len || colon == end || *colon != ':' || is_delimiter(form, line))
		return -400;
	value = ouro__trim(ouro_str_n(colon + 1, (size_t)(end - colon - 1)));
	if (!ouro__is_field_value(value))
		return -400;
	if (form->fields++ == MULTIPART_FIELDS)
		return -413;
	if (ouro_str_caseeq(name, "Content-Disposition"))
		return note_disposition(form, value);
	if (ouro_str_caseeq(name, "Content-Type"))
		return note_type(form, value);
	if (ouro_str_caseeq(name, "Content-Transfer-Encoding"))
		return note_coding(form, value);
	return 0;
}

/* What stands behind each of them, a quote or a line end at least, has been read. */
static void end_string(ouro_str s)
{
	if (s.ptr)
		((char *)(uintptr_t)s.ptr)[s.len] = '\0';
}

static int begin_part(struct multipart *form)
{
	if (!form->name.ptr)
		return -400;
	if (form->name.len > form->name_max || form->filename.len > form->name_max)
		return -413;
	end_string(form->name);
	end_string(form->filename);
	end_string(form->type);
	form->step = MULTIPART_CONTENT;
	form->from = form->matched = 2;
	return MULTIPART_BEGIN;
}

/* At a line feed: the line that it ends. */
static int take_line(struct multipart *form)
{
	size_t len = (size_t)(form->head_len - form->line);
	char *line = form->head + form->line;
	int err;

	if (len < 2 || line[len - 2] != '\r')
		return -400;
	if (len == 2)
		return begin_part(form);
	err = note_field(form, ouro_str_n(line, len - 2));
	form->line = form->head_len;
	return err;
}

static int take_fields(struct multipart *form, const char **at, const char *end)
{
	int event = 0;

	while (!event && *at < end) {
		if (form->head_len == MULTIPART_HEAD)
			return -413;
		form->head[form->head_len++] = **at;
		if (*(*at)++ == '\n')
			event = take_line(form);
	}
	return event;
}

/* ---- Around the parts ---- */

static int expect(struct multipart *form, char c, char wanted, enum multipart_step next)
{
	if (c != wanted)
		return -400;
	form->step = next;
	return 0;
}

static int new_part(struct multipart *form)
{
	if (form->parts++ == form->parts_max)
		return -413;
	form->fields = 0;
	form->has_type = form->has_coding = false;
	form->head_len = form->line = 0;
	form->name = form->filename = form->type = ouro_str_n(NULL, 0);
	form->step = MULTIPART_FIELDS_OF_PART;
	return 0;
}

/* One line end may come before the first delimiter, and nothing else. */
static int take_first(struct multipart *form, char c)
{
	if (form->matched == 2 && c == '\r' && !form->from) {
		form->from = 1; /* once */
		form->matched = 1;
		return 0;
	}
	if (c != form->delimiter[form->matched++])
		return -400;
	form->from = 1;
	if (form->matched == form->length)
		form->step = MULTIPART_BEHIND;
	return 0;
}

static int take_octet(struct multipart *form, char c)
{
	switch (form->step) {
	case MULTIPART_FIRST:
		return take_first(form, c);
	case MULTIPART_BEHIND:
		return c == '-' ? expect(form, c, '-', MULTIPART_CLOSING)
				: expect(form, c, '\r', MULTIPART_BEHIND_CR);
	case MULTIPART_BEHIND_CR:
		return c == '\n' ? new_part(form) : -400;
	case MULTIPART_CLOSING:
		return expect(form, c, '-', MULTIPART_CLOSED);
	case MULTIPART_CLOSED:
		return expect(form, c, '\r', MULTIPART_CLOSED_CR);
	case MULTIPART_CLOSED_CR:
		return expect(form, c, '\n', MULTIPART_DONE);
	default:
		return -400; /* behind the end */
	}
}

/* ---- The content of a part ---- */

static int end_part(struct multipart *form)
{
	form->step = MULTIPART_BEHIND;
	form->from = form->matched = 0;
	return MULTIPART_END;
}

/* Goes on with what may be a delimiter. If it is none, what was held back is content. */
static int take_candidate(struct multipart *form, const char **at, const char *end,
			  ouro_str *ret_piece)
{
	ouro_str held;

	while (form->matched < form->length && *at < end &&
	       **at == form->delimiter[form->matched]) {
		form->matched++;
		(*at)++;
	}
	if (form->matched == form->length)
		return form->from ? -400 : end_part(form);
	if (*at == end)
		return MULTIPART_MORE;
	held = ouro_str_n(form->delimiter + form->from, (size_t)(form->matched - form->from));
	form->from = form->matched = 0;
	*ret_piece = held;
	return held.len ? MULTIPART_PIECE : MULTIPART_MORE;
}

/* How much of the end may be the beginning of a delimiter, and notes it. */
static size_t hold_back(struct multipart *form, const char *at, const char *end)
{
	size_t most = form->length - 2u, left = (size_t)(end - at);
	const char *feed =
		memrchr(end - (left < most ? left : most), '\n', left < most ? left : most);
	size_t n = feed ? (size_t)(end - feed) : 0;

	if (feed && !memcmp(feed, form->delimiter + 1, n)) {
		form->from = feed == at || feed[-1] != '\r';
		form->matched = (uint8_t)(n + 1);
	} else if (end[-1] == '\r') {
		form->matched = 1;
	}
	return (size_t)(form->matched - form->from);
}

/* A whole delimiter at `feed`, but for the CR that must be before it. */
static int take_delimiter(struct multipart *form, const char **at, const char *feed,
			  ouro_str *ret_piece)
{
	bool whole = feed > *at && feed[-1] == '\r';

	*ret_piece = ouro_str_n(*at, (size_t)(feed - *at) - whole);
	if (ret_piece->len) {
		*at = feed - whole;
		return MULTIPART_PIECE;
	}
	*at = feed + form->length - 1;
	return whole ? end_part(form) : -400;
}

static int take_content(struct multipart *form, const char **at, const char *end,
			ouro_str *ret_piece)
{
	const char *start = *at, *feed;
	size_t held;

	if (form->matched)
		return take_candidate(form, at, end, ret_piece);
	feed = memmem(start, (size_t)(end - start), form->delimiter + 1, form->length - 1u);
	if (feed)
		return take_delimiter(form, at, feed, ret_piece);
	held = hold_back(form, start, end);
	*at = end;
	*ret_piece = ouro_str_n(start, (size_t)(end - start) - held);
	return ret_piece->len ? MULTIPART_PIECE : MULTIPART_MORE;
}

/* ---- All of it ---- */

static int take_some(struct multipart *form, const char **at, const char *end, ouro_str *ret_piece)
{
	if (form->step == MULTIPART_CONTENT)
		return take_content(form, at, end, ret_piece);
	if (form->step == MULTIPART_FIELDS_OF_PART)
		return take_fields(form, at, end);
	return take_octet(form, *(*at)++);
}

int ouro__multipart_next(struct multipart *form, const char **at, const char *end,
			 ouro_str *ret_piece)
{
	int event = form->step == MULTIPART_REFUSED ? form->refusal : 0;

	while (!event && *at < end)
		event = take_some(form, at, end, ret_piece);
	if (event < 0) {
		form->step = MULTIPART_REFUSED;
		form->refusal = event;
	}
	return event;
}

int ouro__multipart_end(const struct multipart *form)
{
	if (form->step == MULTIPART_REFUSED)
		return form->refusal;
	return form->step == MULTIPART_CLOSED || form->step == MULTIPART_DONE ? 0 : -400;
}
