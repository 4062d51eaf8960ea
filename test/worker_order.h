/* worker_order.h -- what comes before what between a loop and its workers, and what does not come at
 * all: the same in every host, and for threads and processes.
 *
 * A program of test/offload/ has a kind of host (host.h) and includes this file. Nothing here
 * sleeps: every step waits for the message that says the one before was taken. */
#ifndef WORKER_ORDER_H
#define WORKER_ORDER_H
#include "host.h"
#include "ports.h"
#include <fcntl.h>
#include <sched.h>

/* One whose messages and exit are said. */
static ouro_worker *start_with(ouro_loop *loop, const ouro_worker_opts *opts)
{
	ouro_worker *worker = NULL;

	CHECK_EQ(ouro_worker_start(loop, opts, say_exit, NULL, &worker), 0);
	ouro_port_on_message(ouro_worker_port(worker), say_message, NULL);
	return worker;
}

static ouro_worker *start(ouro_loop *loop, enum ouro_kind kind, ouro_worker_main_fn *fn)
{
	return start_with(loop, &(ouro_worker_opts){ .main = fn, .kind = kind });
}

/* --- Beginning and end --- */

static void far_returns(ouro_loop *loop, ouro_port *parent, void *arg)
{
	(void)loop, (void)parent, (void)arg;
}

IN_BOTH(a_worker_with_nothing_to_do_ends_with_code_0)
{
	ouro_loop *loop = loop_for_test(NULL);

	start(loop, kind, far_returns);
	drive(loop);
	CHECK_STR(said, "exit:0");
	done(loop);
}

static void far_says_and_stops(ouro_loop *loop, ouro_port *parent, void *arg)
{
	(void)arg;
	send_text(parent, "one");
	send_big(parent, 'x', 300000);
	send_text(parent, "last");
	ouro_loop_stop(loop, 3);
}

IN_BOTH(all_that_was_sent_arrives_in_order_and_then_the_exit_with_its_code)
{
	ouro_loop *loop = loop_for_test(NULL);

	start(loop, kind, far_says_and_stops);
	drive(loop);
	CHECK_STR(said, "one x*300000 last exit:3");
	done(loop);
}

static void far_stops_with_300(ouro_loop *loop, ouro_port *parent, void *arg)
{
	(void)parent, (void)arg;
	ouro_loop_stop(loop, 300);
}

IN_BOTH(a_code_may_be_larger_than_a_byte)
{
	ouro_loop *loop = loop_for_test(NULL);

	start(loop, kind, far_stops_with_300);
	drive(loop);
	CHECK_STR(said, "exit:300");
	done(loop);
}

static void far_answers(ouro_port *parent, ouro_str message, void *arg)
{
	(void)arg;
	if (ouro_str_eq(message, "end"))
		ouro_loop_stop(ouro_port_loop(parent), 5);
	else
		CHECK_EQ(ouro_port_send(parent, message), 0);
}

static void far_echo(ouro_loop *loop, ouro_port *parent, void *arg)
{
	(void)loop;
	ouro_port_on_message(parent, far_answers, arg);
}

IN_BOTH(messages_go_both_ways)
{
	ouro_loop *loop = loop_for_test(NULL);
	ouro_worker *worker = start(loop, kind, far_echo);

	send_text(ouro_worker_port(worker), "one");
	send_big(ouro_worker_port(worker), 'x', 100000);
	send_text(ouro_worker_port(worker), "");
	send_text(ouro_worker_port(worker), "end");
	drive(loop);
	CHECK_STR(said, "one x*100000 () exit:5");
	done(loop);
}

static void far_ticks(ouro_loop *loop, void *arg)
{
	(void)loop;
	send_text(arg, "tick");
}

static void far_has_a_timer(ouro_loop *loop, ouro_port *parent, void *arg)
{
	(void)arg;
	CHECK(ouro_timer_after(loop, 2, far_ticks, parent).id != 0);
}

