/* static_look.c -- what a path leads to, found out on the pool. See static.h.
 *
 * A look opens everything anew, from the root's own path on, so that it sees what a client would
 * mean by that path now. Then stamps are compared: when nothing has changed since the last look,
 * the asset of then is as good, and what was opened is closed again without a byte read.
 *
 * A stamp cannot tell two changes apart that came within a tick of the kernel's clock, or of a
 * coarser one on another machine. So a file that was changed just before a look is `young`: its
 * ETag is a weak one, and the next look takes nothing of it for granted. */
#include "app/static.h"
#include "base/alloc.h"
#include "http/encoded.h"
#include "offload/regular.h"
#include "sys/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define YOUNG_S 2

/* ---- Assets ---- */

static struct asset *new_asset(const char *path)
{
	struct asset *asset = ouro__alloc(sizeof(*asset));

	if (!asset)
		return NULL;
	asset->refs = 1;
	asset->status = 200;
	asset->lasts = true;
	asset->type = ouro__static_type(path);
	for (int i = 0; i < CODING_COUNT; i++)
		asset->forms[i].fd = -1;
	return asset;
}

/* It leads to no file. What may be otherwise in a moment is not kept. */
static struct asset *failed(struct asset *asset, int err)
{
	switch (-err) {
	case ENOENT:
	case ENOTDIR:
	case EISDIR:
	case ENXIO:
	case EINVAL:
	case ENAMETOOLONG:
	case ELOOP:
	case EXDEV:
		asset->status = 404;
		return asset;
	case EACCES:
	case EPERM:
		asset->status = 403;
		return asset;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EAGAIN:
		asset->status = 503;
		break;
	default:
		asset->status = 500;
	}
	asset->err = err;
	asset->lasts = false;
	return asset;
}

/* ---- Forms ---- */

static struct stamp stamp_of(const struct stat *stat)
{
	return (struct stamp){ .dev = stat->st_dev,
			       .ino = stat->st_ino,
			       .size = (uint64_t)stat->st_size,
			       .modified = stat->st_mtim,
			       .changed = stat->st_ctim };
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_stamp(const struct stamp *a, const struct stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       same_time(a->modified, b->modified) && same_time(a->changed, b->changed);
}

static void describe(struct form *form, const char *mark)
{
	const struct stamp *stamp = &form->stamp;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	form->future = stamp->modified.tv_sec > now.tv_sec;
	form->young = stamp->modified.tv_sec > now.tv_sec - YOUNG_S;
	snprintf(form->etag, sizeof(form->etag), "%s\"%llx-%llx-%llx%s\"", form->young ? "W/" : "",
		 (unsigned long long)stamp->modified.tv_sec * 1000000000 +
			 (unsigned long long)stamp->modified.tv_nsec,
		 (unsigned long long)stamp->size, (unsigned long long)stamp->ino, mark);
	if (!form->future)
		form->modified[ouro__http_date_format(form->modified, stamp->modified.tv_sec)] = 0;
}

static void say(struct form *form, unsigned i, const char *name, const char *value)
{
	struct answer_field *next = form->without;

	if (!*value)
		return;
	form->fields[i] = (struct answer_field){ next, ouro_str_z(name), ouro_str_z(value) };
	form->without = &form->fields[i];
}

/* In this order, so that a 304 can do without the first two. */
static void say_all(struct form *form, enum coding coding, bool varies, const char *cache_control)
{
	static const char *const tokens[] = {
#define X(name, token, ending, mark) token,
		CODINGS(X)
#undef X
	};

	say(form, 5, "Cache-Control", cache_control);
	say(form, 4, "Vary", varies ? "Accept-Encoding" : "");
	say(form, 3, "Last-Modified", form->modified);
	say(form, 2, "ETag", form->etag);
	form->fields[1] = (struct answer_field){ form->without, ouro_str_z("Accept-Ranges"),
						 ouro_str_z("bytes") };
	form->fields[0] = (struct answer_field){ &form->fields[1], ouro_str_z("Content-Encoding"),
						 ouro_str_z(tokens[coding]) };
	form->with_bytes = &form->fields[coding == CODING_PLAIN];
}

static int read_all(int fd, char *bytes, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t got = TEMP_FAILURE_RETRY(pread(fd, bytes + at, n - at, (off_t)at));

		if (got <= 0)
			return got ? -errno : -EAGAIN;
		at += (size_t)got;
	}
	return 0;
}

