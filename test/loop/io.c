/* io.c -- watching descriptors: what is refused, what ERROR means, and a random crowd. */
#include "kit.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>

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

static void make_sockets(int ends[2])
{
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
}

/* ---- what is refused ---- */

TEST(a_descriptor_that_is_not_open_is_refused)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_empty();

	tube_close(tube);
	CHECK_EQ(ouro_io_open(loop, tube.out, OURO_READABLE, never, NULL, NULL), -EBADF);
	CHECK_EQ(ouro_io_open(loop, -1, OURO_READABLE, never, NULL, NULL), -EBADF);
	CHECK_EQ(ouro_io_open(loop, 1 << 30, 0, never, NULL, NULL), -EBADF);
	run_and_free(loop);
}

TEST(files_and_folders_are_refused)
{
	ouro_loop *loop = new_loop();
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int folder = open("/", O_RDONLY | O_CLOEXEC | O_DIRECTORY);

	CHECK_EQ(ouro_io_open(loop, file, OURO_READABLE, never, NULL, NULL), -EPERM);
	CHECK_EQ(ouro_io_open(loop, folder, 0, never, NULL, NULL), -EPERM);
	run_and_free(loop);
	close(file);
	close(folder);
}

TEST(events_that_do_not_exist_are_refused)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_empty();
	ouro_io *io;

	CHECK_EQ(ouro_io_open(loop, tube.out, 8, never, NULL, NULL), -EINVAL);
	io = watch(loop, tube.out, OURO_READABLE, never, NULL);
	CHECK_EQ(ouro_io_set(io, 16 | OURO_READABLE), -EINVAL);
	CHECK_EQ(ouro_io_events(io), OURO_READABLE);
	ouro_io_close(io);
	run_and_free(loop);
	tube_close(tube);
}

TEST(a_closing_handle_takes_no_events)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_full();
	ouro_io *io = watch(loop, tube.out, OURO_READABLE, never, NULL);

	ouro_io_close(io);
	CHECK_EQ(ouro_io_set(io, OURO_READABLE), OURO_ECLOSED);
	run_and_free(loop);
	CHECK_STR(said, "");
	tube_close(tube);
}

/* ---- a handle tells what it is ---- */

static void look_at_the_handle(ouro_io *io, unsigned ready, void *arg)
{
	struct tube *tube = arg;

	CHECK_EQ(ready, OURO_READABLE);
	CHECK_EQ(ouro_io_fd(io), tube->out);
	CHECK_EQ(ouro_io_events(io), OURO_READABLE | OURO_ERROR);
	say("io");
	ouro_io_close(io);
}

TEST(a_handle_nobody_kept_comes_with_its_callback)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_full();

	CHECK_EQ(ouro_io_open(loop, tube.out, OURO_READABLE | OURO_ERROR, look_at_the_handle, &tube,
			      NULL),
		 0);
	run_and_free(loop);
	CHECK_STR(said, "io");
	tube_close(tube);
}

TEST(a_handle_knows_its_loop_descriptor_and_events)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_empty();
	ouro_io *io = watch(loop, tube.out, 0, never, NULL);

	CHECK(ouro_io_loop(io) == loop);
	CHECK_EQ(ouro_io_fd(io), tube.out);
	CHECK_EQ(ouro_io_events(io), 0);
	CHECK_EQ(ouro_io_set(io, OURO_READABLE), 0);
	CHECK_EQ(ouro_io_events(io), OURO_READABLE);
	ouro_loop_free(loop);
	tube_close(tube);
}

/* ---- several watchers of one descriptor ---- */

static ouro_io *second_watcher;

static void read_then_stop(ouro_io *io, unsigned ready, void *arg)
{
	(void)arg;
	CHECK_EQ(ready, OURO_READABLE);
	say("r");
	ouro_io_close(io);
	CHECK_EQ(ouro_io_set(second_watcher, OURO_WRITABLE), 0);
}

static void write_then_stop(ouro_io *io, unsigned ready, void *arg)
{
	(void)arg;
	CHECK_EQ(ready, OURO_WRITABLE);
	say("w");
	ouro_io_close(io);
}

