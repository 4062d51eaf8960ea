/* worker.c -- workers that are asked for the impossible, killed, or left behind. What comes in which
 * order is in worker_own.c and its kin. */
#include "ports.h"
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static void far_returns(ouro_loop *loop, ouro_port *parent, void *arg)
{
	(void)loop, (void)parent, (void)arg;
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

static ouro_worker *start_with(ouro_loop *loop, const ouro_worker_opts *opts)
{
	ouro_worker *worker = NULL;

	CHECK_EQ(ouro_worker_start(loop, opts, say_exit, NULL, &worker), 0);
	ouro_port_on_message(ouro_worker_port(worker), say_message, NULL);
	return worker;
}

static ouro_worker *start_process(ouro_loop *loop, ouro_worker_main_fn *fn)
{
	return start_with(loop, &(ouro_worker_opts){ .main = fn, .kind = OURO_PROCESSES });
}

static void run_until_said(ouro_loop *loop)
{
	while (!*said)
		ouro_loop_turn(loop);
}

/* --- Options --- */

static char logged[1024];

static void keep_log(ouro_log_level level, const char *sentence, void *arg)
{
	(void)level, (void)arg;
	snprintf(logged, sizeof(logged), "%s", sentence);
}

static void refused(ouro_loop *loop, const ouro_worker_opts *opts, const char *why)
{
	ouro_worker *worker;

	CHECK_EQ(ouro_worker_start(loop, opts, say_exit, NULL, &worker), -EINVAL);
	CHECK(strstr(logged, why) != NULL);
}

TEST(options_without_sense_are_refused_in_words)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .on_log = keep_log });
	ouro_loop_opts hosted = { .ev = (struct ev_loop *)loop };

	refused(loop, &(ouro_worker_opts){ .main = NULL }, "no main");
	refused(loop, &(ouro_worker_opts){ .main = far_echo, .kind = (enum ouro_kind)7 }, "kind");
	refused(loop, &(ouro_worker_opts){ .main = far_echo, .loop = &hosted }, "libev");
	refused(loop, &(ouro_worker_opts){ .main = far_echo, .arg_size = 1 }, "without arg");
	refused(loop, &(ouro_worker_opts){ .main = far_echo, .port = { .high = 1, .low = 2 } },
		"limits");
	ouro_loop_free(loop);
}

static int shared_number;

static void far_adds(ouro_loop *loop, ouro_port *parent, void *arg)
{
	(void)loop, (void)parent;
	++*(int *)arg;
}

TEST(a_thread_may_be_given_a_pointer_to_what_it_shares)
{
	ouro_loop *loop = ouro_loop_new(NULL);

	start_with(loop, &(ouro_worker_opts){ .main = far_adds, .arg = &shared_number });
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(shared_number, 1);
	ouro_loop_free(loop);
}

TEST(a_process_shares_nothing)
{
	ouro_loop *loop = ouro_loop_new(NULL);

	start_with(loop, &(ouro_worker_opts){
				 .main = far_adds, .arg = &shared_number, .kind = OURO_PROCESSES });
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(shared_number, 0);
	CHECK_STR(said, "exit:0");
	ouro_loop_free(loop);
}

static void far_tells_its_name(ouro_loop *loop, ouro_port *parent, void *arg)
{
	char name[32] = "";
	int fd = open("/proc/thread-self/comm", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, name, sizeof(name) - 1);

	(void)loop, (void)arg;
	close(fd);
	CHECK_EQ(ouro_port_send(parent, ouro_str_n(name, n > 0 ? (size_t)n - 1 : 0)), 0);
}

IN_BOTH(ps_shows_its_name)
{
	ouro_loop *loop = ouro_loop_new(NULL);

	start_with(loop, &(ouro_worker_opts){
				 .main = far_tells_its_name, .kind = kind, .name = "digger" });
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "digger exit:0");
	ouro_loop_free(loop);
}

/* --- What only a process survives --- */

