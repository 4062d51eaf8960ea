/* port.c -- pipes of messages, both ends of which are on one loop: order, limits, what moves, the
 * end. With workers at the other end: worker_own.c and its kin. */
#include "ports.h"
#include <sys/resource.h>

/* --- Order --- */

IN_BOTH(messages_arrive_whole_and_in_order)
{
	struct duo duo = duo_new(kind, NULL);

	send_text(duo.a, "one");
	send_text(duo.a, "");
	send_text(duo.a, "three");
	ouro_port_on_message(duo.b, say_message, NULL);
	duo_run_until(&duo, "one () three");
	duo_free(&duo);
}

IN_BOTH(both_ends_may_talk_at_once)
{
	struct duo duo = duo_new(kind, NULL);

	ouro_port_on_message(duo.a, say_message, NULL);
	ouro_port_on_message(duo.b, say_message, NULL);
	send_text(duo.a, "to-b");
	send_text(duo.b, "to-a");
	duo_run_while(&duo, strlen(said) < 9);
	CHECK(strstr(said, "to-a") && strstr(said, "to-b"));
	duo_free(&duo);
}

IN_BOTH(a_message_is_delivered_later_and_never_before_send_has_returned)
{
	struct duo duo = duo_new(kind, NULL);

	ouro_port_on_message(duo.b, say_message, NULL);
	send_text(duo.a, "message");
	say("sent");
	duo_run_until(&duo, "sent message");
	duo_free(&duo);
}

IN_BOTH(micro_tasks_run_between_two_messages)
{
	struct duo duo = duo_new(kind, NULL);

	ouro_port_on_message(duo.b, say_message_and_queue_micro, NULL);
	send_text(duo.a, "one");
	send_text(duo.a, "two");
	duo_run_until(&duo, "one micro two micro");
	duo_free(&duo);
}

IN_BOTH(a_hundred_thousand_of_all_sizes_keep_their_order_and_their_bytes)
{
	struct duo duo = duo_new(kind, NULL);
	struct flood flood = { .port = duo.a, .left = 100000 / TEST_SLOW };
	struct check_flood check = { .next = 0 };

	ouro_port_set_arg(duo.a, &flood);
	ouro_port_on_drain(duo.a, flood_more);
	ouro_port_on_message(duo.b, check_message, &check);
	flood_more(duo.a, &flood);
	duo_run_while(&duo, check.next < 100000 / TEST_SLOW);
	duo_free(&duo);
}

/* --- Waiting for a listener --- */

IN_BOTH(what_is_sent_waits_until_somebody_listens)
{
	struct duo duo = duo_new(kind, NULL);

	ouro_port_on_gone(duo.b, say_gone); /* it reads, and holds what it has read */
	send_text(duo.a, "one");
	send_big(duo.a, 'x', 200000);
	duo_turn(&duo, 5);
	CHECK_STR(said, "");
	ouro_port_on_message(duo.b, say_message, NULL);
	CHECK_STR(said, "");
	duo_run_until(&duo, "one x*200000");
	duo_free(&duo);
}

static void say_and_stop_listening(ouro_port *port, ouro_str message, void *arg)
{
	say_message(port, message, arg);
	ouro_port_on_message(port, NULL, NULL);
}

IN_BOTH(a_listener_that_leaves_in_its_callback_gets_no_more)
{
	struct duo duo = duo_new(kind, NULL);

	ouro_port_on_message(duo.b, say_and_stop_listening, NULL);
	send_text(duo.a, "one");
	send_text(duo.a, "two");
	send_text(duo.a, "three");
	duo_run_until(&duo, "one");
	duo_turn(&duo, 5);
	CHECK_STR(said, "one");
	ouro_port_on_message(duo.b, say_message, NULL);
	duo_run_until(&duo, "one two three");
	duo_free(&duo);
}

