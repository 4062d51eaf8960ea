/* timer.c -- what a timer promises besides its place in the turn, which test/ordering.h has. */
#include "kit.h"

#define CENTURY (UINT64_C(100) * 365 * 24 * 3600 * 1000 * MS)

static ouro_loop *new_loop(void)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });

	CHECK(loop != NULL);
	return loop;
}

static void run_and_free(ouro_loop *loop)
{
	CHECK_EQ(ouro_loop_run(loop), 0);
	ouro_loop_free(loop);
}

/* ---- the clock ---- */

static void say_seconds(ouro_loop *loop, void *arg)
{
	uint64_t *began = arg;

	say("%u", (unsigned)((ouro_loop_now(loop) - *began) / (1000 * MS)));
}

TEST(thirty_seconds_of_virtual_time_take_none)
{
	ouro_loop *loop = new_loop();
	uint64_t began = ouro_loop_now(loop);

	call_after(loop, 30000, say_seconds, &began);
	call_after(loop, 3600000, say_seconds, &began);
	run_and_free(loop);
	CHECK_STR(said, "30 3600");
}

struct real {
	uint64_t began, ms;
};

static void check_not_early(ouro_loop *loop, void *arg)
{
	struct real *real = arg;

	CHECK(real_ns() - real->began >= real->ms * MS);
	CHECK(ouro_loop_now(loop) - real->began >= real->ms * MS);
}

TEST(the_real_clock_is_never_early)
{
	ouro_loop *loop = ouro_loop_new(NULL);
	struct real real[8];

	for (unsigned i = 0; i < 8; i++) {
		real[i] = (struct real){ real_ns(), i };
		call_after(loop, real[i].ms, check_not_early, &real[i]);
	}
	run_and_free(loop);
}

static void work_then_make_one(ouro_loop *loop, void *arg)
{
	struct real *real = arg;
	uint64_t until = real_ns() + 5 * MS;

	while (real_ns() < until)
		;
	*real = (struct real){ real_ns(), 3 };
	call_after(loop, real->ms, check_not_early, real);
}

/* libev's cached clock would fire it at once. */
TEST(a_timer_made_late_in_a_callback_has_its_full_time)
{
	ouro_loop *loop = ouro_loop_new(NULL);
	struct real real;

	call_macro(loop, work_then_make_one, &real);
	run_and_free(loop);
}

/* libuv compares whole milliseconds, and so may be nearly one too early. */
static void make_between_two_ticks(ouro_loop *loop, void *arg)
{
	struct real *real = arg;
	uint64_t until = (real_ns() / MS + 1) * MS + 900000;

	while (real_ns() < until)
		;
	*real = (struct real){ real_ns(), 1 };
	call_after(loop, real->ms, check_not_early, real);
}

TEST(a_millisecond_is_a_whole_one)
{
	ouro_loop *loop = ouro_loop_new(NULL);
	struct real real[5];

	for (int i = 0; i < 5; i++)
		call_macro(loop, make_between_two_ticks, &real[i]);
	run_and_free(loop);
}

static void advance_and_look(ouro_loop *loop, void *arg)
{
	uint64_t now = ouro_loop_now(loop);

	(void)arg;
	CHECK_EQ(ouro_loop_advance(loop, 7), 0);
	CHECK_EQ(ouro_loop_now(loop), now);
}

TEST(now_is_read_before_the_callback_and_stands_still_in_it)
{
	ouro_loop *loop = new_loop();

	call_after(loop, 10, advance_and_look, NULL);
	run_and_free(loop);
}

TEST(the_real_clock_cannot_be_advanced)
{
	ouro_loop *loop = ouro_loop_new(NULL);

	CHECK_EQ(ouro_loop_advance(loop, 1), -EINVAL);
	ouro_loop_free(loop);
}

/* ---- very long times ---- */

