/* source.h -- the other end of an event stream (events.h): hears what a server tells, and comes back
 * by itself when the connection is lost.
 *
 *     static void on_event(ouro_source *source, const ouro_event *event, void *arg)
 *     {
 *             printf("%.*s\n", (int)event->data.len, event->data.ptr);
 *     }
 *     ...
 *     ouro_source_open(loop, &(ouro_source_opts){ .url = "http://127.0.0.1:8080/ticks" },
 *                      on_event, NULL, &source);
 *
 * As a page's EventSource has it: each time it asks again it says the id of the last event that was
 * whole, so that a server which keeps its events can send what was missed. Redirects are followed,
 * up to ten. http:// only. All of it on the loop's thread. */
#ifndef OURO_SOURCE_H
#define OURO_SOURCE_H
#include "ouro/events.h"
#include "ouro/fetch.h"
OURO_BEGIN

typedef struct ouro_source ouro_source;

typedef struct ouro_source_opts {
	const char       *url;       /* "http://example.org/events" */
	const char       *unix_path; /* connect there; NULL: to the URL's host */
	const ouro_field *fields;    /* of each ask, as in ouro_fetch_opts; NULL: none */
	const char       *last_id;   /* heard already, by a run before this one; NULL: none */
	unsigned retry_ms;  /* before it asks again, until the server says how long; 0: 3 s */
	unsigned slower_ms; /* doubled with each failure in a row, up to this; 0: 60 s */
	unsigned silent_ms; /* no byte came, no comment either: lost; 0: 60 s; OURO_NEVER */
	size_t   event_max; /* bytes of an event as it is sent; 0: 1 MiB */
} ouro_source_opts;

/* An event, borrowed until it returns. `id`: the last that was said, NULL: none yet; `event` NULL:
 * it has no type; retry_ms is not filled in. Data is what was sent: not looked at for UTF-8. */
typedef void ouro_source_fn(ouro_source *source, const ouro_event *event, void *arg);

/* The answer has begun. And: there is none, or no more of it. err: OURO_EOF: the server has ended
 * it; OURO_EBUSY: it answered 408, 425, 429 or 5xx; OURO_ETIMEOUT, -ECONNREFUSED and what else a
 * fetch ends with. It asks again after again_ms: as long as the server's Retry-After (an hour at
 * most), if that is longer. OURO_NEVER: it does not, and closes itself: 204 (OURO_EOF), another
 * status or no text/event-stream (OURO_EPROTO), an event beyond event_max (OURO_ETOOBIG), no URL or
 * field (-EINVAL), https (-EPROTONOSUPPORT), no memory for a timer (-ENOMEM). */
typedef void ouro_source_open_fn(ouro_source *source, void *arg);
typedef void ouro_source_lost_fn(ouro_source *source, int err, unsigned again_ms, void *arg);

/* Asks, and goes on until it is closed; what opts point to is copied. fn is called once for each
 * event, never before this returns. 0; -EINVAL: no url; -ENOMEM; OURO_ECLOSED. All else comes
 * through on_lost. */
OURO_API int ouro_source_open(ouro_loop *loop, const ouro_source_opts *opts, ouro_source_fn *fn,
			      void *arg, ouro_source **ret_source) OURO_MUST_CHECK;

OURO_API void ouro_source_on_open(ouro_source *source, ouro_source_open_fn *fn);
OURO_API void ouro_source_on_lost(ouro_source *source, ouro_source_lost_fn *fn);

/* What it would say that it has heard, borrowed until the next event; NULL: nothing. The status of
 * the last answer; 0: none has come. */
OURO_API const char *ouro_source_last_id(const ouro_source *source);
OURO_API int         ouro_source_status(const ouro_source *source);

/* At once, at any moment; takes NULL. Then on_close, with arg. */
OURO_API void ouro_source_close(ouro_source *source);
OURO_API void ouro_source_on_close(ouro_source *source, ouro_close_fn *fn);

OURO_API ouro_loop *ouro_source_loop(const ouro_source *source);

/* Whether it keeps the loop alive; a new one does, and while an ask is out it does in any case. */
OURO_API void ouro_source_hold(ouro_source *source, bool hold);
OURO_END
#endif
