/* Event streams, both ways. What is written down is read back as the same events, whatever bytes are
 * in them; and bytes that anybody sent come to the same however they are cut. The first byte says
 * where the cuts are. */
#include "fuzz.h"
#include "http/event_text.h"
#include "ouro/error.h"

#define LONGEST 1024
#define MAX     512

/* ---- Written and read ---- */

/* As the reader has it: every end of a line is a line feed. */
static size_t with_line_feeds(const char *bytes, size_t n, char *room)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		bool pair = bytes[i] == '\n' && i && bytes[i - 1] == '\r';

		if (!pair)
			room[len++] = bytes[i] == '\r' ? '\n' : bytes[i];
	}
	return len;
}

static void check_back(const ouro_event *sent, const ouro_event *got)
{
	char room[LONGEST];
	size_t n = with_line_feeds(sent->data.ptr, sent->data.len, room);

	PROMISE(same_bytes(got->data, ouro_str_n(room, n)));
	PROMISE(ouro_str_eq(ouro_str_z(got->event), sent->event ? sent->event : ""));
	PROMISE(ouro_str_eq(ouro_str_z(got->id), sent->id ? sent->id : ""));
}

/* Twice, so that what an event leaves behind would be seen in the next. */
static void check_written(const ouro_event *event)
{
	size_t len = ouro__event_write(event, NULL);
	char *text = malloc(2 * len), *end = text + 2 * len;
	struct event_reader reader;
	ouro_event got;
	ouro_str rest;

	PROMISE(text && ouro__event_reader_start(&reader, 8 * LONGEST) == 0);
	PROMISE(ouro__event_write(event, text) == len);
	PROMISE(ouro__event_write(event, text + len) == len);
	rest = ouro_str_n(text, 2 * len);
	for (int i = 0; i < 2; i++) {
		PROMISE(ouro__event_read(&reader, &rest, &got) == 1);
		check_back(event, &got);
		PROMISE(rest.ptr == end - (i ? 0 : len));
	}
	PROMISE(ouro__event_read(&reader, &rest, &got) == 0);
	PROMISE(reader.retry_ms == (event->retry_ms ? event->retry_ms : UINT64_MAX));
	ouro__event_reader_end(&reader);
	free(text);
}

static bool ends_a_line(const char *z)
{
	return z && (strchr(z, '\n') || strchr(z, '\r'));
}

/* "id NUL type NUL data"; without zeros all of it is data. */
static void write_one(const char *bytes, size_t len)
{
	const char *zero = len ? memchr(bytes, 0, len) : NULL;
	size_t rest = zero ? len - (size_t)(zero + 1 - bytes) : 0;
	const char *second = rest ? memchr(zero + 1, 0, rest) : NULL;
	ouro_event event = { .data = ouro_str_n(bytes, len), .retry_ms = (unsigned)len % 3 };

	if (second) {
		event.id = bytes;
		event.event = zero + 1;
		event.data = ouro_str_n(second + 1, len - (size_t)(second + 1 - bytes));
	}
	PROMISE(ouro__event_is_good(&event) ==
		!(ends_a_line(event.id) || ends_a_line(event.event)));
	if (ouro__event_is_good(&event))
		check_written(&event);
}

/* ---- Anybody's bytes ---- */

struct reading {
	struct event_reader reader;
	uint64_t sum;
	unsigned events;
	int err;
};

static void keep(struct reading *r, const ouro_event *event)
{
	ouro_str all[] = { event->data, ouro_str_z(event->event), ouro_str_z(event->id) };

	PROMISE(!event->event || (*event->event && !strpbrk(event->event, "\r\n")));
	PROMISE(!event->id || (*event->id && !strpbrk(event->id, "\r\n")));
	PROMISE(event->data.len <= MAX);
	PROMISE(!event->data.len || !memchr(event->data.ptr, '\r', event->data.len));
	for (size_t i = 0; i < 3; i++)
		for (size_t j = 0; j <= all[i].len; j++)
			r->sum = r->sum * 31 + (j < all[i].len ? (uint8_t)all[i].ptr[j] : i + 256);
	r->events++;
}

static void read_some(struct reading *r, const char *bytes, size_t n)
{
	char *copy = exactly(bytes, n);
	ouro_str rest = ouro_str_n(copy, n);
	ouro_event event;
	int got = 1;

	while (!r->err && got > 0) {
		got = ouro__event_read(&r->reader, &rest, &event);
		PROMISE(lies_in(rest, ouro_str_n(copy, n)));
		r->err = got < 0 ? got : 0;
		if (got > 0)
			keep(r, &event);
	}
	PROMISE(r->err || !rest.len);
	PROMISE(!r->err || r->err == OURO_ETOOBIG);
	free(copy);
}

static void read_all(const char *bytes, size_t len, size_t step)
{
	struct reading whole = { .err = 0 }, cut = { .err = 0 };

	PROMISE(!ouro__event_reader_start(&whole.reader, MAX));
	PROMISE(!ouro__event_reader_start(&cut.reader, MAX));
	read_some(&whole, bytes, len);
	for (size_t at = 0; at < len; at += step)
		read_some(&cut, bytes + at, len - at < step ? len - at : step);
	PROMISE(whole.err == cut.err && whole.events == cut.events && whole.sum == cut.sum);
	PROMISE(whole.err || whole.reader.retry_ms == cut.reader.retry_ms);
	ouro__event_reader_end(&whole.reader);
	ouro__event_reader_end(&cut.reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	if (!len || len > LONGEST)
		return 0;
	write_one((const char *)bytes + 1, len - 1);
	read_all((const char *)bytes + 1, len - 1, bytes[0] % 7 + 1);
	return 0;
}
