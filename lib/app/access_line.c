/* access_line.c -- the ready-made lines. See ouro/access.h, access.h.
 *
 * Everything is written straight to where the line will stay. A pen that has come to the end of its
 * room writes nothing more and says so, and then the line is forgotten: none is ever cut.
 *
 * What a client has said goes through one of two escapes, which leave alone what is harmless: runs
 * of that are copied whole. In a line for people the harmless octets are printable ASCII without
 * quote and backslash; in JSON, characters beyond ASCII too, but for the controls among them, which
 * a terminal might obey. */
#include "app/access.h"
#include "base/utf8.h"
#include "http/conn.h"
#include "http/encoded.h"
#include "http/req.h"
#include "loop/call.h"
#include "ouro/error.h"
#include <stdio.h>

#define GONE 499 /* the client was, before its answer: nginx's number for it */

/* ---- The pen ---- */

static bool has_room(struct pen *pen, size_t n)
{
	if ((size_t)(pen->end - pen->at) < n)
		pen->full = true;
	return !pen->full;
}

void ouro__access_put(struct pen *pen, const char *bytes, size_t n)
{
	if (!n || !has_room(pen, n))
		return;
	memcpy(pen->at, bytes, n);
	pen->at += n;
}

#define put                 ouro__access_put
#define put_text(pen, text) put(pen, "" text, sizeof(text) - 1)

static void put_char(struct pen *pen, char c)
{
	if (has_room(pen, 1))
		*pen->at++ = c;
}

/* At least so many digits. */
static void put_number(struct pen *pen, uint64_t n, unsigned digits)
{
	char text[20], *at = text + sizeof(text);

	do {
		*--at = (char)('0' + n % 10);
		n /= 10;
	} while (n || at > text + sizeof(text) - digits);
	put(pen, at, (size_t)(text + sizeof(text) - at));
}

/* ns in units of `unit` ns, with as many digits behind the point as a microsecond takes. */
static void put_time(struct pen *pen, uint64_t ns, uint64_t unit, unsigned digits)
{
	put_number(pen, ns / unit, 1);
	put_char(pen, '.');
	put_number(pen, ns % unit / 1000, digits);
}

/* ---- What others say ---- */

static const char hex[] = "0123456789abcdef";

static bool is_plain(char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void put_escaped(struct pen *pen, ouro_str text)
{
	size_t from = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i],
		     code[4] = { '\\', 'x', hex[(unsigned char)c >> 4], hex[c & 15] };

		if (is_plain(c))
			continue;
		put(pen, text.ptr + from, i - from);
		put(pen, code, sizeof(code));
		from = i + 1;
	}
	put(pen, text.ptr + from, text.len - from);
}

static bool is_c1(const char *at, size_t length)
{
	return length == 2 && (unsigned char)at[0] == 0xc2 && (unsigned char)at[1] < 0xa0;
}

static void put_json_code(struct pen *pen, unsigned code)
{
	char text[6] = { '\\', 'u', '0', '0', hex[code >> 4 & 15], hex[code & 15] };

	put(pen, text, sizeof(text));
}

static void put_json_odd(struct pen *pen, const char *at, size_t length)
{
	if (!length)
		put_text(pen, "\\ufffd");
	else if (is_c1(at, length))
		put_json_code(pen, (unsigned char)at[1]);
	else if (length > 1)
		put(pen, at, length);
	else if (*at == '"' || *at == '\\')
		put(pen, (char[]){ '\\', *at }, 2);
	else
		put_json_code(pen, (unsigned char)*at);
}

static void put_json_inside(struct pen *pen, ouro_str text)
{
	const char *at = text.ptr, *end = at + text.len, *from = at;

	while (at < end) {
		size_t length = is_plain(*at) ? 1 : ouro__utf8_first(at, (size_t)(end - at));

		if (!is_plain(*at)) {
			put(pen, from, (size_t)(at - from));
			put_json_odd(pen, at, length);
			from = at + (length ? length : 1);
		}
		at += length ? length : 1;
	}
	put(pen, from, (size_t)(end - from));
}

static void put_json(struct pen *pen, ouro_str text)
{
	if (!text.ptr) {
		put_text(pen, "null");
		return;
	}
	put_char(pen, '"');
	if (text.len)
		put_json_inside(pen, text);
	put_char(pen, '"');
}

