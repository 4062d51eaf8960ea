/* main.c -- a loop for a whole program: signals end it, words go to stderr. Each in a child. */
#include "ouro/main.h"
#include "ouro/access.h"
#include "ouro/timer.h"
#include "test.h"
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char words[8192]; /* what the child wrote to stderr */

/* Runs a program in a child and keeps its words; its status, as waitpid() gives it. */
static int status_of(int (*program)(void))
{
	int ends[2], status;
	size_t used = 0;
	ssize_t n;
	pid_t pid;

	CHECK_EQ(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		int code;

		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		code = program();
		fflush(stdout);
		_exit(code);
	}
	close(ends[1]);
	while ((n = read(ends[0], words + used, sizeof(words) - used - 1)) > 0)
		used += (size_t)n;
	words[used] = 0;
	close(ends[0]);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return status;
}

static void raise_it(ouro_loop *loop, void *arg)
{
	(void)loop;
	kill(getpid(), *(int *)arg);
}

static void never(ouro_loop *loop, void *arg)
{
	(void)loop, (void)arg;
	_exit(99);
}

static int killed_by(int signo)
{
	ouro_loop *loop = ouro_loop_new(NULL);

	ouro_timer_after(loop, 1, raise_it, &signo);
	ouro_timer_after(loop, 3600 * 1000, never, NULL);
	return ouro_loop_main(loop);
}

static int terminated(void)
{
	return killed_by(SIGTERM);
}

static int interrupted(void)
{
	return killed_by(SIGINT);
}

TEST(term_and_int_end_the_run_and_are_no_error)
{
	CHECK_EQ(status_of(terminated), 0);
	CHECK_EQ(status_of(interrupted), 0);
	CHECK_STR(words, "");
}

static void raise_it_twice(ouro_loop *loop, void *arg)
{
	raise_it(loop, arg);
	ouro_loop_macro(loop, raise_it, arg); /* in the turn that the first one ends */
	ouro_timer_every(loop, 0, raise_it, arg);
}

static int terminated_twice(void)
{
	static int term = SIGTERM;
	ouro_loop *loop = ouro_loop_new(NULL);

	ouro_timer_after(loop, 1, raise_it_twice, &term);
	return ouro_loop_main(loop);
}

TEST(a_second_signal_ends_the_process_at_once)
{
	int status = status_of(terminated_twice);

	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), SIGTERM);
}

static void stop_with_7(ouro_loop *loop, void *arg)
{
	(void)arg;
	ouro_loop_stop(loop, 7);
}

static int stopped(void)
{
	ouro_loop *loop = ouro_loop_new(NULL);

	ouro_loop_macro(loop, stop_with_7, NULL);
	return ouro_loop_main(loop);
}

TEST(what_stop_was_given_is_what_main_returns)
{
	CHECK_EQ(WEXITSTATUS(status_of(stopped)), 7);
}

static int nothing_to_do(void)
{
	return ouro_loop_main(ouro_loop_new(NULL));
}

TEST(a_loop_with_nothing_to_do_ends)
{
	CHECK_EQ(status_of(nothing_to_do), 0);
}

static void dawdle(ouro_loop *loop, void *arg)
{
	(void)arg;
	CHECK_EQ(ouro_loop_advance(loop, 1840), 0);
}

static int slow(void)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });

	ouro_timer_after(loop, 10, dawdle, NULL);
	return ouro_loop_main(loop);
}

TEST(who_held_the_loop_is_printed)
{
	CHECK_EQ(status_of(slow), 0);
	CHECK_STR(words,
		  "ouro: the loop was held 1,840 ms by dawdle for timer: move it to a crew\n");
}

static void dawdle_really(ouro_loop *loop, void *arg)
{
	struct timespec tick = { .tv_nsec = 1000000 };

	(void)loop, (void)arg;
	for (int i = 0; i < 200 * TEST_SLOW;
	     i++) /* each may be cut short, by the watchdog's signal */
		nanosleep(&tick, NULL);
}

static int really_slow(void)
{
	ouro_loop *loop = ouro_loop_new(NULL);

	ouro_timer_after(loop, 10, dawdle_really, NULL);
	return ouro_loop_main(loop);
}