IN_BOTH(one_message_can_be_received_at_once_without_a_turn)
{
	struct duo duo = duo_new(kind, NULL);

	CHECK_EQ(ouro_port_receive(duo.b, say_message, NULL), 0);
	send_text(duo.a, "one");
	send_text(duo.a, "two");
	duo_turn(&duo, 2);
	CHECK_EQ(ouro_port_receive(duo.b, say_message, NULL), 1);
	CHECK_STR(said, "one");
	CHECK_EQ(ouro_port_receive(duo.b, say_message, NULL), 1);
	CHECK_EQ(ouro_port_receive(duo.b, say_message, NULL), 0);
	CHECK_STR(said, "one two");
	ouro_port_close(duo.a);
	duo_turn(&duo, 3);
	CHECK_EQ(ouro_port_receive(duo.b, say_message, NULL), OURO_EOF);
	ouro_port_close(duo.b);
	CHECK_EQ(ouro_port_receive(duo.b, say_message, NULL), OURO_ECLOSED);
	duo_free(&duo);
}

static void receive_inside(ouro_port *port, ouro_str message, void *arg)
{
	say_message(port, message, arg);
	CHECK_EQ(ouro_port_receive(port, say_message, NULL), -EBUSY);
}

IN_BOTH(receiving_inside_the_listener_is_refused)
{
	struct duo duo = duo_new(kind, NULL);

	ouro_port_on_message(duo.b, receive_inside, NULL);
	send_text(duo.a, "one");
	send_text(duo.a, "two");
	duo_run_until(&duo, "one two");
	duo_free(&duo);
}

/* --- Limits --- */

IN_BOTH(a_full_queue_is_busy_and_drains_when_it_is_read)
{
	ouro_port_opts limits = { .high = 1000, .low = 200 };
	struct duo duo = duo_new(kind, &limits);
	ouro_port_stats figures;
	int sent = 0;

	ouro_port_on_drain(duo.a, say_drained);
	while (!ouro_port_send(duo.a, ouro_str_z("0123456789")))
		sent++;
	CHECK_EQ(sent, 24); /* of 42 bytes each: the last began below a thousand */
	CHECK_EQ(ouro_port_send(duo.a, ouro_str_z("x")), OURO_EBUSY);
	ouro_port_get_stats(duo.a, &figures);
	CHECK_EQ(figures.sent, 24);
	CHECK_EQ(figures.refused, 2);
	CHECK_EQ(figures.waiting, 24 * 42);
	duo_turn(&duo, 5);
	CHECK_EQ(ouro_port_send(duo.a, ouro_str_z("x")), OURO_EBUSY); /* nobody listens */
	ouro_port_on_message(duo.b, count_message, &sent);
	duo_run_until(&duo, "drained");
	CHECK_EQ(sent, 48);
	ouro_port_get_stats(duo.a, &figures);
	CHECK(figures.waiting <= 200);
	CHECK_EQ(ouro_port_send(duo.a, ouro_str_z("x")), 0);
	duo_free(&duo);
}

IN_BOTH(a_message_larger_than_the_queue_goes_when_nothing_waits)
{
	ouro_port_opts limits = { .high = 1, .low = 1 };
	struct duo duo = duo_new(kind, &limits);

	ouro_port_on_drain(duo.a, say_drained);
	send_big(duo.a, 'x', 300000);
	CHECK_EQ(ouro_port_send(duo.a, ouro_str_z("y")), OURO_EBUSY);
	ouro_port_on_message(duo.b, say_message, NULL);
	duo_run_until(&duo, "x*300000 drained");
	send_text(duo.a, "y");
	duo_run_until(&duo, "x*300000 drained y");
	duo_free(&duo);
}

IN_BOTH(more_than_max_is_too_big)
{
	ouro_port_opts limits = { .max = 10 };
	struct duo duo = duo_new(kind, &limits);

	ouro_port_on_message(duo.b, say_message, NULL);
	CHECK_EQ(ouro_port_send(duo.a, ouro_str_z("0123456789a")), OURO_ETOOBIG);
	CHECK_EQ(ouro_port_send(duo.a, ouro_str_z("0123456789")), 0);
	duo_run_until(&duo, "0123456789");
	duo_free(&duo);
}

TEST(limits_without_sense_are_refused)
{
	ouro_loop *loop = ouro_loop_new(NULL);
	ouro_port_opts upside_down = { .high = 10, .low = 11 };
	ouro_port_opts huge = { .max = ((size_t)1 << 30) + 1 };
	ouro_port *a, *b;

	CHECK_EQ(ouro_port_pair(loop, OURO_THREADS, &upside_down, &a, &b), -EINVAL);
	CHECK_EQ(ouro_port_pair(loop, OURO_THREADS, &huge, &a, &b), -EINVAL);
	CHECK_EQ(ouro_port_pair(loop, (enum ouro_kind)7, NULL, &a, &b), -EINVAL);
	ouro_loop_free(loop);
}

