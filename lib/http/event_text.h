/* event_text.h -- the text of an event stream: events in, bytes out, and back. Touches no
 * descriptor.
 *
 * What is written is read back as the same events, whatever bytes are in them, but that each way to
 * end a line comes back as one. The reader takes what WHATWG's HTML, 9.2.6, calls an event stream,
 * however its bytes are cut. */
#ifndef OURO__EVENT_TEXT_H
#define OURO__EVENT_TEXT_H
#include "ouro/events.h"

/* May it be sent? An id or a type with a line end in it would be more than that. */
bool ouro__event_is_good(const ouro_event *event);

/* Writes a good one down; room NULL: only measures. How long it is. */
size_t ouro__event_write(const ouro_event *event, char *room);

struct event_reader {
	ouro_buf *line;     /* the beginning of one that was cut */
	ouro_buf *data;     /* of the event at hand, each line ended; so is what follows: */
	ouro_buf *type;     /* empty: none */
	ouro_buf *new_id;   /* counts when the event is whole */
	ouro_buf *id;       /* the last that counted; stays */
	size_t max;         /* bytes of one event */
	uint64_t retry_ms;  /* as it was said last; UINT64_MAX: it was not */
	bool begun;         /* the first line was seen, and what may stand before it */
	bool after_cr;      /* a line feed would be of the same end */
	bool has_id, whole; /* new_id was said; the event was handed out */
};

/* 0, or -ENOMEM and there is nothing to end. start: max bytes of one event, its lines as they
 * are sent. restart: another stream follows the first; its id stays. */
int ouro__event_reader_start(struct event_reader *reader, size_t max);
void ouro__event_reader_restart(struct event_reader *reader);
void ouro__event_reader_end(struct event_reader *reader);

/* The next event of *bytes, which moves on. 1: an event, borrowed until the next call: event NULL: it
 * has no type; id NULL: none was ever said. 0: all was taken. OURO_ETOOBIG or -ENOMEM: nothing more
 * can be read before a restart. A type or an id with a zero in it is not heard. */
int ouro__event_read(struct event_reader *reader, ouro_str *bytes, ouro_event *ret_event);
#endif