TEST(and_while_it_lasts_with_the_stack)
{
	const char *held = "ouro: the loop is held by dawdle_really for timer, ";

	CHECK_EQ(status_of(really_slow), 0);
	CHECK(strstr(words, held) == words);
	CHECK(strstr(words, " ms so far; 0 descriptors wait\n"));
	CHECK(strstr(words, "ouro:   called by dawdle_really\n"));
	CHECK(strstr(words, "ouro:   called by ouro_loop_main\n"));
	CHECK(strstr(words, " ms by dawdle_really for timer: move it to a crew\n"));
}

static int really_slow_unwatched(void)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .watch_ms = OURO_NEVER });

	ouro_timer_after(loop, 10, dawdle_really, NULL);
	return ouro_loop_main(loop);
}

TEST(unless_nobody_is_to_watch)
{
	CHECK_EQ(status_of(really_slow_unwatched), 0);
	CHECK(strstr(words, "ouro: the loop was held ") == words);
	CHECK(!strstr(words, "so far"));
}

/* ---- systemd ---- */

static int served(void)
{
	ouro_loop *loop = ouro_loop_new(NULL);

	setenv("WATCHDOG_USEC", "20000", 1);
	ouro_timer_after(loop, 3600 * 1000, never, NULL);
	return ouro_loop_main(loop);
}

static void hear(int fd, const char *words_of_it)
{
	char heard[64] = "";

	CHECK(recv(fd, heard, sizeof(heard) - 1, 0) > 0);
	CHECK_STR(heard, words_of_it);
}

TEST(a_service_manager_is_told_that_it_is_ready_alive_and_ending)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), status;
	char heard[64] = "WATCHDOG=1";
	pid_t pid;

	snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1, "ouro-main-%d", getpid());
	CHECK_EQ(bind(fd, (struct sockaddr *)&addr,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
				  strlen(addr.sun_path + 1))),
		 0);
	addr.sun_path[0] = '@';
	setenv("NOTIFY_SOCKET", addr.sun_path, 1);
	pid = fork();
	if (pid == 0)
		_exit(served());
	hear(fd, "READY=1");
	for (int i = 0; i < 3; i++)
		hear(fd, "WATCHDOG=1");
	CHECK_EQ(kill(pid, SIGTERM), 0);
	while (!strcmp(heard, "WATCHDOG=1")) {
		memset(heard, 0, sizeof(heard));
		CHECK(recv(fd, heard, sizeof(heard) - 1, 0) > 0);
	}
	CHECK_STR(heard, "STOPPING=1");
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	close(fd);
}

static void say_nothing(ouro_loop *loop, const ouro_lag *lag, void *arg)
{
	(void)loop, (void)lag, (void)arg;
}

static int slow_with_an_ear_of_its_own(void)
{
	ouro_loop *loop = ouro_loop_new(
		&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL, .on_lag = say_nothing });

	ouro_timer_after(loop, 10, dawdle, NULL);
	return ouro_loop_main(loop);
}

TEST(unless_the_program_listens_itself)
{
	CHECK_EQ(status_of(slow_with_an_ear_of_its_own), 0);
	CHECK_STR(words, "");
}

static void run_again(ouro_loop *loop, void *arg)
{
	(void)arg;
	CHECK_EQ(ouro_loop_run(loop), -EBUSY);
}

static int mistaken(void)
{
	ouro_loop *loop = ouro_loop_new(NULL);

	ouro_loop_macro(loop, run_again, NULL);
	return ouro_loop_main(loop);
}

TEST(a_mistake_is_printed_in_words)
{
	CHECK_EQ(status_of(mistaken), 0);
	CHECK(strstr(words, "ouro: error: ouro_loop_run: this loop is running already"));
}

static void stop_it(ouro_loop *loop, void *arg)
{
	(void)arg;
	ouro_loop_stop(loop, 0);
}

/* The next turn finds the signal ready before it comes to the task. */
static void ask_why(ouro_loop *loop, void *arg)
{
	raise_it(loop, arg);
	ouro_loop_macro(loop, stop_it, NULL);
}