IN_BOTH(its_loop_runs_until_nothing_is_left_in_it)
{
	ouro_loop *loop = loop_for_test(NULL);

	start(loop, kind, far_has_a_timer);
	drive(loop);
	CHECK_STR(said, "tick exit:0");
	done(loop);
}

static void far_reads_arg(ouro_loop *loop, ouro_port *parent, void *arg)
{
	(void)loop;
	send_text(parent, arg ? arg : "nothing");
}

IN_BOTH(main_gets_a_copy_of_its_argument)
{
	ouro_loop *loop = loop_for_test(NULL);
	char text[] = "argument";

	start_with(loop, &(ouro_worker_opts){ .main = far_reads_arg,
					      .kind = kind,
					      .arg = text,
					      .arg_size = sizeof(text) });
	memset(text, 'x', sizeof(text) - 1);
	drive(loop);
	CHECK_STR(said, "argument exit:0");
	done(loop);
}

/* --- Asking --- */

IN_BOTH(asked_to_stop_it_ends_with_code_0_and_what_it_had_sent_arrives)
{
	ouro_loop *loop = loop_for_test(NULL);
	ouro_worker *worker = start(loop, kind, far_echo);

	send_text(ouro_worker_port(worker), "one");
	while (!*said)
		drive_once(loop);
	ouro_worker_stop(worker);
	ouro_worker_stop(worker);
	drive(loop);
	CHECK_STR(said, "one exit:0");
	done(loop);
}

IN_BOTH(asked_at_once_it_ends_all_the_same)
{
	ouro_loop *loop = loop_for_test(NULL);

	ouro_worker_stop(start(loop, kind, far_echo));
	drive(loop);
	CHECK_STR(said, "exit:0");
	done(loop);
}

static void far_says_bye(ouro_port *parent, void *arg)
{
	(void)arg;
	CHECK(ouro_worker_is_asked(parent));
	send_text(parent, "bye");
	ouro_port_on_message(parent, NULL, NULL);
}

static void far_ends_in_peace(ouro_loop *loop, ouro_port *parent, void *arg)
{
	ouro_worker_on_stop(parent, far_says_bye);
	far_echo(loop, parent, arg);
	send_text(parent, "ready");
}

IN_BOTH(one_that_wants_to_be_told_is_told_instead_of_stopped)
{
	ouro_loop *loop = loop_for_test(NULL);
	ouro_worker *worker = start(loop, kind, far_ends_in_peace);

	while (!*said)
		drive_once(loop);
	ouro_worker_stop(worker);
	drive(loop);
	CHECK_STR(said, "ready bye exit:0");
	done(loop);
}

static void far_computes(ouro_loop *loop, ouro_port *parent, void *arg)
{
	(void)arg;
	while (!ouro_worker_is_asked(parent))
		sched_yield();
	ouro_loop_stop(loop, 9);
}

IN_BOTH(a_long_computation_can_ask_whether_it_should_go_on)
{
	ouro_loop *loop = loop_for_test(NULL);
	ouro_worker *worker = start(loop, kind, far_computes);

	drive_once(loop);
	ouro_worker_stop(worker);
	drive(loop);
	CHECK(!strcmp(said, "exit:9") || !strcmp(said, "exit:0")); /* 0: main was never called */
	done(loop);
}

/* --- Back-pressure --- */

static void far_counts(ouro_port *parent, ouro_str message, void *arg)
{
	static struct check_flood check;

	(void)arg;
	if (message.len == 3) {
		char text[32];

		snprintf(text, sizeof(text), "%u", check.next);
		send_text(parent, text);
		check.next = 0;
		ouro_loop_stop(ouro_port_loop(parent), 0);
		return;
	}
	check_message(parent, message, &check);
}

static void far_counts_flood(ouro_loop *loop, ouro_port *parent, void *arg)
{
	(void)loop;
	ouro_port_on_message(parent, far_counts, arg);
}

