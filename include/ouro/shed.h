/* shed.h -- overload: saying no at once to some, so that the others are answered in time.
 *
 *     static const ouro_shed_opts shed = { .requests_max = 500, .lag_ms = 200 };
 *     ...
 *     ouro_http_listen(loop, &(ouro_http_opts){ .routes = routes, .shed = &shed }, &server);
 *
 * A server that takes more than it can do gets slower for everybody, until nobody has an answer
 * while it is still wanted. With marks it takes no more than it can do: what comes above them is
 * shed, which means answered 503 with Retry-After as soon as its head is there. No handler is
 * called and no body is read; one that is no longer than unread_max is let pass, so that the
 * connection can stay, and a longer one ends the connection behind the answer.
 *
 * Each mark has a lower one beside it. Shedding begins when one measure is at its mark (of requests:
 * with the one that is too many), and ends when every measure is at its lower one or below. Requests
 * are counted exactly, at each request; the other measures are looked at ten times a second, and
 * only while requests come: a server that nobody asks does not wake the loop. While it sheds it goes
 * on looking, so that it finds out that it has recovered although it does nothing.
 *
 * Lines of a table that say no_shed are never shed, nor counted: metrics, long polls, event streams
 * (a browser takes a 503 for the end of one, and does not come back). The handlers of health.h are
 * never shed anywhere. Whoever has no marks pays nothing for it, who has some a comparison a
 * request. All of it on the loop's thread. */
#ifndef OURO_SHED_H
#define OURO_SHED_H
#include "ouro/http.h"
OURO_BEGIN

/* How much waits in something of yours: a queue, the connections of a data base; a crew, for which
 * there is ouro_crew_waiting() (crew.h). Asked when it is looked at, so it should be a number that
 * is there already; must not close anything. */
typedef uint64_t ouro_depth_fn(ouro_loop *loop, void *arg);

typedef struct ouro_depth {
	const char    *name; /* "crew": what the log and `why` call it */
	ouro_depth_fn *fn;
	void          *arg;
	uint64_t       max; /* its mark; 1 or more */
	uint64_t       low; /* 0: half of max */
} ouro_depth;

typedef struct ouro_shed_state {
	bool        shedding;
	const char *why; /* what began it last: "requests", "lag", "pool", or a depth's name; "" */
	uint64_t    value;    /* of that, when it began: how many; of lag: ms */
	uint64_t    mark;     /* that it was at */
	uint64_t    requests; /* taken and not answered, now */
	uint64_t    lag_ns;   /* when it was looked at last */
	uint64_t    shed;     /* requests, in the server's life */
	uint64_t    times;    /* that it began */
} ouro_shed_state;

/* Shedding has begun, or has ended. At the end of the turn; at most ten times a second. The log is
 * told as well: a warning, and when it is over a note. */
typedef void ouro_shed_fn(ouro_server *server, const ouro_shed_state *state, void *arg);

/* At least one mark. Copied; the depths are kept by address. */
typedef struct ouro_shed_opts {
	/* Requests that were taken and are not answered yet: their handler has them, or their body is
	 * on the way. WebSockets and event streams that have begun are none. 0: any number. */
	unsigned requests_max;
	unsigned requests_low; /* 0: half of requests_max */

	/* How long a byte that comes now waits for the loop, in milliseconds: the length of the turn
	 * that it would have come into, on average over the time since the last look (a loop that
	 * sleeps keeps nobody waiting: 0), or how late that look itself is, if that is more; the half
	 * of it, and half of what it was before. One long callback is forgotten by half each look. 0:
	 * any. */
	unsigned lag_ms;
	unsigned lag_low_ms; /* 0: half of lag_ms */

	/* Operations that wait in the lanes of the loop's pool. 0: any number. */
	unsigned pool_max;
	unsigned pool_low; /* 0: half of pool_max */

	const ouro_depth *depths; /* the last has no fn; NULL: none. Kept by address */

	unsigned      look_ms;       /* between two looks; 0: 100 */
	unsigned      retry_after_s; /* what Retry-After says, in seconds; 0: 1 */
	ouro_shed_fn *on_shed;       /* gets the server's arg; NULL: not wanted */
} ouro_shed_opts;

/* False for a server without marks. */
OURO_API bool ouro_server_is_shedding(const ouro_server *server);
OURO_API void ouro_server_get_shed(const ouro_server *server, ouro_shed_state *ret_state);
OURO_END
#endif