static bool is_control(char c)
{
	return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

void ouro__access_plain(struct pen *pen, ouro_str line)
{
	if (!has_room(pen, line.len))
		return;
	for (size_t i = 0; i < line.len; i++)
		*pen->at++ = is_control(line.ptr[i]) ? '?' : line.ptr[i];
}

/* ---- Facts ---- */

static void put_peer(struct pen *pen, const ouro_req *req, void (*escape)(struct pen *, ouro_str))
{
	char text[OURO_ADDR_TEXT];
	ouro_addr addr;

	if (req->conn)
		ouro__origin_addr(&req->conn->origin, &addr);
	else if (req->peer)
		addr = *req->peer;
	else
		addr.sa.any.sa_family = AF_UNSPEC;
	escape(pen, ouro_str_z(ouro_addr_text(&addr, text, sizeof(text))));
}

static ouro_str route_of(const ouro_req *req)
{
	return ouro_str_z(ouro_req_route(req));
}

static int status_of(const ouro_req_done *done)
{
	return done->status ? done->status : GONE;
}

/* ---- For people ---- */

/* A field of its own, between blanks. */
static void put_word(struct pen *pen, ouro_str text)
{
	size_t from = 0;

	if (!text.len)
		put_char(pen, '-');
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] != ' ')
			continue;
		put_escaped(pen, ouro_str_n(text.ptr + from, i - from));
		put_text(pen, "\\x20");
		from = i + 1;
	}
	if (text.len)
		put_escaped(pen, ouro_str_n(text.ptr + from, text.len - from));
}

static void put_quoted(struct pen *pen, ouro_str text)
{
	put_char(pen, '"');
	if (text.len)
		put_escaped(pen, text);
	else
		put_char(pen, '-');
	put_char(pen, '"');
}

static void put_request_line(struct pen *pen, const ouro_req *req)
{
	if (!req->head) {
		put_text(pen, " \"-\" ");
		return;
	}
	put_text(pen, " \"");
	put_escaped(pen, ouro_req_method(req));
	put_char(pen, ' ');
	put_escaped(pen, ouro_req_target(req));
	put_text(pen, " HTTP/1.");
	put_number(pen, req->parse.minor, 1);
	put_text(pen, "\" ");
}

static void put_combined(struct pen *pen, const ouro_req *req, const ouro_req_done *done,
			 const struct access_clock *clock)
{
	put_peer(pen, req, put_word);
	put_text(pen, " - - [");
	put(pen, clock->combined, strlen(clock->combined));
	put_text(pen, "]");
	put_request_line(pen, req);
	put_number(pen, (uint64_t)status_of(done), 3);
	put_char(pen, ' ');
	put_number(pen, done->bytes, 1);
	put_char(pen, ' ');
	put_quoted(pen, ouro_req_header(req, "Referer"));
	put_char(pen, ' ');
	put_quoted(pen, ouro_req_header(req, "User-Agent"));
}

static void put_rest(struct pen *pen, const ouro_req *req, const ouro_req_done *done)
{
	char text[TRACE_LEN];
	ouro_str trace = ouro__req_trace(req, text);

	put_char(pen, ' ');
	put(pen, trace.ptr, trace.len);
	put_char(pen, ' ');
	put_word(pen, route_of(req));
	put_char(pen, ' ');
	put_time(pen, done->ns, NS_PER_S, 6);
	put_char(pen, ' ');
	put_time(pen, done->queued_ns, NS_PER_S, 6);
}

/* ---- For programs ---- */

static void put_ts(struct pen *pen, const ouro_access_event *event,
		   const struct access_clock *clock)
{
	put_text(pen, "{\"ts\":\"");
	put(pen, clock->iso, strlen(clock->iso));
	put_char(pen, '.');
	put_number(pen, (uint64_t)event->time.tv_nsec / NS_PER_MS, 3);
	put_text(pen, "Z\"");
}

static void put_who(struct pen *pen, const ouro_req *req)
{
	char text[TRACE_LEN];

	put_text(pen, ",\"id\":");
	put_json(pen, ouro__req_trace(req, text));
	put_text(pen, ",\"peer\":");
	put_peer(pen, req, put_json);
	put_text(pen, ",\"method\":");
	put_json(pen, ouro_req_method(req));
	put_text(pen, ",\"target\":");
	put_json(pen, ouro_req_target(req));
	put_text(pen, ",\"route\":");
	put_json(pen, route_of(req));
}

static void put_outcome(struct pen *pen, const ouro_req *req, const ouro_req_done *done)
{
	put_text(pen, ",\"status\":");
	put_number(pen, (uint64_t)status_of(done), 1);
	put_text(pen, ",\"bytes\":");
	put_number(pen, done->bytes, 1);
	put_text(pen, ",\"dur_ms\":");
	put_time(pen, done->ns, NS_PER_MS, 3);
	put_text(pen, ",\"queue_ms\":");
	put_time(pen, done->queued_ns, NS_PER_MS, 3);
	put_text(pen, ",\"referer\":");
	put_json(pen, ouro_req_header(req, "Referer"));
	put_text(pen, ",\"agent\":");
	put_json(pen, ouro_req_header(req, "User-Agent"));
	put_text(pen, ",\"err\":");
	put_json(pen, ouro_str_z(done->err ? ouro_errname(done->err) : NULL));
	put_char(pen, '}');
}

