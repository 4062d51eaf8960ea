/* notify.c -- news from the file system, by inotify(7). See ouro/file.h.
 *
 * inotify tells what happened in a folder, by number and name, in order. Three things are missing,
 * and are made up for here:
 *
 *   a file      Watched by itself it would be lost when somebody saves it by renaming another over
 *               it, which is how editors save. So its folder is watched, for its name.
 *   folders     that come later: each is given a number and then looked into, on the pool, and what
 *               is in it is told as made (folders.h).
 *   a queue     that overflowed: who watches a whole tree looks through it again for folders that
 *               were not told of, and only then says that news were missed.
 *
 * While a thread scans, nothing is read from inotify: its queue keeps what comes, so it is told in
 * the order in which it happened, and no news are about a folder that the loop does not know yet.
 * Adding a number, unlike taking one back, looks at the disk: it is never done on the loop.
 *
 * advance() takes one step after the other, a bounded number a turn. */
#include "base/alloc.h"
#include "base/check.h"
#include "loop/loop.h"
#include "offload/chore.h"
#include "offload/folders.h"
#include "ouro/file.h"
#include "sys/fd.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEPS 512 /* in a phase; a turn has two in which it may go on */
#define ROOM  ((size_t)16 << 10)

#define SELF (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED)
#define WANTED                                                                         \
	(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MODIFY | IN_ATTRIB | \
	 IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK)

enum purpose {
	NOTHING,
	FIRST, /* to begin with */
	LATER, /* a folder has come */
	AGAIN, /* news were lost */
};

struct ouro_watch {
	struct chore chore; /* its descriptor is inotify's */
	struct watch ready;
	ouro_done_fn *on_ready;
	ouro_watch_fn *fn;
	bool recursive;
	bool lost;   /* say so when the scan is over */
	bool broken; /* the scan did not see all */
	enum purpose purpose;
	unsigned round; /* of looking through all */
	struct folders folders;
	struct scan scan;
	size_t at, end; /* of what was read and not told */
	dev_t dev;
	ino_t ino;
	char only[NAME_MAX + 1]; /* the file that is watched in the root; "": all */
	char root[PATH_MAX];
	char path[PATH_MAX + NAME_MAX + 2]; /* that is being told */
	_Alignas(struct inotify_event) char news[ROOM];
};

/* On the pool. */

static void split(struct ouro_watch *watch)
{
	char *slash = strrchr(watch->root, '/');

	strcpy(watch->only, slash + 1);
	slash[slash == watch->root] = '\0';
}

static int find_root(struct ouro_watch *watch)
{
	struct stat stat_;

	if (!realpath(watch->chore.path, watch->root) || stat(watch->root, &stat_))
		return -errno;
	if (!S_ISDIR(stat_.st_mode)) {
		split(watch);
		watch->scan.deep = watch->recursive = false;
		if (stat(watch->root, &stat_))
			return -errno;
	}
	watch->dev = stat_.st_dev;
	watch->ino = stat_.st_ino;
	return 0;
}

/* A folder above it may have been moved: then its path, with which folders are added, leads nowhere
 * or elsewhere. */
static bool is_root_there(const struct ouro_watch *watch)
{
	struct stat stat_;

	return !stat(watch->root, &stat_) && stat_.st_dev == watch->dev &&
	       stat_.st_ino == watch->ino;
}

static int scan_work(struct op *op)
{
	struct ouro_watch *watch = op->arg;
	int err = 0;

	if (ouro__op_is_stopped(op))
		return 0;
	if (!*watch->root)
		err = find_root(watch);
	if (!err)
		err = ouro__scan_step(&watch->scan);
	if (err < 0 && watch->purpose != FIRST && !is_root_there(watch))
		err = -ESTALE;
	return err > 0 ? OP_AGAIN : err;
}

/* What the user is told. */

static void tell(struct ouro_watch *watch, unsigned changes)
{
	chore_call(&watch->chore, CALL_FN(watch->fn));
	watch->fn(watch, changes, watch->path, watch->chore.base.arg);
	chore_called(&watch->chore);
}

static void tell_itself(struct ouro_watch *watch, unsigned changes)
{
	*watch->path = '\0';
	tell(watch, changes);
}

static void tell_ready(struct ouro_watch *watch, int err)
{
	chore_call(&watch->chore, CALL_FN(watch->on_ready));
	watch->on_ready(err, watch->chore.base.arg);
	chore_called(&watch->chore);
	if (err)
		ouro_watch_close(watch);
}

/* Scanning. */

static void scan_done(struct op *op, int err);

static const struct op_kind scan_kind = {
	.call = "inotify_add_watch",
	.lane = OURO_LANE_FILES,
	.pieces = true,
	.work = scan_work,
	.done = scan_done,
};