TEST(however_large_a_time_is_it_neither_wraps_nor_comes_early)
{
	static const uint64_t huge[] = { UINT64_MAX,          UINT64_MAX - 1, UINT64_MAX / MS,
					 UINT64_MAX / MS + 1, UINT64_MAX / 2, INT64_MAX };
	ouro_loop *loop = new_loop();

	for (size_t i = 0; i < sizeof(huge) / sizeof(huge[0]); i++) {
		ouro_timer once = call_after(loop, huge[i], never_task, NULL);
		ouro_timer again = ouro_timer_every(loop, huge[i], never_task, NULL);

		CHECK(ouro_timer_left(loop, once) > CENTURY);
		CHECK(ouro_timer_left(loop, once) < UINT64_MAX);
		CHECK(ouro_timer_left(loop, again) > CENTURY);
		CHECK(ouro_timer_hold(loop, once, false));
		CHECK(ouro_timer_hold(loop, again, false));
		CHECK(ouro_timer_again(loop, once));
	}
	after(loop, 1000, "near");
	run_and_free(loop);
	CHECK_STR(said, "near");
}

static void fast_forward(ouro_loop *loop, void *arg)
{
	(void)arg;
	CHECK_EQ(ouro_loop_advance(loop, UINT64_MAX), 0);
}

TEST(advancing_by_an_age_does_not_turn_the_clock_back)
{
	ouro_loop *loop = new_loop();

	call_after(loop, 1, fast_forward, NULL);
	after(loop, 2, "late");
	run_and_free(loop);
	CHECK_STR(said, "late");
}

/* ---- tokens ---- */

TEST(a_zeroed_token_is_none)
{
	ouro_loop *loop = new_loop();
	ouro_timer none = { 0 };

	CHECK(!ouro_timer_stop(loop, none));
	CHECK(!ouro_timer_again(loop, none));
	CHECK(!ouro_timer_hold(loop, none, true));
	CHECK(!ouro_timer_set_name(loop, none, "none"));
	CHECK_EQ(ouro_timer_left(loop, none), UINT64_MAX);
	ouro_loop_free(loop);
}

TEST(a_token_nobody_gave_out_is_none)
{
	ouro_loop *loop = new_loop();
	uint32_t seed = 5;

	after(loop, 10, "T");
	for (int i = 0; i < 10000; i++) {
		uint64_t high = random_below(&seed, UINT32_MAX);
		ouro_timer forged = { high << 32 | random_below(&seed, UINT32_MAX) };

		CHECK(!ouro_timer_stop(loop, forged));
	}
	run_and_free(loop);
	CHECK_STR(said, "T");
}

TEST(a_stopped_timer_never_runs_and_its_token_does_nothing)
{
	ouro_loop *loop = new_loop();
	ouro_timer timer = call_after(loop, 10, never_task, NULL), next;

	CHECK(ouro_timer_stop(loop, timer));
	CHECK(!ouro_timer_stop(loop, timer));
	next = after(loop, 10, "next");
	CHECK(!ouro_timer_stop(loop, timer));
	CHECK(!ouro_timer_again(loop, timer));
	CHECK(!ouro_timer_hold(loop, timer, false));
	CHECK(!ouro_timer_set_name(loop, timer, "old"));
	CHECK_EQ(ouro_timer_left(loop, timer), UINT64_MAX);
	CHECK_EQ(ouro_timer_left(loop, next), 10 * MS);
	run_and_free(loop);
	CHECK_STR(said, "next");
}

TEST(a_name_goes_with_its_timer)
{
	ouro_loop *loop = new_loop();
	ouro_timer stopped = call_after(loop, 10, never_task, NULL);
	ouro_timer left = call_after(loop, 10000, never_task, NULL);

	CHECK(ouro_timer_set_name(loop, stopped, "stopped"));
	CHECK(ouro_timer_stop(loop, stopped));
	CHECK(ouro_timer_set_name(loop, after(loop, 10, "fired"), "fires"));
	CHECK(ouro_timer_hold(loop, left, false));
	CHECK(ouro_timer_set_name(loop, left, "dropped with the loop"));
	run_and_free(loop); /* the runner sees to it that no byte is left */
	CHECK_STR(said, "fired");
}

TEST(a_thousand_lives_of_one_record_have_a_thousand_tokens)
{
	ouro_loop *loop = new_loop();
	ouro_timer tokens[1000];

	for (int i = 0; i < 1000; i++) {
		tokens[i] = call_after(loop, 10, never_task, NULL);
		CHECK(ouro_timer_stop(loop, tokens[i]));
		for (int j = 0; j <= i; j++)
			CHECK(!ouro_timer_stop(loop, tokens[j]));
	}
	run_and_free(loop);
}

/* ---- left, again, hold ---- */

