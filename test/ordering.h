/* ordering.h -- what runs before what, and what does not run at all: the same in every host.
 *
 * A program of test/hosts/ defines the three functions below for its kind of host and includes this
 * file, so each rule is tried in a loop of our own, inside libev, and behind a descriptor.
 * Clocks are virtual: no test waits, and none depends on how fast the machine is. Every scene
 * starts from a callback or from a timer that is not due yet, because how a run begins is for each
 * kind of host to say. */
#ifndef ORDERING_H
#define ORDERING_H
#include "kit.h"

/* A loop in the host at hand, turned until nothing is left, and freed with its host. `done` takes
 * NULL when the test has freed the loop. */
static ouro_loop *loop_for_test(const ouro_loop_opts *opts);
static void drive(ouro_loop *loop);
static void done(ouro_loop *loop);

static ouro_loop *new_loop(void)
{
	return loop_for_test(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
}

/* Handles that more than one callback of a scene must find. */
#define CROWD 4
static ouro_io *crowd[CROWD];
static ouro_io *to_be_closed;

/* An open handle that is never called and does not hold the loop; says its word when it is gone. */
static ouro_io *watch_nothing(ouro_loop *loop, int fd, const char *close_word)
{
	ouro_io *io = watch(loop, fd, 0, never, word(close_word));

	ouro_io_on_close(io, say_closed);
	ouro_io_hold(io, false);
	return io;
}

#include "hosts/order/io.h"
#include "hosts/order/life.h"
#include "hosts/order/random.h"
#include "hosts/order/share.h"
#include "hosts/order/tasks.h"
#include "hosts/order/timers.h"
#include "hosts/order/turn.h"
#endif
