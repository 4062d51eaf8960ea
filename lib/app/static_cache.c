/* static_cache.c -- what paths led to, and who waits to be told. See static.h.
 *
 * A place holds for check_ns. Then the first who asks has it looked at again, and waits, with all
 * who ask meanwhile, for one look: so nobody gets an answer older than that, and the disk is asked
 * once in such a time however many ask.
 *
 * The places that were asked for longest ago go when there are too many, or when they hold too many
 * bytes; one that somebody waits for stays. What was not found is kept as well, or else a client
 * that asks for it all the time would keep the pool busy. */
#include "app/static.h"
#include "base/alloc.h"
#include "loop/call.h"
#include "offload/op.h"
#include <errno.h>

struct waiter {
	struct waiter *next;
	ouro_req_id req;
};

/* ---- Places ---- */

static uint64_t mix(uint64_t a, uint64_t b)
{
	__extension__ typedef unsigned __int128 wide;
	wide product = (wide)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static struct list *bucket_of(const struct site *site, ouro_str path)
{
	uint64_t hash = site->key[0] ^ path.len, word;
	size_t i = 0;

	for (; path.len - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, path.ptr + i, sizeof(word));
		hash = mix(hash ^ word, site->key[1]);
	}
	word = 0;
	if (path.len > i)
		memcpy(&word, path.ptr + i, path.len - i);
	hash = mix(hash ^ word, site->key[1]);
	return &site->buckets[hash & site->bucket_mask];
}

static void drop_place(struct site *site, struct place *place)
{
	list_remove(&place->link);
	list_remove(&place->recent);
	site->stats.kept--;
	site->stats.kept_bytes -= place->bytes;
	ouro__asset_drop(site->loop, place->asset);
	ouro__free(place);
}

static struct place *add_place(struct site *site, struct list *bucket, ouro_str path)
{
	struct place *place = ouro__alloc(sizeof(*place) + path.len + 1);

	if (!place)
		return NULL;
	place->len = path.len;
	if (path.len)
		memcpy(place->path, path.ptr, path.len);
	place->waiters_end = &place->waiters;
	list_init(&place->link);
	list_init(&place->recent);
	list_push_front(bucket, &place->link);
	site->stats.kept++;
	return place;
}

static struct place *place_of(struct site *site, ouro_str path)
{
	struct list *bucket = bucket_of(site, path);

	list_each (at, bucket) {
		struct place *place = list_of(at, struct place, link);

		if (place->len == path.len && !memcmp(place->path, path.ptr, path.len))
			return place;
	}
	return add_place(site, bucket, path);
}

static bool too_many(const struct site *site)
{
	return site->stats.kept > site->files_max || site->stats.kept_bytes > site->bytes_max;
}

static void make_room(struct site *site)
{
	list_each_safe (at, &site->recent) {
		struct place *place = list_of(at, struct place, recent);

		if (!too_many(site))
			return;
		if (!place->looking)
			drop_place(site, place);
	}
}

void ouro__static_forget_all(struct site *site)
{
	list_each_safe (at, &site->recent) {
		struct place *place = list_of(at, struct place, recent);

		place->forgotten = true;
		if (!place->looking)
			drop_place(site, place);
	}
}

static size_t bytes_of(const struct asset *asset)
{
	size_t sum = 0;

	for (int i = 0; i < CODING_COUNT; i++)
		sum += asset->forms[i].bytes ? (size_t)asset->forms[i].size : 0;
	return sum;
}

/* ---- Looks ---- */

struct looking {
	struct site *site;
	struct place *place;
	const struct site_view *view;
	struct asset *known, *found;
};

static struct looking *looking_of(struct op *op)
{
	return (struct looking *)(void *)op->room;
}

static int look_work(struct op *op)
{
	struct looking *looking = looking_of(op);

	looking->found = ouro__static_look(looking->view, op->path, looking->known);
	return looking->found ? 0 : -ENOMEM;
}

/* With its asset, or without one, when there is no memory or no thread: then it is 503. */
static void tell(struct site *site, struct waiter *waiter, struct asset *asset)
{
	ouro_req *req = ouro_req_find(site->loop, waiter->req);

	if (req && asset)
		ouro__static_answer(req, asset, site, NULL);
	else if (req)
		ouro_req_status(req, 503);
	ouro__free(waiter);
}

