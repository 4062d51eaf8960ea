/* life.h -- what keeps the loop alive, and what ends it. */
#ifndef ORDER_LIFE_H
#define ORDER_LIFE_H

TEST(a_descriptor_that_is_not_held_does_not_keep_the_loop_alive)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_empty();
	ouro_io *io = watch(loop, tube.out, OURO_READABLE, never, NULL);

	ouro_io_hold(io, false);
	ouro_io_hold(io, false);
	after(loop, 10, "T");
	drive(loop);
	CHECK_STR(said, "T");
	done(loop);
	tube_close(tube);
}

TEST(a_closing_handle_keeps_the_loop_alive_until_its_on_close)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_empty();

	ouro_io_close(watch_nothing(loop, tube.out, "closed"));
	drive(loop);
	CHECK_STR(said, "closed");
	done(loop);
	tube_close(tube);
}

static void release(ouro_loop *loop, void *arg)
{
	say("%s", (const char *)arg);
	ouro_loop_hold(loop, false);
}

static void release_by_post(ouro_loop *loop, void *arg)
{
	say("post");
	CHECK_EQ(ouro_loop_post(loop, release, arg), 0);
}

TEST(holds_are_counted)
{
	ouro_loop *loop = new_loop();
	ouro_timer timer = call_after(loop, 10, release_by_post, word("first"));
	ouro_timer second = call_after(loop, 20, release_by_post, word("second"));

	CHECK(ouro_timer_hold(loop, timer, false));
	CHECK(ouro_timer_hold(loop, second, false));
	ouro_loop_hold(loop, true);
	ouro_loop_hold(loop, true);
	drive(loop);
	CHECK_STR(said, "post first post second");
	done(loop);
}

static void stop_the_loop(ouro_loop *loop, void *arg)
{
	say("A");
	macro(loop, arg);
	ouro_loop_stop(loop, 0);
}

TEST(stop_finishes_the_turn_and_no_more)
{
	ouro_loop *loop = new_loop();

	call_after(loop, 10, stop_the_loop, word("macro"));
	after(loop, 10, "B");
	after(loop, 11, "C");
	drive(loop);
	CHECK_STR(said, "A B");
	done(loop);
}

static void turn_again(ouro_loop *loop, void *arg)
{
	(void)arg;
	say("A");
	macro(loop, "macro");
	micro(loop, "micro");
	CHECK(ouro_loop_turn(loop));
	say("a");
}

TEST(a_turn_inside_a_callback_does_nothing)
{
	ouro_loop *loop = new_loop();

	call_after(loop, 10, turn_again, NULL);
	drive(loop);
	CHECK_STR(said, "A a micro macro");
	done(loop);
}

static void free_the_loop(ouro_loop *loop, void *arg)
{
	say("free");
	after(loop, 0, "[timer]");
	macro(loop, "[macro]");
	micro(loop, arg);
	ouro_loop_free(loop);
	say("A");
}

TEST(a_callback_can_free_its_loop)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_full();

	call_after(loop, 10, free_the_loop, word("micro"));
	after(loop, 10, "B");
	watch_nothing(loop, tube.out, "closed");
	drive(loop);
	CHECK_STR(said, "free A micro B closed");
	done(NULL);
	tube_close(tube);
}

static void free_by_on_close(void *arg)
{
	say("free");
	ouro_loop_free(arg);
}

TEST(an_on_close_can_free_the_loop)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_empty();
	ouro_io *io = watch(loop, tube.out, OURO_READABLE, never, loop);

	ouro_io_on_close(io, free_by_on_close);
	watch_nothing(loop, tube.out, "closed");
	ouro_io_close(io);
	drive(loop);
	CHECK_STR(said, "free closed");
	done(NULL);
	tube_close(tube);
}
#endif
