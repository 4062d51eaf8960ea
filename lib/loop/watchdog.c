/* watchdog.c -- the watchdog's thread. See watchdog.h and dog.h.
 *
 * While the loop is held it is looked at (watchdog_shot.c), and again after twice the time, four times,
 * and so on: for what it is at by then.
 *
 * When the call is over the loop asks for names anyway (lag.c), and asks the watchdog where there is
 * one: that is where what was seen meets how long it took, and goes to the user and into the list of
 * the worst. A block is known by the loop's stamp when it began.
 *
 * Sleeping and ringing: the loop says "awake" and then looks whether the watchdog is drowsy; that one
 * says "drowsy", and then looks whether the loop is awake. With both on their way at once neither may
 * see the other, so the watchdog sleeps one more interval before the one that has no end. A store
 * that has not arrived by then there is not. */
#include "loop/dog.h"
#include "sys/fd.h"
#include "sys/wake.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- To the user ---- */

static void call_user(struct watchdog *dog, ouro_lag_fn *fn)
{
	const char *frames[BLOCK_FRAMES];
	ouro_lag lag = ouro__block_lag(&dog->now, frames);

	fn(dog->loop, &lag, dog->arg);
}

static void tell_held(struct watchdog *dog, uint64_t now)
{
	if (!dog->on_held || !voice_may(&dog->voice, now))
		return;
	dog->now.missed = voice_take(&dog->voice);
	call_user(dog, dog->on_held);
}

static void tell_stuck(struct watchdog *dog)
{
	ouro_lag_fn *fn = dog->on_stuck ? dog->on_stuck : dog->on_held;

	dog->told_stuck = true;
	if (fn)
		call_user(dog, fn);
	if (dog->aborts)
		abort();
}

/* ---- A block: its beginning, its going on, its end ---- */

static void begin(struct watchdog *dog, uint64_t stamp, uint64_t now)
{
	memset(&dog->now, 0, sizeof(dog->now));
	dog->now.began = stamp;
	dog->now.ns = now - stamp;
	dog->now.calls = 1;
	dog->told_stuck = false;
	dog->next_shot = 2 * (now - stamp);
	if (!ouro__dog_shoot(dog))
		return;
	dog->now.ongoing = true;
	ouro__worst_now(&dog->worst, &dog->now);
	tell_held(dog, now);
}

static void go_on(struct watchdog *dog, uint64_t now)
{
	struct block *block = &dog->now;

	block->ns = now - block->began;
	if (block->ns >= dog->next_shot) {
		dog->next_shot = 2 * block->ns;
		if (!ouro__dog_shoot(dog))
			return;
	}
	ouro__worst_now(&dog->worst, block);
}

/* What the loop never tells of, since it was in none of its callbacks, is kept as it was seen. */
static void keep(struct watchdog *dog, struct caught *caught)
{
	if (!caught->block.began || caught->added)
		return;
	ouro__worst_add(&dog->worst, &caught->block);
	caught->added = true;
}

static void finish(struct watchdog *dog)
{
	struct caught *caught;

	if (!dog->now.ongoing)
		return;
	dog->now.ongoing = false;
	ouro__worst_now(&dog->worst, &dog->now);
	caught = &dog->caught[dog->next_caught++ % CAUGHT];
	keep(dog, caught);
	*caught = (struct caught){ .turns = count_read(&dog->loop->lag.turns), .block = dog->now };
}

static void keep_old(struct watchdog *dog)
{
	uint64_t turns = count_read(&dog->loop->lag.turns);

	for (unsigned i = 0; i < CAUGHT; i++)
		if (turns > dog->caught[i].turns + 1)
			keep(dog, &dog->caught[i]);
}

/* It is held since `stamp`; when to look again. */
static uint64_t hold(struct watchdog *dog, uint64_t stamp, uint64_t since, uint64_t now)
{
	uint64_t next = now + dog->limit / 2;

	if (dog->now.ongoing && dog->now.began != stamp)
		finish(dog);
	if (dog->now.ongoing)
		go_on(dog, now);
	else
		begin(dog, stamp, now);
	if (!dog->now.ongoing || dog->told_stuck || dog->stuck_after == FOREVER)
		return next;
	if (now - since >= dog->stuck_after)
		tell_stuck(dog);
	else if (since + dog->stuck_after < next)
		next = since + dog->stuck_after;
	return next;
}

/* ---- When the loop's names are asked for ---- */

static struct caught *find_caught(struct watchdog *dog, uint64_t began)
{
	for (unsigned i = 0; i < CAUGHT; i++)
		if (dog->caught[i].block.began == began)
			return &dog->caught[i];
	return NULL;
}

