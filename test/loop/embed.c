/* embed.c -- a guest in somebody's libev loop: what the host keeps, and what it may do to us.
 *
 * The rules of order inside libev are in test/hosts/libev.c. */
#include "kit.h"
#include <ev.h>
#include <pthread.h>

static struct ev_loop *new_host(void)
{
	struct ev_loop *host = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);

	CHECK(host != NULL);
	return host;
}

static ouro_loop *guest_of(struct ev_loop *host)
{
	ouro_loop *loop =
		ouro_loop_new(&(ouro_loop_opts){ .ev = host, .clock = OURO_CLOCK_VIRTUAL });

	CHECK(loop != NULL);
	return loop;
}

/* A watcher of the host's own, which says a word. */
static void host_says(struct ev_loop *host, ev_timer *w, int revents)
{
	(void)host, (void)revents;
	say("%s", (const char *)w->data);
}

static void host_timer(struct ev_loop *host, ev_timer *w, double seconds, const char *what)
{
	ev_timer_init(w, host_says, seconds, 0);
	w->data = word(what);
	ev_timer_start(host, w);
}

/* Started by a callback of ours, so that it comes after it however slow the machine is. */
static struct {
	struct ev_loop *host;
	ev_timer w;
} later;

static void host_goes_on(void)
{
	host_timer(later.host, &later.w, 0.001, "host");
}

/* ---- the host's run ends when it should ---- */

TEST(a_guest_with_nothing_to_do_does_not_keep_the_host)
{
	struct ev_loop *host = new_host();
	ouro_loop *loop = guest_of(host);

	ev_run(host, 0);
	ouro_loop_free(loop);
	ev_run(host, 0);
	ev_loop_destroy(host);
}

static void ours_is_done(ouro_loop *loop, void *arg)
{
	say_task(loop, arg);
	host_goes_on();
}

TEST(the_host_goes_on_with_its_own_watchers_when_ours_are_done)
{
	struct ev_loop *host = later.host = new_host();
	ouro_loop *loop = guest_of(host);

	call_after(loop, 10000, ours_is_done, word("ours"));
	ev_run(host, 0);
	CHECK_STR(said, "ours host");
	ouro_loop_free(loop);
	ev_loop_destroy(host);
}

TEST(the_host_goes_on_when_we_are_freed_with_everything_open)
{
	struct ev_loop *host = new_host();

	for (int i = 0; i < 3; i++) {
		ouro_loop *loop = guest_of(host);
		struct tube tube = tube_full();
		ev_timer w;

		watch(loop, tube.out, OURO_READABLE | OURO_ERROR, never, NULL);
		watch(loop, tube.in, OURO_ERROR, never, NULL);
		call_after(loop, 10, never_task, NULL);
		call_macro(loop, never_task, NULL);
		ouro_loop_hold(loop, true);
		ouro_loop_free(loop);
		host_timer(host, &w, 0.001, "host"); /* counts, or the run would end before it */
		ev_run(host, 0);
		tube_close(tube);
	}
	CHECK_STR(said, "host host host");
	ev_loop_destroy(host);
}

TEST(the_host_goes_on_after_many_of_ours_were_opened_and_closed)
{
	struct ev_loop *host = new_host();
	ouro_loop *loop = guest_of(host);
	struct tube tube = tube_full();
	ev_timer w;

	for (int i = 0; i < 100; i++) {
		watch(loop, tube.out, OURO_READABLE, say_and_close, word("io"));
		ouro_io_close(watch(loop, tube.in, OURO_WRITABLE, never, NULL));
		ev_run(host, 0);
	}
	said[0] = 0;
	host_timer(host, &w, 0.001, "host");
	ev_run(host, 0);
	CHECK_STR(said, "host");
	ouro_loop_free(loop);
	tube_close(tube);
	ev_loop_destroy(host);
}

