/* active.c -- "why does it not end?", answered by kind, name, number and maker. */
#include "kit.h"

static ouro_loop *new_loop(void)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });

	CHECK(loop != NULL);
	return loop;
}

static void say_active(ouro_loop *loop, const ouro_active *active, void *arg)
{
	(void)loop, (void)arg;
	CHECK(active->kind && active->name && active->origin);
	say("%s:%s:%d", active->kind, active->name, active->fd);
}

static bool said_word(const char *w)
{
	const char *at = strstr(said, w);

	return at && (at == said || at[-1] == ' ') && (at[strlen(w)] == 0 || at[strlen(w)] == ' ');
}

static void on_signal(ouro_signal *signal, int signo, void *arg)
{
	(void)signal, (void)signo, (void)arg;
}

static void on_wake(ouro_wake *wake, void *arg)
{
	(void)wake, (void)arg;
}

TEST(each_thing_that_keeps_the_loop_alive_is_told_by_kind_name_and_number)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_empty();
	ouro_signal *signal;
	ouro_wake *wake;
	char descriptor[64], signals[64];

	CHECK(ouro_timer_set_name(loop, after(loop, 10, ""), "sweep"));
	CHECK_EQ(ouro_io_set_name(watch(loop, tube.out, OURO_READABLE, never, NULL), "pipe"), 0);
	CHECK_EQ(ouro_signal_open(loop, SIGUSR1, on_signal, NULL, &signal), 0);
	CHECK_EQ(ouro_signal_set_name(signal, "reload"), 0);
	CHECK_EQ(ouro_wake_open(loop, on_wake, NULL, &wake), 0);
	CHECK_EQ(ouro_wake_set_name(wake, "bell"), 0);
	snprintf(descriptor, sizeof(descriptor), "descriptor:pipe:%d", tube.out);
	snprintf(signals, sizeof(signals), "signal:reload:%d", SIGUSR1);

	CHECK_EQ(ouro_loop_active(loop, say_active, NULL), 4);
	CHECK(said_word("timer:sweep:-1"));
	CHECK(said_word(descriptor));
	CHECK(said_word(signals));
	CHECK(said_word("wake:bell:-1"));
	ouro_loop_free(loop);
	tube_close(tube);
}

TEST(tasks_and_holds_count_too)
{
	ouro_loop *loop = new_loop();

	CHECK_EQ(ouro_loop_active(loop, NULL, NULL), 0);
	macro(loop, "");
	CHECK_EQ(ouro_loop_active(loop, say_active, NULL), 1);
	CHECK(strstr(said, "macro task:") != NULL);
	ouro_loop_hold(loop, true);
	CHECK_EQ(ouro_loop_active(loop, NULL, NULL), 2);
	said[0] = 0;
	ouro_loop_active(loop, say_active, NULL);
	CHECK(strstr(said, "hold:") != NULL);
	ouro_loop_hold(loop, false);
	CHECK_EQ(ouro_loop_active(loop, NULL, NULL), 1);
	ouro_loop_free(loop);
}

TEST(micro_tasks_and_what_was_let_go_do_not_count)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_empty();

	micro(loop, "");
	CHECK(ouro_timer_hold(loop, after(loop, 10, ""), false));
	ouro_io_hold(watch(loop, tube.out, OURO_READABLE, never, NULL), false);
	CHECK_EQ(ouro_loop_active(loop, NULL, NULL), 0);
	ouro_loop_free(loop);
	tube_close(tube);
}

TEST(a_handle_that_is_closing_still_counts)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_empty();

	ouro_io_close(watch(loop, tube.out, OURO_READABLE, never, NULL));
	CHECK_EQ(ouro_loop_active(loop, NULL, NULL), 1);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(ouro_loop_active(loop, NULL, NULL), 0);
	ouro_loop_free(loop);
	tube_close(tube);
}

static void ask_why(ouro_loop *loop, void *arg)
{
	(void)arg;
	ouro_loop_active(loop, say_active, NULL);
}

TEST(the_callback_that_runs_does_not_count_itself)
{
	ouro_loop *loop = new_loop();

	call_after(loop, 10, ask_why, NULL);
	call_macro(loop, ask_why, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK(strstr(said, "timer:") ==
	      said); /* of the macro task: the timer; of the timer: none */
	CHECK(strchr(said, ' ') == NULL);
	ouro_loop_free(loop);
}

/* ---- names and origins ---- */

static char seen_name[128], seen_origin[2048];

static void note_active(ouro_loop *loop, const ouro_active *active, void *arg)
{
	(void)loop, (void)arg;
	snprintf(seen_name, sizeof(seen_name), "%s", active->name);
	snprintf(seen_origin, sizeof(seen_origin), "%s", active->origin);
}

static void sweep_old_files(ouro_loop *loop, void *arg)
{
	(void)loop, (void)arg;
}

__attribute__((noinline)) static void start_the_sweeper(ouro_loop *loop)
{
	call_after(loop, 10, sweep_old_files, NULL);
	__asm__ volatile(""); /* no tail call: the origin must show this function */
}

TEST(without_a_name_it_is_named_by_where_its_callback_is)
{
	ouro_loop *loop;

	CHECK_EQ(unsetenv("OURO_ORIGINS"), 0);
	loop = new_loop();
	start_the_sweeper(loop);
	CHECK_EQ(ouro_loop_active(loop, note_active, NULL), 1);
	CHECK(strstr(seen_name, "active+0x") == seen_name);
	CHECK_STR(seen_origin, "");
	ouro_loop_free(loop);
}

TEST(with_origins_it_is_named_and_its_maker_too)
{
	ouro_loop *loop;

	CHECK_EQ(setenv("OURO_ORIGINS", "1", 1), 0);
	loop = new_loop();
	start_the_sweeper(loop);
	CHECK_EQ(ouro_loop_active(loop, note_active, NULL), 1);
	CHECK_STR(seen_name, "sweep_old_files");
	CHECK(strstr(seen_origin, "start_the_sweeper") != NULL);
	CHECK(strstr(seen_origin, "with_origins_it_is_named_and_its_maker_too") != NULL);
	CHECK(strchr(seen_origin, '\n') != NULL); /* a line a caller */
	ouro_loop_free(loop);
}

TEST(origins_are_kept_for_handles_too)
{
	struct tube tube = tube_empty();
	ouro_loop *loop;

	CHECK_EQ(setenv("OURO_ORIGINS", "1", 1), 0);
	loop = new_loop();
	watch(loop, tube.out, OURO_READABLE, never, NULL);
	CHECK_EQ(ouro_loop_active(loop, note_active, NULL), 1);
	CHECK_STR(seen_name, "never");
	CHECK(strstr(seen_origin, "origins_are_kept_for_handles_too") != NULL);
	ouro_loop_free(loop);
	tube_close(tube);
}

TEST(a_name_that_was_set_wins_and_can_be_changed)
{
	ouro_loop *loop;
	ouro_timer timer;
	char name[16] = "first";

	CHECK_EQ(setenv("OURO_ORIGINS", "1", 1), 0);
	loop = new_loop();
	timer = call_after(loop, 10, sweep_old_files, NULL);
	CHECK(ouro_timer_set_name(loop, timer, name));
	name[0] = '?'; /* it was copied */
	ouro_loop_active(loop, note_active, NULL);
	CHECK_STR(seen_name, "first");
	CHECK(ouro_timer_set_name(loop, timer, "second"));
	ouro_loop_active(loop, note_active, NULL);
	CHECK_STR(seen_name, "second");
	ouro_loop_free(loop);
}