static void flood_then_end(ouro_port *port, void *arg)
{
	struct flood *flood = arg;

	flood_more(port, flood);
	if (!flood->left && !ouro_port_send(port, ouro_str_z("end")))
		ouro_port_on_drain(port, NULL);
}

IN_BOTH(a_flood_to_a_worker_arrives_whole_and_in_order)
{
	ouro_loop *loop = loop_for_test(NULL);
	ouro_port_opts limits = { .high = 100000 };
	ouro_worker *worker = start_with(
		loop,
		&(ouro_worker_opts){ .main = far_counts_flood, .kind = kind, .port = limits });
	ouro_port *port = ouro_worker_port(worker);
	struct flood flood = { .port = port, .left = 20000 / TEST_SLOW };
	char wanted[64];

	ouro_port_on_message(port, say_message, &flood);
	ouro_port_on_drain(port, flood_then_end);
	flood_then_end(port, &flood);
	drive(loop);
	snprintf(wanted, sizeof(wanted), "%d exit:0", 20000 / TEST_SLOW);
	CHECK_STR(said, wanted);
	done(loop);
}

static void far_floods_on(ouro_port *parent, void *arg)
{
	flood_more(parent, arg);
}

static void far_floods(ouro_loop *loop, ouro_port *parent, void *arg)
{
	static struct flood flood;

	(void)loop;
	flood = (struct flood){ .port = parent, .left = *(uint32_t *)arg };
	ouro_port_set_arg(parent, &flood);
	ouro_port_on_drain(parent, far_floods_on);
	flood_more(parent, &flood);
}

/* The queue is as large as all of it: the worker ends while most of it is on its way. */
IN_BOTH(a_flood_from_a_worker_that_ends_at_once_arrives_before_its_exit)
{
	ouro_loop *loop = loop_for_test(NULL);
	uint32_t n = 20000 / TEST_SLOW;
	struct check_flood check = { .next = 0 };
	ouro_worker *worker;

	CHECK_EQ(ouro_worker_start(loop,
				   &(ouro_worker_opts){ .main = far_floods,
							.kind = kind,
							.arg = &n,
							.arg_size = sizeof(n),
							.port = { .high = (size_t)1 << 30 } },
				   say_exit, NULL, &worker),
		 0);
	ouro_port_on_message(ouro_worker_port(worker), check_message, &check);
	drive(loop);
	CHECK_EQ(check.next, n);
	CHECK_STR(said, "exit:0");
	done(loop);
}

/* Nobody listens to it, and it ends all the same; what it sent can still be had. */
static void listen_after_exit(ouro_worker *worker, int code, void *arg)
{
	say("exit:%d", code);
	ouro_port_on_message(ouro_worker_port(worker), check_message, arg);
}

IN_BOTH(a_worker_that_nobody_listens_to_ends_and_can_be_listened_to_later)
{
	ouro_loop *loop = loop_for_test(NULL);
	uint32_t n = 20000 / TEST_SLOW;
	struct check_flood check = { .next = 0 };
	ouro_worker *worker;

	CHECK_EQ(ouro_worker_start(loop,
				   &(ouro_worker_opts){ .main = far_floods,
							.kind = kind,
							.arg = &n,
							.arg_size = sizeof(n),
							.port = { .high = (size_t)1 << 30 } },
				   listen_after_exit, &check, &worker),
		 0);
	drive(loop);
	CHECK_EQ(check.next, n);
	CHECK_STR(said, "exit:0");
	done(loop);
}

/* --- A worker that does not read, or does not stay --- */

