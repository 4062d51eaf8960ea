/* scratch.h -- a folder to make a mess in, and a plug for the pool.
 *
 * Each test has a process of its own, so it may live in its scratch folder and use short names. */
#ifndef SCRATCH_H
#define SCRATCH_H
#include "kit.h"
#include "ouro/fs.h"
#include <ftw.h>
#include <limits.h>
#include <sys/stat.h>

static char scratch[PATH_MAX];

static inline void scratch_enter(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(scratch, sizeof(scratch), "%s/ouro-test-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	CHECK(mkdtemp(scratch) != NULL);
	CHECK_EQ(chdir(scratch), 0);
	umask(022);
}

static inline int scratch_remove(const char *path, const struct stat *stat, int kind,
				 struct FTW *ftw)
{
	(void)stat, (void)kind, (void)ftw;
	return remove(path);
}

static inline void scratch_leave(void)
{
	CHECK_EQ(chdir("/"), 0);
	CHECK_EQ(nftw(scratch, scratch_remove, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT), 0);
}

static inline void make_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
	CHECK_EQ(close(fd), 0);
}

/* The first 255 bytes; static. */
static inline const char *text_of(const char *path)
{
	static char text[256];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	CHECK(fd >= 0);
	n = read(fd, text, sizeof(text) - 1);
	CHECK(n >= 0);
	text[n] = '\0';
	CHECK_EQ(close(fd), 0);
	return text;
}

/* "./././x", or "././/x": the same file by a path of that length, which is not one more than its
 * name's. */
static inline char *long_way(char *room, size_t length, const char *name)
{
	size_t before = length - strlen(name);

	for (size_t i = 0; i < before; i++)
		room[i] = i % 2 ? '/' : '.';
	if (before % 2) /* "././" and one slash more */
		room[before - 1] = '/';
	strcpy(room + before, name);
	return room;
}

/* A pool of one thread, and a call that keeps it until the plug is pulled: what is asked for
 * meanwhile waits, for certain. */
static struct tube plug;

static inline int plug_work(void *arg)
{
	char byte;

	(void)arg;
	return read(plug.out, &byte, 1) == 1 ? 0 : -EIO;
}

static inline void plug_pulled(int err, void *arg)
{
	(void)arg;
	CHECK(err == 0 || err == OURO_ECANCELED); /* its loop was freed before it began */
}

static inline void plug_in(ouro_loop *loop)
{
	int fd[2];

	CHECK_EQ(pipe2(fd, O_CLOEXEC), 0);
	plug = (struct tube){ fd[0], fd[1] };
	CHECK(ouro_pool_run(loop, plug_work, plug_pulled, NULL).id != 0);
}

static inline ouro_loop *single_thread_loop(unsigned queue)
{
	ouro_loop_opts opts = { .pool_threads = 1, .pool_queue = queue };
	ouro_loop *loop = ouro_loop_new(&opts);

	CHECK(loop != NULL);
	return loop;
}

static inline ouro_loop *plugged_loop(unsigned queue)
{
	ouro_loop *loop = single_thread_loop(queue);

	plug_in(loop);
	return loop;
}

static inline void plug_pull(void)
{
	tube_fill(plug);
}

/* For as long as the thread of a timed-out operation is stuck in it; then its late answer is in. */
static inline void wait_for_stuck(ouro_loop *loop)
{
	ouro_pool_stats figures;

	do {
		usleep(500);
		ouro_pool_get_stats(loop, &figures);
	} while (figures.stuck);
	ouro_loop_turn(loop);
}

/* Until a thread is in the one operation on files that there is. */
static inline void wait_for_running(ouro_loop *loop)
{
	ouro_pool_stats figures;

	do {
		usleep(500);
		ouro_pool_get_stats(loop, &figures);
	} while (!figures.lane[OURO_LANE_FILES].running);
}
#endif