static void far_crashes(ouro_loop *loop, ouro_port *parent, void *arg)
{
	(void)loop, (void)parent, (void)arg;
	raise(SIGABRT);
}

TEST(a_process_that_crashes_tells_its_signal_and_nobody_else_is_hurt)
{
	ouro_loop *loop = ouro_loop_new(NULL);

	start_process(loop, far_crashes);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "exit:OURO_ECRASHED by:ABRT");
	ouro_loop_free(loop);
}

static void far_exits(ouro_loop *loop, ouro_port *parent, void *arg)
{
	(void)loop, (void)parent, (void)arg;
	_exit(7);
}

TEST(a_process_that_exits_tells_its_status)
{
	ouro_loop *loop = ouro_loop_new(NULL);

	start_process(loop, far_exits);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "exit:7");
	ouro_loop_free(loop);
}

static void far_says_and_spins(ouro_loop *loop, ouro_port *parent, void *arg)
{
	(void)loop, (void)arg;
	send_text(parent, "ready");
	ouro_port_flush(parent);
	for (;;)
		sched_yield();
}

TEST(a_process_that_spins_can_be_killed)
{
	ouro_loop *loop = ouro_loop_new(NULL);
	ouro_worker *worker = start_process(loop, far_says_and_spins);

	CHECK(ouro_worker_pid(worker) > 0);
	CHECK_EQ(ouro_worker_kill(worker), 0);
	CHECK_EQ(ouro_worker_kill(worker), 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK(strstr(said, "exit:OURO_ECRASHED by:KILL") != NULL);
	ouro_loop_free(loop);
}

TEST(a_process_that_does_not_end_when_asked_is_killed)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .on_log = keep_log });
	ouro_worker_opts opts = {
		.main = far_says_and_spins, .kind = OURO_PROCESSES, .name = "spinner", .stop_ms = 20
	};

	ouro_worker_stop(start_with(loop, &opts));
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK(strstr(said, "exit:0") || strstr(said, "exit:OURO_ECRASHED by:KILL"));
	CHECK(strstr(said, "exit:0") || strstr(logged, "spinner has not ended 20 ms after"));
	ouro_loop_free(loop);
}

TEST(a_loop_that_is_freed_kills_a_process_that_does_not_end)
{
	ouro_loop *loop = ouro_loop_new(NULL);
	ouro_worker_opts opts = { .main = far_says_and_spins,
				  .kind = OURO_PROCESSES,
				  .stop_ms = 20 };
	pid_t pid = ouro_worker_pid(start_with(loop, &opts));

	ouro_loop_free(loop);
	CHECK_EQ(kill(pid, 0), -1); /* and reaped */
	CHECK_EQ(errno, ESRCH);
}

static atomic_bool may_end;

static void far_is_stubborn(ouro_loop *loop, ouro_port *parent, void *arg)
{
	(void)loop, (void)parent, (void)arg;
	while (!may_end)
		sched_yield();
}

static void let_it_end(ouro_log_level level, const char *sentence, void *arg)
{
	keep_log(level, sentence, arg);
	may_end = true;
}

TEST(a_thread_that_does_not_end_when_asked_is_reported_and_waited_for)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .on_log = let_it_end });
	ouro_worker *worker =
		start_with(loop, &(ouro_worker_opts){ .main = far_is_stubborn, .stop_ms = 10 });

	CHECK_EQ(ouro_worker_set_name(worker, "mule"), 0);
	while (!strstr(said, "exit") && !may_end) {
		ouro_worker_stop(worker);
		ouro_loop_turn(loop);
	}
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK(!may_end || strstr(logged, "worker mule has not ended 10 ms after") != NULL);
	CHECK_STR(said, "exit:0");
	ouro_loop_free(loop);
}

