/* trees.h -- trees to be copied and removed. */
#ifndef TREES_H
#define TREES_H
#include "offload/whole.h"
#include <pthread.h>

/* A scratch folder for files by the hundred: in memory if there is such a place, as it takes some
 * disks seconds to make them. */
static inline void scratch_enter_memory(void)
{
	if (!access("/dev/shm", W_OK | X_OK))
		CHECK_EQ(setenv("TMPDIR", "/dev/shm", 1), 0);
	scratch_enter();
}

/* `folders` in one, with `files` in each. A few have something in them, which is their path. */
static inline void make_tree(const char *top, int folders, int files)
{
	char path[128];

	CHECK_EQ(mkdir(top, 0755), 0);
	for (int i = 0; i < folders; i++) {
		snprintf(path, sizeof(path), "%s/%d", top, i);
		CHECK_EQ(mkdir(path, 0755), 0);
		for (int n = 0; n < files; n++) {
			snprintf(path, sizeof(path), "%s/%d/%d", top, i, n);
			make_file(path, n < 10 ? path : "");
		}
	}
}

/* One in the other, with a file in the innermost. */
static inline void make_deep(const char *top, int levels)
{
	CHECK_EQ(mkdir(top, 0755), 0);
	CHECK_EQ(chdir(top), 0);
	for (int i = 1; i < levels; i++) {
		CHECK_EQ(mkdir("d", 0755), 0);
		CHECK_EQ(chdir("d"), 0);
	}
	make_file("f", "deep");
	CHECK_EQ(chdir(scratch), 0);
}

/* One of everything that can be copied, with every kind of name and mode. */
static inline void make_zoo(const char *top)
{
	char longest[256];

	memset(longest, 'n', 255);
	longest[255] = 0;
	CHECK_EQ(mkdir(top, 0755), 0);
	CHECK_EQ(chdir(top), 0);
	CHECK_EQ(mkdir("empty", 0700), 0);
	CHECK_EQ(mkdir("full", 0755), 0);
	CHECK_EQ(mkdir("full/inner", 0755), 0);
	make_file("full/inner/f", "inner");
	make_file("full/g", "");
	make_file(longest, "long");
	make_file("new\nline", "line");
	make_file("\xff\xfe", "bytes");
	make_big("big", 1300 * KIB, 7);
	CHECK_EQ(chmod("new\nline", 0640), 0);
	CHECK_EQ(chmod("big", 0400), 0);
	CHECK_EQ(symlink("full", "to a folder"), 0);
	CHECK_EQ(symlink("nowhere", "to nothing"), 0);
	CHECK_EQ(mkfifo("fifo", 0644), 0);
	CHECK_EQ(chmod("full/inner", 0555), 0);
	CHECK_EQ(chdir(scratch), 0);
}

/* Not by ouro's own means. */
static inline void clear(const char *top)
{
	if (is_there(top))
		CHECK_EQ(nftw(top, scratch_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* For whoever is not root: what may be entered may also be emptied again. */
static inline void open_zoo(const char *top)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/full/inner", top);
	CHECK_EQ(chmod(path, 0755), 0);
}

/* Does every entry of one folder look the same in the other, by name? */
static bool trees_differ;
static int trees_found, trees_other;

static inline void compare_files(const char *a, const char *b, size_t size)
{
	char *bytes = malloc(size + 1);
	FILE *file = fopen(a, "re");

	CHECK(bytes != NULL && file != NULL);
	CHECK_EQ(fread(bytes, 1, size, file), size);
	CHECK_EQ(fclose(file), 0);
	trees_differ |= !file_is(b, bytes, size);
	free(bytes);
}

static inline int compare_entry(const char *path, const struct stat *a, int kind, struct FTW *ftw)
{
	char other[PATH_MAX], one_target[64] = "", other_target[64] = "";
	struct stat b;

	(void)kind, (void)ftw;
	trees_found++;
	snprintf(other, sizeof(other), "b%s", path + 1);
	if (lstat(other, &b)) {
		trees_differ = true;
		return 0;
	}
	trees_differ |= a->st_mode != b.st_mode;
	if (S_ISREG(a->st_mode))
		compare_files(path, other, (size_t)a->st_size);
	if (S_ISLNK(a->st_mode)) {
		CHECK(readlink(path, one_target, sizeof(one_target) - 1) > 0);
		CHECK(readlink(other, other_target, sizeof(other_target) - 1) > 0);
		trees_differ |= strcmp(one_target, other_target) != 0;
	}
	return 0;
}

static inline int count_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)path, (void)st, (void)kind, (void)ftw;
	trees_other++;
	return 0;
}

/* The trees "a" and "b". */
static inline bool trees_are_same(void)
{
	trees_differ = false;
	trees_found = trees_other = 0;
	CHECK_EQ(nftw("a", compare_entry, 16, FTW_PHYS), 0);
	CHECK_EQ(nftw("b", count_entry, 16, FTW_PHYS), 0);
	return !trees_differ && trees_found == trees_other;
}

/* --- Somebody who swaps a folder for a symlink, and back, all the time --- */

struct swapper {
	const char *folder; /* there is a symlink to "canary" in its place at times */
	atomic_bool stop;
	atomic_uint swaps;
	pthread_t thread;
};

static inline void *swap_all_the_time(void *arg)
{
	struct swapper *swapper = arg;

	while (!swapper->stop) {
		if (rename(swapper->folder, "aside"))
			continue;
		swapper->swaps++;
		if (!symlink("../canary", swapper->folder))
			unlink(swapper->folder);
		if (rename("aside", swapper->folder))
			mkdir(swapper->folder, 0755);
	}
	return NULL;
}

static inline void swapper_start(struct swapper *swapper, const char *folder)
{
	memset(swapper, 0, sizeof(*swapper));
	swapper->folder = folder;
	CHECK_EQ(pthread_create(&swapper->thread, NULL, swap_all_the_time, swapper), 0);
}

static inline void swapper_stop(struct swapper *swapper)
{
	swapper->stop = true;
	CHECK_EQ(pthread_join(swapper->thread, NULL), 0);
}
#endif