static int asked_why(void)
{
	static int usr1 = SIGUSR1;
	ouro_loop *loop = ouro_loop_new(NULL);
	ouro_timer sweep = ouro_timer_after(loop, 3600 * 1000, never, NULL);

	ouro_timer_set_name(loop, sweep, "sweep");
	ouro_timer_after(loop, 1, ask_why, &usr1);
	return ouro_loop_main(loop);
}

TEST(usr1_prints_what_keeps_the_loop_alive)
{
	CHECK_EQ(status_of(asked_why), 0);
	CHECK(strstr(words, "ouro: 2 things keep the loop alive\n"));
	CHECK(strstr(words, "timer sweep\n"));
	CHECK(strstr(words, "macro task "));
}

static int no_loop(void)
{
	errno = EMFILE;
	return ouro_loop_main(NULL);
}

TEST(a_loop_that_could_not_be_made_is_said_to_be_so)
{
	CHECK_EQ(WEXITSTATUS(status_of(no_loop)), 1);
	CHECK(strstr(words, "ouro: cannot make a loop: Too many open files (EMFILE)\n"
			    "ouro: a process may have ") == words);
}

static int one_that_must_be(void)
{
	ouro_loop *loop;

	setenv("OURO_POOL_SIZE", "many", 1);
	loop = ouro_loop_or_die(NULL);
	return loop ? 0 : 2;
}

TEST(or_ends_the_program_where_it_is_made)
{
	CHECK_EQ(WEXITSTATUS(status_of(one_that_must_be)), 1);
	CHECK_STR(words, "ouro: cannot make a loop: Invalid argument (EINVAL)\n");
}

/* ---- Servers: their time is the loop's, which is virtual ---- */

#define PLAIN "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

static int client; /* the other end of a connection */
static ouro_server *the_server;

