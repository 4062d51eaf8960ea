/* Crews: calls and their answers, in either kind. */
#include "crews.h"

TEST(a_job_answers_with_bytes)
{
	EITHER_KIND(kind)
	{
		ouro_loop *loop = new_loop();
		ouro_crew *crew = start_crew(loop, (enum ouro_kind)kind, 2);
		struct asked fib = { .answers = 0 }, echo = fib;

		ask_for(crew, "fib", "20", &fib);
		ask_for(crew, "echo", "", &echo);
		CHECK_EQ(fib.answers, 0);
		run(loop);
		CHECK_EQ(fib.answers, 1);
		CHECK_EQ(fib.err, 0);
		CHECK_STR(fib.out, "6765");
		CHECK_EQ(echo.err, 0);
		CHECK_EQ(echo.len, 0);
		ouro_loop_free(loop);
	}
}

TEST(a_job_that_fails_is_answered_with_its_error_and_its_words)
{
	EITHER_KIND(kind)
	{
		ouro_loop *loop = new_loop();
		ouro_crew *crew = start_crew(loop, (enum ouro_kind)kind, 1);
		struct asked fail = { .answers = 0 };

		ask_for(crew, "fail", "", &fail);
		run(loop);
		CHECK_EQ(fail.err, -EDOM);
		CHECK_STR(fail.out, "sorry");
		CHECK_EQ(stats_of(crew).failed, 1);
		ouro_loop_free(loop);
	}
}

/* Sizes at which it travels in another way: in the call, in the pipe, by address or in a segment. */
TEST(inputs_and_results_of_any_size_arrive_whole)
{
	static const size_t sizes[] = { 1,    127,   128,   129,   192,     193,    4096,
					4097, 16384, 16385, 70000, 1000000, 3000000 };

	EITHER_KIND(kind)
	{
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			ouro_loop *loop = new_loop();
			ouro_crew *crew = start_crew(loop, (enum ouro_kind)kind, 1);
			struct asked asked[3] = { { .answers = 0 } };
			char *bytes = malloc(sizes[i]);

			memset(bytes, 'y', sizes[i]);
			for (int k = 0; k < 3; k++)
				ouro_crew_call(crew, "echo", ouro_str_n(bytes, sizes[i]), on_asked,
					       &asked[k]);
			memset(bytes, 'n', sizes[i]);
			run(loop);
			for (int k = 0; k < 3; k++) {
				CHECK_EQ(asked[k].err, 0);
				CHECK_EQ(asked[k].len, sizes[i]);
				CHECK_EQ(asked[k].out[0], 'y');
			}
			free(bytes);
			ouro_loop_free(loop);
		}
	}
}

static int taken_left;

static void on_taken(int err, ouro_str out, void *arg)
{
	CHECK_EQ(err, 0);
	CHECK_EQ(out.len, (size_t)(uintptr_t)arg);
	taken_left--;
}

TEST(memory_can_be_given_away_with_a_call)
{
	EITHER_KIND(kind)
	{
		ouro_loop *loop = new_loop();
		ouro_crew *crew = start_crew(loop, (enum ouro_kind)kind, 1);
		const ouro_call_opts take = { .take = true };

		for (size_t n = 10; n < 100000; n += 33333, taken_left++) {
			ouro_buf *buf = ouro_buf_new();
			char *bytes;

			for (size_t i = 0; i < n; i++)
				CHECK_EQ(ouro_buf_append(buf, "z", 1), 0);
			bytes = ouro_buf_detach(buf, NULL);
			ouro_buf_free(buf);
			ouro_crew_call_with(crew, "echo", ouro_str_n(bytes, n), &take, on_taken,
					    (void *)(uintptr_t)n);
		}
		run(loop);
		CHECK_EQ(taken_left, 0);
		ouro_loop_free(loop);
	}
}

