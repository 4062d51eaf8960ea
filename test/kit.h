/* kit.h -- what the tests of the loop share: words, pipes, and callbacks that say a word.
 *
 * A test of an order lets every callback say a word and compares the whole sentence, so that what
 * must not happen is checked together with what must. */
#ifndef KIT_H
#define KIT_H
#include "ouro/error.h"
#include "ouro/io.h"
#include "ouro/loop.h"
#include "ouro/signal.h"
#include "ouro/timer.h"
#include "ouro/wake.h"
#include "test.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MS UINT64_C(1000000)

/* Between threads, the descriptor that an end reads from stays open until the other side has left, too.
 * libev, when it hears of one that it no longer watches, takes it out of its epoll: perhaps in the moment
 * in which the other thread closes it. It asks for nothing but that, and copes when it is gone; to
 * ThreadSanitizer it is a race. It looks for this function from outside the program. */
#ifdef __SANITIZE_THREAD__
OURO_API const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
	return "race:box_close\n";
}
#endif

/* The words said so far, a space between two. */
static char said[16384];

OURO_PRINTF(1, 2) static inline void say(const char *fmt, ...)
{
	size_t used = strlen(said);
	va_list args;

	CHECK(used + 64 < sizeof(said));
	if (used)
		said[used++] = ' ';
	va_start(args, fmt);
	vsnprintf(said + used, sizeof(said) - used, fmt, args);
	va_end(args);
}

/* A word on its way through the void pointer of a callback. */
static inline void *word(const char *w)
{
	return (void *)(uintptr_t)w;
}

static inline void say_task(ouro_loop *loop, void *arg)
{
	(void)loop;
	say("%s", (const char *)arg);
}

static inline void say_closed(void *arg)
{
	say("%s", (const char *)arg);
}

/* Something that says a word and nothing else, asked for in each of the ways there are. */
static inline ouro_timer after(ouro_loop *loop, uint64_t ms, const char *w)
{
	ouro_timer timer = ouro_timer_after(loop, ms, say_task, word(w));

	CHECK(timer.id != 0);
	return timer;
}

static inline ouro_timer every(ouro_loop *loop, uint64_t ms, const char *w)
{
	ouro_timer timer = ouro_timer_every(loop, ms, say_task, word(w));

	CHECK(timer.id != 0);
	return timer;
}

static inline void micro(ouro_loop *loop, const char *w)
{
	CHECK_EQ(ouro_loop_micro(loop, say_task, word(w)), 0);
}

static inline void macro(ouro_loop *loop, const char *w)
{
	CHECK_EQ(ouro_loop_macro(loop, say_task, word(w)), 0);
}

static inline void post(ouro_loop *loop, const char *w)
{
	CHECK_EQ(ouro_loop_post(loop, say_task, word(w)), 0);
}

/* The same with a function of the test's own, in the ways in which the test must not go wrong. */
static inline ouro_timer call_after(ouro_loop *loop, uint64_t ms, ouro_task_fn *fn, void *arg)
{
	ouro_timer timer = ouro_timer_after(loop, ms, fn, arg);

	CHECK(timer.id != 0);
	return timer;
}

static inline void call_macro(ouro_loop *loop, ouro_task_fn *fn, void *arg)
{
	CHECK_EQ(ouro_loop_macro(loop, fn, arg), 0);
}

static inline void call_micro(ouro_loop *loop, ouro_task_fn *fn, void *arg)
{
	CHECK_EQ(ouro_loop_micro(loop, fn, arg), 0);
}

/* A pipe: what is written to `in` can be read from `out`. */
struct tube {
	int out, in;
};

static inline struct tube tube_empty(void)
{
	int fd[2];

	CHECK_EQ(pipe2(fd, O_NONBLOCK | O_CLOEXEC), 0);
	return (struct tube){ fd[0], fd[1] };
}

static inline void tube_fill(struct tube tube)
{
	CHECK_EQ(write(tube.in, "x", 1), 1);
}

static inline struct tube tube_full(void)
{
	struct tube tube = tube_empty();

	tube_fill(tube);
	return tube;
}

static inline void drain(int fd)
{
	char bytes[256];

	while (read(fd, bytes, sizeof(bytes)) > 0)
		;
}

static inline void tube_close(struct tube tube)
{
	CHECK_EQ(close(tube.out), 0);
	CHECK_EQ(close(tube.in), 0);
}

static inline ouro_io *watch(ouro_loop *loop, int fd, unsigned events, ouro_io_fn *fn, void *arg)
{
	ouro_io *io = NULL;

	CHECK_EQ(ouro_io_open(loop, fd, events, fn, arg, &io), 0);
	CHECK(io != NULL);
	return io;
}

/* Says its word once and closes; leaves the bytes where they are. */
static inline void say_and_close(ouro_io *io, unsigned ready, void *arg)
{
	(void)ready;
	say("%s", (const char *)arg);
	ouro_io_close(io);
}

/* Says its word as often as there are bytes. */
static inline void say_and_drain(ouro_io *io, unsigned ready, void *arg)
{
	(void)ready;
	say("%s", (const char *)arg);
	drain(ouro_io_fd(io));
}

/* For a handle that must never be called. */
static inline void never(ouro_io *io, unsigned ready, void *arg)
{
	(void)io, (void)arg;
	say("[called with %u]", ready);
}

static inline void never_task(ouro_loop *loop, void *arg)
{
	(void)loop;
	say("[called: %s]", arg ? (const char *)arg : "");
}

static inline uint64_t real_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 * MS + (uint64_t)t.tv_nsec;
}

/* Small and the same on every machine; a seed is a test case. */
static inline uint32_t random_below(uint32_t *seed, uint32_t below)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed % below;
}
#endif