static void tell_all(struct site *site, struct waiter *waiter, struct asset *asset)
{
	while (waiter) {
		struct waiter *next = waiter->next;

		tell(site, waiter, asset);
		waiter = next;
	}
}

static void keep(struct site *site, struct place *place, struct asset *asset)
{
	size_t bytes = bytes_of(asset);

	site->stats.kept_bytes += bytes - place->bytes;
	place->bytes = bytes;
	ouro__asset_drop(site->loop, place->asset);
	place->asset = ouro__asset_ref(asset);
	place->looked = call_now(site->loop);
	place->holds = asset->lasts && !place->forgotten;
}

/* What went wrong is said once, until something goes right. */
static void complain(struct site *site, int err)
{
	if (err && !site->told)
		ouro__log(&site->loop->log, OURO_LOG_ERROR, "a file below %s cannot be had: %s",
			  site->view.root, ouro_strerror(err));
	site->told = err != 0;
}

static void look_done(struct op *op, int err)
{
	struct looking *looking = looking_of(op);
	struct site *site = looking->site;
	struct place *place = looking->place;
	struct waiter *waiters = place->waiters;
	struct asset *found = err ? NULL : looking->found;

	place->waiters = NULL;
	place->waiters_end = &place->waiters;
	complain(site, found ? found->err : err);
	if (found)
		keep(site, place, found);
	tell_all(site, waiters, found);
	place->looking =
		false; /* from here on it may go, and not before: a log may close the site */
	if (found) {
		ouro__asset_drop(site->loop, looking->known);
		ouro__asset_drop(site->loop, looking->found);
		looking->known = looking->found = NULL;
	}
	if (site->closed || !place->asset)
		drop_place(site, place);
	make_room(site);
}

static void look_release(struct op *op)
{
	ouro__asset_unref(looking_of(op)->known);
	ouro__asset_unref(looking_of(op)->found);
	ouro__site_unref(looking_of(op)->site);
}

static const struct op_kind look_kind = {
	.call = "look for",
	.lane = OURO_LANE_FILES,
	.room = sizeof(struct looking),
	.work = look_work,
	.done = look_done,
	.release = look_release,
};

static bool look(struct site *site, struct place *place)
{
	struct op *op = ouro__op_new(site->loop, &look_kind, CALL_FN(ouro_static_serve), NULL);

	if (!op)
		return false;
	*looking_of(op) = (struct looking){
		.site = ouro__site_ref(site),
		.place = place,
		.view = &site->view,
		.known = place->asset ? ouro__asset_ref(place->asset) : NULL,
	};
	op->path = place->path;
	place->looking = true;
	place->forgotten = false;
	site->stats.looks++;
	ouro__op_submit(op);
	return true;
}

/* ---- Asking ---- */

static bool still_holds(const struct site *site, const struct place *place)
{
	return place->holds && call_now(site->loop) - place->looked < site->check_ns;
}

static bool wait(struct site *site, struct place *place, ouro_req *req)
{
	struct waiter *waiter = ouro__alloc(sizeof(*waiter));

	if (!waiter)
		return false;
	if (!place->looking && !look(site, place)) {
		ouro__free(waiter);
		return false;
	}
	waiter->req = ouro_req_get_id(ouro_req_later(req));
	*place->waiters_end = waiter;
	place->waiters_end = &waiter->next;
	return true;
}

void ouro__static_ask(struct site *site, ouro_req *req, ouro_str path)
{
	struct place *place = place_of(site, path);

	if (!place) {
		ouro_req_status(req, 503);
		return;
	}
	list_remove(&place->recent);
	list_push(&site->recent, &place->recent);
	if (!place->looking && still_holds(site, place)) {
		ouro__static_answer(req, place->asset, site, NULL);
		return;
	}
	if (!wait(site, place, req)) {
		ouro_req_status(req, 503);
		if (!place->looking && !place->asset)
			drop_place(site, place);
	}
	make_room(site);
}