TEST(a_host_that_turns_without_waiting_turns_us_too)
{
	struct ev_loop *host = new_host();
	ouro_loop *loop = guest_of(host);

	after(loop, 10, "T1");
	after(loop, 20, "T2");
	while (strcmp(said, "T1 T2"))
		ev_run(host, EVRUN_NOWAIT);
	ouro_loop_free(loop);
	ev_loop_destroy(host);
}

static void host_breaks(struct ev_loop *host, ev_timer *w, int revents)
{
	host_says(host, w, revents);
	ev_break(host, EVBREAK_ALL);
}

TEST(a_host_that_breaks_its_run_can_take_it_up_again)
{
	struct ev_loop *host = new_host();
	ouro_loop *loop = guest_of(host);
	struct tube tube = tube_empty();
	ev_timer w;

	watch(loop, tube.out, OURO_READABLE, say_and_close, word("io"));
	ev_timer_init(&w, host_breaks, 0.001, 0);
	w.data = word("break");
	ev_timer_start(host, &w);
	ev_run(host, 0);
	tube_fill(tube);
	ev_run(host, 0);
	CHECK_STR(said, "break io");
	ouro_loop_free(loop);
	tube_close(tube);
	ev_loop_destroy(host);
}

static void host_asks(struct ev_loop *host, ev_timer *w, int revents)
{
	ouro_loop *loop = w->data;

	(void)host, (void)revents;
	say("host");
	after(loop, 10, "T");
	macro(loop, "macro");
	micro(loop, "micro");
}

TEST(what_the_host_asks_for_between_two_turns_is_done_and_keeps_it_running)
{
	struct ev_loop *host = new_host();
	ouro_loop *loop = guest_of(host);
	ev_timer w;

	ev_run(host, 0);
	ev_timer_init(&w, host_asks, 0.002, 0);
	w.data = loop;
	ev_timer_start(host, &w);
	ev_run(host, 0);
	CHECK_STR(said, "host micro macro T");
	ouro_loop_free(loop);
	ev_loop_destroy(host);
}

static void slow_page(ouro_loop *loop, void *arg)
{
	(void)arg;
	CHECK_EQ(ouro_loop_advance(loop, 80), 0);
}

static void say_lag(ouro_loop *loop, const ouro_lag *lag, void *arg)
{
	(void)loop, (void)arg;
	say("%s", lag->who);
}

TEST(a_slow_callback_of_a_guest_is_told_before_the_run_ends)
{
	struct ev_loop *host = new_host();
	ouro_loop *loop = ouro_loop_new(
		&(ouro_loop_opts){ .ev = host, .clock = OURO_CLOCK_VIRTUAL, .on_lag = say_lag });

	call_after(loop, 10, slow_page, NULL);
	ev_run(host, 0);
	CHECK_STR(said, "slow_page");
	ouro_loop_free(loop);
	ev_loop_destroy(host);
}

static void stop_the_guest(ouro_loop *loop, void *arg)
{
	(void)arg;
	say("stop");
	ouro_loop_stop(loop, 0);
}

static void close_and_go_on(ouro_io *io, unsigned ready, void *arg)
{
	say_and_close(io, ready, arg);
	ev_timer_stop(later.host, &later.w);
	host_goes_on();
}

TEST(stop_lets_go_of_the_host_and_leaves_ours_open)
{
	struct ev_loop *host = later.host = new_host();
	ouro_loop *loop = guest_of(host);
	struct tube tube = tube_empty();

	watch(loop, tube.out, OURO_READABLE, close_and_go_on, word("io"));
	call_after(loop, 10, stop_the_guest, NULL);
	ev_run(host, 0);
	CHECK_STR(said, "stop");
	tube_fill(tube);
	host_timer(host, &later.w, 3600, "[host]"); /* it must have a reason of its own to run */
	ev_run(host, 0);
	CHECK_STR(said, "stop io host");
	ouro_loop_free(loop);
	tube_close(tube);
	ev_loop_destroy(host);
}

/* ---- order beside the host's watchers ---- */

