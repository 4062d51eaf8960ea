/* timer.c -- tokens, the heap, and the timer phase. See timer.h and ouro/timer.h.
 *
 * Order is (deadline, start). A timer started inside the phase has a deadline that is not before
 * the phase's clock, and a later start than all that are due: so it can never come before one of
 * them, and the phase ends where it meets the first of its own making. */
#include "loop/timer.h"
#include "base/alloc.h"
#include "base/count.h"
#include "loop/call.h"
#include "loop/loop.h"
#include <errno.h>

#define WIDTH      4
#define FIRST_ROOM 64

/* The allocator's large blocks begin 16 bytes behind a page: with two nodes left out the four
 * children of a node, 64 bytes, are one line of the cache. */
#define HEAP_PAD 2

/* A turn that took longer before its timers was held up. */
#define HELD_UP NS_PER_MS

void ouro__timers_init(struct timers *timers)
{
	ouro__slab_init(&timers->slab, sizeof(struct timer));
}

void ouro__timers_free(struct timers *timers)
{
	ouro__slab_free(&timers->slab);
	ouro__free(timers->heap_given);
	ouro__free(timers->place);
}

/* The heap. */

static struct timer *timer_of(const struct timers *timers, struct timer_node node)
{
	return (struct timer *)slab_nth(&timers->slab, timer_node_index(node));
}

static inline struct timer_node node_of(const struct timer *timer)
{
	return (struct timer_node){ .at = timer->deadline,
				    .tail = timer->order << SLAB_INDEX_BITS |
					    slab_index(timer->record.id) };
}

static inline bool is_before(struct timer_node a, struct timer_node b)
{
	return (a.at < b.at) | ((a.at == b.at) & (a.tail < b.tail));
}

static inline void put(struct timers *timers, uint32_t n, struct timer_node node)
{
	timers->heap[n] = node;
	timers->place[timer_node_index(node)] = n;
}

static void sift_up(struct timers *timers, uint32_t n)
{
	struct timer_node node = timers->heap[n];

	while (n > 0) {
		uint32_t parent = (n - 1) / WIDTH;

		if (!is_before(node, timers->heap[parent]))
			break;
		put(timers, n, timers->heap[parent]);
		n = parent;
	}
	put(timers, n, node);
}

/* Of four children in a row, the first to come. Choices by arithmetic: no branch could be
 * predicted. */
static inline uint32_t first_of_four(const struct timer_node *heap, uint32_t n)
{
	uint32_t left = n + is_before(heap[n + 1], heap[n]);
	uint32_t right = n + 2 + is_before(heap[n + 3], heap[n + 2]);

	return is_before(heap[right], heap[left]) ? right : left;
}

static uint32_t first_child(const struct timers *timers, uint32_t n)
{
	uint32_t best = n * WIDTH + 1;
	uint32_t end = best + WIDTH;

	if (end <= timers->count) {
		/* The next level is fetched while this one is looked at. */
		for (uint32_t line = 0; line < WIDTH; line++)
			__builtin_prefetch(&timers->heap[best * WIDTH + 1 + line * WIDTH]);
		return first_of_four(timers->heap, best);
	}
	for (uint32_t child = best + 1; child < timers->count; child++)
		if (is_before(timers->heap[child], timers->heap[best]))
			best = child;
	return best;
}

/* All the way down first and then up to where it belongs: what is sifted down comes from the bottom
 * most often, and asking at every level whether it has arrived costs more than going too far. */
static void sift_down(struct timers *timers, uint32_t n)
{
	struct timer_node node = timers->heap[n];

	while (n * WIDTH + 1 < timers->count) {
		uint32_t child = first_child(timers, n);

		put(timers, n, timers->heap[child]);
		n = child;
	}
	timers->heap[n] = node;
	sift_up(timers, n);
}

static void take_out(struct timers *timers, uint32_t n)
{
	struct timer_node last = timers->heap[timers->count - 1];

	count_set32(&timers->count, timers->count - 1);
	if (n == timers->count)
		return;
	put(timers, n, last);
	if (n > 0 && is_before(last, timers->heap[(n - 1) / WIDTH]))
		sift_up(timers, n);
	else
		sift_down(timers, n);
}

