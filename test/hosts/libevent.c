/* libevent.c -- behind one descriptor, in libevent.
 *
 * libev.so exports libevent's names as well: the program must be linked -louro -levent -lev, or it
 * gets an event_base_dispatch() that returns at once. And ev.h must not be included here. */
#include "foreign.h"
#include <event2/event.h>
#include <sys/time.h>

static struct event_base *host;
static struct event *watcher;

static void take_turn(evutil_socket_t fd, short ready, void *loop)
{
	(void)fd, (void)ready;
	if (!ouro_loop_turn(loop))
		event_base_loopbreak(host);
}

static ouro_loop *loop_for_test(const ouro_loop_opts *opts)
{
	ouro_loop *loop = ouro_loop_new(opts);

	CHECK(loop != NULL);
	host = event_base_new();
	watcher = event_new(host, ouro_loop_fd(loop), EV_READ | EV_PERSIST, take_turn, loop);
	CHECK_EQ(event_add(watcher, NULL), 0);
	return loop;
}

struct call {
	void (*fn)(void *arg);
	void *arg;
};

static void make_call(evutil_socket_t fd, short ready, void *arg)
{
	struct call call = *(struct call *)arg;

	(void)fd, (void)ready;
	free(arg);
	call.fn(call.arg);
}

/* Not a time of 0: libevent would make the call before it polls again. */
static void call_from_host(void (*fn)(void *arg), void *arg)
{
	struct timeval soon = { .tv_usec = 1 };
	struct call *call = malloc(sizeof(*call));

	*call = (struct call){ fn, arg };
	CHECK_EQ(event_base_once(host, -1, EV_TIMEOUT, make_call, call, &soon), 0);
}

static void drive(ouro_loop *loop)
{
	(void)loop;
	CHECK_EQ(event_base_dispatch(host), 0);
}

static void done(ouro_loop *loop)
{
	event_free(watcher);
	ouro_loop_free(loop);
	event_base_free(host);
}

TEST(the_names_of_libevent_are_libevents_not_libevs)
{
	CHECK(event_get_version_number() >= 0x02000000);
}