static void look_at_what_is_left(ouro_loop *loop, void *arg)
{
	ouro_timer *timer = arg;

	CHECK_EQ(ouro_timer_left(loop, *timer), 20 * MS);
	CHECK_EQ(ouro_loop_advance(loop, 5), 0);
	CHECK_EQ(ouro_timer_left(loop, *timer), 15 * MS);
	CHECK(ouro_timer_again(loop, *timer));
	CHECK_EQ(ouro_timer_left(loop, *timer), 30 * MS);
	CHECK_EQ(ouro_loop_advance(loop, 40), 0);
	CHECK_EQ(ouro_timer_left(loop, *timer), 0);
}

TEST(left_counts_down_and_again_gives_the_full_time_anew)
{
	ouro_loop *loop = new_loop();
	ouro_timer timer = after(loop, 30, "T");

	call_after(loop, 10, look_at_what_is_left, &timer);
	run_and_free(loop);
	CHECK_STR(said, "T");
}

static void again_and_again(ouro_loop *loop, void *arg)
{
	ouro_timer *idle = arg;
	static int times;

	CHECK(ouro_timer_again(loop, *idle));
	if (++times < 10)
		call_after(loop, 9, again_and_again, idle);
	else
		say("silence");
}

TEST(an_idle_timer_put_off_in_time_fires_only_in_the_silence)
{
	ouro_loop *loop = new_loop();
	ouro_timer idle = after(loop, 10, "idle");

	call_after(loop, 9, again_and_again, &idle);
	run_and_free(loop);
	CHECK_STR(said, "silence idle");
}

TEST(a_timer_can_be_let_go_and_held_again)
{
	ouro_loop *loop = new_loop();
	ouro_timer timer = after(loop, 10, "T");

	CHECK(ouro_timer_hold(loop, timer, false));
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "");
	CHECK(ouro_timer_hold(loop, timer, true));
	CHECK(ouro_timer_hold(loop, timer, true));
	run_and_free(loop);
	CHECK_STR(said, "T");
}

TEST(again_does_not_change_whether_a_timer_holds)
{
	ouro_loop *loop = new_loop();
	ouro_timer timer = call_after(loop, 10, never_task, NULL);

	CHECK(ouro_timer_hold(loop, timer, false));
	CHECK(ouro_timer_again(loop, timer));
	run_and_free(loop);
	CHECK_STR(said, "");
}

static void stop_every(ouro_loop *loop, void *arg)
{
	ouro_timer *timer = arg;

	say("e");
	CHECK(ouro_timer_left(loop, *timer) == 10 * MS);
	CHECK(ouro_timer_stop(loop, *timer));
	CHECK(!ouro_timer_stop(loop, *timer));
}

TEST(an_interval_is_alive_in_its_own_callback_and_can_be_stopped_there)
{
	ouro_loop *loop = new_loop();
	ouro_timer timer = ouro_timer_every(loop, 10, stop_every, &timer);

	run_and_free(loop);
	CHECK_STR(said, "e");
}

/* ---- many ---- */

static uint32_t many_seed = 2024;
static uint64_t many_last;
static int many_run;

static void check_sorted(ouro_loop *loop, void *arg)
{
	uint64_t due = (uint64_t)(uintptr_t)arg;

	CHECK(due >= many_last);
	CHECK(ouro_loop_now(loop) >= due * MS);
	many_last = due;
	many_run++;
}

TEST(a_hundred_thousand_timers_run_in_order_of_deadline)
{
	ouro_loop *loop = new_loop();

	for (int i = 0; i < 100000; i++) {
		uint32_t ms = random_below(&many_seed, 50000);

		call_after(loop, ms, check_sorted, (void *)(uintptr_t)ms);
	}
	run_and_free(loop);
	CHECK_EQ(many_run, 100000);
}

/* ---- ten thousand random operations against a model of the manual ----
 *
 * The model is an array and the rules in their shortest form: of all timers that were due and made
 * when the phase began, the next is the one with the earliest deadline, the older of two. */

#define SLOTS 64

struct model_timer {
	ouro_timer token;
	bool alive, repeats, holds;
	uint64_t span, deadline, order;
};

static struct model {
	ouro_loop *loop;
	struct model_timer timer[SLOTS];
	uint64_t clock, orders;             /* now, and how many starts there were */
	uint64_t phase_clock, phase_orders; /* as they were when the phase began */
	uint32_t seed;
	int operations_left, calls;
} model;