TEST(what_makes_no_sense_is_answered_with_an_error)
{
	EITHER_KIND(kind)
	{
		ouro_loop *loop = new_loop();
		ouro_crew *crew = start_with(loop, (ouro_crew_opts){ .kind = (enum ouro_kind)kind,
								     .count = 1,
								     .in_max = 100,
								     .out_max = 1000 });
		struct asked unknown = { .answers = 0 }, none = unknown, null = unknown,
			     large = unknown, fits = unknown, long_result = unknown;
		char bytes[101] = "";

		ask_for(crew, "dance", "", &unknown);
		CHECK(ouro_crew_call(crew, NULL, ouro_str_z(""), on_asked, &none).id);
		CHECK(ouro_crew_call(crew, "echo", ouro_str_n(NULL, 1), on_asked, &null).id);
		CHECK(ouro_crew_call(crew, "echo", ouro_str_n(bytes, 101), on_asked, &large).id);
		CHECK(ouro_crew_call(crew, "echo", ouro_str_n(bytes, 100), on_asked, &fits).id);
		ask_for(crew, "fill", "1001", &long_result);
		run(loop);
		CHECK_EQ(unknown.err, OURO_ENOJOB);
		CHECK_EQ(none.err, -EINVAL);
		CHECK_EQ(null.err, -EINVAL);
		CHECK_EQ(large.err, OURO_ETOOBIG);
		CHECK_EQ(fits.err, 0);
		CHECK_EQ(long_result.err, OURO_ETOOBIG);
		CHECK_EQ(long_result.len, 0);
		ask_for(crew, "fill", "1000", &long_result);
		run(loop);
		CHECK_EQ(long_result.err, 0);
		CHECK_EQ(long_result.len, 1000);
		ouro_loop_free(loop);
	}
}

static int sentences;

static void count_sentence(ouro_log_level level, const char *sentence, void *arg)
{
	(void)arg;
	CHECK_EQ(level, OURO_LOG_ERROR);
	CHECK(strlen(sentence) > 10);
	sentences++;
}

static void refuses(ouro_crew_opts opts)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .on_log = count_sentence });
	ouro_crew *crew = NULL;
	int before = sentences;

	CHECK_EQ(ouro_crew_start(loop, &opts, &crew), -EINVAL);
	CHECK(crew == NULL);
	CHECK_EQ(sentences, before + 1);
	CHECK_EQ(ouro_loop_run(loop), 0);
	ouro_loop_free(loop);
}

TEST(options_that_make_no_sense_are_refused_in_a_sentence)
{
	static const ouro_job empty[] = { { .name = NULL } };
	static const ouro_job twice[] = { { .name = "a", .run = job_echo },
					  { .name = "a", .run = job_fib },
					  { .name = NULL } };
	static const ouro_job nothing[] = { { .name = "a" }, { .name = NULL } };

	refuses((ouro_crew_opts){ .count = 1 });
	refuses((ouro_crew_opts){ .jobs = empty });
	refuses((ouro_crew_opts){ .jobs = twice });
	refuses((ouro_crew_opts){ .jobs = nothing });
	refuses((ouro_crew_opts){ .jobs = peaceful, .count = 257 });
	refuses((ouro_crew_opts){ .jobs = peaceful, .kind = (enum ouro_kind)2 });
	refuses((ouro_crew_opts){ .jobs = peaceful, .nice = 21 });
}

static int job_rank(ouro_str in, ouro_buf *out)
{
	(void)in;
	return ouro_buf_printf(out, "%d", sched_getscheduler(0));
}

TEST(runners_stand_below_the_loop_as_far_as_was_said)
{
	static const struct {
		unsigned nice;
		int policy;
	} ranks[] = { { 0, SCHED_BATCH },
		      { 1, SCHED_BATCH },
		      { 20, SCHED_IDLE },
		      { OURO_NEVER, SCHED_OTHER } };
	static const ouro_job jobs[] = { { .name = "rank", .run = job_rank }, { .name = NULL } };

	for (size_t i = 0; i < sizeof(ranks) / sizeof(ranks[0]); i++)
		EITHER_KIND(kind)
		{
			ouro_loop *loop = new_loop();
			ouro_crew *crew =
				start_with(loop, (ouro_crew_opts){ .kind = (enum ouro_kind)kind,
								   .count = 1,
								   .jobs = jobs,
								   .nice = ranks[i].nice });
			struct asked asked = { .answers = 0 };

			ask_for(crew, "rank", "", &asked);
			run(loop);
			CHECK_EQ(atoi(asked.out), ranks[i].policy);
			ouro_loop_free(loop);
		}
}