/* --- What moves --- */

IN_BOTH(bytes_that_are_sent_by_take_have_gone)
{
	struct duo duo = duo_new(kind, NULL);

	CHECK_EQ(ouro_port_send_take(duo.a, bytes_of('s', 5), 5), 0);
	CHECK_EQ(ouro_port_send_take(duo.a, bytes_of('y', 1 << 20), 1 << 20), 0);
	CHECK_EQ(ouro_port_send_take(duo.a, bytes_of('n', 5), 0), 0);
	CHECK_EQ(ouro_port_send_take(duo.a, NULL, 0), 0);
	ouro_port_on_message(duo.b, say_message, NULL);
	duo_run_until(&duo, "sssss y*1048576 () ()");
	duo_free(&duo);
}

static const void *seen;

static void keep_bytes(ouro_port *port, ouro_str message, void *arg)
{
	char **kept = arg;
	size_t len;

	seen = message.ptr;
	*kept = ouro_port_detach(port, &len);
	CHECK(*kept != NULL);
	CHECK_EQ(len, message.len);
	CHECK_EQ((*kept)[len], 0);
	say("kept");
}

TEST(between_threads_taken_bytes_are_not_copied_on_the_way_to_who_keeps_them)
{
	struct duo duo = duo_new(OURO_THREADS, NULL);
	char *sent = bytes_of('y', 1 << 20), *kept;

	CHECK_EQ(ouro_port_send_take(duo.a, sent, 1 << 20), 0);
	ouro_port_on_message(duo.b, keep_bytes, &kept);
	duo_run_until(&duo, "kept");
	CHECK(seen == sent);
	duo_free(&duo);
	CHECK_EQ(strlen(kept), 1 << 20);
	ouro_bytes_free(kept);
}

IN_BOTH(small_bytes_can_be_kept_as_well)
{
	struct duo duo = duo_new(kind, NULL);
	char *kept;

	send_text(duo.a, "small");
	ouro_port_on_message(duo.b, keep_bytes, &kept);
	duo_run_until(&duo, "kept");
	duo_free(&duo);
	CHECK_STR(kept, "small");
	ouro_bytes_free(kept);
}

IN_BOTH(a_refused_take_leaves_the_bytes_to_their_owner)
{
	ouro_port_opts limits = { .high = 1, .low = 1 };
	struct duo duo = duo_new(kind, &limits);
	char *bytes = bytes_of('y', 100000);

	send_text(duo.a, "first");
	CHECK_EQ(ouro_port_send_take(duo.a, bytes, 100000), OURO_EBUSY);
	ouro_port_close(duo.a);
	CHECK_EQ(ouro_port_send_take(duo.a, bytes, 100000), OURO_ECLOSED);
	CHECK_EQ(bytes[99999], 'y');
	ouro_bytes_free(bytes);
	duo_free(&duo);
}

static void take_fd(ouro_port *port, ouro_str message, void *arg)
{
	int *fd = arg;

	*fd = ouro_port_take_fd(port);
	CHECK_EQ(ouro_port_take_fd(port), -1); /* it is taken */
	say_message(port, message, arg);
}

IN_BOTH(a_descriptor_moves_with_its_message)
{
	struct duo duo = duo_new(kind, NULL);
	struct tube tube = tube_full();
	char byte;
	int fd = -1;

	send_text(duo.a, "before");
	CHECK_EQ(ouro_port_send_fd(duo.a, ouro_str_z("with"), tube.out), 0);
	ouro_port_on_message(duo.b, take_fd, &fd);
	duo_run_until(&duo, "before with");
	CHECK(fd >= 0);
	CHECK_EQ(read(fd, &byte, 1), 1);
	CHECK_EQ(byte, 'x');
	close(fd);
	close(tube.in);
	duo_free(&duo);
}