IN_BOTH(sending_to_a_worker_that_has_ended_says_closed)
{
	ouro_loop *loop = loop_for_test(NULL);
	ouro_worker *worker;

	CHECK_EQ(ouro_worker_start(loop, &(ouro_worker_opts){ .main = far_returns, .kind = kind },
				   NULL, NULL, &worker),
		 0);
	for (int i = 0; i < 100; i++)
		CHECK_EQ(ouro_port_send(ouro_worker_port(worker), ouro_str_n(said, 1000)), 0);
	ouro_port_on_gone(ouro_worker_port(worker), say_gone);
	drive(loop);
	CHECK_STR(said, "gone");
	CHECK_EQ(ouro_port_send(ouro_worker_port(worker), ouro_str_z("x")), OURO_ECLOSED);
	CHECK_EQ(ouro_worker_kill(worker), OURO_ECLOSED);
	CHECK_EQ(ouro_worker_pid(worker), 0);
	done(loop);
}

static void far_lives_on(ouro_loop *loop, void *arg)
{
	(void)loop, (void)arg;
}

static void far_closes_its_port(ouro_loop *loop, ouro_port *parent, void *arg)
{
	send_text(parent, "bye");
	ouro_port_close(parent);
	CHECK(ouro_timer_after(loop, 5, far_lives_on, arg).id != 0);
}

IN_BOTH(a_worker_may_close_its_port_and_live_on)
{
	ouro_loop *loop = loop_for_test(NULL);
	ouro_worker *worker = start(loop, kind, far_closes_its_port);

	ouro_port_on_gone(ouro_worker_port(worker), say_gone);
	drive(loop);
	CHECK_STR(said, "bye gone exit:0");
	done(loop);
}

IN_BOTH(a_worker_whose_port_is_closed_learns_of_it_and_runs_dry)
{
	ouro_loop *loop = loop_for_test(NULL);
	ouro_worker *worker = start(loop, kind, far_echo);

	ouro_port_close(ouro_worker_port(worker));
	CHECK(ouro_worker_port(worker) == NULL);
	drive(loop);
	CHECK_STR(said, "exit:0");
	done(loop);
}

/* --- Closing --- */

IN_BOTH(a_closed_worker_is_asked_to_end_and_its_exit_not_told)
{
	ouro_loop *loop = loop_for_test(NULL);
	ouro_worker *worker;

	CHECK_EQ(ouro_worker_start(loop, &(ouro_worker_opts){ .main = far_echo, .kind = kind },
				   say_exit, word("closed"), &worker),
		 0);
	ouro_worker_on_close(worker, say_closed);
	ouro_worker_close(worker);
	ouro_worker_close(worker);
	drive(loop);
	CHECK_STR(said, "closed");
	done(loop);
}

IN_BOTH(a_loop_that_is_freed_ends_its_workers_first)
{
	ouro_loop *loop = loop_for_test(NULL);
	ouro_worker *worker;

	for (int i = 0; i < 3; i++) {
		CHECK_EQ(ouro_worker_start(loop,
					   &(ouro_worker_opts){ .main = far_echo, .kind = kind },
					   say_exit, word("closed"), &worker),
			 0);
		ouro_worker_on_close(worker, say_closed);
		send_text(ouro_worker_port(worker), "x");
	}
	done(loop);
	CHECK_STR(said, "closed closed closed");
}

static void close_worker(ouro_port *port, ouro_str message, void *arg)
{
	say_message(port, message, NULL);
	ouro_worker_close(*(ouro_worker **)arg);
}

IN_BOTH(a_worker_may_be_closed_in_its_listener)
{
	ouro_loop *loop = loop_for_test(NULL);
	ouro_worker *worker = start(loop, kind, far_echo);

	ouro_port_on_message(ouro_worker_port(worker), close_worker, &worker);
	send_text(ouro_worker_port(worker), "one");
	send_text(ouro_worker_port(worker), "two");
	drive(loop);
	CHECK_STR(said, "one");
	done(loop);
}

static void free_in_exit(ouro_worker *worker, int code, void *arg)
{
	(void)arg;
	say("exit:%d", code);
	ouro_loop_free(ouro_worker_loop(worker));
}