/* Small: all of it. -EAGAIN: it did not hold still so long. */
static int keep_bytes(struct form *form)
{
	struct stamp after;
	struct stat stat;
	int err;

	form->bytes = ouro__realloc(NULL, form->size ? form->size : 1);
	if (!form->bytes)
		return -ENOMEM;
	err = read_all(form->fd, form->bytes, form->size);
	if (!err && fstat(form->fd, &stat))
		err = -errno;
	if (!err) {
		after = stamp_of(&stat);
		err = same_stamp(&form->stamp, &after) ? 0 : -EAGAIN;
	}
	if (!err) {
		ouro__fd_close(&form->fd);
		return 0;
	}
	ouro__free(form->bytes);
	form->bytes = NULL;
	return err;
}

/* mincore() says of files that are neither ours nor ours to write that all of them is in memory. */
static bool may_ask_mincore(const struct form *form)
{
	struct stat stat;
	char path[32];

	if (!fstat(form->fd, &stat) && stat.st_uid == geteuid())
		return true;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", form->fd);
	return !faccessat(AT_FDCWD, path, W_OK, AT_EACCESS);
}

static void keep_descriptor(struct form *form)
{
	void *map = MAP_FAILED;

	if (form->size && form->size <= SIZE_MAX && may_ask_mincore(form))
		map = mmap(NULL, (size_t)form->size, PROT_READ, MAP_SHARED, form->fd, 0);
	form->map = map == MAP_FAILED ? NULL : map;
}

static void open_form(struct form *form, int fd, const struct stat *stat)
{
	form->there = true;
	form->fd = fd;
	form->stamp = stamp_of(stat);
	form->size = form->stamp.size;
}

static int fill_form(struct form *form, enum coding coding, size_t small_max)
{
	static const char *const marks[] = {
#define X(name, token, ending, mark) mark,
		CODINGS(X)
#undef X
	};
	int err = -EAGAIN;

	describe(form, marks[coding]);
	if (form->size <= small_max)
		err = keep_bytes(form);
	if (err == -EAGAIN)
		keep_descriptor(form);
	return err == -EAGAIN ? 0 : err;
}

/* ---- Looking ---- */

struct look {
	const struct site_view *view;
	struct asset *asset;
	int root;
};

static bool is_older(const struct stamp *a, const struct stamp *b)
{
	return a->modified.tv_sec < b->modified.tv_sec ||
	       (a->modified.tv_sec == b->modified.tv_sec &&
		a->modified.tv_nsec < b->modified.tv_nsec);
}

/* A coded form that cannot be had, or is older than what it is of, is not there. */
static void look_for_codings(struct look *look, const char *path)
{
	static const char *const endings[] = {
#define X(name, token, ending, mark) ending,
		CODINGS(X)
#undef X
	};
	struct form *forms = look->asset->forms;
	size_t room = strlen(path) + 8;
	char *name = ouro__realloc(NULL, room);
	struct stat stat;

	for (int i = CODING_PLAIN + 1; name && i < CODING_COUNT; i++) {
		int fd;

		snprintf(name, room, "%s%s", path, endings[i]);
		fd = ouro__static_open(look->root, name, look->view->old_kernel, &stat);
		if (fd < 0)
			continue;
		open_form(&forms[i], fd, &stat);
		if (!S_ISREG(stat.st_mode) || is_older(&forms[i].stamp, &forms[CODING_PLAIN].stamp))
			ouro__form_drop(&forms[i]);
	}
	ouro__free(name);
}

static bool same_forms(const struct asset *asset, const struct asset *known)
{
	if (!known || known->status != 200 || known->listing)
		return false;
	for (int i = 0; i < CODING_COUNT; i++) {
		const struct form *a = &asset->forms[i], *b = &known->forms[i];

		if (a->there != b->there ||
		    (a->there && (b->young || !same_stamp(&a->stamp, &b->stamp))))
			return false;
	}
	return true;
}

