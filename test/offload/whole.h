/* whole.h -- what the tests of whole files and trees share: answers, big files, and an operation
 * that has done its first piece and waits for its second. */
#ifndef WHOLE_H
#define WHOLE_H
#include "offload/scratch.h"
#include "ops.h"
#include <dirent.h>
#include <sys/resource.h>

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

/* --- What an operation was answered --- */

static struct {
	int err, calls;
	char *bytes; /* a load's */
	size_t len;
} answer;

static inline void answer_forget(void)
{
	free(answer.bytes);
	memset(&answer, 0, sizeof(answer));
}

static inline void on_answer(int err, void *arg)
{
	(void)arg;
	answer.err = err;
	answer.calls++;
}

/* Keeps a copy: the data is gone after the callback. */
static inline void on_data(int err, ouro_str data, void *arg)
{
	on_answer(err, arg);
	CHECK_EQ(!data.ptr, err < 0);
	CHECK(err >= 0 || data.len == 0);
	if (err < 0)
		return;
	CHECK_EQ(data.ptr[data.len], 0);
	free(answer.bytes);
	answer.bytes = malloc(data.len + 1);
	CHECK(answer.bytes != NULL);
	memcpy(answer.bytes, data.ptr, data.len + 1);
	answer.len = data.len;
}

/* Turns the loop until nothing is left, which was one operation; what it was answered. */
static inline int answer_to(ouro_loop *loop, ouro_op op)
{
	CHECK(op.id != 0);
	answer_forget();
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(answer.calls, 1);
	return answer.err;
}

static inline ouro_loop *new_loop(void)
{
	ouro_loop *loop = ouro_loop_new(NULL);

	CHECK(loop != NULL);
	return loop;
}

/* --- Files --- */

/* Bytes in which no two pieces are alike. */
static inline char *pattern(size_t size, uint32_t seed)
{
	char *bytes = malloc(size + 1);

	CHECK(bytes != NULL && seed != 0);
	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)random_below(&seed, 256);
	return bytes;
}

static inline void make_big(const char *path, size_t size, uint32_t seed)
{
	char *bytes = pattern(size, seed);
	FILE *file = fopen(path, "we");

	CHECK(file != NULL);
	CHECK_EQ(fwrite(bytes, 1, size, file), size);
	CHECK_EQ(fclose(file), 0);
	free(bytes);
}

static inline void make_sparse(const char *path, size_t size)
{
	make_file(path, "");
	CHECK_EQ(truncate(path, (off_t)size), 0);
}

/* Is that exactly what is in it? */
static inline bool file_is(const char *path, const char *bytes, size_t size)
{
	FILE *file = fopen(path, "re");
	char *there = malloc(size + 1);
	bool same;

	CHECK(file != NULL && there != NULL);
	same = fread(there, 1, size + 1, file) == size && !memcmp(there, bytes, size);
	CHECK_EQ(fclose(file), 0);
	free(there);
	return same;
}

static inline bool file_is_pattern(const char *path, size_t size, uint32_t seed)
{
	char *bytes = pattern(size, seed);
	bool same = file_is(path, bytes, size);

	free(bytes);
	return same;
}

static inline bool is_there(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

static inline mode_t mode_of(const char *path)
{
	struct stat st;

	CHECK_EQ(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

/* Entries of a folder, without the dots. */
static inline int entries_in(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	CHECK(dir != NULL);
	while (readdir(dir))
		n++;
	CHECK_EQ(closedir(dir), 0);
	return n - 2;
}

/* No more than so many descriptors from now on, beside those that are open. */
static inline void allow_descriptors(int more)
{
	struct rlimit limit;
	int last = -1, taken[32];

	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (int i = 0; i <= more; i++)
		last = taken[i] = dup(0);
	for (int i = 0; i <= more; i++)
		CHECK_EQ(close(taken[i]), 0);
	limit.rlim_cur = (rlim_t)last;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* A loop whose pool has its threads and descriptors already. */
static inline ouro_loop *warm_loop(void)
{
	ouro_loop *loop = new_loop();

	CHECK(ouro_pool_run(loop, work_nothing, on_answer, NULL).id != 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	return loop;
}

/* --- Between the first piece and the second --- */

/* One thread. It is held at one gate until the operation has been asked for, and after its first
 * piece at another: then the operation has begun, and waits. */
struct pause {
	ouro_loop *loop;
	struct gate before, between;
	struct job first, second;
};

static inline void pause_init(struct pause *pause)
{
	ouro_loop_opts opts = { .pool_threads = 1 };

	memset(pause, 0, sizeof(*pause));
	pause->loop = ouro_loop_new(&opts);
	CHECK(pause->loop != NULL);
	gate_init(&pause->before);
	gate_init(&pause->between);
	pause->first.gate = &pause->before;
	pause->second.gate = &pause->between;
	ask_job(pause->loop, OURO_LANE_FILES, &pause->first);
	gate_await(&pause->before, 1);
	answer_forget();
}

static inline void pause_after_a_piece(struct pause *pause)
{
	ask_job(pause->loop, OURO_LANE_FILES, &pause->second);
	gate_open(&pause->before, 1);
	gate_await(&pause->between, 1);
}

static inline void pause_end(struct pause *pause)
{
	gate_open(&pause->between, 1);
}

/* Whatever was asked for since pause_init(): all of it was there before the first was begun. */
static inline void pause_run(struct pause *pause)
{
	gate_open(&pause->before, 1);
	CHECK_EQ(ouro_loop_run(pause->loop), 0);
	ouro_loop_free(pause->loop);
}

/* The three ways to end what has begun. Each leaves no loop behind. */
static inline void cancel_after_a_piece(struct pause *pause, ouro_op op)
{
	CHECK(op.id != 0);
	pause_after_a_piece(pause);
	CHECK(ouro_op_cancel(pause->loop, op));
	CHECK_EQ(answer.calls, 0);
	pause_end(pause);
	CHECK_EQ(ouro_loop_run(pause->loop), 0);
	CHECK_EQ(answer.calls, 1);
	CHECK_EQ(answer.err, OURO_ECANCELED);
	ouro_loop_free(pause->loop);
}

static inline void time_out_after_a_piece(struct pause *pause, ouro_op op)
{
	CHECK(op.id != 0);
	CHECK(ouro_op_timeout(pause->loop, op, 1));
	pause_after_a_piece(pause);
	while (!answer.calls) /* although the only thread there is stands at its gate */
		ouro_loop_turn(pause->loop);
	CHECK_EQ(answer.err, OURO_ETIMEOUT);
	pause_end(pause);
	CHECK_EQ(ouro_loop_run(pause->loop), 0);
	ouro_loop_free(pause->loop);
	CHECK_EQ(answer.calls, 1);
}

/* It may have come to its end meanwhile: then it was well. */
static inline void free_after_a_piece(struct pause *pause, ouro_op op)
{
	CHECK(op.id != 0);
	pause_after_a_piece(pause);
	pause_end(pause);
	ouro_loop_free(pause->loop);
	CHECK_EQ(answer.calls, 1);
	CHECK(answer.err == OURO_ECANCELED || answer.err == 0);
}
#endif