TEST(each_watcher_of_one_descriptor_hears_what_it_asked_for)
{
	ouro_loop *loop = new_loop();
	int ends[2];

	make_sockets(ends);
	CHECK_EQ(write(ends[1], "x", 1), 1);
	watch(loop, ends[0], OURO_READABLE, read_then_stop, NULL);
	second_watcher = watch(loop, ends[0], 0, write_then_stop, NULL);
	run_and_free(loop);
	CHECK_STR(said, "r w");
	close(ends[0]);
	close(ends[1]);
}

TEST(closing_one_watcher_of_a_descriptor_leaves_the_other)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_full();

	ouro_io_close(watch(loop, tube.out, OURO_READABLE, never, NULL));
	watch(loop, tube.out, OURO_READABLE, say_and_close, word("io"));
	run_and_free(loop);
	CHECK_STR(said, "io");
	tube_close(tube);
}

static void say_error_and_close(ouro_io *io, unsigned ready, void *arg)
{
	(void)arg;
	say("%u", ready);
	ouro_io_close(io);
}

TEST(two_watchers_of_one_descriptor_may_both_wait_for_errors)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_empty();
	ouro_io *third;

	watch(loop, tube.in, OURO_ERROR, say_error_and_close, NULL);
	watch(loop, tube.in, OURO_ERROR, say_error_and_close, NULL);
	third = watch(loop, tube.in, 0, say_error_and_close, NULL);
	CHECK_EQ(ouro_io_set(third, OURO_ERROR), 0);
	ouro_io_close(third); /* which leaves the other two waiting */
	close(tube.out);
	run_and_free(loop);
	CHECK_STR(said, "4 4");
	close(tube.in);
}

TEST(whichever_of_three_watchers_goes_the_others_hear_of_the_error)
{
	for (int gone = 0; gone < 3; gone++) {
		ouro_loop *loop = new_loop();
		struct tube tube = tube_empty();
		ouro_io *all[3];

		said[0] = 0;
		for (int i = 0; i < 3; i++)
			all[i] = watch(loop, tube.in, OURO_ERROR, say_error_and_close, NULL);
		ouro_loop_turn(loop);
		ouro_io_close(all[gone]);
		close(tube.out);
		run_and_free(loop);
		CHECK_STR(said, "4 4");
		close(tube.in);
	}
}

/* ---- in the kernel's order ---- */

TEST(descriptors_come_in_the_order_in_which_they_became_ready)
{
	static const int order[] = { 3, 1, 4, 0, 2 };
	static const char *const names[] = { "0", "1", "2", "3", "4" };
	ouro_loop *loop = new_loop();
	struct tube tubes[5];

	for (int i = 0; i < 5; i++) {
		tubes[i] = tube_empty();
		watch(loop, tubes[i].out, OURO_READABLE, say_and_close, word(names[i]));
	}
	CHECK(ouro_loop_turn(loop)); /* the kernel knows them now */
	for (int i = 0; i < 5; i++)
		tube_fill(tubes[order[i]]);
	run_and_free(loop);
	CHECK_STR(said, "3 1 4 0 2");
	for (int i = 0; i < 5; i++)
		tube_close(tubes[i]);
}

/* ---- the descriptor is the user's ---- */

TEST(a_descriptor_can_be_closed_as_soon_as_its_handle_is)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_full(), next;

	ouro_io_close(watch(loop, tube.out, OURO_READABLE, never, NULL));
	tube_close(tube);
	next = tube_full();
	CHECK_EQ(next.out, tube.out);
	watch(loop, next.out, OURO_READABLE, say_and_close, word("next"));
	run_and_free(loop);
	CHECK_STR(said, "next");
	tube_close(next);
}

/* libev alone would never tell the kernel of the second one. */
TEST(a_number_used_again_between_two_runs_is_watched_again)
{
	ouro_loop *loop = new_loop();

	for (int i = 0; i < 5; i++) {
		struct tube tube = tube_full();

		watch(loop, tube.out, OURO_READABLE, say_and_close, word("io"));
		CHECK_EQ(ouro_loop_run(loop), 0);
		tube_close(tube);
	}
	CHECK_STR(said, "io io io io io");
	ouro_loop_free(loop);
}