/* The plain one must be; of the others, those that can. */
static int fill_forms(struct asset *asset, size_t small_max, const char *cache_control)
{
	struct form *forms = asset->forms;
	int err = fill_form(&forms[CODING_PLAIN], CODING_PLAIN, small_max);
	bool varies = false;

	for (int i = CODING_PLAIN + 1; !err && i < CODING_COUNT; i++) {
		if (forms[i].there && fill_form(&forms[i], (enum coding)i, small_max))
			ouro__form_drop(&forms[i]);
		varies = varies || forms[i].there;
	}
	for (int i = 0; i < CODING_COUNT; i++)
		if (forms[i].there)
			say_all(&forms[i], (enum coding)i, varies, cache_control);
	return err;
}

static struct asset *take_file(struct look *look, const char *path, int fd, const struct stat *stat,
			       struct asset *known)
{
	struct asset *asset = look->asset;
	int err;

	open_form(&asset->forms[CODING_PLAIN], fd, stat);
	if (!look->view->plain)
		look_for_codings(look, path);
	if (same_forms(asset, known)) {
		ouro__asset_unref(asset);
		return ouro__asset_ref(known);
	}
	err = fill_forms(asset, look->view->small_max, look->view->cache_control);
	return err ? failed(asset, err) : asset;
}

static struct asset *take_list(struct asset *asset, int folder)
{
	struct form *form = &asset->forms[CODING_PLAIN];
	size_t len;
	int err = ouro__static_list(folder, &form->bytes, &len);

	if (err)
		return failed(asset, err);
	form->there = true;
	form->size = len;
	asset->listing = true;
	asset->type = "text/html; charset=utf-8";
	return asset;
}

/* Of a folder: its index, else its list. */
static struct asset *take_folder(struct look *look, const char *path, int folder,
				 struct asset *known)
{
	const struct site_view *view = look->view;
	size_t room = strlen(path) + strlen(view->index) + 1;
	char *index = ouro__realloc(NULL, room);
	struct stat stat;
	int fd = -ENOMEM;

	if (index) {
		snprintf(index, room, "%s%s", path, view->index);
		fd = ouro__static_open(look->root, index, view->old_kernel, &stat);
	}
	if (fd >= 0 && !S_ISREG(stat.st_mode)) {
		ouro__fd_close(&fd);
		fd = -ENOENT;
	}
	if (fd == -ENOENT && view->listing) {
		ouro__free(index);
		return take_list(look->asset, folder);
	}
	ouro__fd_close(&folder);
	if (fd >= 0) {
		look->asset->type = ouro__static_type(index);
		look->asset = take_file(look, index, fd, &stat, known);
	} else {
		failed(look->asset, fd);
	}
	ouro__free(index);
	return look->asset;
}

static struct asset *take(struct look *look, const char *path, struct asset *known)
{
	size_t len = strlen(path);
	bool wants_folder = !len || path[len - 1] == '/';
	struct stat stat;
	int fd = ouro__static_open(look->root, path, look->view->old_kernel, &stat);

	if (fd < 0)
		return failed(look->asset, fd);
	if (S_ISREG(stat.st_mode))
		return take_file(look, path, fd, &stat, known);
	if (wants_folder)
		return take_folder(look, path, fd, known);
	ouro__fd_close(&fd);
	look->asset->status = 308;
	return look->asset;
}

struct asset *ouro__static_look(const struct site_view *view, const char *path, struct asset *known)
{
	struct look look = { view, new_asset(path), -1 };
	struct asset *asset;

	if (!look.asset)
		return NULL;
	look.root = ouro__static_open_root(view->root);
	if (look.root < 0) {
		asset = failed(look.asset, look.root);
		asset->err = look.root;
		asset->lasts = false;
		return asset;
	}
	asset = take(&look, path, known);
	ouro__fd_close(&look.root);
	return asset;
}

struct asset *ouro__static_look_at(const char *path, size_t small_max)
{
	struct asset *asset = new_asset(path);
	struct stat stat;
	int fd, err;

	if (!asset)
		return NULL;
	fd = ouro__regular_open(AT_FDCWD, path, O_RDONLY, 0, &stat);
	if (fd < 0)
		return failed(asset, fd);
	open_form(&asset->forms[CODING_PLAIN], fd, &stat);
	err = fill_forms(asset, small_max, "");
	return err ? failed(asset, err) : asset;
}