/* A server that has a connection on which `sent` has come. */
static void serve(ouro_loop *loop, ouro_req_fn *fn, const char *sent)
{
	int ends[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	CHECK_EQ(ouro_http_open(loop, &(ouro_http_opts){ .on_request = fn }, &the_server), 0);
	CHECK_EQ(ouro_server_adopt(the_server, ends[0]), 0);
	CHECK_EQ(write(ends[1], sent, strlen(sent)), (ssize_t)strlen(sent));
	client = ends[1];
}

static ouro_loop *virtual_loop(void)
{
	return ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
}

/* What the client has got ends, and has this in it. */
static bool client_got(const char *wanted)
{
	char got[4096];
	size_t used = 0;
	ssize_t n;

	while ((n = read(client, got + used, sizeof(got) - used - 1)) > 0)
		used += (size_t)n;
	got[used] = 0;
	return n == 0 && strstr(got, wanted);
}

static void reply(ouro_loop *loop, void *arg)
{
	(void)loop;
	ouro_req_reply(arg, 200, "text/plain", ouro_str_z("late\n"));
}

static void end_me_then_reply(ouro_req *req, void *arg)
{
	(void)arg;
	kill(getpid(), SIGTERM);
	ouro_timer_after(ouro_req_loop(req), 500, reply, ouro_req_later(req));
}

static int under_way(void)
{
	ouro_loop *loop = virtual_loop();
	int code;

	serve(loop, end_me_then_reply, PLAIN);
	code = ouro_loop_main(loop);
	CHECK(client_got("\r\nConnection: close\r\n"));
	return code;
}

TEST(an_answer_under_way_is_finished)
{
	CHECK_EQ(status_of(under_way), 0);
	CHECK_STR(words, "ouro: SIGTERM: 1 requests answered, 1 of them at the end, 0 cut off\n");
}

static void end_me_and_keep(ouro_req *req, void *arg)
{
	(void)arg;
	kill(getpid(), SIGINT);
	ouro_req_later(req);
}

static int never_answered(void)
{
	ouro_loop *loop = virtual_loop();
	int code;

	serve(loop, end_me_and_keep, PLAIN);
	code = ouro_loop_main(loop);
	CHECK(client_got(""));
	return code;
}

TEST(what_takes_longer_than_ten_seconds_is_cut_off)
{
	CHECK_EQ(status_of(never_answered), 0);
	CHECK_STR(words, "ouro: SIGINT: finishing what is under way, 10 s at most; a second signal "
			 "ends at once\n"
			 "ouro: SIGINT: 0 requests answered, 0 of them at the end, 1 cut off\n");
}

TEST(or_as_long_as_the_environment_says)
{
	setenv("OURO_SHUTDOWN_MS", "1500", 1);
	CHECK_EQ(status_of(never_answered), 0);
	CHECK(strstr(words, "finishing what is under way, 2 s at most"));
	setenv("OURO_SHUTDOWN_MS", "0", 1);
	CHECK_EQ(status_of(never_answered), 0);
	CHECK_STR(words, "ouro: SIGINT: 0 requests answered, 0 of them at the end, 1 cut off\n");
}

TEST(which_must_be_a_number)
{
	setenv("OURO_SHUTDOWN_MS", "10s", 1);
	CHECK_EQ(WEXITSTATUS(status_of(nothing_to_do)), 1);
	CHECK_STR(words, "ouro: OURO_SHUTDOWN_MS is no number of milliseconds: 10s\n");
	setenv("OURO_SHUTDOWN_MS", "", 1);
	CHECK_EQ(WEXITSTATUS(status_of(nothing_to_do)), 1);
}

/* ---- An end that is announced ---- */

static ouro_server *delayed;
static int late_client;

static void ask_again(ouro_loop *loop, void *arg)
{
	int ends[2];

	(void)loop, (void)arg;
	CHECK(ouro_server_is_ending(delayed));
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	CHECK_EQ(ouro_server_adopt(delayed, ends[0]), 0);
	CHECK_EQ(write(ends[1], PLAIN, strlen(PLAIN)), (ssize_t)strlen(PLAIN));
	late_client = ends[1];
}

static void say_hi(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_reply(req, 200, NULL, ouro_str_z("hi\n"));
}

/* Terminated after a second; asked again a second and a half later. */
static int announced(int signo, unsigned delay_ms)
{
	static int sent;
	ouro_loop *loop = virtual_loop();

	sent = signo;
	CHECK_EQ(ouro_http_open(loop,
				&(ouro_http_opts){ .on_request = say_hi, .delay_ms = delay_ms },
				&delayed),
		 0);
	ouro_timer_after(loop, 1000, raise_it, &sent);
	if (signo == SIGTERM)
		ouro_timer_after(loop, 2500, ask_again, NULL);
	return ouro_loop_main(loop);
}

static int announced_by_option(void)
{
	int code = announced(SIGTERM, 2000);

	client = late_client;
	CHECK(client_got("\r\nConnection: close\r\n"));
	return code;
}

#define SERVING(secs)                                              \
	"ouro: SIGTERM: not ready any more, but serving for " secs \
	" s; a second signal ends at once\n"

TEST(a_server_with_a_delay_is_served_on_when_the_end_was_announced)
{
	CHECK_EQ(status_of(announced_by_option), 0);
	CHECK_STR(words, SERVING("2") "ouro: SIGTERM: 1 requests answered, 0 of them at the end, "
				      "0 cut off\n");
}

static int announced_by_environment(void)
{
	return announced(SIGTERM, 0);
}

TEST(the_environment_may_say_how_long)
{
	setenv("OURO_SHUTDOWN_DELAY_MS", "3000", 1);
	CHECK_EQ(status_of(announced_by_environment), 0);
	CHECK_STR(words, SERVING("3") "ouro: SIGTERM: 1 requests answered, 0 of them at the end, "
				      "0 cut off\n");
	setenv("OURO_SHUTDOWN_DELAY_MS", "5s", 1);
	CHECK_EQ(WEXITSTATUS(status_of(nothing_to_do)), 1);
	CHECK_STR(words, "ouro: OURO_SHUTDOWN_DELAY_MS is no number of milliseconds: 5s\n");
}

static int interrupted_with_a_delay(void)
{
	return announced(SIGINT, 2000);
}

TEST(who_presses_control_c_does_not_wait_for_it)
{
	CHECK_EQ(status_of(interrupted_with_a_delay), 0);
	CHECK_STR(words, "ouro: SIGINT: 0 requests answered, 0 of them at the end, 0 cut off\n");
}

static void reply_at_once(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_reply(req, 200, NULL, ouro_str_z("hello\n"));
}

static int idle_ones(void)
{
	static int term = SIGTERM;
	ouro_loop *loop = virtual_loop();
	int code;

	serve(loop, reply_at_once, PLAIN);
	ouro_timer_after(loop, 1000, raise_it, &term);
	ouro_timer_after(loop, 2000, never, NULL);
	code = ouro_loop_main(loop);
	CHECK(client_got("hello"));
	return code;
}

TEST(who_asks_for_nothing_is_not_waited_for)
{
	CHECK_EQ(status_of(idle_ones), 0);
	CHECK_STR(words, "ouro: SIGTERM: 1 requests answered, 0 of them at the end, 0 cut off\n");
}

static int two_servers(void)
{
	static int term = SIGTERM;
	ouro_loop *loop = virtual_loop();

	serve(loop, reply_at_once, PLAIN PLAIN);
	serve(loop, reply_at_once, PLAIN);
	ouro_timer_after(loop, 1000, raise_it, &term);
	return ouro_loop_main(loop);
}

TEST(several_servers_are_added_up)
{
	CHECK_EQ(status_of(two_servers), 0);
	CHECK_STR(words, "ouro: SIGTERM: 3 requests answered, 0 of them at the end, 0 cut off\n");
}

/* ---- SIGHUP: a terminal that goes, or logs that were renamed ---- */

static int hung_up(void)
{
	return killed_by(SIGHUP);
}

static int hung_up_under_nohup(void)
{
	static int hup = SIGHUP;
	ouro_loop *loop = ouro_loop_new(NULL);

	signal(SIGHUP, SIG_IGN);
	ouro_timer_after(loop, 1, raise_it, &hup);
	ouro_timer_after(loop, 20, stop_with_7, NULL);
	return ouro_loop_main(loop);
}

TEST(hup_ends_the_run_too_but_not_under_nohup)
{
	CHECK_EQ(status_of(hung_up), 0);
	CHECK_STR(words, "");
	CHECK_EQ(WEXITSTATUS(status_of(hung_up_under_nohup)), 7);
}

static char log_path[64];

static void answer_and_move_the_log(ouro_req *req, void *arg)
{
	char old[80];

	snprintf(old, sizeof(old), "%s.old", log_path);
	CHECK_EQ(rename(log_path, old), 0);
	kill(getpid(), SIGHUP);
	ouro_timer_after(ouro_req_loop(req), 2000, stop_with_7, NULL);
	reply_at_once(req, arg);
}

static void serve_and_log(ouro_loop *loop, void *arg)
{
	ouro_access *log = arg;

	serve(loop, answer_and_move_the_log, PLAIN);
	CHECK_EQ(ouro_access_attach(log, the_server), 0);
}

static int logs_move(void)
{
	ouro_loop *loop = virtual_loop();
	ouro_access *log;

	CHECK_EQ(ouro_access_open(loop, &(ouro_access_opts){ .path = log_path }, &log), 0);
	ouro_timer_after(loop, 10, serve_and_log, log);
	return ouro_loop_main(loop);
}

TEST(hup_opens_access_logs_anew_instead)
{
	char old[80];
	struct stat stat_of;

	snprintf(log_path, sizeof(log_path), "/tmp/ouro-test-log-%d", getpid());
	snprintf(old, sizeof(old), "%s.old", log_path);
	CHECK_EQ(WEXITSTATUS(status_of(logs_move)), 7);
	CHECK_STR(words, "");
	CHECK_EQ(stat(log_path, &stat_of), 0);
	CHECK(stat_of.st_size > 0);
	CHECK_EQ(stat(old, &stat_of), 0);
	CHECK_EQ(stat_of.st_size, 0);
	CHECK_EQ(unlink(log_path), 0);
	CHECK_EQ(unlink(old), 0);
}

static int second_signal(void)
{
	static int term = SIGTERM;
	ouro_loop *loop = virtual_loop();

	serve(loop, end_me_and_keep, PLAIN);
	ouro_timer_after(loop, 5000, raise_it, &term);
	return ouro_loop_main(loop);
}

TEST(nor_does_a_second_signal_wait)
{
	int status = status_of(second_signal);

	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), SIGTERM);
}