IN_BOTH(a_descriptor_that_nobody_takes_is_closed)
{
	struct duo duo = duo_new(kind, NULL);
	struct tube tube = tube_empty();

	CHECK_EQ(ouro_port_send_fd(duo.a, ouro_str_z("with"), tube.in), 0);
	ouro_port_on_message(duo.b, say_message, NULL);
	duo_run_until(&duo, "with");
	CHECK(is_at_end(tube.out)); /* of the only writer */
	close(tube.out);
	duo_free(&duo);
}

IN_BOTH(a_descriptor_that_never_arrives_is_closed)
{
	struct duo duo = duo_new(kind, NULL);
	struct tube tube = tube_empty();

	CHECK_EQ(ouro_port_send_fd(duo.a, ouro_str_z("with"), tube.in), 0);
	duo_turn(&duo, 2);
	duo_free(&duo);
	CHECK(is_at_end(tube.out));
	close(tube.out);
}

IN_BOTH(what_is_no_descriptor_is_refused)
{
	struct duo duo = duo_new(kind, NULL);

	CHECK_EQ(ouro_port_send_fd(duo.a, ouro_str_z("with"), -1), -EBADF);
	CHECK_EQ(ouro_port_send_fd(duo.a, ouro_str_z("with"), 4321), -EBADF);
	duo_free(&duo);
}

static ouro_port *moved_port;

static void take_port(ouro_port *port, ouro_str message, void *arg)
{
	int err = ouro_port_take_port(port, &moved_port);

	say_message(port, message, arg);
	if (err) {
		say("%s", ouro_errname(err));
		return;
	}
	CHECK_EQ(ouro_port_take_port(port, &moved_port), -ENOENT);
	CHECK(ouro_port_loop(moved_port) == ouro_port_loop(port));
}

IN_BOTH(an_end_of_a_pipe_moves_through_another_with_what_has_come)
{
	struct duo duo = duo_new(kind, NULL);
	ouro_port *near, *far;

	CHECK_EQ(ouro_port_pair(duo.loop, kind, NULL, &near, &far), 0);
	send_text(near, "early");
	duo_turn(&duo, 2);
	ouro_port_on_close(far, say_closed);
	ouro_port_set_arg(far, word("closed"));
	CHECK_EQ(ouro_port_send_port(duo.a, ouro_str_z("here"), far), 0);
	CHECK_EQ(ouro_port_send(far, ouro_str_z("x")), OURO_ECLOSED);
	ouro_port_on_message(duo.b, take_port, NULL);
	duo_run_while(&duo, !strstr(said, "here"));
	CHECK(strstr(said, "closed") != NULL);
	said[0] = 0;
	send_text(near, "late");
	ouro_port_on_message(moved_port, say_message, NULL);
	ouro_port_on_message(near, say_message, NULL);
	duo_run_until(&duo, "early late");
	send_text(moved_port, "back");
	duo_run_until(&duo, "early late back");
	duo_free(&duo);
}

TEST(an_end_between_processes_moves_between_threads_too)
{
	struct duo duo = duo_new(OURO_THREADS, NULL);
	ouro_port *near, *far;

	CHECK_EQ(ouro_port_pair(duo.loop, OURO_PROCESSES, NULL, &near, &far), 0);
	CHECK_EQ(ouro_port_send_port(duo.a, ouro_str_z("here"), far), 0);
	ouro_port_on_message(duo.b, take_port, NULL);
	duo_run_until(&duo, "here");
	send_big(near, 'x', 100000);
	ouro_port_on_message(moved_port, say_message, NULL);
	duo_run_until(&duo, "here x*100000");
	duo_free(&duo);
}

IN_BOTH(an_end_that_nobody_takes_is_closed)
{
	struct duo duo = duo_new(kind, NULL);
	ouro_port *near, *far;

	CHECK_EQ(ouro_port_pair(duo.loop, kind, NULL, &near, &far), 0);
	ouro_port_on_gone(near, say_gone);
	CHECK_EQ(ouro_port_send_port(duo.a, ouro_str_z("here"), far), 0);
	ouro_port_on_message(duo.b, say_message, NULL);
	duo_run_until(&duo, "here gone");
	duo_free(&duo);
}