/* A mistake of the user's, but libev would end the process for it. */
TEST(a_descriptor_closed_under_its_handle_harms_nobody_else)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_empty(), other = tube_empty();
	ouro_io *io = watch(loop, tube.out, OURO_READABLE, never, NULL);

	ouro_io_hold(io, false);
	after(loop, 10, "T1");
	CHECK_EQ(ouro_loop_run(loop), 0);
	tube_close(tube);
	CHECK_EQ(ouro_io_set(io, 0), 0);
	after(loop, 10, "T2");
	CHECK_EQ(ouro_loop_run(loop), 0);
	ouro_io_set(io, OURO_WRITABLE);
	ouro_io_close(io);
	watch(loop, other.out, OURO_READABLE, say_and_close, word("io"));
	tube_fill(other);
	run_and_free(loop);
	CHECK_STR(said, "T1 T2 io");
	tube_close(other);
}

struct mistake {
	struct tube tube;
	ouro_io *io;
};

static void close_under_it(ouro_loop *loop, void *arg)
{
	struct mistake *mistake = arg;

	(void)loop;
	tube_close(mistake->tube);
	CHECK_EQ(ouro_io_set(mistake->io, OURO_WRITABLE), 0);
}

TEST(and_is_told_though_nothing_else_happens)
{
	ouro_loop *loop = new_loop();
	struct mistake mistake = { tube_empty(), NULL };

	mistake.io = watch(loop, mistake.tube.out, OURO_READABLE, say_and_close, word("io"));
	call_after(loop, 1, close_under_it, &mistake);
	run_and_free(loop);
	CHECK_STR(said, "io");
}

/* ---- errors ---- */

static void say_ready(ouro_io *io, unsigned ready, void *arg)
{
	int *calls_left = arg;

	say("%u", ready);
	if (--*calls_left == 0)
		ouro_io_close(io);
}

static void close_it(ouro_loop *loop, void *io)
{
	(void)loop;
	say("T");
	ouro_io_close(io);
}

TEST(both_directions_shut_is_an_error_told_once)
{
	ouro_loop *loop = new_loop();
	int ends[2], calls_left = 9;
	ouro_io *io;

	make_sockets(ends);
	io = watch(loop, ends[0], OURO_ERROR, say_ready, &calls_left);
	close(ends[1]);
	call_after(loop, 10, close_it, io);
	run_and_free(loop);
	CHECK_STR(said, "4 T");
	close(ends[0]);
}

TEST(an_error_is_told_once_beside_other_events)
{
	ouro_loop *loop = new_loop();
	int ends[2], calls_left = 3;

	make_sockets(ends);
	watch(loop, ends[0], OURO_READABLE | OURO_ERROR, say_ready, &calls_left);
	close(ends[1]);
	run_and_free(loop);
	CHECK_STR(said, "5 1 1");
	close(ends[0]);
}

TEST(an_error_nobody_asked_for_comes_as_what_was_asked_for)
{
	ouro_loop *loop = new_loop();
	int ends[2], calls_left = 2;

	make_sockets(ends);
	watch(loop, ends[0], OURO_READABLE, say_ready, &calls_left);
	close(ends[1]);
	run_and_free(loop);
	CHECK_STR(said, "1 1");
	close(ends[0]);
}

TEST(one_direction_shut_is_no_error)
{
	ouro_loop *loop = new_loop();
	int ends[2], calls_left = 9;
	ouro_io *io;

	make_sockets(ends);
	io = watch(loop, ends[0], OURO_ERROR, say_ready, &calls_left);
	shutdown(ends[1], SHUT_WR);
	call_after(loop, 10, close_it, io);
	run_and_free(loop);
	CHECK_STR(said, "T");
	close(ends[0]);
	close(ends[1]);
}

TEST(a_pipe_whose_reader_has_gone_is_an_error_for_its_writer)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_empty();
	int calls_left = 9;
	ouro_io *io = watch(loop, tube.in, OURO_ERROR, say_ready, &calls_left);

	close(tube.out);
	call_after(loop, 10, close_it, io);
	run_and_free(loop);
	CHECK_STR(said, "4 T");
	close(tube.in);
}

