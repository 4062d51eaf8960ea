/* crew_order.h -- when answers of a crew come, beside everything else a loop calls: the same in
 * every host, with threads and with processes.
 *
 * As pool_order.h: a program of test/offload/ has a kind of host (host.h) and includes this file.
 * Clocks are virtual, and stand still while a call is out. */
#ifndef CREW_ORDER_H
#define CREW_ORDER_H
#include "crews.h"
#include "host.h"

static ouro_loop *scene;
static ouro_crew *its_crew;

static void open_scene(int kind, unsigned count)
{
	said[0] = 0;
	scene = loop_for_test(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
	its_crew = start_crew(scene, (enum ouro_kind)kind, count);
}

static void say_answer(int err, ouro_str out, void *arg)
{
	(void)out;
	if (err)
		say("%s:%s", (const char *)arg, ouro_errname(err));
	else
		say("%s", (const char *)arg);
}

static void call(const char *job, ouro_job_done_fn *fn, const char *w)
{
	CHECK(ouro_crew_call(its_crew, job, ouro_str_z("x"), fn, word(w)).id != 0);
}

static void say_queue_all(int err, ouro_str out, void *arg)
{
	say_answer(err, out, arg);
	micro(scene, "micro");
	macro(scene, "macro");
	after(scene, 0, "timer");
}

static void call_in_a_turn(ouro_loop *loop, void *arg)
{
	(void)loop;
	call("echo", say_queue_all, arg);
	say("asked");
}

TEST(an_answer_comes_later_with_micro_tasks_behind_and_macro_tasks_and_timers_after)
{
	EITHER_KIND(kind)
	{
		open_scene(kind, 1);
		call_after(scene, 10, call_in_a_turn, word("A"));
		drive(scene);
		CHECK_STR(said, "asked A micro macro timer");
		done(scene);
	}
}

TEST(one_runner_answers_in_the_order_of_asking)
{
	static const char *const words[] = { "a", "b", "c", "d", "e", "f", "g", "h" };

	EITHER_KIND(kind)
	{
		open_scene(kind, 1);
		for (int round = 0; round < 2; round++)
			for (int i = 0; i < 8; i++)
				call("echo", say_answer, words[i]);
		drive(scene);
		CHECK_STR(said, "a b c d e f g h a b c d e f g h");
		done(scene);
	}
}

static void cancel_other(int err, ouro_str out, void *arg)
{
	say_answer(err, out, word("first"));
	CHECK(ouro_op_cancel(scene, *(ouro_op *)arg));
	micro(scene, "micro");
	say("cancelled");
}

TEST(a_cancelled_call_is_answered_after_its_canceller_has_returned)
{
	EITHER_KIND(kind)
	{
		ouro_op other;

		open_scene(kind, 1);
		ouro_crew_call(its_crew, "echo", ouro_str_z(""), cancel_other, &other);
		other = ouro_crew_call(its_crew, "wait", ouro_str_z(""), say_answer, word("other"));
		drive(scene);
		CHECK_STR(said, "first cancelled micro other:OURO_ECANCELED");
		while (stats_of(its_crew).running) { /* it had begun, and holds nobody */
			drive_once(scene);
			poll(NULL, 0, 1);
		}
		done(scene);
	}
}

TEST(one_asked_for_outside_any_turn_wakes_the_host)
{
	EITHER_KIND(kind)
	{
		open_scene(kind, 2);
		macro(scene, "macro");
		drive(scene);
		for (int i = 0; i < 3; i++) {
			call("echo", say_answer, "A");
			drive(scene);
		}
		CHECK_STR(said, "macro A A A");
		done(scene);
	}
}

static void say_gone(void *arg)
{
	say("%s", arg ? (const char *)arg : "gone");
}

static void close_crew(int err, ouro_str out, void *arg)
{
	say_answer(err, out, arg);
	ouro_crew_on_close(its_crew, say_gone);
	ouro_crew_close(its_crew);
	micro(scene, "micro");
}

TEST(a_crew_that_closes_answers_first_and_then_the_host_has_nothing_left)
{
	EITHER_KIND(kind)
	{
		open_scene(kind, 1);
		call("echo", close_crew, "A");
		call("wait", say_answer, "B");
		call("wait", say_answer, "C");
		drive(scene);
		CHECK(!strcmp(said, "A micro B:OURO_ECANCELED C:OURO_ECANCELED gone") ||
		      !strcmp(said, "A micro C:OURO_ECANCELED B:OURO_ECANCELED gone"));
		done(scene);
	}
}

static void free_scene(int err, ouro_str out, void *arg)
{
	say_answer(err, out, arg);
	micro(scene, "micro");
	macro(scene, "macro"); /* the turn is finished first */
	ouro_loop_free(scene);
}

TEST(a_loop_that_is_freed_in_an_answer_still_answers_what_is_out)
{
	EITHER_KIND(kind)
	{
		open_scene(kind, 2);
		call("echo", free_scene, "A");
		call("wait", say_answer, "B");
		drive(scene);
		CHECK_STR(said, "A micro macro B:OURO_ECANCELED");
		done(NULL);
	}
}

/* A crash, its notice, the next process and the call that waited for it: no clock is needed. */
TEST(a_crash_is_answered_and_the_next_call_runs)
{
	open_scene(OURO_PROCESSES, 1);
	call("segv", say_answer, "A");
	call("echo", say_answer, "B");
	drive(scene);
	CHECK_STR(said, "A:OURO_ECRASHED B");
	done(scene);
}
#endif
