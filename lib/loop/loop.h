/* loop.h -- what a loop is made of.
 *
 * Each part has a file of its own and is changed by that file alone; the other files of this floor
 * read it. The floors above see only the functions declared beside the parts. */
#ifndef OURO__LOOP_H
#define OURO__LOOP_H
#include "base/list.h"
#include "base/log.h"
#include "loop/lag.h"
#include "loop/poll.h"
#include "loop/task.h"
#include "loop/timer.h"
#include "loop/trace.h"
#include "ouro/loop.h"
#include "sys/clock.h"
#include "sys/glance.h"

struct signals;
struct listing;
struct watchdog;
struct label;

/* A part of a higher floor that lives as long as the loop: a pool, a cache. */
struct attachment {
	struct list link;
	const void *kind; /* an address of its own, to find it by */
	void (*drain)(struct attachment
			      *attachment); /* the loop ends: call back for what is out; or NULL */
	void (*list)(struct attachment *attachment,
		     struct listing *listing);            /* active.c; or NULL */
	void (*end)(struct attachment *attachment);       /* then: free */
	int (*after_fork)(struct attachment *attachment); /* 0 or -errno; or NULL */
};

/* The threads that a loop's pool will have, as the options say. */
struct pool_wishes {
	unsigned threads;
	unsigned queue; /* UINT_MAX: any number */
	size_t stack;
};

/* Who watches, as the options say. */
struct watch_wishes {
	unsigned ms; /* 0: nobody, unless the loop is a program's */
	int signo;
	unsigned stuck_ms;
	enum ouro_stuck stuck;
	ouro_lag_fn *on_held, *on_stuck;
};

struct ouro_loop {
	uint32_t magic;
	bool turning; /* inside a turn: a user's callback may be running */
	bool fresh;   /* the next turn begins with the timers */
	bool stopped; /* ouro_loop_stop() was called and not yet obeyed */
	bool ending;  /* ouro_loop_free() was called in a turn, or is at work: nothing new */
	bool is_virtual;
	bool origins; /* OURO_ORIGINS=1: handles remember who made them */
	int stop_code;
	size_t held;  /* how many things keep the loop alive */
	size_t holds; /* how many of them are ouro_loop_hold()s */
	size_t away;  /* what other threads owe us: the virtual clock waits for it */
	uint64_t virtual_now;
	struct quick_clock quick;
	uint64_t turn_began;
	uint64_t turn_starts; /* timers.starts then: what was started later is this turn's own */
	uint64_t turn_ns;     /* a turn longer than this leaves the rest to the next; 0: never */

	struct lag lag;
	struct poll poll;
	struct tasks tasks;
	struct timers timers;
	struct list handles; /* open ones */
	struct list closing; /* closed ones that wait for the close phase */
	struct list parked;  /* closed ones that wait for an operation to end */
	struct list attachments;
	struct list flushes; /* flush.h: to be done at the end of the turn */
	bool expects;        /* an answer that may come at once: loop_expect() */
	struct glance glance;
	struct pool_wishes pool_wishes;
	struct watch_wishes watch_wishes;
	struct watchdog *watchdog; /* NULL: there is none */
	struct trace *trace;       /* NULL: nobody keeps records */
	uint64_t handle_count;     /* both kinds */
	struct signals *signals;   /* NULL: this loop watches none */

	struct log log;
	ouro_lag_fn *on_lag;
	void *arg;
};

#define LOOP_MAGIC 0x6f75726fu

/* The time now, or a little before: for what has happened. */
static inline uint64_t loop_clock(struct ouro_loop *loop)
{
	return loop->is_virtual ? loop->virtual_now : clock_past(&loop->quick);
}

/* The time now, or a little later: for what is to happen, so that it is never early. */
static inline uint64_t loop_clock_ahead(struct ouro_loop *loop)
{
	return loop->is_virtual ? loop->virtual_now : clock_future(&loop->quick);
}

/* One more, or one less, thing that keeps the loop alive. */
static inline void loop_hold(struct ouro_loop *loop)
{
	if (loop->held++ == 0)
		ouro__poll_hold(&loop->poll, true);
}

static inline void loop_release(struct ouro_loop *loop)
{
	if (--loop->held == 0)
		ouro__poll_hold(&loop->poll, false);
}

/* Something was asked of the loop: a foreign host that polls our descriptor must see it ready.
 * Inside a turn that is the turn's own business. */
static inline void loop_touch(struct ouro_loop *loop)
{
	if (!loop->turning)
		ouro__poll_kick(&loop->poll);
}

/* A thread or a process was asked for something, and may answer at once: the loop of its own looks out for
 * that a little before it sleeps. */
static inline void loop_expect(struct ouro_loop *loop)
{
	loop->expects = true;
}

/* Has this turn used up its time? Asked by a phase between two callbacks. */
static inline bool loop_turn_is_over(const struct ouro_loop *loop)
{
	return loop->turn_ns && loop->lag.stamp - loop->turn_began >= loop->turn_ns;
}

/* Is there work that must not wait for an event? */
bool ouro__loop_is_busy(const struct ouro_loop *loop);

/* Must the next poll come back at once? */
bool ouro__loop_cannot_wait(const struct ouro_loop *loop);

/* Is anything left that could call back? */
bool ouro__loop_is_alive(const struct ouro_loop *loop);

/* One turn, from the end of a poll on; how many callbacks it ran. Whoever calls it asks the next
 * function before anything else. */
uint64_t ouro__turn(struct ouro_loop *loop);

/* Did a callback of the turn ask for the loop to be freed? Then it is. */
bool ouro__loop_ended(struct ouro_loop *loop);

/* The close phase; ouro_loop_free() runs it too. */
void ouro__close_phase(struct ouro_loop *loop);

/* One more thing that keeps the loop alive: for attachment.list. name or callee may be NULL. */
void ouro__active_tell(struct listing *listing, const char *kind, const char *name,
		       const void *callee);

/* The attachment of that kind, or NULL. */
struct attachment *ouro__loop_attached(const struct ouro_loop *loop, const void *kind);

/* All that ouro_loop_free() does, outside a turn. */
void ouro__loop_end(struct ouro_loop *loop);
#endif