/* The file of a trace, once the program has ended. */
static const char *traced(int (*program)(void))
{
	static char text[65536], path[64];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "/tmp/ouro-test-trace-%d", getpid());
	setenv("OURO_TRACE", path, 1);
	CHECK_EQ(WEXITSTATUS(status_of(program)), 7);
	CHECK_STR(words, "");
	file = fopen(path, "r");
	CHECK(file != NULL);
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = 0;
	fclose(file);
	CHECK_EQ(unlink(path), 0);
	return text;
}

TEST(a_trace_that_the_environment_wants_has_all_of_the_run)
{
	const char *text = traced(stopped);

	CHECK(strstr(text, "{\"name\":\"stop_with_7\",\"cat\":\"check\",\"ph\":\"X\","));
	CHECK_STR(strrchr(text, ']'), "]\n");
}

TEST(a_trace_that_cannot_be_written_is_told_and_the_program_runs)
{
	setenv("OURO_TRACE", "/no/such/folder/t.json", 1);
	CHECK_EQ(WEXITSTATUS(status_of(stopped)), 7);
	CHECK(strstr(words, "trace /no/such/folder/t.json: open: No such file or directory"));
}

/* ---- ouro_http_main: what it prints goes where the words go ---- */

static char *args[5];

static int http_main(void)
{
	static const ouro_http_opts opts = { .host = "127.0.0.1", .on_request = reply_at_once };
	int count = 0;

	while (args[count])
		count++;
	dup2(STDERR_FILENO, STDOUT_FILENO);
	return ouro_http_main(count, args, &opts);
}

