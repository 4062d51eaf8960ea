/* worst.c -- see worst.h. */
#include "loop/worst.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ouro__worst_init(struct worst *worst)
{
	pthread_mutex_init(&worst->lock, NULL);
}

void ouro__worst_end(struct worst *worst)
{
	pthread_mutex_destroy(&worst->lock);
}

/* A copy that was cut short has its zeros all the same: no string reaches its array's last byte. */
void ouro__worst_after_fork(struct worst *worst)
{
	pthread_mutex_init(&worst->lock, NULL);
	worst->now.ongoing = false;
}

ouro_lag ouro__block_lag(const struct block *block, const char *frames[BLOCK_FRAMES])
{
	const char *name = block->stack;

	for (unsigned i = 0; i < block->depth; i++) {
		frames[i] = name;
		name += strlen(name) + 1;
	}
	return (ouro_lag){ .who = block->who,
			   .doing = block->doing,
			   .ns = block->ns,
			   .calls = block->calls,
			   .missed = block->missed,
			   .ongoing = block->ongoing,
			   .began = block->began,
			   .route = block->route,
			   .origin = block->origin,
			   .stack = frames,
			   .depth = block->depth,
			   .waiting = block->waiting };
}

/* The row of that name, or a free one, or the last. */
static struct blame *find_blame(struct blame *blames, const char *name)
{
	struct blame *others = &blames[BLAMES - 1];

	for (struct blame *blame = blames; blame < others; blame++) {
		if (!blame->count)
			snprintf(blame->name, sizeof(blame->name), "%s", name);
		if (!strcmp(blame->name, name))
			return blame;
	}
	snprintf(others->name, sizeof(others->name), "others");
	return others;
}

static void add_blame(struct blame *blames, const char *name, uint64_t ns)
{
	struct blame *blame = find_blame(blames, name);

	blame->count++;
	blame->ns += ns;
	if (ns > blame->max_ns)
		blame->max_ns = ns;
}

static void insert(struct worst *worst, const struct block *block)
{
	unsigned at = worst->count < WORST ? worst->count++ : WORST - 1;

	if (at == WORST - 1 && worst->block[at].ns > block->ns)
		return;
	for (; at && worst->block[at - 1].ns < block->ns; at--)
		worst->block[at] = worst->block[at - 1];
	worst->block[at] = *block;
	worst->block[at].ongoing = false;
}

void ouro__worst_add(struct worst *worst, const struct block *block)
{
	pthread_mutex_lock(&worst->lock);
	insert(worst, block);
	add_blame(worst->blame[OURO_BY_FUNCTION], block->who, block->ns);
	if (block->route[0])
		add_blame(worst->blame[OURO_BY_ROUTE], block->route, block->ns);
	pthread_mutex_unlock(&worst->lock);
}

void ouro__worst_now(struct worst *worst, const struct block *block)
{
	pthread_mutex_lock(&worst->lock);
	if (block->ongoing)
		worst->now = *block;
	worst->now.ongoing = block->ongoing;
	pthread_mutex_unlock(&worst->lock);
}

/* ---- Reading: a copy each, so that no lock is held while the user is called ---- */

static void tell(const struct block *block, ouro_loop *loop, ouro_lag_fn *fn, void *arg)
{
	const char *frames[BLOCK_FRAMES];
	ouro_lag lag = ouro__block_lag(block, frames);

	fn(loop, &lag, arg);
}

/* The nth of a listing that began when `first` was the order of them; false: it has been pushed out
 * since. */
static bool copy_block(struct worst *worst, uint64_t began, struct block *ret_block)
{
	bool found = false;

	pthread_mutex_lock(&worst->lock);
	for (unsigned i = 0; i < worst->count && !found; i++) {
		found = worst->block[i].began == began;
		if (found)
			*ret_block = worst->block[i];
	}
	pthread_mutex_unlock(&worst->lock);
	return found;
}

size_t ouro__worst_each(struct worst *worst, ouro_loop *loop, ouro_lag_fn *fn, void *arg)
{
	uint64_t began[WORST];
	struct block block;
	size_t told = 0, n;

	pthread_mutex_lock(&worst->lock);
	n = worst->count;
	for (size_t i = 0; i < n; i++)
		began[i] = worst->block[i].began;
	block = worst->now;
	pthread_mutex_unlock(&worst->lock);
	if (!fn)
		return n + block.ongoing;
	if (block.ongoing) {
		tell(&block, loop, fn, arg);
		told++;
	}
	for (size_t i = 0; i < n; i++) {
		if (!copy_block(worst, began[i], &block))
			continue;
		tell(&block, loop, fn, arg);
		told++;
	}
	return told;
}

static int compare_blames(const void *a, const void *b)
{
	const struct blame *one = a, *other = b;

	return (one->ns < other->ns) - (one->ns > other->ns);
}

size_t ouro__blame_each(struct worst *worst, enum ouro_blame_by by, ouro_blame_fn *fn, void *arg)
{
	struct blame blames[BLAMES];
	size_t n = 0;

	if ((unsigned)by > OURO_BY_ROUTE)
		return 0;
	pthread_mutex_lock(&worst->lock);
	for (size_t i = 0; i < BLAMES; i++)
		if (worst->blame[by][i].count)
			blames[n++] = worst->blame[by][i];
	pthread_mutex_unlock(&worst->lock);
	qsort(blames, n, sizeof(*blames), compare_blames);
	for (size_t i = 0; fn && i < n; i++)
		fn(&(ouro_blame){ blames[i].name, blames[i].count, blames[i].ns, blames[i].max_ns },
		   arg);
	return n;
}