IN_BOTH(a_loop_may_be_freed_in_on_exit)
{
	ouro_loop *loop = loop_for_test(NULL);
	ouro_worker *worker;

	CHECK_EQ(ouro_worker_start(loop, &(ouro_worker_opts){ .main = far_returns, .kind = kind },
				   free_in_exit, NULL, &worker),
		 0);
	drive(loop);
	CHECK_STR(said, "exit:0");
	done(NULL);
}

IN_BOTH(a_worker_that_does_not_hold_the_loop_lets_it_end)
{
	ouro_loop *loop = loop_for_test(NULL);
	ouro_worker *worker = start(loop, kind, far_echo);

	ouro_port_hold(ouro_worker_port(worker), false);
	ouro_worker_hold(worker, false);
	drive(loop);
	CHECK_STR(said, "");
	done(loop);
}

/* --- A channel between two --- */

static void far_forwards(ouro_port *channel, ouro_str message, void *arg)
{
	char text[64];

	snprintf(text, sizeof(text), "%.*s+1", (int)message.len, message.ptr);
	send_text(message.len < 6 ? channel : arg, text);
	if (message.len >= 6)
		ouro_loop_stop(ouro_port_loop(channel), 0);
}

static void far_takes_channel(ouro_port *parent, ouro_str message, void *arg)
{
	ouro_port *far_channel;

	(void)arg;
	CHECK_EQ(ouro_port_take_port(parent, &far_channel), 0);
	ouro_port_on_message(far_channel, far_forwards, parent);
	if (message.len)
		CHECK_EQ(ouro_port_send(far_channel, message), 0);
	ouro_port_on_message(parent, NULL, NULL);
}

static void far_has_a_channel(ouro_loop *loop, ouro_port *parent, void *arg)
{
	(void)loop;
	ouro_port_on_message(parent, far_takes_channel, arg);
}

/* 0 goes to and fro between the two until it is long enough for one of them, who tells us, and ends;
 * the other has nothing left then, as its channel's other end has gone. */
IN_BOTH(two_workers_with_an_end_each_talk_without_their_parent)
{
	ouro_loop *loop = loop_for_test(NULL);
	ouro_worker *one = start(loop, kind, far_has_a_channel);
	ouro_worker *two = start(loop, kind, far_has_a_channel);
	ouro_port *a, *b;

	CHECK_EQ(ouro_port_pair(loop, kind, NULL, &a, &b), 0);
	CHECK_EQ(ouro_port_send_port(ouro_worker_port(one), ouro_str_z("0"), a), 0);
	CHECK_EQ(ouro_port_send_port(ouro_worker_port(two), ouro_str_z(""), b), 0);
	drive(loop);
	CHECK_STR(said, "0+1+1+1+1 exit:0 exit:0");
	done(loop);
}

/* --- Descriptors --- */

static void far_writes_into(ouro_port *parent, ouro_str message, void *arg)
{
	int fd = ouro_port_take_fd(parent);

	(void)arg;
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, message.ptr, message.len), (ssize_t)message.len);
	close(fd);
	ouro_port_on_message(parent, NULL, NULL);
}

static void far_awaits_fd(ouro_loop *loop, ouro_port *parent, void *arg)
{
	(void)loop;
	ouro_port_on_message(parent, far_writes_into, arg);
}

IN_BOTH(a_descriptor_moves_to_a_worker)
{
	ouro_loop *loop = loop_for_test(NULL);
	ouro_worker *worker = start(loop, kind, far_awaits_fd);
	struct tube tube = tube_empty();
	char text[8] = "";

	CHECK_EQ(ouro_port_send_fd(ouro_worker_port(worker), ouro_str_z("words"), tube.in), 0);
	drive(loop);
	CHECK_EQ(read(tube.out, text, sizeof(text) - 1), 5);
	CHECK_STR(text, "words");
	CHECK(is_at_end(tube.out));
	close(tube.out);
	CHECK_STR(said, "exit:0");
	done(loop);
}
#endif