static void host_io_says(struct ev_loop *host, ev_io *w, int revents)
{
	(void)revents;
	say("%s", (const char *)w->data);
	ev_io_stop(host, w);
}

static void host_io(struct ev_loop *host, ev_io *w, int fd, int priority, const char *what)
{
	ev_io_init(w, host_io_says, fd, EV_READ);
	ev_set_priority(w, priority);
	w->data = word(what);
	ev_io_start(host, w);
}

static void say_and_queue(ouro_io *io, unsigned ready, void *arg)
{
	say_and_close(io, ready, arg);
	micro(ouro_io_loop(io), "micro");
	macro(ouro_io_loop(io), "macro");
}

/* At its priority our turn is one piece, whatever else became ready with it. */
TEST(urgent_watchers_of_the_host_come_before_our_turn_and_idle_ones_after)
{
	struct ev_loop *host = new_host();
	ouro_loop *loop = guest_of(host);
	struct tube tube = tube_full();
	ev_io urgent, idle;

	ev_run(host, EVRUN_NOWAIT); /* our first turn begins with the timers and ends there */
	watch(loop, tube.out, OURO_READABLE, say_and_queue, word("io"));
	host_io(host, &idle, tube.out, -2, "-2");
	host_io(host, &urgent, tube.out, 2, "+2");
	ev_run(host, 0);
	CHECK_STR(said, "+2 io micro macro -2");
	ouro_loop_free(loop);
	tube_close(tube);
	ev_loop_destroy(host);
}

TEST(ordinary_watchers_of_the_host_do_not_come_inside_our_turn)
{
	struct ev_loop *host = new_host();
	ouro_loop *loop = guest_of(host);
	struct tube tube = tube_full();
	ev_io ordinary;

	watch(loop, tube.out, OURO_READABLE, say_and_queue, word("io"));
	host_io(host, &ordinary, tube.out, 0, "0");
	ev_run(host, 0);
	CHECK(strstr(said, "io micro macro") != NULL);
	CHECK(strstr(said, "0") != NULL);
	ouro_loop_free(loop);
	tube_close(tube);
	ev_loop_destroy(host);
}

static void run_the_host(ouro_loop *loop, void *host)
{
	say("A");
	macro(loop, "macro");
	ev_run(host, EVRUN_NOWAIT);
	say("a");
}

/* Somebody's library, called from our callback, runs the loop until its own answer is there. */
TEST(a_nested_run_from_our_callback_runs_the_hosts_watchers_and_none_of_ours)
{
	struct ev_loop *host = new_host();
	ouro_loop *loop = guest_of(host);
	struct tube tube = tube_full();
	ev_io theirs;

	call_after(loop, 10, run_the_host, host);
	after(loop, 10, "B");
	host_io(host, &theirs, tube.out, -2, "host");
	ev_run(host, 0);
	CHECK(strstr(said, "A host a B macro") == said || strstr(said, "host A a B macro") == said);
	ouro_loop_free(loop);
	tube_close(tube);
	ev_loop_destroy(host);
}

static void nest_with_data(ouro_loop *loop, void *arg)
{
	struct tube *tube = arg;

	(void)loop;
	say("A");
	tube_fill(*tube);
	ev_run(ev_default_loop(EVFLAG_NOENV), EVRUN_NOWAIT);
	say("a");
}

TEST(what_a_nested_run_finds_ready_of_ours_is_not_lost)
{
	struct ev_loop *host = ev_default_loop(EVFLAG_NOENV);
	ouro_loop *loop = guest_of(host);
	struct tube tube = tube_empty();

	watch(loop, tube.out, OURO_READABLE, say_and_close, word("io"));
	call_after(loop, 10, nest_with_data, &tube);
	after(loop, 10, "B");
	ev_run(host, 0);
	CHECK_STR(said, "A a B io");
	ouro_loop_free(loop);
	tube_close(tube);
	ev_loop_destroy(host);
}

/* ---- leaving ---- */

static void free_the_guest(ouro_loop *loop, void *arg)
{
	(void)arg;
	say("free");
	host_goes_on();
	ouro_loop_free(loop);
}

