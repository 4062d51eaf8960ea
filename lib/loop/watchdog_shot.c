/* watchdog_shot.c -- one look at what holds the loop. See dog.h.
 *
 * The watchdog takes the loop's stack (sys/probe.h) and, in the same moment, what it was called for: a
 * signal's handler that runs on the loop's own thread may read what the loop has written down, since
 * nothing there is freed before its call has ended. */
#include "loop/dog.h"
#include "sys/fd.h"
#include "sys/probe.h"
#include <stdio.h>

/* ---- In the signal's handler, on the loop's thread ---- */

static size_t append(char *text, size_t used, size_t room, const char *more)
{
	for (; *more && used + 1 < room; more++)
		text[used++] = *more;
	text[used] = 0;
	return used;
}

static void append_number(char *text, size_t used, size_t room, int number)
{
	char digits[12], *at = digits + sizeof(digits) - 1;

	*at = 0;
	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	append(text, used, room, at);
}

static void copy_cause(struct shot *shot, struct cause cause)
{
	size_t used = append(shot->doing, 0, sizeof(shot->doing), cause.kind);

	if (!cause.thing && cause.number < 0)
		return;
	used = append(shot->doing, used, sizeof(shot->doing), " ");
	if (cause.thing)
		append(shot->doing, used, sizeof(shot->doing), cause.thing);
	else
		append_number(shot->doing, used, sizeof(shot->doing), cause.number);
}

static void copy_label(struct shot *shot, const struct label *label)
{
	if (!label)
		return;
	append(shot->name, 0, sizeof(shot->name), label->name ? label->name : "");
	shot->made_depth = label->depth;
	memcpy(shot->made, label->origin, (size_t)label->depth * sizeof(shot->made[0]));
}

void ouro__dog_handler(void *arg)
{
	struct watchdog *dog = arg;
	const struct ouro_loop *loop = dog->loop;
	const struct call *call = &loop->lag.call;
	struct shot *shot = &dog->shot;

	shot->stamp = count_read(&loop->lag.stamp);
	shot->asleep = dog->asleep;
	shot->turning = loop->turning;
	shot->fn = __atomic_load_n(&call->fn, __ATOMIC_RELAXED);
	shot->name[0] = shot->doing[0] = shot->route[0] = 0;
	shot->made_depth = 0;
	atomic_signal_fence(memory_order_acquire);
	if (!shot->fn)
		return;
	copy_cause(shot, call->cause);
	copy_label(shot, call->label);
	append(shot->route, 0, sizeof(shot->route), call->route ? call->route : "");
}

/* ---- Into words ---- */

/* A function that calls itself is there once: what matters is who called it first. */
static void say_stack(struct watchdog *dog, struct block *block, void **frames, int depth)
{
	const char *last = "";
	size_t used = 0;

	block->depth = 0;
	for (int i = 0; i < depth && block->depth < BLOCK_FRAMES; i++) {
		const char *at = (const char *)frames[i] - (i > 0); /* not where it returns to */
		const char *name = ouro__namebook_find(&dog->names, at);
		size_t len = strlen(name) + 1;

		if (!strcmp(name, last))
			continue;
		if (used + len > sizeof(block->stack))
			return;
		last = memcpy(block->stack + used, name, len);
		used += len;
		block->depth++;
	}
}

static void say_origin(struct watchdog *dog, struct block *block)
{
	const struct shot *shot = &dog->shot;
	size_t used = 0;

	block->origin[0] = 0;
	for (int i = 0; i < shot->made_depth; i++) {
		used = append(block->origin, used, sizeof(block->origin),
			      ouro__namebook_find(&dog->names, (const char *)shot->made[i] - 1));
		used = append(block->origin, used, sizeof(block->origin), "\n");
	}
}

/* Not in any callback of ours: a host's, or ouro itself between two of them. */
static void say_who(struct watchdog *dog, struct block *block, const void *fn, bool turning)
{
	const char *who = turning ? "ouro" : "host";

	if (fn)
		who = dog->shot.name[0] ? dog->shot.name : ouro__namebook_find(&dog->names, fn);
	snprintf(block->who, sizeof(block->who), "%s", who);
	snprintf(block->doing, sizeof(block->doing), "%s",
		 fn || turning ? dog->shot.doing : "a callback of its own");
	snprintf(block->route, sizeof(block->route), "%s", dog->shot.route);
	say_origin(dog, block);
}

/* Our own two that happen to be ready are nobody who waits. A host may have made a new one of its
 * own, without a word, and the number may be anybody's by now. */
static unsigned count_waiting(const struct watchdog *dog)
{
	const struct poll *poll = &dog->loop->poll;
	int backend = load(dog->backend_fd);
	bool known = backend >= 0 && (!poll->hosted || ouro__poll_is_backend(poll, backend));
	unsigned n = known ? ouro__fd_count_ready(backend) : 0;
	unsigned own = n ? (unsigned)ouro__fd_is_readable(poll->wake_fd) +
				       (unsigned)ouro__fd_is_readable(poll->alarm_fd)
			 : 0;

	return n > own ? n - own : 0;
}

bool ouro__dog_shoot(struct watchdog *dog)
{
	const struct lag *lag = &dog->loop->lag;
	struct block *block = &dog->now;
	void *frames[PROBE_FRAMES];
	bool hosted = dog->outer_since || dog->loop->poll.hosted, turning = !hosted;
	uint64_t stamp = count_read(&lag->stamp);
	const void *fn = __atomic_load_n(&lag->call.fn, __ATOMIC_RELAXED);
	int depth = 0;

	memset(&dog->shot, 0, sizeof(dog->shot));
	block->waiting = count_waiting(dog);
	if (dog->probe >= 0)
		depth = ouro__probe_take(dog->probe, load(dog->tid), dog->patience, frames);
	if (depth) {
		fn = dog->shot.fn;
		turning = dog->shot.turning || !hosted;
	}
	if (count_read(&lag->stamp) != stamp || load(dog->asleep) != (dog->outer_since != 0))
		return false;
	if (depth && (dog->shot.stamp != stamp || dog->shot.asleep != (dog->outer_since != 0)))
		return false;
	ouro__namebook_refresh(&dog->names);
	say_who(dog, block, fn, turning);
	say_stack(dog, block, frames, depth);
	return true;
}
