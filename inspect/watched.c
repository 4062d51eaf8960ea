/* watched.c -- the program's watchers and their callbacks: who is active, who was called, how long
 * it took.
 *
 * While a watcher is active its callback is relay(), and the program's own is in a table beside the
 * watcher's address. What is stopped gets its own back. Entries stay: a program may put a callback
 * back that it has read from an active watcher, which was ours, and then the entry still knows. An
 * address is used again when a watcher's memory is, so the table grows no further than the program.
 *
 * A lock, because a program may have loops in several threads. */
#include "inspect.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef void relay_fn(struct ev_loop *loop, ev_watcher *w, int events);

struct entry {
	ev_watcher *watcher; /* NULL: free */
	relay_fn *own;
	int callback; /* the number of `own`; -1: none */
	bool counted; /* among the active ones */
};

struct inspect_facts inspect_facts;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct entry *entries;
static size_t room, used;

uint64_t inspect_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void hist_add(ouro_hist *hist, uint64_t value)
{
	unsigned bucket = value ? 64u - (unsigned)__builtin_clzll(value) : 0;

	hist->bucket[bucket < OURO_HIST_BUCKETS ? bucket : OURO_HIST_BUCKETS - 1]++;
	hist->count++;
	hist->sum += value;
	hist->max = value > hist->max ? value : hist->max;
}

/* What was active before we came, or in the parent, still is. */
void inspect_begin(void)
{
	struct inspect_facts *facts = &inspect_facts;

	facts->since = inspect_now();
	facts->lag_ns = (ouro_hist){ 0 };
	facts->busy_ns = 0;
	facts->block_count = 0;
	for (unsigned i = 0; i < facts->callback_count; i++)
		facts->callbacks[i].calls = facts->callbacks[i].total_ns =
			facts->callbacks[i].max_ns = 0;
}

void inspect_pass(uint64_t ns)
{
	hist_add(&inspect_facts.lag_ns, ns);
	inspect_facts.busy_ns += ns;
}

/* ---- Functions ---- */

/* "on_request" where the program shows its names, else "sniproxy+0x1f3a". */
static void name_callback(struct inspect_callback *callback)
{
	void *fn = (void *)(uintptr_t)callback->fn;
	const char *file, *slash;
	Dl_info info, self;

	if (!dladdr(fn, &info) || !dladdr(&inspect_facts, &self)) {
		snprintf(callback->name, sizeof(callback->name), "%p", fn);
		return;
	}
	slash = strrchr(info.dli_fname, '/');
	file = slash ? slash + 1 : info.dli_fname;
	callback->ours = info.dli_fbase == self.dli_fbase || !strncmp(file, "libev.so", 8);
	if (info.dli_sname && info.dli_saddr == fn)
		snprintf(callback->name, sizeof(callback->name), "%s", info.dli_sname);
	else
		snprintf(callback->name, sizeof(callback->name), "%.72s+0x%zx", file,
			 (size_t)((char *)fn - (char *)info.dli_fbase));
}

/* -1: too many, as when a program makes its functions while it runs; or no memory. */
static int callback_of(relay_fn *fn)
{
	struct inspect_facts *facts = &inspect_facts;
	const void *address = (const void *)(uintptr_t)fn;

	for (unsigned i = 0; i < facts->callback_count; i++)
		if (facts->callbacks[i].fn == address)
			return (int)i;
	if (facts->callback_count == INSPECT_CALLBACKS)
		return -1;
	facts->callbacks[facts->callback_count] = (struct inspect_callback){ .fn = address };
	name_callback(&facts->callbacks[facts->callback_count]);
	return (int)facts->callback_count++;
}

/* ---- Watchers ---- */

/* Where it is, or would be. */
static struct entry *slot_of(struct entry *table, size_t size, const ev_watcher *w)
{
	size_t at = (size_t)(((uintptr_t)w >> 3) * UINT64_C(0x9e3779b97f4a7c15) >> 20);

	while (table[at &= size - 1].watcher && table[at].watcher != w)
		at++;
	return &table[at];
}