TEST(a_job_that_needs_a_process_is_refused_among_threads)
{
	refuses((ouro_crew_opts){ .jobs = hostile, .kind = OURO_THREADS });
}

TEST(one_crew_does_not_keep_a_loop_alive)
{
	EITHER_KIND(kind)
	{
		ouro_loop *loop = new_loop();

		start_crew(loop, (enum ouro_kind)kind, 2);
		run(loop);
		ouro_loop_free(loop);
	}
}

/* So it costs nothing: nothing but what it is asked wakes its loop. */
TEST(an_idle_crew_has_no_timer)
{
	EITHER_KIND(kind)
	{
		ouro_loop *loop = new_loop();
		ouro_crew *crew = start_crew(loop, (enum ouro_kind)kind, 2);
		struct asked asked = { .answers = 0 };
		ouro_loop_stats stats;

		ask_for(crew, "fib", "10", &asked);
		run(loop);
		ouro_loop_get_stats(loop, &stats);
		CHECK_EQ(stats.timers, 0);
		ouro_loop_free(loop);
	}
}

/* The queue. */

/* A runner that is busy until its call is cancelled. */
static ouro_op keep_busy(ouro_loop *loop, ouro_crew *crew, struct asked *asked)
{
	ouro_op op = ask_for(crew, "wait", "", asked);

	turn_until(loop, stats_of(crew).running == 1);
	return op;
}

TEST(a_queue_that_is_full_refuses)
{
	EITHER_KIND(kind)
	{
		ouro_loop *loop = new_loop();
		ouro_crew *crew = start_with(loop, (ouro_crew_opts){ .kind = (enum ouro_kind)kind,
								     .count = 1,
								     .queue_max = 2 });
		struct asked busy = { .answers = 0 }, asked[3] = { { .answers = 0 } };
		ouro_op op = keep_busy(loop, crew, &busy);

		for (int i = 0; i < 3; i++)
			ask_for(crew, "echo", "", &asked[i]);
		CHECK_EQ(stats_of(crew).waiting, 2);
		turn_until(loop, asked[2].answers);
		CHECK_EQ(asked[2].err, OURO_EBUSY);
		CHECK_EQ(asked[0].answers, 0);
		CHECK(ouro_op_cancel(loop, op));
		run(loop);
		CHECK_EQ(busy.err, OURO_ECANCELED);
		CHECK_EQ(asked[0].err, 0);
		CHECK_EQ(asked[1].err, 0);
		ouro_loop_free(loop);
	}
}

TEST(first_in_is_first_out_within_a_priority)
{
	EITHER_KIND(kind)
	{
		ouro_loop *loop = new_loop();
		ouro_crew *crew = start_crew(loop, (enum ouro_kind)kind, 1);
		struct asked busy = { .answers = 0 };
		static struct asked low[2], usual[2], high[2];
		ouro_op op = keep_busy(loop, crew, &busy);

		said[0] = 0;
		for (int i = 0; i < 2; i++) {
			static const char *const words[] = { "l1", "l2", "u1", "u2", "h1", "h2" };

			low[i] = (struct asked){ .word = words[i] };
			usual[i] = (struct asked){ .word = words[2 + i] };
			high[i] = (struct asked){ .word = words[4 + i] };
			ouro_crew_call_with(crew, "echo", ouro_str_z(""),
					    &(ouro_call_opts){ .priority = -1 }, on_asked, &low[i]);
			ask_for(crew, "echo", "", &usual[i]);
			ouro_crew_call_with(crew, "echo", ouro_str_z(""),
					    &(ouro_call_opts){ .priority = 5 }, on_asked, &high[i]);
		}
		CHECK(ouro_op_cancel(loop, op));
		run(loop);
		CHECK_STR(said, "h1 h2 u1 u2 l1 l2");
		ouro_loop_free(loop);
	}
}

