/* static.c -- the handle, the handler, and what is said with a file. See ouro/static.h,
 * static.h. */
#include "app/static.h"
#include "app/router.h"
#include "app/static_path.h"
#include "app/static_range.h"
#include "base/alloc.h"
#include "http/encoded.h"
#include "http/lend.h"
#include "http/reply.h"
#include "http/req.h"
#include "loop/call.h"
#include "ouro/error.h"
#include <errno.h>
#include <sys/random.h>

#define USUAL_INDEX    "index.html"
#define USUAL_CHECK_MS 1000
#define USUAL_FILES    1024
#define USUAL_SMALL    ((size_t)64 << 10)
#define USUAL_BYTES    ((size_t)16 << 20)
#define BUCKETS_MAX    65536
#define SMALL_MOST     ((size_t)16 << 20) /* what is sent from memory may be copied once more */

/* ---- The site ---- */

struct site *ouro__site_ref(struct site *site)
{
	__atomic_add_fetch(&site->refs, 1, __ATOMIC_RELAXED);
	return site;
}

void ouro__site_unref(struct site *site)
{
	if (__atomic_sub_fetch(&site->refs, 1, __ATOMIC_ACQ_REL))
		return;
	ouro__free(site->view.root);
	ouro__free(site->view.index);
	ouro__free(site->view.cache_control);
	ouro__free(site->buckets);
	ouro__free(site);
}

static char *copy_or(const char *text, const char *usual)
{
	return ouro__strdup(text ? text : usual);
}

static int make_table(struct site *site)
{
	size_t buckets = 16;

	while (buckets < site->files_max && buckets < BUCKETS_MAX)
		buckets *= 2;
	site->buckets = ouro__realloc(NULL, buckets * sizeof(*site->buckets));
	if (!site->buckets)
		return -ENOMEM;
	for (size_t i = 0; i < buckets; i++)
		list_init(&site->buckets[i]);
	site->bucket_mask = buckets - 1;
	if (getrandom(site->key, sizeof(site->key), GRND_NONBLOCK) != sizeof(site->key)) {
		site->key[0] = (uint64_t)(uintptr_t)site * UINT64_C(0x9e3779b97f4a7c15);
		site->key[1] = (uint64_t)(uintptr_t)&buckets * UINT64_C(0xbf58476d1ce4e5b9) | 1;
	}
	return 0;
}

static int fill_site(struct site *site, const ouro_static_opts *opts)
{
	unsigned check_ms = opts->check_ms ? opts->check_ms : USUAL_CHECK_MS;

	site->view.root = ouro__strdup(opts->root);
	site->view.index = copy_or(opts->index, USUAL_INDEX);
	site->view.cache_control = copy_or(opts->cache_control, "");
	site->view.listing = opts->listing;
	site->view.plain = opts->plain;
	site->view.small_max = opts->small_max ? opts->small_max : USUAL_SMALL;
	if (site->view.small_max > SMALL_MOST)
		site->view.small_max = SMALL_MOST;
	site->check_ns = check_ms == OURO_NEVER ? UINT64_MAX : check_ms * UINT64_C(1000000);
	site->files_max = opts->files_max ? opts->files_max : USUAL_FILES;
	site->bytes_max = opts->bytes_max ? opts->bytes_max : USUAL_BYTES;
	if (!site->view.root || !site->view.index || !site->view.cache_control)
		return -ENOMEM;
	return make_table(site);
}

static struct site *make_site(ouro_loop *loop, const ouro_static_opts *opts)
{
	struct site *site = ouro__alloc(sizeof(*site));

	if (!site)
		return NULL;
	site->refs = 1;
	site->loop = loop;
	list_init(&site->recent);
	if (!fill_site(site, opts))
		return site;
	ouro__site_unref(site);
	return NULL;
}

/* ---- The handle ---- */

static const void *static_callee(const struct handle *handle)
{
	(void)handle;
	return CALL_FN(ouro_static_serve);
}

static int static_number(const struct handle *handle)
{
	(void)handle;
	return -1;
}

static void static_stop(struct handle *handle)
{
	struct ouro_static *stopped = list_of(handle, struct ouro_static, base);

	stopped->site->closed = true;
	ouro__static_forget_all(stopped->site);
	ouro__site_unref(stopped->site);
	stopped->site = NULL;
}

static const struct handle_type static_type = {
	.kind = "static files",
	.magic = 0x73746174u,
	.callee = static_callee,
	.number = static_number,
	.stop = static_stop,
};

int ouro_static_open(ouro_loop *loop, const ouro_static_opts *opts, ouro_static **ret_site)
{
	struct ouro_static *handle;
	struct site *site;
	int err;

	if (!opts || !opts->root || (opts->index && strchr(opts->index, '/')) ||
	    (opts->cache_control && !ouro__is_field_value(ouro_str_z(opts->cache_control))))
		return -EINVAL;
	site = make_site(loop, opts);
	if (!site)
		return -ENOMEM;
	handle = ouro__handle_new(loop, &static_type, sizeof(*handle), NULL, &err);
	if (!handle) {
		ouro__site_unref(site);
		return err;
	}
	handle->site = site;
	ouro__handle_hold(&handle->base, false);
	*ret_site = handle;
	return 0;
}

void ouro_static_close(ouro_static *site)
{
	if (!site)
		return;
	handle_check(site, static_type);
	ouro__handle_close(&site->base);
}