static bool grow(void)
{
	size_t more = room ? room * 2 : 256;
	struct entry *grown = calloc(more, sizeof(*grown));

	if (!grown)
		return false;
	for (size_t i = 0; i < room; i++)
		if (entries[i].watcher)
			*slot_of(grown, more, entries[i].watcher) = entries[i];
	free(entries);
	entries = grown;
	room = more;
	return true;
}

static struct entry *entry_of(ev_watcher *w)
{
	struct entry *entry = room ? slot_of(entries, room, w) : NULL;

	return entry && entry->watcher ? entry : NULL;
}

/* Makes one; NULL: no memory. */
static struct entry *entry_for(ev_watcher *w)
{
	struct entry *entry = entry_of(w);

	if (entry || (used * 4 >= room * 3 && !grow()))
		return entry;
	entry = slot_of(entries, room, w);
	*entry = (struct entry){ .watcher = w, .callback = -1 };
	used++;
	return entry;
}

static relay_fn *own_callback(const ev_watcher *w)
{
	return w->cb;
}

/* What the program's callback has cost. */
static void bill(int number, uint64_t at, uint64_t ns)
{
	struct inspect_facts *facts = &inspect_facts;
	struct inspect_callback *callback = &facts->callbacks[number];

	callback->calls++;
	callback->total_ns += ns;
	callback->max_ns = ns > callback->max_ns ? ns : callback->max_ns;
	if (ns >= INSPECT_BLOCK_NS)
		facts->blocks[facts->block_count++ % INSPECT_BLOCKS] =
			(struct inspect_block){ callback, at, ns };
}

/* In the place of the program's callback. A timer that has run out is active no more, and gets its
 * own back first: it may be gone when the program's callback returns. */
static void relay(struct ev_loop *loop, ev_watcher *w, int events)
{
	struct entry entry = { .callback = -1 }, *found;
	uint64_t began;
	bool worked;

	pthread_mutex_lock(&lock);
	found = entry_of(w);
	if (found)
		entry = *found;
	if (found && !ev_is_active(w))
		w->cb = entry.own;
	pthread_mutex_unlock(&lock);
	if (!found)
		return; /* a copy of an active watcher, which libev does not allow */
	worked = inspect_libev_works;
	inspect_libev_works = false;
	began = inspect_now();
	entry.own(loop, w, events);
	inspect_libev_works = worked;
	pthread_mutex_lock(&lock);
	bill(entry.callback, began, inspect_now() - began);
	pthread_mutex_unlock(&lock);
	if (inspect_has_forked)
		inspect_child_goes_on(loop);
}

void inspect_restore(void *watcher)
{
	ev_watcher *w = watcher;
	struct entry *entry;

	pthread_mutex_lock(&lock);
	entry = entry_of(w);
	if (entry && own_callback(w) == relay)
		w->cb = entry->own;
	pthread_mutex_unlock(&lock);
}

void inspect_before(void *watcher)
{
	ev_watcher *w = watcher;
	struct entry *entry;

	if (own_callback(w) == relay)
		return;
	pthread_mutex_lock(&lock);
	entry = entry_for(w);
	if (entry && (entry->callback < 0 || entry->own != w->cb)) {
		entry->own = w->cb;
		entry->callback = w->cb ? callback_of(w->cb) : -1;
	}
	if (entry && entry->callback >= 0 && !inspect_facts.callbacks[entry->callback].ours)
		w->cb = relay;
	pthread_mutex_unlock(&lock);
}

void inspect_after(void *watcher, enum inspect_kind kind, bool by_libev)
{
	ev_watcher *w = watcher;
	bool active = ev_is_active(w);
	struct entry *entry;

	pthread_mutex_lock(&lock);
	entry = entry_of(w);
	if (entry && entry->counted != active && (entry->counted || own_callback(w) == relay)) {
		entry->counted = active;
		inspect_facts.watchers[kind] += active ? 1u : -1u;
	}
	pthread_mutex_unlock(&lock);
	if (!active && !by_libev)
		inspect_restore(w);
}