static void model_start(struct model_timer *timer)
{
	timer->deadline = model.clock + timer->span;
	timer->order = ++model.orders;
}

static struct model_timer *model_earliest(bool of_this_phase)
{
	struct model_timer *best = NULL;

	for (int i = 0; i < SLOTS; i++) {
		struct model_timer *t = &model.timer[i];

		if (!t->alive || (of_this_phase && (t->deadline > model.phase_clock ||
						    t->order > model.phase_orders)))
			continue;
		if (!best || t->deadline < best->deadline ||
		    (t->deadline == best->deadline && t->order < best->order))
			best = t;
	}
	return best;
}

static struct model_timer *model_next(void)
{
	struct model_timer *next = model_earliest(true);

	if (next)
		return next;
	next = model_earliest(false);
	CHECK(next != NULL);
	if (next->deadline > model.clock)
		model.clock = next->deadline;
	model.phase_clock = model.clock;
	model.phase_orders = model.orders;
	return model_earliest(true);
}

static void model_call(ouro_loop *loop, void *arg);

static void model_make(struct model_timer *timer)
{
	bool was_alive = timer->alive;
	uint32_t ms = random_below(&model.seed, 4) ? random_below(&model.seed, 40) : 0;

	CHECK_EQ(ouro_timer_stop(model.loop, timer->token), was_alive);
	timer->alive = timer->holds = true;
	timer->repeats = random_below(&model.seed, 2);
	timer->span = ms * MS;
	timer->token = timer->repeats ? ouro_timer_every(model.loop, ms, model_call, timer)
				      : ouro_timer_after(model.loop, ms, model_call, timer);
	CHECK(timer->token.id != 0);
	model_start(timer);
}

static void model_operate(void)
{
	struct model_timer *timer = &model.timer[random_below(&model.seed, SLOTS)];
	uint32_t ms = random_below(&model.seed, 30);

	switch (random_below(&model.seed, 8)) {
	case 0:
		CHECK_EQ(ouro_timer_stop(model.loop, timer->token), timer->alive);
		timer->alive = false;
		break;
	case 1:
	case 2:
	case 3:
		CHECK_EQ(ouro_timer_again(model.loop, timer->token), timer->alive);
		if (timer->alive)
			model_start(timer);
		break;
	case 4:
		CHECK_EQ(ouro_loop_advance(model.loop, ms), 0);
		model.clock += ms * MS;
		break;
	case 5:
		CHECK_EQ(ouro_timer_hold(model.loop, timer->token, ms & 1), timer->alive);
		break;
	default:
		model_make(timer);
	}
}

static void model_compare_left(void)
{
	for (int i = 0; i < SLOTS; i++) {
		const struct model_timer *t = &model.timer[i];
		uint64_t left = t->deadline > model.clock ? t->deadline - model.clock : 0;

		CHECK_EQ(ouro_timer_left(model.loop, t->token), t->alive ? left : UINT64_MAX);
	}
}

static void model_call(ouro_loop *loop, void *arg)
{
	struct model_timer *timer = model_next();

	CHECK(timer == arg);
	model.calls++;
	if (timer->repeats)
		model_start(timer);
	else
		timer->alive = false;
	for (uint32_t n = random_below(&model.seed, 5); n && model.operations_left; n--) {
		model.operations_left--;
		model_operate();
	}
	model_compare_left();
	if (model.operations_left == 0)
		ouro_loop_stop(loop, 0);
}

static void compare_with_the_model(uint32_t seed)
{
	uint64_t began;

	memset(&model, 0, sizeof(model));
	model.seed = seed;
	model.operations_left = 10000;
	model.loop = new_loop();
	began = ouro_loop_now(model.loop);
	model.clock = model.phase_clock = began;
	ouro_loop_hold(model.loop, true);
	for (int i = 0; i < SLOTS / 2; i++)
		model_make(&model.timer[i]);
	run_and_free(model.loop);
	CHECK_EQ(model.operations_left, 0);
	CHECK(model.calls > 1000);
}

TEST(ten_thousand_random_operations_fire_as_the_model_says)
{
	for (uint32_t seed = 1; seed <= 10; seed++)
		compare_with_the_model(seed * 2654435761u);
}