IN_BOTH(an_end_that_never_arrives_is_closed)
{
	struct duo duo = duo_new(kind, NULL);
	ouro_port *near, *far;

	CHECK_EQ(ouro_port_pair(duo.loop, kind, NULL, &near, &far), 0);
	ouro_port_on_gone(near, say_gone);
	CHECK_EQ(ouro_port_send_port(duo.a, ouro_str_z("here"), far), 0);
	duo_turn(&duo, 2);
	ouro_port_close(duo.a);
	ouro_port_close(duo.b);
	duo_run_until(&duo, "gone");
	duo_free(&duo);
}

static void say_log(ouro_log_level level, const char *sentence, void *arg)
{
	(void)level, (void)arg;
	say("%s", strrchr(sentence, ':') + 2);
}

TEST(what_cannot_be_moved_is_refused_in_words)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .on_log = say_log });
	ouro_loop *other_loop = ouro_loop_new(NULL);
	ouro_port *a, *b, *c, *d, *p, *q, *x, *y;
	ouro_str text = ouro_str_z("here");

	CHECK_EQ(ouro_port_pair(loop, OURO_THREADS, NULL, &a, &b), 0);
	CHECK_EQ(ouro_port_pair(loop, OURO_THREADS, NULL, &c, &d), 0);
	CHECK_EQ(ouro_port_pair(loop, OURO_PROCESSES, NULL, &p, &q), 0);
	CHECK_EQ(ouro_port_pair(other_loop, OURO_THREADS, NULL, &x, &y), 0);
	CHECK_EQ(ouro_port_send_port(a, text, a), -EINVAL);
	CHECK_EQ(ouro_port_send_port(a, text, b), -EINVAL);
	CHECK_EQ(ouro_port_send_port(p, text, q), -EINVAL);
	CHECK_STR(said, "it is an end of the pipe it would go through "
			"it is an end of the pipe it would go through "
			"it is an end of the pipe it would go through");
	said[0] = 0;
	CHECK_EQ(ouro_port_send_port(a, text, x), -EINVAL);
	CHECK_EQ(ouro_port_send_port(p, text, c), -EINVAL);
	send_text(c, "used");
	CHECK_EQ(ouro_port_send_port(a, text, c), -EINVAL);
	CHECK_STR(said, "it belongs to another loop "
			"it is one of OURO_THREADS, and would go to a process "
			"it has been used");
	ouro_loop_free(other_loop);
	ouro_loop_free(loop);
}

/* --- The end --- */

IN_BOTH(what_was_sent_before_close_arrives_and_then_the_end)
{
	struct duo duo = duo_new(kind, NULL);

	send_text(duo.a, "one");
	send_big(duo.a, 'x', 500000);
	send_text(duo.a, "last");
	ouro_port_close(duo.a);
	CHECK_EQ(ouro_port_send(duo.a, ouro_str_z("no")), OURO_ECLOSED);
	ouro_port_on_gone(duo.b, say_gone);
	duo_turn(&duo, 5);
	CHECK_STR(said, ""); /* not while messages wait for a listener */
	ouro_port_on_message(duo.b, say_message, NULL);
	duo_run_until(&duo, "one x*500000 last gone");
	CHECK_EQ(ouro_port_send(duo.b, ouro_str_z("no")), OURO_ECLOSED);
	duo_free(&duo);
}

IN_BOTH(more_than_a_pipe_holds_still_leaves_after_close)
{
	struct duo duo = duo_new(kind, NULL);
	int count = 0;

	for (int i = 0; i < 3000; i++)
		send_text(duo.a, "a hundred bytes: 0123456789012345678901234567890123456789"
				 "01234567890123456789012345678901234567890");
	ouro_port_on_close(duo.a, say_closed);
	ouro_port_set_arg(duo.a, word("closed"));
	ouro_port_close(duo.a);
	duo_turn(&duo, 5);
	CHECK_STR(said, "");
	ouro_port_on_message(duo.b, count_message, &count);
	duo_run_until(&duo, "closed");
	duo_run_while(&duo, count < 3000);
	duo_free(&duo);
}