TEST(a_handle_that_asks_for_nothing_hears_nothing)
{
	ouro_loop *loop = new_loop();
	int ends[2], calls_left = 9;
	ouro_io *io;

	make_sockets(ends);
	io = watch(loop, ends[0], 0, say_ready, &calls_left);
	CHECK_EQ(write(ends[1], "x", 1), 1);
	close(ends[1]);
	call_after(loop, 10, close_it, io);
	run_and_free(loop);
	CHECK_STR(said, "T");
	close(ends[0]);
}

static void fall_silent(ouro_io *io, unsigned ready, void *arg)
{
	(void)arg;
	say("%u", ready);
	CHECK_EQ(ouro_io_set(io, OURO_ERROR), 0);
}

TEST(an_error_is_seen_after_reading_was_switched_off)
{
	ouro_loop *loop = new_loop();
	int ends[2];
	ouro_io *io;

	make_sockets(ends);
	CHECK_EQ(write(ends[1], "x", 1), 1);
	io = watch(loop, ends[0], OURO_READABLE, fall_silent, NULL);
	CHECK(ouro_loop_turn(loop));
	CHECK_STR(said, "1");
	close(ends[1]);
	call_after(loop, 10, close_it, io);
	run_and_free(loop);
	CHECK_STR(said, "1 4 T");
	close(ends[0]);
}

/* ---- lifetime ---- */

TEST(a_handle_with_nothing_to_say_at_its_end_needs_no_on_close)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_full();
	ouro_io *io = watch(loop, tube.out, OURO_READABLE, never, word("[closed]"));

	ouro_io_on_close(io, say_closed);
	ouro_io_on_close(io, NULL);
	ouro_io_close(io);
	run_and_free(loop);
	CHECK_STR(said, "");
	tube_close(tube);
}

TEST(on_close_can_be_set_between_close_and_the_end)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_full();
	ouro_io *io = watch(loop, tube.out, OURO_READABLE, never, word("closed"));

	ouro_io_close(io);
	ouro_io_on_close(io, say_closed);
	ouro_io_close(io);
	run_and_free(loop);
	CHECK_STR(said, "closed");
	tube_close(tube);
}

static void close_and_free_state(ouro_io *io, unsigned ready, void *arg)
{
	(void)ready;
	say("io");
	ouro_io_close(io);
	ouro_io_close(io);
	memset(arg, 0, 1); /* still the handler's until on_close */
}

static void free_state(void *arg)
{
	say("gone");
	free(arg);
}

TEST(what_arg_points_at_lives_until_on_close)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_full();
	ouro_io *io = watch(loop, tube.out, OURO_READABLE, close_and_free_state, malloc(1));

	ouro_io_on_close(io, free_state);
	run_and_free(loop);
	CHECK_STR(said, "io gone");
	tube_close(tube);
}

static struct reopen {
	ouro_loop *loop;
	struct tube tube;
	int left;
} reopen;

static void open_the_next(void *arg)
{
	(void)arg;
	if (reopen.left-- == 0)
		return;
	ouro_io_on_close(
		watch(reopen.loop, reopen.tube.out, OURO_READABLE, say_and_close, word("io")),
		open_the_next);
}

TEST(an_on_close_can_open_the_next_handle_on_the_same_descriptor)
{
	reopen = (struct reopen){ new_loop(), tube_full(), 3 };
	open_the_next(NULL);
	run_and_free(reopen.loop);
	CHECK_STR(said, "io io io");
	tube_close(reopen.tube);
}

/* ---- a random crowd ----
 *
 * Every callback closes, opens, silences, fills, drains and replaces at random. A handle knows
 * whether it was closed, what it asked for, and whether its pipe has held a byte since it was
 * opened: nothing else may be told. Its state is freed in on_close, so a late call is found too. */

#define PIPES 24

struct member {
	ouro_io *io;
	int pipe;
	bool closed, may_be_ready;
	struct member *next;
};

static struct {
	ouro_loop *loop;
	struct tube tube[PIPES];
	bool has_bytes[PIPES];
	struct member *members;
	unsigned open, gone, made, calls, steps_left;
	uint32_t seed;
} field;

static void member_ready(ouro_io *io, unsigned ready, void *arg);

static void member_gone(void *arg)
{
	struct member **at = &field.members, *member = arg;

	CHECK(member->closed);
	while (*at != member)
		at = &(*at)->next;
	*at = member->next;
	field.gone++;
	free(member);
}