TEST(a_thread_cannot_be_killed_and_the_refusal_says_why)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .on_log = keep_log });
	ouro_worker *worker = start_with(loop, &(ouro_worker_opts){ .main = far_echo });

	CHECK_EQ(ouro_worker_kill(worker), -ENOTSUP);
	CHECK(strstr(logged, "is a thread") != NULL);
	CHECK_EQ(ouro_worker_pid(worker), 0);
	ouro_worker_stop(worker);
	CHECK_EQ(ouro_loop_run(loop), 0);
	ouro_loop_free(loop);
}

/* --- What a process inherits, and what outlives it --- */

static void far_counts_descriptors(ouro_loop *loop, ouro_port *parent, void *arg)
{
	char link[64], target[128];
	int strange = 0, fd;

	(void)loop, (void)arg;
	for (fd = 3; fd < 64; fd++) {
		ssize_t n;

		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = 0;
		strange += n > 0 && (strstr(target, "/etc/") || strstr(target, "socket:"));
	}
	snprintf(link, sizeof(link), "strange:%d", strange);
	send_text(parent, link);
}

/* The one socket is the port's own, for descriptors. */
TEST(a_process_inherits_no_descriptor)
{
	ouro_loop *loop = ouro_loop_new(NULL);
	int file = open("/etc/hostname", O_RDONLY), pair[2]; /* not closed on exec */

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	start_process(loop, far_counts_descriptors);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "strange:1 exit:0");
	close(file), close(pair[0]), close(pair[1]);
	ouro_loop_free(loop);
}

