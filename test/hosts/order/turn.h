/* turn.h -- one turn: I/O, check, close, timers. Included by ordering.h. */
#ifndef ORDER_TURN_H
#define ORDER_TURN_H

static void io_asks_for_everything(ouro_io *io, unsigned ready, void *arg)
{
	ouro_loop *loop = ouro_io_loop(io);

	(void)ready, (void)arg;
	say("io");
	after(loop, 0, "timer");
	ouro_io_close(io);
	macro(loop, "check");
	micro(loop, "micro");
}

TEST(a_turn_is_io_then_check_then_close_then_timers)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_full();
	ouro_io *io = watch(loop, tube.out, OURO_READABLE, io_asks_for_everything, word("close"));

	ouro_io_on_close(io, say_closed);
	drive(loop);
	CHECK_STR(said, "io micro check close timer");
	done(loop);
	tube_close(tube);
}

static void task_asks_for_everything(ouro_loop *loop, void *arg)
{
	say("%s", (const char *)arg);
	after(loop, 0, "timer");
	ouro_io_close(to_be_closed);
	macro(loop, "check");
}

static void macro_that_asks_for_everything(ouro_loop *loop, void *arg)
{
	(void)arg;
	call_macro(loop, task_asks_for_everything, word("macro"));
}

TEST(a_close_asked_for_by_a_macro_task_comes_before_the_timers_of_the_turn)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_empty();

	to_be_closed = watch_nothing(loop, tube.out, "close");
	call_after(loop, 10, macro_that_asks_for_everything, NULL);
	drive(loop);
	CHECK_STR(said, "macro close timer check");
	done(loop);
	tube_close(tube);
}

TEST(from_a_timer_a_macro_task_comes_before_a_new_timer_of_0)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_empty();

	to_be_closed = watch_nothing(loop, tube.out, "close");
	call_after(loop, 10, task_asks_for_everything, word("A"));
	drive(loop);
	CHECK_STR(said, "A check close timer");
	done(loop);
	tube_close(tube);
}

static void block_while_data_comes(ouro_loop *loop, void *arg)
{
	struct tube *tube = arg;

	say("block");
	tube_fill(*tube);
	CHECK_EQ(ouro_loop_advance(loop, 300), 0);
}

/* The rule the turn was cut for: the client did send in time; it is we who did not look. */
TEST(after_a_block_data_that_waits_comes_before_the_idle_timer)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_empty();

	watch(loop, tube.out, OURO_READABLE, say_and_close, word("data"));
	after(loop, 100, "idle");
	call_after(loop, 10, block_while_data_comes, &tube);
	drive(loop);
	CHECK_STR(said, "block data idle");
	done(loop);
	tube_close(tube);
}

static void block_in_io(ouro_io *io, unsigned ready, void *arg)
{
	(void)ready;
	block_while_data_comes(ouro_io_loop(io), arg);
	ouro_io_close(io);
}

TEST(data_that_came_while_an_io_callback_blocked_comes_before_the_idle_timer)
{
	ouro_loop *loop = new_loop();
	struct tube slow = tube_full(), other = tube_empty();

	watch(loop, slow.out, OURO_READABLE, block_in_io, &other);
	watch(loop, other.out, OURO_READABLE, say_and_close, word("data"));
	after(loop, 100, "idle");
	drive(loop);
	CHECK_STR(said, "block data idle");
	done(loop);
	tube_close(slow);
	tube_close(other);
}
#endif