TEST(freed_from_its_own_callback_it_leaves_the_host_running)
{
	struct ev_loop *host = later.host = new_host();
	ouro_loop *loop = guest_of(host);
	struct tube tube = tube_full();
	ouro_io *io = watch(loop, tube.in, OURO_READABLE, never, word("closed"));

	ouro_io_on_close(io, say_closed);
	call_after(loop, 10, free_the_guest, NULL);
	call_after(loop, 20, never_task, NULL);
	ev_run(host, 0);
	CHECK_STR(said, "free closed host");
	tube_close(tube);
	ev_loop_destroy(host);
}

struct leaver {
	ev_timer w;
	ouro_loop *loop;
};

static void host_frees_the_guest(struct ev_loop *host, ev_timer *w, int revents)
{
	struct leaver *leaver = w->data;

	(void)host, (void)revents;
	say("free");
	host_goes_on();
	ouro_loop_free(leaver->loop);
}

TEST(freed_by_the_host_between_two_turns_it_leaves_the_host_running)
{
	struct ev_loop *host = later.host = new_host();
	struct leaver leaver = { .loop = guest_of(host) };
	struct tube tube = tube_empty();

	watch(leaver.loop, tube.out, OURO_READABLE, never, NULL);
	ouro_loop_hold(leaver.loop, true);
	ev_timer_init(&leaver.w, host_frees_the_guest, 0.001, 0);
	leaver.w.data = &leaver;
	ev_timer_start(host, &leaver.w);
	ev_run(host, 0);
	CHECK_STR(said, "free host");
	tube_close(tube);
	ev_loop_destroy(host);
}

static void host_io_frees_the_guest(struct ev_loop *host, ev_io *w, int revents)
{
	(void)revents;
	say("free");
	ouro_loop_free(w->data);
	ev_io_stop(host, w);
}

/* Of the same poll, before our turn: everything of ours is pending inside libev when we go. */
TEST(freed_by_an_urgent_watcher_of_the_host_it_drops_what_was_ready)
{
	struct ev_loop *host = new_host();
	ouro_loop *loop = guest_of(host);
	struct tube tubes[3];
	ev_io w;

	for (int i = 0; i < 3; i++) {
		tubes[i] = tube_full();
		watch(loop, tubes[i].out, OURO_READABLE, never, NULL);
	}
	ev_io_init(&w, host_io_frees_the_guest, tubes[0].out, EV_READ);
	ev_set_priority(&w, 2);
	w.data = loop;
	ev_io_start(host, &w);
	ev_run(host, 0);
	CHECK_STR(said, "free");
	for (int i = 0; i < 3; i++)
		tube_close(tubes[i]);
	ev_loop_destroy(host);
}

TEST(a_host_may_destroy_its_loop_before_we_are_freed)
{
	struct ev_loop *host = new_host();
	ouro_loop *loop = guest_of(host);
	struct tube tube = tube_full();
	ouro_io *io = watch(loop, tube.out, OURO_READABLE | OURO_ERROR, never, word("closed"));
	ouro_timer timer = call_after(loop, 10, never_task, NULL);

	ouro_io_on_close(io, say_closed);
	ouro_loop_hold(loop, true);
	ev_run(host, EVRUN_NOWAIT);
	said[0] = 0;
	ev_loop_destroy(host);
	ouro_timer_stop(loop, timer);
	ouro_loop_hold(loop, false);
	CHECK(ouro_io_set(io, 0) <= 0);
	ouro_loop_free(loop);
	CHECK_STR(said, "closed");
	tube_close(tube);
}

/* ---- what is the host's ---- */

static int hook_calls;

static void host_hook(struct ev_loop *host)
{
	hook_calls++;
	ev_invoke_pending(host);
}