/* A program of its own, that has a worker which spins, and is killed. */
static pid_t fork_a_program(int *ret_worker)
{
	int told[2];
	pid_t pid, worker;

	CHECK_EQ(pipe2(told, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		ouro_loop *loop = ouro_loop_new(NULL);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		worker = ouro_worker_pid(start_process(loop, far_says_and_spins));
		run_until_said(loop); /* it spins */
		CHECK_EQ(write(told[1], &worker, sizeof(worker)), (ssize_t)sizeof(worker));
		pause();
		_exit(1);
	}
	CHECK_EQ(read(told[0], &worker, sizeof(worker)), (ssize_t)sizeof(worker));
	close(told[0]), close(told[1]);
	*ret_worker = (int)syscall(SYS_pidfd_open, worker, 0);
	CHECK(*ret_worker >= 0);
	return pid;
}

TEST(when_the_parent_is_killed_its_workers_end_even_one_that_spins)
{
	struct pollfd worker = { .events = POLLIN };
	pid_t program = fork_a_program(&worker.fd);

	CHECK_EQ(kill(program, SIGKILL), 0);
	CHECK_EQ(waitpid(program, NULL, 0), program);
	CHECK_EQ(poll(&worker, 1, -1), 1); /* or the test is silent for too long */
	close(worker.fd);
}

/* --- Killed at any moment --- */

/* Fifty messages are under way at any time. */
struct victim {
	ouro_worker *worker;
	uint32_t sent, answered, goal;
	int exits;
};

static void victim_exit(ouro_worker *worker, int code, void *arg)
{
	struct victim *victim = arg;

	CHECK(code == OURO_ECRASHED && ouro_worker_signal(worker) == SIGKILL);
	victim->exits++;
	ouro_worker_close(worker);
}

static void victim_send(struct victim *victim)
{
	static char bytes[80000];
	int err = 0;

	while (victim->sent < victim->answered + 50 && !err) {
		size_t n = flood_make(victim->sent, bytes);

		err = ouro_port_send(ouro_worker_port(victim->worker), ouro_str_n(bytes, n));
		CHECK(!err || err == OURO_ECLOSED);
		victim->sent += !err;
	}
}

/* What arrives is whole and in order, until it is no more. */
static void victim_answer(ouro_port *port, ouro_str message, void *arg)
{
	struct victim *victim = arg;

	(void)port;
	CHECK_EQ(victim->exits, 0);
	flood_look(message, victim->answered++);
	victim_send(victim);
	if (victim->answered == victim->goal)
		CHECK_EQ(ouro_worker_kill(victim->worker), 0);
}

/* Every message that was sent was answered, or the exit tells that it was not. */
static void kill_one(ouro_loop *loop, uint32_t goal)
{
	struct victim victim = { .goal = goal };
	ouro_worker_opts opts = { .main = far_echo, .kind = OURO_PROCESSES };

	CHECK_EQ(ouro_worker_start(loop, &opts, victim_exit, &victim, &victim.worker), 0);
	ouro_port_on_message(ouro_worker_port(victim.worker), victim_answer, &victim);
	victim_send(&victim);
	if (!goal)
		CHECK_EQ(ouro_worker_kill(victim.worker), 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(victim.exits, 1);
	CHECK(victim.answered >= goal && victim.answered <= victim.sent);
}

TEST(killed_at_any_moment_what_arrives_is_whole_and_the_exit_comes_once_and_last)
{
	ouro_loop *loop = ouro_loop_new(NULL);
	uint32_t seed = 7;

	for (int i = 0; i < 60 / TEST_SLOW; i++)
		kill_one(loop, random_below(&seed, 1500));
	kill_one(loop, 0);
	CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1); /* no zombie */
	CHECK_EQ(errno, ECHILD);
	ouro_loop_free(loop);
}

/* --- What the machine refuses --- */

static enum ouro_kind kind_of_attempt;

static void keep_code(ouro_worker *worker, int code, void *arg)
{
	*(int *)arg = code;
	ouro_worker_close(worker);
}

static int try_one(void)
{
	ouro_loop *loop = ouro_loop_new(NULL);
	ouro_worker_opts opts = {
		.main = far_returns, .kind = kind_of_attempt, .arg = said, .arg_size = 100
	};
	ouro_worker *worker;
	int err, code = -1;

	if (!loop)
		return -errno;
	err = ouro_worker_start(loop, &opts, keep_code, &code, &worker);
	if (!err)
		err = ouro_loop_run(loop);
	ouro_loop_free(loop);
	if (err || kind_of_attempt == OURO_THREADS)
		return err ? err : code;
	CHECK(code == 0 || code == -ENOMEM);
	return 0;
}

/* A process counts for itself, from where its parent was, which allocation fails. */
IN_BOTH(without_memory_it_cannot_start_or_says_so_by_its_code)
{
	kind_of_attempt = kind;
	CHECK(for_each_failing_allocation(try_one) > 8);
}

static void start_with_few_descriptors(enum ouro_kind kind, int left)
{
	ouro_loop *loop = ouro_loop_new(NULL);
	ouro_worker_opts opts = { .main = far_returns, .kind = kind };
	struct rlimit before, few;
	ouro_worker *worker;
	int code = 0, fd = dup(0), err;

	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = (rlim_t)(fd + left);
	close(fd);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
	err = ouro_worker_start(loop, &opts, keep_code, &code, &worker);
	if (!err)
		CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
	CHECK(err == -EMFILE || (err == 0 && (code == 0 || code == -EMFILE)));
	ouro_loop_free(loop);
}

IN_BOTH(without_descriptors_it_cannot_start_or_says_so_by_its_code)
{
	for (int left = 0; left < 20; left++)
		start_with_few_descriptors(kind, left);
}

static void start_while_closing(void *arg)
{
	ouro_worker_opts opts = { .main = far_returns };
	ouro_worker *worker;
	ouro_port *a, *b;

	CHECK_EQ(ouro_worker_start(arg, &opts, say_exit, NULL, &worker), OURO_ECLOSED);
	CHECK_EQ(ouro_port_pair(arg, OURO_THREADS, NULL, &a, &b), OURO_ECLOSED);
	say("refused");
}

TEST(a_loop_that_is_ending_starts_no_worker)
{
	ouro_loop *loop = ouro_loop_new(NULL);
	struct tube tube = tube_empty();
	ouro_io *io = watch(loop, tube.out, 0, never, loop);

	ouro_io_on_close(io, start_while_closing);
	ouro_loop_free(loop);
	CHECK_STR(said, "refused");
	tube_close(tube);
}