/* Calls are handed over ahead of time; none may be stuck behind one that takes long. */
TEST(no_runner_idles_while_a_call_waits)
{
	EITHER_KIND(kind)
	{
		ouro_loop *loop = new_loop();
		ouro_crew *crew = start_crew(loop, (enum ouro_kind)kind, 2);
		static struct asked asked[200], busy;
		ouro_op op;

		memset(asked, 0, sizeof(asked));
		memset(&busy, 0, sizeof(busy));
		for (int i = 0; i < 100; i++)
			ask_for(crew, "echo", "", &asked[i]);
		run(loop); /* it knows by now that this takes no time */
		for (int i = 0; i < 50; i++)
			ask_for(crew, "echo", "", &asked[i]);
		op = ask_for(crew, "wait", "", &busy);
		for (int i = 100; i < 200; i++)
			ask_for(crew, "echo", "", &asked[i]);
		turn_until(loop, stats_of(crew).done == 250);
		CHECK_EQ(busy.answers, 0);
		CHECK(ouro_op_cancel(loop, op));
		run(loop);
		ouro_loop_free(loop);
	}
}

/* Changing one's mind. */

TEST(a_call_that_waits_is_cancelled_at_once)
{
	EITHER_KIND(kind)
	{
		ouro_loop *loop = new_loop();
		ouro_crew *crew = start_crew(loop, (enum ouro_kind)kind, 1);
		struct asked busy = { .answers = 0 }, waits = busy;
		ouro_op op = keep_busy(loop, crew, &busy);
		ouro_op other = ask_for(crew, "echo", "", &waits);

		CHECK(ouro_op_cancel(loop, other));
		CHECK(!ouro_op_cancel(loop, other));
		CHECK_EQ(waits.answers, 0);
		turn_until(loop, waits.answers);
		CHECK_EQ(waits.err, OURO_ECANCELED);
		CHECK_EQ(busy.answers, 0);
		CHECK(ouro_op_cancel(loop, op));
		run(loop);
		CHECK_EQ(waits.answers, 1);
		ouro_loop_free(loop);
	}
}

TEST(one_that_runs_is_answered_at_once_and_its_runner_is_there_again)
{
	EITHER_KIND(kind)
	{
		ouro_loop *loop = new_loop();
		ouro_crew *crew = start_crew(loop, (enum ouro_kind)kind, 1);
		struct asked busy = { .answers = 0 }, next = busy;
		ouro_op op = keep_busy(loop, crew, &busy);

		CHECK(ouro_op_cancel(loop, op));
		ask_for(crew, "fib", "10", &next);
		run(loop);
		CHECK_EQ(busy.err, OURO_ECANCELED);
		CHECK_EQ(busy.answers, 1);
		CHECK_STR(next.out, "55");
		CHECK_EQ(stats_of(crew).killed, kind == OURO_PROCESSES);
		CHECK_EQ(stats_of(crew).cancelled, 1);
		ouro_loop_free(loop);
	}
}

TEST(a_job_has_its_time_from_its_start)
{
	EITHER_KIND(kind)
	{
		ouro_loop *loop = new_loop();
		ouro_crew *crew =
			start_with(loop, (ouro_crew_opts){ .kind = (enum ouro_kind)kind,
							   .count = 1,
							   .timeout_ms = 30 * TEST_SLOW });
		struct asked late = { .answers = 0 }, later = late, good = late;

		ask_for(crew, "wait", "", &late);
		ask_for(crew, "wait", "", &later);
		ask_for(crew, "fib", "10", &good);
		run(loop);
		CHECK_EQ(late.err, OURO_ETIMEOUT);
		CHECK_EQ(later.err, OURO_ETIMEOUT);
		CHECK_EQ(good.err, 0);
		CHECK_EQ(late.answers + later.answers + good.answers, 3);
		CHECK_EQ(stats_of(crew).timed_out, 2);
		ouro_loop_free(loop);
	}
}