/* What was seen of it, and what the loop says of it: the loop knows better. */
static void meet(struct watchdog *dog, struct lag_namer *namer, unsigned i)
{
	const struct lag_report *report = namer->report[i];
	struct caught *caught = find_caught(dog, report->began);
	struct block *seen = &dog->seen[i];
	bool added = caught && caught->added;

	if (caught) {
		*seen = caught->block;
		*caught = (struct caught){ .turns = 0 };
	} else {
		memset(seen, 0, sizeof(*seen));
		snprintf(seen->route, sizeof(seen->route), "%s", report->route);
	}
	seen->began = report->began;
	seen->ns = report->ns;
	seen->calls = report->calls;
	snprintf(seen->who, sizeof(seen->who), "%s", report->named ? report->who : namer->name[i]);
	snprintf(seen->doing, sizeof(seen->doing), "%s", report->doing);
	if (!added && seen->ns >= dog->limit)
		ouro__worst_add(&dog->worst, seen);
}

static void serve(struct watchdog *dog)
{
	struct lag_namer *namer = &dog->loop->lag.namer;
	int wake_fd;

	if (!load(dog->asked))
		return;
	store(dog->asked, false);
	wake_fd = namer->wake_fd;
	if (dog->now.ongoing && dog->now.began != count_read(&dog->loop->lag.stamp))
		finish(dog);
	ouro__namebook_refresh(&dog->names);
	for (unsigned i = 0; i < namer->count; i++) {
		const void *fn = namer->fn[i];

		snprintf(namer->name[i], LAG_NAME_ROOM, "%s",
			 fn ? ouro__namebook_find(&dog->names, fn) : "host");
		meet(dog, namer, i);
	}
	atomic_store(&namer->done, true);
	ouro__wake_ring(wake_fd);
	atomic_store(&namer->gone, true);
}

/* ---- Looking ---- */

/* The loop rests. One that turned since the last look is looked at again soon; one that did not is
 * left alone, until it rings. */
static uint64_t rest(struct watchdog *dog, uint64_t now)
{
	uint64_t wakes = count_read(&dog->wakes);

	if (wakes != dog->wakes_seen) {
		dog->wakes_seen = wakes;
		store(dog->drowsy, false);
		return now + dog->limit;
	}
	if (!load(dog->drowsy)) {
		store(dog->drowsy, true);
		return now + dog->limit;
	}
	return FOREVER;
}

/* The same where a host polls our descriptor. Nobody tells us when the host rests, but when our
 * descriptor is ready and no turn comes of it the host is held. */
static uint64_t rest_behind(struct watchdog *dog, uint64_t now)
{
	uint64_t wakes = count_read(&dog->wakes);

	if (wakes != dog->wakes_seen || !dog->outer_since ||
	    !ouro__fd_is_readable(load(dog->outer_fd))) {
		finish(dog);
		dog->outer_since = 0;
		dog->listens = wakes == dog->wakes_seen;
		dog->wakes_seen = wakes;
		return dog->listens ? FOREVER : now + dog->limit;
	}
	if (now - dog->outer_since < dog->limit)
		return dog->outer_since + dog->limit;
	store(dog->host_since, dog->outer_since);
	return hold(dog, dog->outer_since, dog->outer_since, now);
}

/* Answers when to look again. The clock is read before what it is compared with: a loop that goes
 * on meanwhile then looks younger, not older. */
static uint64_t look(struct watchdog *dog)
{
	const struct lag *lag = &dog->loop->lag;
	uint64_t now = clock_ns(), stamp, since;
	bool asleep = load(dog->asleep);

	if (dog->planned != FOREVER && now > dog->planned + dog->limit)
		dog->grace = now; /* we were stopped, and so perhaps was the loop */
	if (asleep && load(dog->outer_fd) >= 0)
		return rest_behind(dog, now);
	dog->outer_since = 0;
	if (asleep) {
		finish(dog);
		return rest(dog, now);
	}
	store(dog->drowsy, false);
	stamp = count_read(&lag->stamp);
	since = stamp > dog->grace ? stamp : dog->grace;
	if (dog->now.ongoing && dog->now.began != stamp)
		finish(dog);
	if (now < since + dog->limit)
		return since + dog->limit;
	return hold(dog, stamp, since, now);
}

static void sleep_until(struct watchdog *dog, uint64_t when)
{
	struct pollfd fds[2] = { { .fd = dog->bell_fd, .events = POLLIN },
				 { .fd = dog->listens ? load(dog->outer_fd) : -1,
				   .events = POLLIN } };
	uint64_t now = clock_ns(), left = when > now ? when - now : 0;
	struct timespec most = { (time_t)(left / NS_PER_S), (long)(left % NS_PER_S) };

	dog->planned = when > now ? when : now;
	if (ppoll(fds, 2, when == FOREVER ? NULL : &most, NULL) <= 0)
		return;
	dog->planned = FOREVER; /* not by the clock */
	if (fds[0].revents)
		ouro__wake_silence(dog->bell_fd);
	if (fds[1].revents) {
		dog->listens = false;
		dog->outer_since = clock_ns();
	}
}

void *ouro__dog_watch(void *arg)
{
	struct watchdog *dog = arg;

	while (!load(dog->ending)) {
		serve(dog);
		keep_old(dog);
		sleep_until(dog, look(dog));
	}
	serve(dog);
	return NULL;
}