static int with_args(const char *one, const char *two)
{
	static char first[32], second[32], name[] = "server";

	snprintf(first, sizeof(first), "%s", one);
	snprintf(second, sizeof(second), "%s", two ? two : "");
	args[0] = name;
	args[1] = first;
	args[2] = two ? second : NULL;
	return WEXITSTATUS(status_of(http_main));
}

TEST(help_is_told_and_no_error)
{
	CHECK_EQ(with_args("-h", NULL), 0);
	CHECK(strstr(words, " [-p PORT] [option...]\n"));
	CHECK(strstr(words, "any that is free (8080)\n"));
	CHECK_EQ(with_args("--help", NULL), 0);
}

TEST(what_is_no_port_is_told_with_the_help)
{
	CHECK_EQ(with_args("-p", "65536"), 2);
	CHECK(strstr(words, "ouro: 65536 is no port\nusage: "));
	CHECK_EQ(with_args("-p", "80x"), 2);
	CHECK_EQ(with_args("-p", ""), 2);
	CHECK_EQ(with_args("-p", "-1"), 2);
	CHECK_EQ(with_args("-p", NULL), 2);
	CHECK(strstr(words, "ouro: -p wants a port\nusage: "));
	CHECK_EQ(with_args("8080", NULL), 2);
	CHECK(strstr(words, "ouro: 8080 is no option\nusage: "));
}

TEST(every_mistake_has_its_words)
{
	CHECK_EQ(with_args("--log", "loud"), 2);
	CHECK(strstr(words, "ouro: loud is no level\n"));
	CHECK_EQ(with_args("--lag", "soon"), 2);
	CHECK(strstr(words, "ouro: soon is no number of milliseconds\n"));
	CHECK_EQ(with_args("--host", NULL), 2);
	CHECK(strstr(words, "ouro: --host wants a text\n"));
}

/* The line of the settings that begins with the variable. */
static const char *line_of(const char *variable)
{
	const char *at = strstr(words, variable);
	static char line[256];

	CHECK(at != NULL);
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
	return line;
}

TEST(a_flag_goes_before_the_environment_and_that_before_the_program)
{
	static char print_config[] = "--print-config";

	setenv("OURO_LOG", "info", 1);
	setenv("OURO_HOST", "::1", 1);
	args[3] = print_config;
	CHECK_EQ(with_args("--log", "debug"), 0);
	CHECK_STR(line_of("OURO_LOG "), "OURO_LOG                debug            --log");
	CHECK_STR(line_of("OURO_HOST "), "OURO_HOST               ::1              environment");
	CHECK_STR(line_of("OURO_PORT "), "OURO_PORT               8080             default");
}