TEST(a_call_has_a_deadline_from_the_asking)
{
	EITHER_KIND(kind)
	{
		ouro_loop *loop = new_loop();
		ouro_crew *crew = start_with(loop, (ouro_crew_opts){ .kind = (enum ouro_kind)kind,
								     .count = 1,
								     .deadline_ms = 20 });
		struct asked runs = { .answers = 0 }, waits = runs, any_time = runs;
		const ouro_call_opts never = { .deadline_ms = OURO_NEVER };
		ouro_op op;

		ask_for(crew, "wait", "", &runs);
		ask_for(crew, "echo", "", &waits);
		op = ouro_crew_call_with(crew, "wait", ouro_str_z(""), &never, on_asked, &any_time);
		turn_until(loop, waits.answers && runs.answers);
		CHECK_EQ(runs.err, OURO_ETIMEOUT);
		CHECK_EQ(waits.err, OURO_ETIMEOUT);
		turn_until(loop, stats_of(crew).running == 1);
		CHECK_EQ(any_time.answers, 0);
		CHECK(ouro_op_timeout(loop, op, 1));
		run(loop);
		CHECK_EQ(any_time.err, OURO_ETIMEOUT);
		ouro_loop_free(loop);
	}
}

/* Progress. */

static void say_progress(ouro_str bytes, void *arg)
{
	(void)arg;
	say("%.*s", (int)bytes.len, bytes.ptr);
}

TEST(progress_comes_in_order_and_before_the_answer)
{
	EITHER_KIND(kind)
	{
		ouro_loop *loop = new_loop();
		ouro_crew *crew = start_crew(loop, (enum ouro_kind)kind, 1);
		struct asked tell = { .word = "answer" }, quiet = { .word = "quiet" };
		const ouro_call_opts opts = { .on_progress = say_progress };

		said[0] = 0;
		ouro_crew_call_with(crew, "tell", ouro_str_z("5"), &opts, on_asked, &tell);
		ouro_crew_call(crew, "tell", ouro_str_z("5"), on_asked, &quiet);
		run(loop);
		CHECK_STR(said, "0 1 2 3 4 answer quiet");
		CHECK_EQ(tell.err, 0);
		CHECK_EQ(quiet.err, 0);
		ouro_loop_free(loop);
	}
}

static ouro_op to_cancel;
static ouro_loop *its_loop;

static void cancel_at_first(ouro_str bytes, void *arg)
{
	(void)arg;
	say("%.*s", (int)bytes.len, bytes.ptr);
	CHECK_EQ(ouro_op_now(its_loop).id, to_cancel.id);
	CHECK(ouro_op_cancel(its_loop, to_cancel));
}

TEST(after_a_cancel_there_is_no_more_progress)
{
	EITHER_KIND(kind)
	{
		ouro_loop *loop = new_loop();
		ouro_crew *crew = start_crew(loop, (enum ouro_kind)kind, 1);
		struct asked tell = { .word = "cancelled" };
		const ouro_call_opts opts = { .on_progress = cancel_at_first };

		said[0] = 0;
		its_loop = loop;
		to_cancel = ouro_crew_call_with(crew, "tell", ouro_str_z("100000"), &opts, on_asked,
						&tell);
		run(loop);
		CHECK_STR(said, "0 cancelled");
		CHECK_EQ(tell.err, OURO_ECANCELED);
		turn_until(loop, !stats_of(crew).running); /* or its thread would be left behind */
		ouro_loop_free(loop);
	}
}

TEST(outside_a_job_there_is_no_progress_and_no_cancelling)
{
	CHECK_EQ(ouro_job_progress(ouro_str_z("x")), -EINVAL);
	CHECK(!ouro_job_cancelled());
}

/* Ends. */

static void say_gone(void *arg)
{
	say("%s", (const char *)arg);
}