static void member_open(int pipe)
{
	struct member *member = calloc(1, sizeof(*member));

	member->pipe = pipe;
	member->may_be_ready = field.has_bytes[pipe];
	member->io = watch(field.loop, field.tube[pipe].out, OURO_READABLE, member_ready, member);
	ouro_io_on_close(member->io, member_gone);
	member->next = field.members;
	field.members = member;
	field.open++;
	field.made++;
}

static void member_close(struct member *member)
{
	field.open -= !member->closed;
	member->closed = true;
	ouro_io_close(member->io);
}

static struct member *any_member(void)
{
	uint32_t nth = random_below(&field.seed, PIPES);
	struct member *member = field.members;

	while (member && member->next && nth--)
		member = member->next;
	return member;
}

static void fill(int pipe)
{
	tube_fill(field.tube[pipe]);
	field.has_bytes[pipe] = true;
	for (struct member *m = field.members; m; m = m->next)
		if (m->pipe == pipe)
			m->may_be_ready = true;
}

/* Another pipe under the same two numbers; whoever watched the old one is closed first. */
static void replace(int pipe)
{
	struct tube fresh = tube_empty();

	for (struct member *m = field.members; m; m = m->next)
		if (m->pipe == pipe)
			member_close(m);
	CHECK(dup3(fresh.out, field.tube[pipe].out, O_CLOEXEC) >= 0);
	CHECK(dup3(fresh.in, field.tube[pipe].in, O_CLOEXEC) >= 0);
	tube_close(fresh);
	field.has_bytes[pipe] = false;
	member_open(pipe);
}

static void field_step(void)
{
	int pipe = (int)random_below(&field.seed, PIPES);
	struct member *member = any_member();

	switch (random_below(&field.seed, 8)) {
	case 0:
	case 1:
		if (member)
			member_close(member);
		break;
	case 2:
		if (field.open < 2 * PIPES)
			member_open(pipe);
		break;
	case 3:
		drain(field.tube[pipe].out);
		field.has_bytes[pipe] = false;
		break;
	case 4:
		replace(pipe);
		break;
	case 5:
		if (member && !member->closed)
			CHECK_EQ(ouro_io_set(member->io, random_below(&field.seed, 2)), 0);
		break;
	default:
		fill(pipe);
	}
}

static void close_the_field(void)
{
	for (struct member *m = field.members; m; m = m->next)
		member_close(m);
}

static void field_steps(ouro_loop *loop, void *arg)
{
	(void)arg;
	for (uint32_t n = random_below(&field.seed, 6); n; n--)
		field_step();
	if (field.steps_left-- > 0)
		call_after(loop, random_below(&field.seed, 3), field_steps, NULL);
	else
		close_the_field();
}

static void member_ready(ouro_io *io, unsigned ready, void *arg)
{
	struct member *member = arg;

	CHECK(member->io == io && !member->closed);
	CHECK_EQ(ready, OURO_READABLE);
	CHECK(ouro_io_events(io) & OURO_READABLE);
	CHECK(member->may_be_ready);
	field.calls++;
	for (uint32_t n = random_below(&field.seed, 3); n; n--)
		field_step();
	if (random_below(&field.seed, 2)) {
		drain(field.tube[member->pipe].out);
		field.has_bytes[member->pipe] = false;
	}
}

static void run_a_crowd(uint32_t seed)
{
	memset(&field, 0, sizeof(field));
	field.seed = seed;
	field.steps_left = 3000;
	field.loop = new_loop();
	for (int i = 0; i < PIPES; i++)
		field.tube[i] = tube_empty();
	call_after(field.loop, 1, field_steps, NULL);
	run_and_free(field.loop);
	CHECK_EQ(field.gone, field.made);
	CHECK(field.calls > 500);
	CHECK(field.members == NULL);
	for (int i = 0; i < PIPES; i++)
		tube_close(field.tube[i]);
}

TEST(in_a_random_crowd_nobody_is_called_in_vain_or_after_its_close)
{
	for (uint32_t seed = 1; seed <= 5; seed++)
		run_a_crowd(seed * 2654435761u);
}