IN_BOTH(a_closed_port_that_waits_to_send_gives_up_when_the_other_end_closes)
{
	struct duo duo = duo_new(kind, NULL);

	for (int i = 0; i < 300; i++)
		send_text(duo.a, "a thousand of these are more than a pipe has room for: one pipe");
	for (int i = 0; i < 3000; i++)
		CHECK_EQ(ouro_port_send(duo.a, ouro_str_n(said, 100)), 0);
	ouro_port_on_close(duo.a, say_closed);
	ouro_port_set_arg(duo.a, word("closed"));
	ouro_port_close(duo.a);
	duo_turn(&duo, 3);
	ouro_port_close(duo.b);
	duo_run_until(&duo, "closed");
	duo_free(&duo);
}

static void close_in_message(ouro_port *port, ouro_str message, void *arg)
{
	say("%.*s", (int)message.len, message.ptr);
	ouro_port_close(arg ? arg : port);
	ouro_port_close(port);
	CHECK_EQ(message.ptr[0], 'o'); /* still there */
}

IN_BOTH(a_port_may_be_closed_in_its_listener)
{
	struct duo duo = duo_new(kind, NULL);

	ouro_port_on_message(duo.b, close_in_message, NULL);
	ouro_port_on_gone(duo.a, say_gone);
	send_text(duo.a, "one");
	send_text(duo.a, "two");
	duo_run_until(&duo, "one gone");
	duo_free(&duo);
}

IN_BOTH(both_ends_may_be_closed_in_a_listener)
{
	struct duo duo = duo_new(kind, NULL);

	ouro_port_on_message(duo.b, close_in_message, duo.a);
	send_text(duo.a, "one");
	send_text(duo.a, "two");
	duo_run_until(&duo, "one");
	CHECK_EQ(ouro_loop_run(duo.loop), 0); /* nothing is left */
	duo_free(&duo);
}

static void close_it(ouro_port *port, void *arg)
{
	say("%s", (const char *)arg);
	ouro_port_close(port);
}

IN_BOTH(a_port_may_be_closed_in_on_gone_and_in_on_drain)
{
	ouro_port_opts limits = { .high = 1, .low = 1 };
	struct duo duo = duo_new(kind, &limits);
	int count = 0;

	ouro_port_on_drain(duo.a, close_it);
	ouro_port_set_arg(duo.a, word("drained"));
	send_text(duo.a, "x");
	CHECK_EQ(ouro_port_send(duo.a, ouro_str_z("y")), OURO_EBUSY);
	ouro_port_on_message(duo.b, count_message, &count);
	ouro_port_set_arg(duo.b, &count);
	ouro_port_on_gone(duo.b, say_gone);
	duo_run_until(&duo, "drained gone");
	CHECK_EQ(count, 1);
	ouro_port_close(duo.b);
	CHECK_EQ(ouro_loop_run(duo.loop), 0);
	duo_free(&duo);
}

static void free_loop(ouro_port *port, ouro_str message, void *arg)
{
	(void)message, (void)arg;
	say("freed");
	ouro_loop_free(ouro_port_loop(port));
}

IN_BOTH(a_loop_may_be_freed_in_a_listener)
{
	struct duo duo = duo_new(kind, NULL);

	ouro_port_on_message(duo.b, free_loop, NULL);
	send_text(duo.a, "one");
	send_text(duo.a, "two");
	CHECK_EQ(ouro_loop_run(duo.loop), 0);
	CHECK_EQ(strncmp(said, "freed", 5), 0);
}

IN_BOTH(only_a_listener_keeps_the_loop_alive)
{
	struct duo duo = duo_new(kind, NULL);

	CHECK_EQ(ouro_loop_active(duo.loop, NULL, NULL), 0);
	ouro_port_on_message(duo.a, say_message, NULL);
	CHECK_EQ(ouro_loop_active(duo.loop, NULL, NULL), 1);
	ouro_port_hold(duo.a, false);
	CHECK_EQ(ouro_loop_active(duo.loop, NULL, NULL), 0);
	ouro_port_hold(duo.a, true);
	CHECK_EQ(ouro_loop_active(duo.loop, NULL, NULL), 1);
	ouro_port_on_message(duo.a, NULL, NULL);
	CHECK_EQ(ouro_loop_run(duo.loop), 0);
	duo_free(&duo);
}