TEST(close_answers_everything_and_then_tells)
{
	EITHER_KIND(kind)
	{
		ouro_loop *loop = new_loop();
		ouro_crew *crew = start_with(loop, (ouro_crew_opts){ .kind = (enum ouro_kind)kind,
								     .count = 1,
								     .arg = word("gone") });
		struct asked runs = { .word = "runs" }, waits = { .word = "waits" };

		said[0] = 0;
		keep_busy(loop, crew, &runs);
		ask_for(crew, "echo", "", &waits);
		ouro_crew_on_close(crew, say_gone);
		ouro_crew_close(crew);
		ouro_crew_close(crew);
		CHECK_STR(said, "");
		run(loop);
		CHECK(!strcmp(said, "waits runs gone") || !strcmp(said, "runs waits gone"));
		CHECK_EQ(runs.err, OURO_ECANCELED);
		CHECK_EQ(waits.err, OURO_ECANCELED);
		CHECK(ouro_crew_next(loop, NULL) == NULL);
		ouro_loop_free(loop);
	}
	ouro_crew_close(NULL);
}

TEST(a_closed_crew_refuses)
{
	EITHER_KIND(kind)
	{
		ouro_loop *loop = new_loop();
		ouro_crew *crew = start_crew(loop, (enum ouro_kind)kind, 1);
		struct asked asked = { .answers = 0 };

		ouro_crew_close(crew);
		ask_for(crew, "echo", "", &asked);
		run(loop);
		CHECK_EQ(asked.err, OURO_ECLOSED);
		ouro_loop_free(loop);
	}
}

TEST(the_end_of_the_loop_cancels_and_waits)
{
	EITHER_KIND(kind)
	{
		ouro_loop *loop = new_loop();
		ouro_crew *crew = start_crew(loop, (enum ouro_kind)kind, 2);
		struct asked runs = { .answers = 0 }, waits[5] = { { .answers = 0 } };

		keep_busy(loop, crew, &runs);
		for (int i = 0; i < 5; i++)
			ask_for(crew, "wait", "", &waits[i]);
		ouro_loop_free(loop);
		CHECK_EQ(runs.err, OURO_ECANCELED);
		for (int i = 0; i < 5; i++) {
			CHECK_EQ(waits[i].answers, 1);
			CHECK_EQ(waits[i].err, OURO_ECANCELED);
		}
	}
}

static void close_it(int err, ouro_str out, void *arg)
{
	(void)out;
	CHECK_EQ(err, 0);
	say("answer");
	ouro_crew_close(arg);
}

TEST(a_crew_may_be_closed_in_an_answer_of_its_own)
{
	EITHER_KIND(kind)
	{
		ouro_loop *loop = new_loop();
		ouro_crew *crew = start_crew(loop, (enum ouro_kind)kind, 2);
		static struct asked asked[20];

		said[0] = 0;
		memset(asked, 0, sizeof(asked));
		ouro_crew_call(crew, "echo", ouro_str_z("x"), close_it, crew);
		for (int i = 0; i < 20; i++)
			ask_for(crew, "echo", "x", &asked[i]);
		run(loop);
		CHECK_STR(said, "answer");
		for (int i = 0; i < 20; i++)
			CHECK_EQ(asked[i].answers, 1);
		ouro_loop_free(loop);
	}
}

static void free_loop(int err, ouro_str out, void *arg)
{
	(void)out;
	CHECK_EQ(err, 0);
	ouro_loop_free(arg);
}

TEST(a_loop_may_be_freed_in_an_answer)
{
	EITHER_KIND(kind)
	{
		ouro_loop *loop = new_loop();
		ouro_crew *crew = start_crew(loop, (enum ouro_kind)kind, 2);
		struct asked other = { .answers = 0 };

		ouro_crew_call(crew, "echo", ouro_str_z("x"), free_loop, loop);
		ask_for(crew, "wait", "", &other);
		run(loop);
		CHECK_EQ(other.err, OURO_ECANCELED);
	}
}

/* Figures. */

