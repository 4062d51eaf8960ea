/* folders.c -- a table of folders by number, and a walk that is its own queue. See folders.h.
 *
 * The walk goes by breadth: what it finds it appends to the list that it is walking, so it needs no
 * stack, however deep the tree, and can stop anywhere. */
#include "offload/folders.h"
#include "base/alloc.h"
#include "sys/fd.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEP 64 /* folders looked into before others get their turn on the pool */

/* The table. */

static uint32_t bucket_count(const struct folders *folders)
{
	return folders->bucket ? folders->buckets : sizeof(folders->few) / sizeof(*folders->few);
}

static struct folder **bucket_of(const struct folders *folders, int wd)
{
	struct folder *const *all = folders->bucket ? folders->bucket : folders->few;

	return (struct folder **)(uintptr_t)&all[(uint32_t)wd & (bucket_count(folders) - 1)];
}

/* Where the pointer to it is; where it would be when it is not there. */
static struct folder **place_of(const struct folders *folders, int wd)
{
	struct folder **place = bucket_of(folders, wd);

	while (*place && (*place)->wd != wd)
		place = &(*place)->same;
	return place;
}

struct folder *ouro__folders_find(const struct folders *folders, int wd)
{
	return *place_of(folders, wd);
}

static void remove_at(struct folders *folders, struct folder **place)
{
	struct folder *folder = *place;

	*place = folder->same;
	folders->count--;
	ouro__free(folder);
}

typedef bool pick_fn(const struct folder *folder, const void *arg);

static void drop_picked(struct folders *folders, int inotify, pick_fn *pick, const void *arg)
{
	for (uint32_t i = 0; i < bucket_count(folders); i++) {
		struct folder **place = bucket_of(folders, (int)i);

		while (*place) {
			if (!pick(*place, arg)) {
				place = &(*place)->same;
				continue;
			}
			if (inotify >= 0)
				inotify_rm_watch(inotify, (*place)->wd);
			remove_at(folders, place);
		}
	}
}

static void grow(struct folders *folders)
{
	uint32_t was = bucket_count(folders), buckets = was * 4;
	struct folders larger = { .buckets = buckets, .count = folders->count };

	larger.bucket = ouro__alloc(buckets * sizeof(*larger.bucket));
	if (!larger.bucket)
		return;
	for (uint32_t i = 0; i < was; i++) {
		struct folder *folder = *bucket_of(folders, (int)i), *next;

		for (; folder; folder = next) {
			struct folder **place = bucket_of(&larger, folder->wd);

			next = folder->same;
			folder->same = *place;
			*place = folder;
		}
	}
	ouro__free(folders->bucket);
	*folders = larger;
}

void ouro__folders_take(struct folders *folders, struct folder *folder)
{
	struct folder **place;

	ouro__folders_forget(folders, folder->wd);
	if (folders->count >= bucket_count(folders))
		grow(folders);
	place = bucket_of(folders, folder->wd);
	folder->next = NULL;
	folder->same = *place;
	*place = folder;
	folders->count++;
}

void ouro__folders_forget(struct folders *folders, int wd)
{
	struct folder **place = place_of(folders, wd);

	if (*place)
		remove_at(folders, place);
}

static bool is_under(const struct folder *folder, const void *arg)
{
	const char *path = arg;
	size_t n = strlen(path);

	return !strncmp(folder->path, path, n) && (!folder->path[n] || folder->path[n] == '/');
}

void ouro__folders_drop(struct folders *folders, int inotify, const char *path)
{
	drop_picked(folders, inotify, is_under, path);
}

static bool is_unseen(const struct folder *folder, const void *arg)
{
	return folder->round != *(const unsigned *)arg;
}

void ouro__folders_drop_unseen(struct folders *folders, int inotify, unsigned round)
{
	drop_picked(folders, inotify, is_unseen, &round);
}

static bool is_any(const struct folder *folder, const void *arg)
{
	(void)folder, (void)arg;
	return true;
}

void ouro__folders_free(struct folders *folders)
{
	drop_picked(folders, -1, is_any, NULL);
	ouro__free(folders->bucket);
	*folders = (struct folders){ 0 };
}

/* The walk. */

static int add(struct scan *scan, const char *folder, const char *name, int wd)
{
	size_t before = *folder ? strlen(folder) + 1 : 0, n = before + strlen(name) + 1;
	struct folder *found = ouro__alloc(sizeof(*found) + n);

	if (!found)
		return -ENOMEM;
	found->wd = wd;
	snprintf(found->path, n, "%s%s%s", folder, before ? "/" : "", name);
	*scan->end = found;
	scan->end = &found->next;
	return 0;
}

int ouro__scan_begin(struct scan *scan, const char *path)
{
	int err;

	scan->found = NULL;
	scan->end = &scan->found;
	err = add(scan, "", path, 0);
	scan->at = scan->found;
	return err;
}

/* What may become of any name while one looks: it has gone, or is something else. */
static bool is_no_matter(int err)
{
	return err == -ENOENT || err == -ENOTDIR || err == -ELOOP || err == -EACCES;
}

static int whole_path(const struct scan *scan, const char *path, char whole[PATH_MAX])
{
	bool slash = *path && strcmp(scan->root, "/") != 0;
	int n = snprintf(whole, PATH_MAX, "%s%s%s", scan->root, slash ? "/" : "", path);

	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static bool is_dot(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/* A file system that does not tell types has the kernel tell: it watches folders only. */
static int add_entry(struct scan *scan, const struct folder *folder, const struct dirent *entry)
{
	bool may_be_folder = entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN;

	if (is_dot(entry->d_name) || (!may_be_folder && !scan->names))
		return 0;
	return add(scan, folder->path, entry->d_name, may_be_folder ? 0 : -1);
}

static int list(struct scan *scan, const struct folder *folder, const char *whole)
{
	int fd = open(whole, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), err = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		err = -errno;
		ouro__fd_close(&fd);
		return err;
	}
	for (errno = 0; !err && (entry = readdir(dir)); errno = 0)
		err = add_entry(scan, folder, entry);
	if (!err)
		err = -errno;
	closedir(dir);
	return err;
}

static int look_into(struct scan *scan, struct folder *folder)
{
	char whole[PATH_MAX];
	int err = whole_path(scan, folder->path, whole);

	if (err)
		return err;
	folder->wd = inotify_add_watch(scan->inotify, whole, scan->mask);
	if (folder->wd < 0)
		return -errno;
	return scan->deep ? list(scan, folder, whole) : 0;
}

/* Those without a number are what the loop need not keep. */
int ouro__scan_step(struct scan *scan)
{
	int looked = 0;

	while (scan->at && looked < STEP) {
		struct folder *folder = scan->at;
		int err = 0;

		if (folder->wd >= 0) {
			folder->wd = -1;
			err = look_into(scan, folder);
			looked++;
		}
		if (err && (folder == scan->found || !is_no_matter(err)))
			return err;
		scan->at = folder->next;
	}
	return scan->at != NULL;
}

struct folder *ouro__scan_shift(struct scan *scan)
{
	struct folder *first = scan->found;

	if (first)
		scan->found = first->next;
	return first;
}

void ouro__scan_free(struct scan *scan)
{
	struct folder *folder;

	while ((folder = ouro__scan_shift(scan)))
		ouro__free(folder);
	scan->at = NULL;
}