static int scan(struct ouro_watch *watch, enum purpose purpose, const char *path)
{
	int err;

	watch->purpose = purpose;
	watch->broken = false;
	watch->scan.inotify = watch->chore.fd;
	watch->scan.mask = WANTED;
	watch->scan.root = watch->root;
	watch->scan.deep = watch->recursive;
	watch->scan.names = purpose == LATER;
	if (purpose != LATER)
		watch->round++;
	err = ouro__scan_begin(&watch->scan, path);
	if (!err)
		err = ouro__chore_start(&watch->chore, &scan_kind);
	if (err)
		ouro__scan_free(&watch->scan);
	return err;
}

static void scan_or_lose(struct ouro_watch *watch, enum purpose purpose, const char *path)
{
	if (scan(watch, purpose, path))
		watch->lost = watch->broken = true;
}

static void keep(struct ouro_watch *watch, struct folder *folder)
{
	folder->round = watch->round;
	if (folder->wd > 0)
		ouro__folders_take(&watch->folders, folder);
	else
		ouro__free(folder);
}

/* A folder that came and went, or may not be read, is none to worry about. */
static void scan_failed(struct ouro_watch *watch, int err)
{
	bool passing = err == -ENOENT || err == -ENOTDIR || err == -ELOOP || err == -EACCES;

	if (watch->purpose == FIRST) {
		ouro__scan_free(&watch->scan);
		tell_ready(watch, err);
		return;
	}
	watch->broken = true;
	if (!passing)
		watch->lost = true;
}

static void scan_done(struct op *op, int err)
{
	struct ouro_watch *watch = op->arg;

	if (!ouro__chore_ended(&watch->chore)) {
		ouro__scan_free(&watch->scan);
		return;
	}
	if (err)
		scan_failed(watch, err);
	if (watch->purpose == LATER) /* that it was made is told already */
		keep(watch, ouro__scan_shift(&watch->scan));
	watch->chore.advance(&watch->chore);
}

/* Steps. */

static void take_found(struct ouro_watch *watch)
{
	struct folder *folder = ouro__scan_shift(&watch->scan);

	strcpy(watch->path, folder->path);
	keep(watch, folder);
	if (watch->purpose == LATER)
		tell(watch, OURO_CHANGE_MADE);
}

static void end_scan(struct ouro_watch *watch)
{
	enum purpose purpose = watch->purpose;
	bool lost = watch->lost;

	watch->purpose = NOTHING;
	watch->lost = false;
	if (purpose == AGAIN && !watch->broken)
		ouro__folders_drop_unseen(&watch->folders, watch->chore.fd, watch->round);
	if (purpose == FIRST)
		tell_ready(watch, 0);
	else if (lost)
		tell_itself(watch, OURO_CHANGE_MISSED);
}

static void lose(struct ouro_watch *watch)
{
	watch->lost = true;
	if (watch->recursive)
		scan_or_lose(watch, AGAIN, "");
	else
		watch->purpose = AGAIN, watch->broken = true;
}

static unsigned changes_of(uint32_t mask)
{
	unsigned changes = 0;

	if (mask & (IN_CREATE | IN_MOVED_TO))
		changes |= OURO_CHANGE_MADE;
	if (mask & (IN_DELETE | IN_MOVED_FROM))
		changes |= OURO_CHANGE_GONE;
	if (mask & IN_MODIFY)
		changes |= OURO_CHANGE_DATA;
	if (mask & IN_ATTRIB)
		changes |= OURO_CHANGE_META;
	return changes;
}

/* News of what is in a folder. */
static void tell_inside(struct ouro_watch *watch, const struct folder *folder,
			const struct inotify_event *event)
{
	bool is_folder = watch->recursive && (event->mask & IN_ISDIR);
	bool came = event->mask & (IN_CREATE | IN_MOVED_TO);

	if (*watch->only && strcmp(watch->only, event->name) != 0)
		return;
	if (*watch->only)
		*watch->path = '\0';
	else
		snprintf(watch->path, sizeof(watch->path), "%s%s%s", folder->path,
			 *folder->path ? "/" : "", event->name);
	if (is_folder && (event->mask & IN_MOVED_FROM))
		ouro__folders_drop(&watch->folders, watch->chore.fd, watch->path);
	tell(watch, changes_of(event->mask));
	if (is_folder && came && !watch->chore.base.closing)
		scan_or_lose(watch, LATER, watch->path);
}

/* News of a folder itself; of one inside, most come from the folder that it is in too. */
static void tell_folder(struct ouro_watch *watch, const struct folder *folder, uint32_t mask)
{
	if (!*folder->path && (mask & SELF)) {
		tell_itself(watch, OURO_CHANGE_SELF);
		ouro_watch_close(watch);
	} else if (mask & IN_UNMOUNT) {
		lose(watch);
	} else if (mask & IN_IGNORED) {
		ouro__folders_forget(&watch->folders, folder->wd);
	} else if (!*folder->path && !*watch->only && (mask & IN_ATTRIB)) {
		tell_itself(watch, OURO_CHANGE_META);
	}
}