TEST(a_wrong_word_in_the_environment_is_told_by_name)
{
	setenv("OURO_LAG_MS", "often", 1);
	CHECK_EQ(with_args("--print-config", NULL), 1);
	CHECK_STR(words, "ouro: OURO_LAG_MS is no number of milliseconds: often\n");
}

TEST(a_host_that_is_no_address_of_ours_is_told_with_what_to_do)
{
	CHECK_EQ(with_args("--host", "192.0.2.1"), 1);
	CHECK(strstr(words, "ouro: cannot listen at 192.0.2.1 port 8080: "));
	CHECK(strstr(words, "(EADDRNOTAVAIL)\nouro: this machine has no such address"));
	CHECK_EQ(with_args("--host", "no.such.host"), 1);
	CHECK(strstr(words, "no.such.host"));
}

static int without_descriptors(void)
{
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 4, 4 });
	return http_main();
}

TEST(too_few_descriptors_are_told_with_what_to_do)
{
	static char name[] = "server";

	args[0] = name;
	args[1] = NULL;
	CHECK_EQ(WEXITSTATUS(status_of(without_descriptors)), 1);
	CHECK(strstr(words, "(EMFILE)\nouro: a process may have 4 descriptors open here"));
}

TEST(headers_of_another_version_are_told_with_what_to_do)
{
	CHECK(ouro_loop_new_for(OURO_VERSION_NUMBER + 100, NULL) == NULL);
	CHECK_EQ(errno, -OURO_EVERSION);
	CHECK(ouro_loop_new_for(OURO_VERSION_NUMBER - 100, NULL) == NULL);
}

static int die_of_version(void)
{
	ouro_loop_or_die_for(OURO_VERSION_NUMBER + 100, NULL);
	return 0;
}

TEST(the_words_for_it_name_the_library)
{
	CHECK_EQ(WEXITSTATUS(status_of(die_of_version)), 1);
	CHECK(strstr(words, "(OURO_EVERSION)\nouro: this program was compiled with the headers of "
			    "another version than the library that runs, " OURO_VERSION_STRING));
}

TEST(a_port_in_use_is_told_with_what_to_do)
{
	ouro_loop *loop = ouro_loop_new(NULL);
	ouro_server *server;
	char port[8], told[128];

	CHECK_EQ(ouro_http_listen(loop, &(ouro_http_opts){ .host = "127.0.0.1" }, &server), 0);
	snprintf(port, sizeof(port), "%u", ouro_server_port(server));
	snprintf(told, sizeof(told), "ouro: cannot listen at 127.0.0.1 port %s: ", port);
	CHECK_EQ(with_args("-p", port), 1);
	CHECK(strstr(words, told));
	CHECK(strstr(words, "(EADDRINUSE)\nouro: another program has that port"));
	ouro_loop_free(loop);
}

static int options_without_sense(void)
{
	static const ouro_route routes[] = { { .path = "/x" }, { .path = NULL } };

	return ouro_http_main(0, NULL, &(ouro_http_opts){ .routes = routes });
}

TEST(options_without_sense_are_told_in_words)
{
	CHECK_EQ(WEXITSTATUS(status_of(options_without_sense)), 1);
	CHECK(strstr(words, "route (any method) /x: it has neither a function nor a table"));
}

static int in_use(void)
{
	return ouro_die("listen on 8080", -EADDRINUSE);
}

TEST(die_says_what_why_and_the_name)
{
	CHECK_EQ(WEXITSTATUS(status_of(in_use)), 1);
	CHECK(strstr(words, "ouro: cannot listen on 8080: Address already in use (EADDRINUSE)\n"));
}

static int not_allowed(void)
{
	return ouro_die("listen on 80", -EACCES);
}

static int no_memory(void)
{
	return ouro_die("make a loop", -ENOMEM);
}

TEST(and_what_to_do_where_it_knows)
{
	CHECK_EQ(WEXITSTATUS(status_of(not_allowed)), 1);
	CHECK(strstr(words, "(EACCES)\nouro: this user may not: a port below 1024 takes root"));
	CHECK_EQ(WEXITSTATUS(status_of(no_memory)), 1);
	CHECK_EQ(strchr(words, '\n') - words, (long)strlen(words) - 1);
}
