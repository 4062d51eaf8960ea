/* event_text.c -- see event_text.h. */
#include "http/event_text.h"
#include "ouro/error.h"
#include <errno.h>
#include <stdio.h>

/* ---- Writing ---- */

/* at NULL: only measures. */
struct pen {
	char *at;
	size_t len;
};

static void put(struct pen *pen, const char *bytes, size_t n)
{
	if (pen->at && n)
		memcpy(pen->at + pen->len, bytes, n);
	pen->len += n;
}

static void put_line(struct pen *pen, const char *name, ouro_str value)
{
	put(pen, name, strlen(name));
	put(pen, value.ptr, value.len);
	put(pen, "\n", 1);
}

/* Takes a line off; false: it has no end. The end may be of two bytes, when both are there. */
static bool next_line(ouro_str *rest, ouro_str *ret_line)
{
	size_t len = 0;

	while (len < rest->len && rest->ptr[len] != '\n' && rest->ptr[len] != '\r')
		len++;
	*ret_line = ouro_str_n(rest->ptr, len);
	if (len == rest->len)
		return false;
	if (rest->ptr[len] == '\r' && len + 1 < rest->len && rest->ptr[len + 1] == '\n')
		len++;
	*rest = ouro_str_n(rest->ptr + len + 1, rest->len - len - 1);
	return true;
}

static bool is_line(const char *z)
{
	return !z || !strpbrk(z, "\r\n");
}

bool ouro__event_is_good(const ouro_event *event)
{
	return is_line(event->id) && is_line(event->event);
}

size_t ouro__event_write(const ouro_event *event, char *room)
{
	struct pen pen = { room, 0 };
	ouro_str rest = event->data, line;
	char number[24];
	bool more = true;

	if (event->id)
		put_line(&pen, "id: ", ouro_str_z(event->id));
	if (event->event)
		put_line(&pen, "event: ", ouro_str_z(event->event));
	if (event->retry_ms) {
		snprintf(number, sizeof(number), "%u", event->retry_ms);
		put_line(&pen, "retry: ", ouro_str_z(number));
	}
	while (more) {
		more = next_line(&rest, &line);
		put_line(&pen, "data: ", line);
	}
	put(&pen, "\n", 1);
	return pen.len;
}

/* ---- Reading ---- */

int ouro__event_reader_start(struct event_reader *reader, size_t max)
{
	*reader = (struct event_reader){ .line = ouro_buf_new(),
					 .data = ouro_buf_new(),
					 .type = ouro_buf_new(),
					 .new_id = ouro_buf_new(),
					 .id = ouro_buf_new(),
					 .max = max,
					 .retry_ms = UINT64_MAX };
	if (reader->line && reader->data && reader->type && reader->new_id && reader->id)
		return 0;
	ouro__event_reader_end(reader);
	return -ENOMEM;
}

void ouro__event_reader_end(struct event_reader *reader)
{
	ouro_buf_free(reader->line);
	ouro_buf_free(reader->data);
	ouro_buf_free(reader->type);
	ouro_buf_free(reader->new_id);
	ouro_buf_free(reader->id);
	*reader = (struct event_reader){ .line = NULL };
}

static void forget_event(struct event_reader *reader)
{
	ouro_buf_cut(reader->data, 0);
	ouro_buf_cut(reader->type, 0);
	reader->has_id = reader->whole = false;
}

void ouro__event_reader_restart(struct event_reader *reader)
{
	forget_event(reader);
	ouro_buf_cut(reader->line, 0);
	reader->begun = reader->after_cr = false;
}

/* All of a field's value; one with a zero in it is as if it had not come. */
static int set(ouro_buf *buf, ouro_str value, bool *ret_set)
{
	if (value.len && memchr(value.ptr, '\0', value.len))
		return 0;
	ouro_buf_cut(buf, 0);
	*ret_set = true;
	return ouro_buf_append(buf, value.ptr, value.len);
}

static int add_data(struct event_reader *reader, ouro_str value)
{
	size_t have = ouro_buf_str(reader->data).len;
	int err;

	if (value.len >= reader->max - have)
		return OURO_ETOOBIG;
	err = ouro_buf_append(reader->data, value.ptr, value.len);
	return err ? err : ouro_buf_append(reader->data, "\n", 1);
}

