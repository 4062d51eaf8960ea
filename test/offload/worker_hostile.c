/* worker_hostile.c -- workers in processes that do what none should: garbage into their pipe, all the
 * memory, all the time. It is theirs alone: a worker beside them goes on. What too many messages come to
 * is in port_flood.c. */
#include "ports.h"

static void say_log(ouro_log_level level, const char *sentence, void *arg)
{
	(void)level, (void)arg;
	say("(%s)", sentence);
}

static ouro_loop *new_loop(void)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .on_log = say_log });

	CHECK(loop != NULL);
	return loop;
}

static ouro_worker *start(ouro_loop *loop, ouro_worker_opts opts)
{
	ouro_worker *worker = NULL;

	opts.kind = OURO_PROCESSES;
	CHECK_EQ(ouro_worker_start(loop, &opts, say_exit, NULL, &worker), 0);
	ouro_port_on_message(ouro_worker_port(worker), say_message, NULL);
	ouro_port_on_gone(ouro_worker_port(worker), say_gone);
	return worker;
}

/* --- Limits --- */

#define MIB ((size_t)1 << 20)

/* How many megabytes there are, without a sanitizer's opinion of malloc(). They are free again when it
 * tells. */
static void far_takes_all(ouro_loop *loop, ouro_port *parent, void *arg)
{
	void *got[200];
	char text[20];
	int n = 0;

	(void)loop, (void)arg;
	while (n < 200 && (got[n] = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED)
		n++;
	for (int i = 0; i < n; i++)
		munmap(got[i], MIB);
	snprintf(text, sizeof(text), "%s", n < 200 && errno == ENOMEM ? "limited" : "any");
	CHECK_EQ(ouro_port_send(parent, ouro_str_z(text)), 0);
}

/* On top of what it starts with: its parent may be larger than the limit. */
TEST(memory_of_a_process_is_limited)
{
	ouro_loop *loop = new_loop();
	void *much = mmap(NULL, 100 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(much != MAP_FAILED);
	start(loop, (ouro_worker_opts){ .main = far_takes_all, .memory_max = 64 * MIB });
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "limited gone exit:0");
	said[0] = 0;
	start(loop, (ouro_worker_opts){ .main = far_takes_all });
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "any gone exit:0");
	CHECK_EQ(munmap(much, 100 * MIB), 0);
	ouro_loop_free(loop);
}

static volatile unsigned spins;

static void far_spins(ouro_loop *loop, ouro_port *parent, void *arg)
{
	(void)loop, (void)parent, (void)arg;
	for (;;)
		spins++;
}

TEST(processor_time_of_a_process_is_limited)
{
	ouro_loop *loop = new_loop();

	alarm(6 * TEST_SECONDS); /* two seconds of a processor that others use too */
	start(loop, (ouro_worker_opts){ .main = far_spins, .cpu_s = 1 });
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "gone exit:OURO_ECRASHED by:XCPU");
	ouro_loop_free(loop);
}

/* --- Garbage --- */

/* Into everything it has open but the standard three; one of them is its pipe, and another the bell
 * that tells it to end. */
static void write_garbage(const char *garbage, size_t n)
{
	for (int fd = STDERR_FILENO + 1; fd < 64; fd++)
		if (write(fd, garbage, n) < 0)
			spins++;
}

static void far_writes_garbage(ouro_loop *loop, ouro_port *parent, void *arg)
{
	static const char garbage[256] = "I am a teapot. ";

	(void)loop, (void)parent, (void)arg;
	write_garbage(garbage, sizeof(garbage));
}

static void far_answers(ouro_port *parent, ouro_str message, void *arg)
{
	(void)arg;
	CHECK_EQ(ouro_port_send(parent, message), 0);
}

static void far_echo(ouro_loop *loop, ouro_port *parent, void *arg)
{
	(void)loop;
	ouro_port_on_message(parent, far_answers, arg);
}

/* A worker beside another that is about to go wrong. */
static ouro_worker *start_a_good_one(ouro_loop *loop)
{
	ouro_worker *worker = start(loop, (ouro_worker_opts){ .main = far_echo });

	send_text(ouro_worker_port(worker), "before");
	while (strcmp(said, "before"))
		ouro_loop_turn(loop);
	said[0] = 0;
	return worker;
}

static void end_the_good_one(ouro_loop *loop, ouro_worker *worker)
{
	said[0] = 0;
	send_text(ouro_worker_port(worker), "after");
	while (strcmp(said, "after"))
		ouro_loop_turn(loop);
	ouro_worker_stop(worker);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "after gone exit:0");
}

static void run_until_exit(ouro_loop *loop)
{
	while (!strstr(said, "exit:"))
		ouro_loop_turn(loop);
}

TEST(garbage_in_the_pipe_of_a_worker_ends_its_port_and_nobody_elses)
{
	ouro_loop *loop = new_loop();
	ouro_worker *good = start_a_good_one(loop);

	start(loop, (ouro_worker_opts){ .main = far_writes_garbage });
	run_until_exit(loop);
	CHECK(strstr(said, "(a port is given up, what came through it makes no sense: ") == said);
	CHECK_STR(strrchr(said, ')'), ") gone exit:0");
	end_the_good_one(loop, good);
	ouro_loop_free(loop);
}

/* What it means to say, and then garbage that is another each time: up to a few pipes full of it. */
static void far_writes_any_garbage(ouro_loop *loop, ouro_port *parent, void *arg)
{
	static char garbage[5000];
	uint32_t seed = *(uint32_t *)arg, n = 1 + random_below(&seed, sizeof(garbage));
	bool small = random_below(&seed, 2); /* numbers that could be a length */

	(void)loop;
	for (uint32_t i = 0; i < n; i++)
		garbage[i] = (char)random_below(&seed, small ? 4 : 256);
	send_text(parent, "sense");
	ouro_port_flush(parent);
	write_garbage(garbage, n);
}

static void say_sense(ouro_port *port, ouro_str message, void *arg)
{
	(void)port, (void)arg;
	if (ouro_str_eq(message, "sense"))
		say("sense");
}

TEST(whatever_the_garbage_is_what_made_sense_arrives_and_the_end_comes_once)
{
	ouro_loop *loop = new_loop();
	ouro_worker *good = start_a_good_one(loop);

	for (uint32_t seed = 1; seed <= 60 / TEST_SLOW; seed++) {
		ouro_worker *bad = start(loop, (ouro_worker_opts){ .main = far_writes_any_garbage,
								   .arg = &seed,
								   .arg_size = sizeof(seed) });

		said[0] = 0;
		ouro_port_on_message(ouro_worker_port(bad), say_sense, NULL);
		run_until_exit(loop);
		CHECK_EQ(strncmp(said, "sense ", 6), 0);
		CHECK(strstr(said, "gone exit:0") != NULL);
	}
	end_the_good_one(loop, good);
	ouro_loop_free(loop);
}