static int grow(void **array, uint32_t *room, uint32_t needed, size_t size)
{
	uint32_t wanted = *room ? *room : FIRST_ROOM;
	void *grown;

	if (needed <= *room)
		return 0;
	while (wanted < needed)
		wanted *= 2;
	grown = ouro__realloc(*array, wanted * size);
	if (!grown)
		return -ENOMEM;
	*array = grown;
	*room = wanted;
	return 0;
}

/* A record with a place kept for it in the heap: from then on nothing can go wrong. */
static struct timer *take_record(struct timers *timers)
{
	struct timer *timer = ouro__slab_take(&timers->slab);
	void *heap = timers->heap_given, *place = timers->place;
	int err;

	if (!timer)
		return NULL;
	err = grow(&heap, &timers->heap_room, timers->count + 1 + HEAP_PAD, sizeof(*timers->heap));
	timers->heap_given = heap;
	if (heap)
		timers->heap = timers->heap_given + HEAP_PAD;
	if (!err)
		err = grow(&place, &timers->place_room, timers->slab.made, sizeof(*timers->place));
	timers->place = place;
	if (err) {
		ouro__slab_give(&timers->slab, timer);
		return NULL;
	}
	return timer;
}

/* The tokens. */

static uint64_t span_of(uint64_t ms)
{
	return ms < UINT64_MAX / NS_PER_MS ? ms * NS_PER_MS : UINT64_MAX;
}

/* `never` rather than a wrap into the past. */
static uint64_t deadline_from(uint64_t start, uint64_t span)
{
	return span < UINT64_MAX - start ? start + span : UINT64_MAX;
}

static void start_at(struct timers *timers, struct timer *timer, uint64_t start)
{
	timer->deadline = deadline_from(start, timer->span);
	timer->order = ++timers->starts;
}

static struct timer *find(const ouro_loop *loop, ouro_timer timer)
{
	return slab_find(&loop->timers.slab, timer.id);
}

static ouro_timer make(ouro_loop *loop, uint64_t ms, bool repeats, ouro_task_fn *fn, void *arg)
{
	struct timers *timers = &loop->timers;
	struct timer *timer = loop->ending ? NULL : take_record(timers);

	if (!timer) {
		errno = loop->ending ? ECANCELED : ENOMEM;
		return (ouro_timer){ 0 };
	}
	timer->span = span_of(ms);
	timer->fn = fn;
	timer->arg = arg;
	timer->label = NULL;
	timer->repeats = repeats;
	timer->holds = true;
	start_at(timers, timer, loop_clock_ahead(loop));
	if (loop->origins)
		ouro__label_origin(&timer->label);
	timers->heap[timers->count] = node_of(timer);
	count_set32(&timers->count, timers->count + 1);
	sift_up(timers, timers->count - 1);
	loop_hold(loop);
	loop_touch(loop);
	return (ouro_timer){ timer->record.id };
}

ouro_timer ouro_timer_after(ouro_loop *loop, uint64_t ms, ouro_task_fn *fn, void *arg)
{
	return make(loop, ms, false, fn, arg);
}

ouro_timer ouro_timer_every(ouro_loop *loop, uint64_t ms, ouro_task_fn *fn, void *arg)
{
	return make(loop, ms, true, fn, arg);
}

/* Out of the heap and out of reach; the label is the caller's. */
static void end(struct ouro_loop *loop, struct timer *timer)
{
	struct timers *timers = &loop->timers;

	take_out(timers, timers->place[slab_index(timer->record.id)]);
	if (timer->holds)
		loop_release(loop);
	ouro__slab_give(&timers->slab, timer);
}

bool ouro_timer_stop(ouro_loop *loop, ouro_timer token)
{
	struct timer *timer = find(loop, token);
	struct label *label;

	if (!timer)
		return false;
	label = timer->label;
	end(loop, timer);
	ouro__lag_drop_label(loop, label);
	loop_touch(loop); /* a host may have to learn that nothing is left */
	return true;
}