/* ---- A line ---- */

static void put_lost(struct pen *pen, bool json, const ouro_access_event *event,
		     const struct access_clock *clock)
{
	if (json) {
		put_ts(pen, event, clock);
		put_text(pen, ",\"lost\":");
		put_number(pen, event->lost, 1);
		put_char(pen, '}');
		return;
	}
	put_text(pen, "# [");
	put(pen, clock->combined, strlen(clock->combined));
	put_text(pen, "] lines lost: ");
	put_number(pen, event->lost, 1);
}

void ouro__access_line(struct pen *pen, ouro_access_format format, const ouro_access_event *event,
		       const struct access_clock *clock)
{
	if (!event->req) {
		put_lost(pen, format == OURO_ACCESS_JSON, event, clock);
		return;
	}
	if (format == OURO_ACCESS_JSON) {
		put_ts(pen, event, clock);
		put_who(pen, event->req);
		put_outcome(pen, event->req, event->done);
		return;
	}
	put_combined(pen, event->req, event->done, clock);
	if (format == OURO_ACCESS_COMBINED)
		put_rest(pen, event->req, event->done);
}

/* The names are those of the HTTP date: "Sat, 28 Nov 2026 18:55:49 GMT". */
static void write_texts(struct access_clock *clock, time_t second)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char date[HTTP_DATE_LEN];
	int month = 1;

	ouro__http_date_format(date, second);
	while (month < 12 && memcmp(months + 3 * (month - 1), date + 8, 3) != 0)
		month++;
	snprintf(clock->combined, sizeof(clock->combined), "%.2s/%.3s/%.4s:%.8s +0000", date + 5,
		 date + 8, date + 12, date + 17);
	snprintf(clock->iso, sizeof(clock->iso), "%.4s-%02d-%.2sT%.8s", date + 12, month, date + 5,
		 date + 17);
}

struct timespec ouro__access_time(struct access_clock *clock, ouro_loop *loop)
{
	uint64_t now = call_now(loop);
	struct timespec wall;
	int64_t ns;

	if (now >= clock->until) {
		clock_gettime(CLOCK_REALTIME, &wall);
		if (wall.tv_sec != clock->second)
			write_texts(clock, wall.tv_sec);
		clock->second = wall.tv_sec;
		clock->ahead = wall.tv_nsec - (int64_t)now;
		clock->until = now + NS_PER_S - (uint64_t)wall.tv_nsec;
	}
	ns = clock->ahead + (int64_t)now;
	return (struct timespec){ clock->second, (long)ns };
}

/* ---- The manual's ---- */

#define PIECE 128 /* octets, of which each becomes six at most */

/* How many of the first octets end with a character, if they are characters at all. */
static size_t piece_of(ouro_str text)
{
	size_t n = text.len < PIECE ? text.len : PIECE;

	for (int i = 0; n < text.len && i < 3 && ((unsigned char)text.ptr[n] & 0xc0) == 0x80; i++)
		n--;
	return n;
}

static int append(ouro_buf *line, ouro_str text, void (*escape)(struct pen *, ouro_str))
{
	char room[6 * PIECE];
	int err = 0;

	while (!err && text.len) {
		struct pen pen = { room, room + sizeof(room), false };
		size_t n = piece_of(text);

		escape(&pen, ouro_str_n(text.ptr, n));
		err = ouro_buf_append(line, room, (size_t)(pen.at - room));
		text = ouro_str_n(text.ptr + n, text.len - n);
	}
	return err;
}

/* All of it or nothing of it. */
static int undo(ouro_buf *line, size_t before, int err)
{
	if (err)
		ouro_buf_cut(line, before);
	return err;
}

int ouro_access_text(ouro_buf *line, ouro_str text)
{
	size_t before = ouro_buf_str(line).len;

	if (!text.len)
		return ouro_buf_append(line, "-", 1);
	return undo(line, before, append(line, text, put_escaped));
}

int ouro_access_json(ouro_buf *line, ouro_str text)
{
	size_t before = ouro_buf_str(line).len;
	int err;

	if (!text.ptr)
		return ouro_buf_append(line, "null", 4);
	err = ouro_buf_append(line, "\"", 1);
	if (!err)
		err = append(line, text, put_json_inside);
	if (!err)
		err = ouro_buf_append(line, "\"", 1);
	return undo(line, before, err);
}