IN_BOTH(whose_other_end_has_gone_does_not_keep_the_loop_alive)
{
	struct duo duo = duo_new(kind, NULL);

	ouro_port_on_message(duo.a, say_message, NULL);
	ouro_port_close(duo.b);
	CHECK_EQ(ouro_loop_run(duo.loop), 0);
	duo_free(&duo);
}

/* --- What the machine refuses --- */

static enum ouro_kind kind_of_attempt;

static int try_all(void)
{
	struct tube tube;
	ouro_loop *loop = ouro_loop_new(NULL);
	ouro_port *a, *b, *c, *d;
	ouro_buf *buf = NULL;
	char *bytes = NULL;
	int err, count = 0;

	if (!loop)
		return -errno;
	err = ouro_port_pair(loop, kind_of_attempt, NULL, &a, &b);
	if (!err)
		err = ouro_port_pair(loop, kind_of_attempt, NULL, &c, &d);
	if (!err)
		err = (buf = ouro_buf_new()) ? ouro_buf_append(buf, said, 10000) : -ENOMEM;
	if (!err)
		err = ouro_port_send(a, ouro_str_n(said, 100));
	if (!err)
		err = ouro_port_send(a, ouro_str_n(said, 10000));
	if (!err)
		bytes = ouro_buf_detach(buf, NULL);
	if (!err)
		err = ouro_port_send_take(a, bytes, 10000);
	if (!err)
		bytes = NULL;
	if (!err)
		err = ouro_port_send_port(a, ouro_str_z("port"), c);
	if (!err) {
		tube = tube_empty();
		err = ouro_port_send_fd(a, ouro_str_z("fd"), tube.in);
		if (err)
			close(tube.in);
		close(tube.out);
	}
	if (!err) {
		ouro_port_on_gone(b, say_nothing);
		for (int i = 0; i < 4; i++)
			ouro_loop_turn(loop);
		ouro_port_on_message(b, count_message, &count);
		ouro_port_close(a);
		ouro_loop_run(loop);
		CHECK(count == 5 || test_memory.taken >= test_memory.refused);
	}
	ouro_buf_free(buf);
	ouro_bytes_free(bytes);
	ouro_loop_free(loop);
	return err;
}

IN_BOTH(without_memory_it_says_so_and_loses_nothing)
{
	kind_of_attempt = kind;
	CHECK(for_each_failing_allocation(try_all) > 8);
}

static void try_with_descriptors(enum ouro_kind kind, int left)
{
	ouro_loop *loop = ouro_loop_new(NULL);
	struct rlimit before, few;
	ouro_port *a, *b;
	int fd = dup(0), err;

	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = (rlim_t)(fd + left);
	close(fd);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
	err = ouro_port_pair(loop, kind, NULL, &a, &b);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
	CHECK(err == -EMFILE || (err == 0 && left >= 4));
	ouro_loop_free(loop);
}

IN_BOTH(without_descriptors_a_pair_is_refused_and_none_is_lost)
{
	for (int left = 0; left < 10; left++)
		try_with_descriptors(kind, left);
}

/* A large message comes as a descriptor. */
TEST(a_message_that_this_process_has_no_room_for_ends_the_port_and_is_not_an_empty_one)
{
	struct duo duo = { .loop = ouro_loop_new(&(ouro_loop_opts){ .on_log = say_log }) };
	struct rlimit before, few;
	int fd;

	CHECK_EQ(ouro_port_pair(duo.loop, OURO_PROCESSES, NULL, &duo.a, &duo.b), 0);
	ouro_port_on_message(duo.b, say_message, NULL);
	ouro_port_on_gone(duo.b, say_gone);
	send_text(duo.a, "one");
	duo_run_until(&duo, "one");
	send_text(duo.a, "two");
	send_big(duo.a, 'x', 200000);
	send_text(duo.a, "four");
	ouro_port_flush(duo.a);
	fd = dup(0);
	CHECK_EQ(close(fd), 0);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = (rlim_t)fd;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
	duo_run_until(&duo, "one two Too many open files gone");
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
	CHECK_EQ(ouro_port_send(duo.b, ouro_str_z("back")), OURO_ECLOSED);
	duo_turn(&duo, 2);
	CHECK_STR(said, "one two Too many open files gone");
	duo_free(&duo);
}