bool ouro_timer_again(ouro_loop *loop, ouro_timer token)
{
	struct timer *timer = find(loop, token);

	if (!timer)
		return false;
	start_at(&loop->timers, timer, loop_clock_ahead(loop));
	return true;
}

bool ouro_timer_hold(ouro_loop *loop, ouro_timer token, bool hold)
{
	struct timer *timer = find(loop, token);

	if (!timer)
		return false;
	if (timer->holds != hold) {
		timer->holds = hold;
		if (hold)
			loop_hold(loop);
		else
			loop_release(loop);
		loop_touch(loop);
	}
	return true;
}

bool ouro_timer_set_name(ouro_loop *loop, ouro_timer token, const char *name)
{
	struct timer *timer = find(loop, token);

	return timer && !ouro__label_name(&timer->label, name);
}

uint64_t ouro_timer_left(const ouro_loop *loop, ouro_timer token)
{
	const struct timer *timer = find(loop, token);
	uint64_t now = loop->is_virtual ? loop->virtual_now : clock_ns();

	if (!timer)
		return UINT64_MAX;
	return timer->deadline > now ? timer->deadline - now : 0;
}

/* The phase. */

static void put_right(struct timers *timers, const struct timer *timer)
{
	timers->heap[0] = node_of(timer);
	sift_down(timers, 0);
}

/* The timer that comes next, if it is due by now. */
static struct timer *top(struct timers *timers, uint64_t now)
{
	while (timers->count && timers->heap[0].at <= now) {
		struct timer_node node = timers->heap[0];
		struct timer *timer = timer_of(timers, node);

		if (!is_before(node, node_of(timer)))
			return timer;
		put_right(timers, timer); /* it was restarted since */
	}
	return NULL;
}

uint64_t ouro__timers_deadline(struct timers *timers)
{
	struct timer *timer = top(timers, UINT64_MAX);

	return timer ? timer->deadline : UINT64_MAX;
}

/* Before the callback: it may stop the timer, restart it, or make a thousand others. */
static void settle(struct ouro_loop *loop, struct timer *timer)
{
	struct timers *timers = &loop->timers;

	if (timer->repeats) {
		start_at(timers, timer, loop->lag.stamp);
		put_right(timers, timer);
	} else {
		end(loop, timer);
	}
}

/* The records of those that may be next come out of memory while this one is called. */
static void fetch_next(const struct timers *timers)
{
	for (uint32_t n = 0; n <= WIDTH && n < timers->count; n++)
		__builtin_prefetch(timer_of(timers, timers->heap[n]));
}

static void fire(struct ouro_loop *loop, struct timer *timer)
{
	struct timer was = *timer;

	hist_add(&loop->lag.late_ns, loop->lag.stamp - was.deadline, 1);
	settle(loop, timer);
	fetch_next(&loop->timers);
	call_begin(loop, OURO_PHASE_TIMERS, CALL_FN(was.fn), (struct cause){ "timer", -1, NULL },
		   was.label);
	loop->lag.call.orphan = was.repeats ? NULL : was.label;
	was.fn(loop, was.arg);
	call_end(loop);
}

/* May this time-out be believed? Not when it ran out while a callback held this turn up: the data
 * that it waits for may have come meanwhile, and the next poll, which does not wait, looks at that
 * first. */
static bool is_credible(const struct ouro_loop *loop, const struct timer *timer, uint64_t now)
{
	uint64_t polled = loop->lag.awake;

	return now - polled < HELD_UP || timer->deadline <= polled ||
	       timer->order > loop->turn_starts;
}

void ouro__timer_phase(struct ouro_loop *loop)
{
	uint64_t now, starts = loop->timers.starts;
	struct timer *timer;

	if (!loop->timers.count)
		return;
	now = call_now(loop);
	while ((timer = top(&loop->timers, now)) && timer->order <= starts) {
		if (!is_credible(loop, timer, now))
			break;
		fire(loop, timer);
		if (loop_turn_is_over(loop))
			break;
	}
}