TEST(the_hosts_hooks_and_userdata_stay_the_hosts)
{
	struct ev_loop *host = new_host();
	ouro_loop *loop;

	ev_set_userdata(host, &hook_calls);
	ev_set_invoke_pending_cb(host, host_hook);
	loop = guest_of(host);
	after(loop, 10, "T");
	ev_run(host, 0);
	CHECK_STR(said, "T");
	CHECK(hook_calls > 0);
	CHECK(ev_userdata(host) == &hook_calls);
	ouro_loop_free(loop);
	CHECK(ev_userdata(host) == &hook_calls);
	ev_loop_destroy(host);
}

static void host_signal(struct ev_loop *host, ev_signal *w, int revents)
{
	(void)revents;
	say("host");
	ev_signal_stop(host, w);
}

static void our_signal(ouro_signal *signal, int signo, void *arg)
{
	(void)signo, (void)arg;
	say("ours");
	ouro_signal_close(signal);
}

static void send_both(ouro_loop *loop, void *arg)
{
	(void)loop, (void)arg;
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR2);
}

TEST(the_hosts_signals_stay_the_hosts)
{
	struct ev_loop *host = new_host();
	ouro_loop *loop = guest_of(host);
	ev_signal w;

	ev_signal_init(&w, host_signal, SIGUSR1);
	ev_signal_start(host, &w);
	CHECK_EQ(ouro_signal_open(loop, SIGUSR1, our_signal, NULL, NULL), -EBUSY);
	CHECK_EQ(ouro_signal_open(loop, SIGUSR2, our_signal, NULL, NULL), 0);
	call_after(loop, 10, send_both, NULL);
	ev_run(host, 0);
	CHECK(!strcmp(said, "host ours") || !strcmp(said, "ours host"));
	ouro_loop_free(loop);
	ev_loop_destroy(host);
}

static void host_child(struct ev_loop *host, ev_child *w, int revents)
{
	(void)revents;
	CHECK_EQ(WEXITSTATUS(w->rstatus), 5);
	say("child");
	ev_child_stop(host, w);
}

TEST(the_children_of_the_hosts_default_loop_stay_the_hosts)
{
	struct ev_loop *host = ev_default_loop(EVFLAG_NOENV);
	ouro_loop *loop = guest_of(host);
	struct tube tube = tube_empty();
	ev_child w;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0)
		_exit(5);
	ev_child_init(&w, host_child, pid, 0);
	ev_child_start(host, &w);
	ouro_io_hold(watch(loop, tube.out, OURO_READABLE, never, NULL), false);
	ev_run(host, 0);
	CHECK_STR(said, "child");
	ouro_loop_free(loop);
	tube_close(tube);
	ev_loop_destroy(host);
}

static void host_works(struct ev_loop *host, ev_timer *w, int revents)
{
	uint64_t until = real_ns() + 5 * MS;

	(void)host, (void)revents;
	while (real_ns() < until)
		;
	after(w->data, 1, "T"); /* the figures are of before the last poll, so there is one more */
}

TEST(time_in_the_hosts_callbacks_is_busy_time_but_no_callbacks_of_ours)
{
	struct ev_loop *host = new_host();
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .ev = host });
	ouro_loop_stats stats;
	ev_timer w;

	ev_timer_init(&w, host_works, 0.001, 0);
	w.data = loop;
	ev_timer_start(host, &w);
	ev_run(host, 0);
	ouro_loop_get_stats(loop, &stats);
	CHECK(stats.busy_ns >= 5 * MS);
	CHECK_EQ(stats.callback_ns.count, 1);
	ouro_loop_free(loop);
	ev_loop_destroy(host);
}

TEST(a_guest_that_waits_does_not_turn_the_host)
{
	struct ev_loop *host = new_host();
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .ev = host });
	struct tube tube = tube_empty();
	unsigned before;

	ouro_io_hold(watch(loop, tube.out, OURO_READABLE | OURO_ERROR, never, NULL), false);
	CHECK(ouro_timer_hold(loop, call_after(loop, 3600000, never_task, NULL), false));
	after(loop, 20, "T");
	before = ev_iteration(host);
	ev_run(host, 0);
	CHECK_STR(said, "T");
	CHECK(ev_iteration(host) - before <= 5);
	ouro_loop_free(loop);
	tube_close(tube);
	ev_loop_destroy(host);
}