void ouro_static_on_close(ouro_static *site, ouro_close_fn *fn, void *arg)
{
	handle_check(site, static_type);
	site->base.on_close = fn;
	site->base.arg = arg;
}

ouro_loop *ouro_static_loop(const ouro_static *site)
{
	handle_check(site, static_type);
	return site->base.loop;
}

void ouro_static_forget(ouro_static *site)
{
	handle_check(site, static_type);
	if (site->site)
		ouro__static_forget_all(site->site);
}

void ouro_static_get_stats(const ouro_static *site, ouro_static_stats *ret_stats)
{
	handle_check(site, static_type);
	*ret_stats = site->site ? site->site->stats : (ouro_static_stats){ 0 };
}

/* ---- The handler ---- */

/* Below the tree; without one the path itself, less its first slash, decoded to the end. */
static ouro_str path_of(ouro_req *req)
{
	ouro_str path, none = { NULL, 0 };
	char *room;
	int len;

	if (req->match.rest)
		return ouro_req_rest(req);
	path = ouro_req_path(req);
	if (!path.len || *path.ptr != '/')
		return none;
	room = ouro_req_alloc(req, path.len);
	len = room ? ouro__part_decode(ouro_str_n(path.ptr + 1, path.len - 1), room) : -1;
	return len < 0 ? none : ouro_str_n(room, (size_t)len);
}

void ouro_static_serve(ouro_req *req, void *arg)
{
	struct ouro_static *handle = arg;
	ouro_str path;

	handle_check(handle, static_type);
	if (!req_reads(req)) {
		ouro__answer_reads_only(req);
		return;
	}
	path = path_of(req);
	if (!handle->site) {
		ouro_req_status(req, 503);
	} else if (!path.ptr || !ouro__static_path_is_good(path)) {
		handle->site->stats.requests++;
		ouro_req_status(req, 404);
	} else {
		handle->site->stats.requests++;
		ouro__static_ask(handle->site, req, path);
	}
}

/* ---- What is said with a file ---- */

static void send_whole(ouro_req *req, struct asset *asset, struct form *form, struct site *site,
		       const char *type)
{
	if (form->bytes || !form->size)
		ouro_req_reply(req, 200, type, ouro_str_n(form->bytes, (size_t)form->size));
	else
		ouro__static_send(req, asset, form, site, type, NULL, 0);
}

static void refuse_range(ouro_req *req, const struct form *form)
{
	ouro_str range = ouro_req_printf(req, "bytes */%llu", (unsigned long long)form->size);

	if (range.ptr && !ouro_req_set(req, "Content-Range", range))
		ouro_req_status(req, 416);
	else
		ouro_req_status(req, 503);
}

static void send_ranges(ouro_req *req, struct asset *asset, struct form *form, struct site *site,
			const char *type, const struct range *ranges, int count)
{
	ouro_str range = { NULL, 0 };

	if (count == 1)
		range = ouro_req_printf(
			req, "bytes %llu-%llu/%llu", (unsigned long long)ranges->first,
			(unsigned long long)ranges->last, (unsigned long long)form->size);
	if (count == 1 && (!range.ptr || ouro_req_set(req, "Content-Range", range)))
		ouro_req_status(req, 503);
	else
		ouro__static_send(req, asset, form, site, type, ranges, (unsigned)count);
}

/* How many ranges are asked for: see ouro__ranges(). */
static int ranges_of(const ouro_req *req, const struct form *form, struct range ranges[RANGES_MAX])
{
	ouro_str value = ouro__static_header(req, "Range");

	if (!value.ptr || req->parse.method != HTTP_GET || ouro_req_header_nth(req, "Range", 1).ptr)
		return 0;
	return ouro__static_if_range(req, form) ? ouro__ranges(value, form->size, ranges) : 0;
}

static void send_form(ouro_req *req, struct asset *asset, struct form *form, struct site *site,
		      const char *type)
{
	struct range ranges[RANGES_MAX];
	int count = ranges_of(req, form, ranges);

	if (ouro__lend_fields(req, count == -416 ? form->without : form->with_bytes))
		ouro_req_status(req, 503);
	else if (count == -416)
		refuse_range(req, form);
	else if (count)
		send_ranges(req, asset, form, site, type, ranges, count);
	else
		send_whole(req, asset, form, site, type);
}

static void answer_file(ouro_req *req, struct asset *asset, struct site *site, const char *type)
{
	struct form *form = &asset->forms[ouro__static_choose(req, asset)];
	int status = req_reads(req) ? ouro__static_if(req, form) : 0;

	if (!status)
		send_form(req, asset, form, site, type);
	else if (ouro__lend_fields(req, form->without))
		ouro_req_status(req, 503);
	else
		ouro_req_status(req, status);
}

void ouro__static_answer(ouro_req *req, struct asset *asset, struct site *site, const char *type)
{
	const struct form *form = &asset->forms[CODING_PLAIN];

	if (asset->status == 308)
		ouro__add_slash(req, NULL);
	else if (asset->status != 200)
		ouro_req_status(req, asset->status);
	else if (asset->listing)
		ouro_req_reply(req, 200, asset->type, ouro_str_n(form->bytes, (size_t)form->size));
	else
		answer_file(req, asset, site, type ? type : asset->type);
}