TEST(figures_add_up)
{
	EITHER_KIND(kind)
	{
		ouro_loop *loop = new_loop();
		ouro_crew *crew = start_with(loop, (ouro_crew_opts){ .kind = (enum ouro_kind)kind,
								     .count = 2,
								     .name = "sums" });
		static struct asked asked[100];
		ouro_job_stats job;
		uint64_t jobs = 0;

		memset(asked, 0, sizeof(asked));
		for (int i = 0; i < 100; i++)
			ask_for(crew, i % 2 ? "echo" : "fib", "12", &asked[i]);
		run(loop);
		CHECK_EQ(stats_of(crew).done, 100);
		CHECK_EQ(stats_of(crew).waiting, 0);
		CHECK_EQ(stats_of(crew).running, 0);
		CHECK_STR(stats_of(crew).name, "sums");
		CHECK_EQ(stats_of(crew).runners, 2);
		CHECK(ouro_crew_job_stats(crew, 1, &job));
		CHECK_STR(job.name, "fib");
		CHECK_EQ(job.done, 50);
		CHECK_EQ(job.run_ns.count, 50);
		CHECK_EQ(job.wait_ns.count, 50);
		CHECK(job.run_ns.sum > 0);
		CHECK(!ouro_crew_job_stats(crew, stats_of(crew).jobs, &job));
		for (unsigned i = 0; i < 2; i++) {
			jobs += runner_of(crew, i).jobs;
			CHECK(runner_of(crew, i).id > 0);
			CHECK_EQ(runner_of(crew, i).id == getpid(), false);
			CHECK_STR(runner_of(crew, i).job, "");
		}
		CHECK_EQ(jobs, 100);
		CHECK(!ouro_crew_runner_stats(crew, 2, &(ouro_runner_stats){ 0 }));
		CHECK(ouro_crew_next(loop, NULL) == crew);
		CHECK(ouro_crew_next(loop, crew) == NULL);
		ouro_loop_free(loop);
	}
}

TEST(a_runner_shows_what_it_is_at)
{
	EITHER_KIND(kind)
	{
		ouro_loop *loop = new_loop();
		ouro_crew *crew = start_crew(loop, (enum ouro_kind)kind, 1);
		struct asked busy = { .answers = 0 };
		ouro_op op = keep_busy(loop, crew, &busy);

		CHECK_STR(runner_of(crew, 0).job, "wait");
		turn_until(loop, runner_of(crew, 0).job_ns > 1000000);
		CHECK(runner_of(crew, 0).since_ns > 0);
		CHECK(kind == OURO_THREADS || runner_of(crew, 0).rss > 0);
		CHECK(ouro_op_cancel(loop, op));
		run(loop);
		ouro_loop_free(loop);
	}
}

/* Without memory. */

static enum ouro_kind trying;

static int call_once(void)
{
	ouro_loop *loop = ouro_loop_new(NULL);
	struct asked small = { .answers = 0 }, large = small;
	char *bytes = malloc(50000);
	ouro_crew *crew;
	int err = -ENOMEM;

	if (loop)
		err = ouro_crew_start(
			loop, &(ouro_crew_opts){ .jobs = peaceful, .count = 1, .kind = trying },
			&crew);
	if (!err) {
		memset(bytes, 'x', 50000);
		ouro_op op = ouro_crew_call(crew, "echo", ouro_str_z("x"), on_asked, &small);
		ouro_op other =
			ouro_crew_call(crew, "echo", ouro_str_n(bytes, 50000), on_asked, &large);
		ouro_loop_run(loop);
		CHECK_EQ(small.answers, op.id != 0);
		CHECK_EQ(large.answers, other.id != 0);
		err = op.id && other.id ? 0 : -ENOMEM;
		err = err ? err : small.err;
		err = err ? err : large.err;
	}
	free(bytes);
	ouro_loop_free(loop);
	return err;
}

TEST(without_memory_every_call_has_its_answer)
{
	trying = OURO_THREADS;
	CHECK(for_each_failing_allocation(call_once) > 10);
}

TEST(without_memory_every_call_to_a_process_has_its_answer)
{
	trying = OURO_PROCESSES;
	CHECK(for_each_failing_allocation(call_once) > 10);
}