/* ---- what a guest cannot do ---- */

static int words_logged;

static void count_words(ouro_log_level level, const char *sentence, void *arg)
{
	(void)level, (void)arg;
	CHECK(strlen(sentence) > 10);
	words_logged++;
}

TEST(a_guest_cannot_be_run_or_polled_by_itself)
{
	struct ev_loop *host = new_host();
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .ev = host, .on_log = count_words });

	CHECK_EQ(ouro_loop_run(loop), -EINVAL);
	CHECK_EQ(words_logged, 1);
	CHECK_EQ(ouro_loop_fd(loop), -EINVAL);
	CHECK_EQ(words_logged, 2);
	ouro_loop_free(loop);
	ev_loop_destroy(host);
}

/* ---- two guests, threads, stale events ---- */

TEST(two_guests_of_one_host_do_not_meet)
{
	struct ev_loop *host = new_host();
	ouro_loop *one = guest_of(host), *two = guest_of(host);

	after(one, 10, "one");
	after(two, 5000, "two");
	ev_run(host, 0);
	CHECK(!strcmp(said, "one two") || !strcmp(said, "two one"));
	ouro_loop_free(one);
	said[0] = 0;
	after(two, 10, "two");
	ev_run(host, 0);
	CHECK_STR(said, "two");
	ouro_loop_free(two);
	ev_loop_destroy(host);
}

static void release(ouro_loop *loop, void *arg)
{
	say("%s", (const char *)arg);
	ouro_loop_hold(loop, false);
}

static void *post_from_a_thread(void *loop)
{
	CHECK_EQ(ouro_loop_post(loop, release, word("post")), 0);
	return NULL;
}

TEST(a_post_of_another_thread_wakes_the_host)
{
	struct ev_loop *host = new_host();
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .ev = host });
	pthread_t thread;

	ouro_loop_hold(loop, true);
	CHECK_EQ(pthread_create(&thread, NULL, post_from_a_thread, loop), 0);
	ev_run(host, 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_STR(said, "post");
	ouro_loop_free(loop);
	ev_loop_destroy(host);
}

static int forks_seen;

static void see_fork(struct ev_loop *host, ev_fork *w, int revents)
{
	(void)host, (void)w, (void)revents;
	forks_seen++;
}

static void write_now(ouro_loop *loop, void *arg)
{
	struct tube *tube = arg;

	(void)loop;
	say("T");
	tube_fill(*tube);
}

/* That libev does it is what test/foreign.h relies on; if a newer one does not, this tells. */
TEST(a_stale_event_makes_libev_replace_its_epoll_and_ours_go_on)
{
	struct ev_loop *host = new_host();
	ouro_loop *loop = guest_of(host);
	struct tube old = tube_empty(), fresh = tube_empty();
	ouro_io *io = watch(loop, old.out, OURO_READABLE, say_and_drain, word("old"));
	ev_fork w;
	int copy;

	ev_fork_init(&w, see_fork);
	ev_fork_start(host, &w);
	ev_unref(host);
	ev_run(host, EVRUN_NOWAIT);
	copy = dup(old.out);
	ouro_io_close(io);
	CHECK_EQ(dup3(fresh.out, old.out, O_CLOEXEC), old.out);
	watch(loop, old.out, OURO_READABLE, say_and_close, word("new"));
	tube_fill(old);
	while (!forks_seen)
		ev_run(host, EVRUN_NOWAIT);
	call_after(loop, 10, write_now, &fresh);
	ev_run(host, 0);
	CHECK_STR(said, "T new");
	ouro_loop_free(loop);
	ev_ref(host);
	ev_fork_stop(host, &w);
	close(copy);
	tube_close(old);
	tube_close(fresh);
	ev_loop_destroy(host);
}