static void tell_next(struct ouro_watch *watch)
{
	const struct inotify_event *event = (const void *)(watch->news + watch->at);
	const struct folder *folder = ouro__folders_find(&watch->folders, event->wd);

	watch->at += sizeof(*event) + event->len;
	if (event->mask & IN_Q_OVERFLOW)
		lose(watch);
	else if (folder && event->len)
		tell_inside(watch, folder, event);
	else if (folder)
		tell_folder(watch, folder, event->mask);
}

static void advance(struct chore *chore)
{
	struct ouro_watch *watch = (struct ouro_watch *)chore;

	for (int n = 0; n < STEPS && !loop_turn_is_over(chore->base.loop); n++) {
		if (chore->op.id || chore->base.closing)
			return;
		if (watch->scan.found) {
			take_found(watch);
		} else if (watch->purpose) {
			end_scan(watch);
		} else if (watch->at < watch->end) {
			tell_next(watch);
		} else {
			ouro__watch_set(&watch->ready, OURO_READABLE);
			return;
		}
	}
	if (!chore->base.closing)
		ouro_wake_send(chore->bell); /* the rest in the next turn */
}

/* Nothing more is read until all of that has been told. */
static void on_readable(struct watch *ready, unsigned came)
{
	struct ouro_watch *watch = list_of(ready, struct ouro_watch, ready);
	ssize_t n = TEMP_FAILURE_RETRY(read(watch->chore.fd, watch->news, sizeof(watch->news)));

	(void)came;
	if (n <= 0)
		return;
	watch->at = 0;
	watch->end = (size_t)n;
	ouro__watch_set(ready, 0);
	call_begin(watch_loop(ready), OURO_PHASE_IO, CALL_FN(advance),
		   (struct cause){ "watch", -1, NULL }, watch->chore.base.label);
	advance(&watch->chore);
	call_end(watch_loop(ready));
}

/* The handle. */

static void watch_stop(struct handle *handle)
{
	struct ouro_watch *watch = (struct ouro_watch *)handle;

	ouro__watch_stop(&watch->ready);
	ouro__folders_free(&watch->folders);
	if (!watch->chore.op.id)
		ouro__scan_free(&watch->scan);
	ouro__chore_stop(handle);
}

static const void *watch_callee(const struct handle *handle)
{
	return CALL_FN(((const struct ouro_watch *)handle)->fn);
}

static const struct handle_type watch_type = {
	.kind = "watch",
	.magic = 0x77617463u,
	.callee = watch_callee,
	.number = ouro__chore_number,
	.stop = watch_stop,
	.is_idle = ouro__chore_is_idle,
	.parks = true,
};

static int start(struct ouro_watch *watch)
{
	int err = ouro__watch_start(&watch->ready, watch->chore.base.loop, watch->chore.fd, 0,
				    on_readable);

	if (!err)
		err = ouro__chore_add_bell(&watch->chore);
	if (!err)
		err = scan(watch, FIRST, "");
	if (err)
		ouro__watch_stop(&watch->ready);
	return err;
}

int ouro_watch_open(ouro_loop *loop, const char *path, bool recursive, ouro_done_fn *ready,
		    ouro_watch_fn *fn, void *arg, ouro_watch **ret_watch)
{
	int err;
	struct ouro_watch *watch =
		ouro__chore_new(loop, &watch_type, sizeof(*watch), path, arg, &err);

	if (!watch)
		return err;
	watch->chore.advance = advance;
	watch->on_ready = ready;
	watch->fn = fn;
	watch->recursive = recursive;
	watch->chore.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	err = watch->chore.fd < 0 ? -errno : start(watch);
	if (err)
		ouro__chore_drop(&watch->chore);
	else if (ret_watch)
		*ret_watch = watch;
	return err;
}

void ouro_watch_close(ouro_watch *watch)
{
	if (!watch)
		return;
	handle_check(&watch->chore, watch_type);
	ouro__handle_close(&watch->chore.base);
}

void ouro_watch_on_close(ouro_watch *watch, ouro_close_fn *fn)
{
	handle_check(&watch->chore, watch_type);
	watch->chore.base.on_close = fn;
}

void ouro_watch_hold(ouro_watch *watch, bool hold)
{
	handle_check(&watch->chore, watch_type);
	ouro__handle_hold(&watch->chore.base, hold);
}

ouro_loop *ouro_watch_loop(const ouro_watch *watch)
{
	handle_check(&watch->chore, watch_type);
	return watch->chore.base.loop;
}

int ouro_watch_set_name(ouro_watch *watch, const char *name)
{
	handle_check(&watch->chore, watch_type);
	return ouro__handle_name(&watch->chore.base, name);
}