static void set_retry(struct event_reader *reader, ouro_str value)
{
	for (size_t i = 0; i < value.len; i++)
		if (value.ptr[i] < '0' || value.ptr[i] > '9')
			return;
	reader->retry_ms = ouro_str_u64(value, reader->retry_ms);
}

static int hear_field(struct event_reader *reader, ouro_str name, ouro_str value)
{
	bool unused;

	if (ouro_str_eq(name, "data"))
		return add_data(reader, value);
	if (ouro_str_eq(name, "event"))
		return set(reader->type, value, &unused);
	if (ouro_str_eq(name, "id"))
		return set(reader->new_id, value, &reader->has_id);
	if (ouro_str_eq(name, "retry"))
		set_retry(reader, value);
	return 0;
}

/* An empty line: 1: that was an event; 0: it had no data. */
static int hear_end(struct event_reader *reader, ouro_event *ret_event)
{
	ouro_str data = ouro_buf_str(reader->data), type = ouro_buf_str(reader->type), id;
	ouro_buf *new_id = reader->new_id;

	if (reader->has_id) {
		reader->new_id = reader->id;
		reader->id = new_id;
		reader->has_id = false;
	}
	if (!data.len) {
		forget_event(reader);
		return 0;
	}
	id = ouro_buf_str(reader->id);
	*ret_event = (ouro_event){ .data = ouro_str_n(data.ptr, data.len - 1),
				   .event = type.len ? type.ptr : NULL,
				   .id = id.len ? id.ptr : NULL };
	reader->whole = true;
	return 1;
}

static int hear_line(struct event_reader *reader, ouro_str line, ouro_event *ret_event)
{
	static const char mark[] = "\xef\xbb\xbf";
	const char *colon;
	size_t name, skip;

	if (!reader->begun && line.len >= 3 && !memcmp(line.ptr, mark, 3))
		line = ouro_str_n(line.ptr + 3, line.len - 3);
	reader->begun = true;
	if (!line.len)
		return hear_end(reader, ret_event);
	colon = memchr(line.ptr, ':', line.len);
	name = colon ? (size_t)(colon - line.ptr) : line.len;
	skip = name < line.len ? name + 1 : name;
	skip += skip < line.len && line.ptr[skip] == ' ';
	return hear_field(reader, ouro_str_n(line.ptr, name),
			  ouro_str_n(line.ptr + skip, line.len - skip));
}

/* More of a line that is not there as a whole, or was not. */
static int keep(struct event_reader *reader, ouro_str piece)
{
	if (piece.len > reader->max - ouro_buf_str(reader->line).len)
		return OURO_ETOOBIG;
	return ouro_buf_append(reader->line, piece.ptr, piece.len);
}

/* The next line, *ret_line. 1; 0: there is no end of one yet; or below 0. */
static int take_line(struct event_reader *reader, ouro_str *bytes, ouro_str *ret_line)
{
	ouro_str piece, rest = *bytes;
	bool ended = next_line(&rest, &piece);
	bool cut = ouro_buf_str(reader->line).len != 0;
	int err = cut || !ended || piece.len > reader->max ? keep(reader, piece) : 0;

	*bytes = ended ? rest : ouro_str_n(piece.ptr + piece.len, 0);
	if (err || !ended)
		return err;
	reader->after_cr = piece.ptr[piece.len] == '\r' && rest.ptr == piece.ptr + piece.len + 1;
	*ret_line = cut ? ouro_buf_str(reader->line) : piece;
	return 1;
}

int ouro__event_read(struct event_reader *reader, ouro_str *bytes, ouro_event *ret_event)
{
	ouro_str line = { NULL, 0 };
	int got = 0;

	if (reader->whole)
		forget_event(reader);
	while (!got && bytes->len) {
		if (reader->after_cr && *bytes->ptr == '\n')
			*bytes = ouro_str_n(bytes->ptr + 1, bytes->len - 1);
		reader->after_cr = false;
		got = bytes->len ? take_line(reader, bytes, &line) : 0;
		if (got <= 0)
			continue;
		got = hear_line(reader, line, ret_event);
		ouro_buf_cut(reader->line, 0);
	}
	return got;
}
