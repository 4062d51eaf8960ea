/* held.c -- a loop that is held at random, by computing, in malloc and in the kernel, while its pool
 * and a crew work and a watchdog looks on. Nothing is lost, nobody hangs, and who is blamed was there.
 * Meant for the sanitizers most of all. */
#include "crews.h"
#include "ouro/fs.h"

#define LIMIT_MS 4
#define HOLDS    (TEST_SLOW > 1 ? 40 : 120)
#define CHAINS   4

static ouro_crew *the_crew;
static unsigned holds, files, jobs;
static atomic_int told;
static uint32_t dice = 2463534242u;

static uint32_t roll(uint32_t n)
{
	dice ^= dice << 13;
	dice ^= dice >> 17;
	dice ^= dice << 5;
	return dice % n;
}

/* Each of the three ways in which a callback can hold a loop. What follows the call is there so that it
 * is no jump: who was left by a jump is on no stack. */
static void hold_by_computing(uint64_t until)
{
	while (real_ns() < until)
		;
}

static void hold_in_malloc(uint64_t until)
{
	void *volatile blocks[16] = { NULL };

	while (real_ns() < until) {
		uint32_t i = roll(16);

		free(blocks[i]);
		blocks[i] = malloc(1 + roll(4096));
	}
	for (int i = 0; i < 16; i++)
		free(blocks[i]);
}

static void hold_in_the_kernel(uint64_t until)
{
	const struct timespec tick = { .tv_nsec = 300000 };

	while (real_ns() < until)
		nanosleep(&tick, NULL);
}

static void held_loop(ouro_loop *loop, void *arg)
{
	static void (*const ways[])(uint64_t until) = { hold_by_computing, hold_in_malloc,
							hold_in_the_kernel };
	uint64_t until = real_ns() + roll(3 * LIMIT_MS) * MS;

	(void)arg;
	ways[roll(3)](until);
	if (++holds < HOLDS || !told)
		ouro_timer_after(loop, 0, held_loop, NULL);
}

/* On the watchdog's thread. Rarely the machine lets nobody of us run, and nobody can be blamed. */
static void on_held(ouro_loop *loop, const ouro_lag *lag, void *arg)
{
	(void)loop, (void)arg;
	CHECK(!strcmp(lag->who, "held_loop") || !strcmp(lag->who, "on_file") ||
	      !strcmp(lag->who, "on_job") || !strcmp(lag->who, "ouro"));
	CHECK(lag->ongoing);
	told++;
}

static void on_file(int err, ouro_str bytes, void *loop)
{
	CHECK_EQ(err, 0);
	CHECK(bytes.len > 0);
	files++;
	if (holds < HOLDS)
		CHECK(ouro_fs_load(loop, "/proc/self/stat", 0, on_file, loop).id != 0);
}

static void on_job(int err, ouro_str out, void *arg)
{
	(void)out;
	CHECK_EQ(err, 0);
	jobs++;
	if (holds < HOLDS)
		CHECK(ouro_crew_call(the_crew, "fib", ouro_str_z("15"), on_job, arg).id != 0);
}

TEST(a_watchdog_looks_on_while_all_work_and_the_loop_is_held)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){
		.watch_ms = LIMIT_MS, .lag_ms = OURO_NEVER, .on_held = on_held });

	CHECK(loop != NULL);
	the_crew = start_crew(loop, OURO_THREADS, 2);
	for (int i = 0; i < CHAINS; i++) {
		on_file(0, ouro_str_z("begin"), loop);
		on_job(0, ouro_str_z(""), NULL);
	}
	ouro_timer_after(loop, 0, held_loop, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK(holds >= HOLDS && told > 0);
	CHECK(files > CHAINS && jobs > CHAINS);
	CHECK(ouro_loop_worst(loop, NULL, NULL) > 0);
	ouro_loop_free(loop);
}
