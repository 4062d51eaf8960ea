/* Bytes leave once, in order, in few system calls; and whoever lent them is told once. */
#include "net/out.h"
#include "socks.h"

/* A loop's net, a queue, and a socket pair. */
struct rig {
	ouro_loop *loop;
	struct net *net;
	struct out out;
	struct ends ends;
};

static struct rig new_rig(int type)
{
	struct rig rig = { .loop = new_loop(), .ends = unix_ends(type) };

	rig.net = ouro__net_of(rig.loop);
	CHECK(rig.net != NULL);
	return rig;
}

static void end_rig(struct rig *rig)
{
	ouro__out_drop(&rig->out, rig->net, -ECANCELED);
	CHECK(out_is_empty(&rig->out));
	close(rig->ends.ours);
	close(rig->ends.theirs);
	ouro_loop_free(rig->loop);
}

static void copy(struct rig *rig, const char *z)
{
	CHECK_EQ(ouro__out_copy(&rig->out, rig->net, z, strlen(z)), 0);
}

static ssize_t flush(struct rig *rig)
{
	return ouro__out_flush(&rig->out, rig->net, rig->ends.ours);
}

static void on_release(int err, void *arg)
{
	say("%s%s%s", (const char *)arg, err ? ":" : "", err ? ouro_errname(err) : "");
}

static void lend(struct rig *rig, const char *z, const char *name)
{
	CHECK_EQ(ouro__out_borrow(&rig->out, rig->net, z, strlen(z), on_release, word(name)), 0);
}

TEST(nothing_queued_is_nothing_sent)
{
	struct rig rig = new_rig(SOCK_SEQPACKET);

	CHECK(out_is_empty(&rig.out));
	CHECK_EQ(flush(&rig), 0);
	CHECK_EQ(ouro__out_copy(&rig.out, rig.net, "", 0), 0);
	CHECK(out_is_empty(&rig.out));
	CHECK_EQ(flush(&rig), 0);
	CHECK_EQ(ouro__out_send(&rig.out, rig.net, rig.ends.ours, "", 0), 0);
	CHECK_STR(received(rig.ends.theirs), "");
	end_rig(&rig);
}

TEST(what_was_queued_in_many_pieces_leaves_in_one_message)
{
	struct rig rig = new_rig(SOCK_SEQPACKET);
	char bytes[16384];

	for (int i = 0; i < 10; i++) {
		copy(&rig, "copied ");
		lend(&rig, "lent ", "L");
		memcpy(ouro__out_room(&rig.out, rig.net, OUT_RUN), "written ", 8);
		ouro__out_used(&rig.out, 8);
	}
	CHECK_EQ(flush(&rig), 200);
	CHECK_STR(said, "L L L L L L L L L L");
	CHECK_EQ(recv(rig.ends.theirs, bytes, sizeof(bytes), MSG_DONTWAIT), 200);
	CHECK_EQ(memcmp(bytes, "copied lent written copied", 26), 0);
	CHECK(out_is_empty(&rig.out));
	end_rig(&rig);
}

TEST(room_is_in_a_row_and_counts_when_it_is_used)
{
	struct rig rig = new_rig(SOCK_STREAM);

	for (int i = 0; i < 100; i++) {
		char *room = ouro__out_room(&rig.out, rig.net, OUT_RUN);

		CHECK(room != NULL);
		memset(room, 'a' + i % 26, OUT_RUN);
		CHECK_EQ(rig.out.queued, (size_t)i * 100);
		ouro__out_used(&rig.out, 100);
	}
	CHECK(ouro__out_room(&rig.out, rig.net, OUT_RUN) != NULL);
	CHECK_EQ(flush(&rig), 10000);
	CHECK_EQ(strlen(received(rig.ends.theirs)), 10000);
	CHECK(out_is_empty(&rig.out));
	end_rig(&rig);
}

TEST(room_that_was_not_used_is_given_back_by_the_flush)
{
	struct rig rig = new_rig(SOCK_STREAM);

	CHECK(ouro__out_room(&rig.out, rig.net, 1) != NULL);
	CHECK(!out_is_empty(&rig.out));
	CHECK_EQ(flush(&rig), 0);
	CHECK(out_is_empty(&rig.out));
	CHECK_EQ(rig.net->taken, 0);
	end_rig(&rig);
}

TEST(what_is_longer_than_a_page_takes_one_piece)
{
	struct rig rig = new_rig(SOCK_STREAM);
	static char bytes[60000];
	size_t before;

	memset(bytes, 'x', sizeof(bytes));
	copy(&rig, "head");
	before = allocations();
	CHECK_EQ(ouro__out_copy(&rig.out, rig.net, bytes, sizeof(bytes)), 0);
	CHECK_EQ(allocations(), before + 1);
	copy(&rig, "tail");
	CHECK_EQ(rig.out.queued, sizeof(bytes) + 8);
	CHECK_EQ(flush(&rig), (ssize_t)sizeof(bytes) + 8);
	CHECK_EQ(strncmp(received(rig.ends.theirs), "headxxx", 7), 0);
	end_rig(&rig);
}

TEST(an_empty_piece_tells_when_all_before_it_has_left)
{
	struct rig rig = new_rig(SOCK_STREAM);

	lend(&rig, "", "first");
	CHECK(!out_is_empty(&rig.out));
	CHECK_EQ(flush(&rig), 0);
	CHECK_STR(said, "first");
	copy(&rig, "bytes");
	lend(&rig, "", "second");
	CHECK_EQ(flush(&rig), 5);
	CHECK_STR(said, "first second");
	end_rig(&rig);
}

TEST(a_drop_tells_each_of_them_once)
{
	struct rig rig = new_rig(SOCK_STREAM);

	lend(&rig, "one", "A");
	copy(&rig, "two");
	lend(&rig, "", "B");
	CHECK_EQ(ouro__out_borrow(&rig.out, rig.net, "static", 6, NULL, NULL), 0);
	ouro__out_drop(&rig.out, rig.net, -EPIPE);
	CHECK_STR(said, "A:EPIPE B:EPIPE");
	CHECK(out_is_empty(&rig.out));
	CHECK_EQ(rig.net->taken, 0);
	end_rig(&rig);
}

/* A release that queues more, through a pointer to its rig. */
static void on_release_again(int err, void *arg)
{
	struct rig *rig = arg;

	say("again");
	if (!err)
		copy(rig, "more");
}

TEST(a_release_may_queue_more)
{
	struct rig rig = new_rig(SOCK_STREAM);

	CHECK_EQ(ouro__out_borrow(&rig.out, rig.net, "some ", 5, on_release_again, &rig), 0);
	copy(&rig, "and ");
	CHECK_EQ(flush(&rig), 9);
	CHECK_STR(said, "again");
	CHECK_STR(received(rig.ends.theirs), "some and ");
	CHECK_EQ(flush(&rig), 4);
	CHECK_STR(received(rig.ends.theirs), "more");
	end_rig(&rig);
}

TEST(sending_copies_only_what_the_kernel_does_not_take)
{
	struct rig rig = new_rig(SOCK_STREAM);
	static char bytes[1 << 20];
	ssize_t n;
	size_t got = 0;

	squeeze(rig.ends.ours);
	memset(bytes, 'x', sizeof(bytes));
	CHECK_EQ(ouro__out_send(&rig.out, rig.net, rig.ends.ours, "all", 3), 3);
	CHECK(out_is_empty(&rig.out));
	n = ouro__out_send(&rig.out, rig.net, rig.ends.ours, bytes, sizeof(bytes));
	CHECK(n > 0);
	CHECK_EQ(rig.out.queued, sizeof(bytes) - (size_t)n);
	while (got < 3 + sizeof(bytes)) {
		got += strlen(received(rig.ends.theirs));
		CHECK(flush(&rig) >= 0);
	}
	CHECK_EQ(got, 3 + sizeof(bytes));
	end_rig(&rig);
}

TEST(what_a_release_queues_comes_behind_what_was_sent)
{
	struct rig rig = new_rig(SOCK_STREAM);
	static char bytes[1 << 20];
	const char *got;
	size_t all = 0;

	squeeze(rig.ends.ours);
	memset(bytes, 'x', sizeof(bytes));
	CHECK_EQ(ouro__out_borrow(&rig.out, rig.net, "some ", 5, on_release_again, &rig), 0);
	CHECK(ouro__out_send(&rig.out, rig.net, rig.ends.ours, bytes, sizeof(bytes)) > 5);
	CHECK_STR(said, "again");
	do {
		got = received(rig.ends.theirs);
		all += strlen(got);
		if (all == 5 + sizeof(bytes) + 4)
			CHECK_STR(got + strlen(got) - 6, "xxmore");
		CHECK(flush(&rig) >= 0);
	} while (all < 5 + sizeof(bytes) + 4);
	end_rig(&rig);
}

TEST(a_full_kernel_takes_none_and_changes_nothing)
{
	struct rig rig = new_rig(SOCK_STREAM);
	static char bytes[1 << 20];
	size_t queued;

	CHECK_EQ(ouro__out_copy(&rig.out, rig.net, bytes, sizeof(bytes)), 0);
	while (flush(&rig) > 0)
		;
	queued = rig.out.queued;
	CHECK(queued > 0);
	CHECK_EQ(flush(&rig), 0);
	CHECK_EQ(rig.out.queued, queued);
	copy(&rig, "more");
	CHECK_EQ(flush(&rig), 0);
	CHECK_EQ(ouro__out_send(&rig.out, rig.net, rig.ends.ours, "end", 3), 0);
	CHECK_EQ(rig.out.queued, queued + 7);
	end_rig(&rig);
}

TEST(a_peer_that_has_gone_is_an_error_and_no_signal)
{
	struct rig rig = new_rig(SOCK_STREAM);

	signal(SIGPIPE, SIG_DFL);
	close(rig.ends.theirs);
	rig.ends.theirs = -1;
	copy(&rig, "one");
	CHECK_EQ(flush(&rig), -EPIPE);
	CHECK_EQ(rig.out.queued, 3);
	lend(&rig, "two", "L");
	CHECK_EQ(flush(&rig), -EPIPE);
	CHECK_EQ(rig.out.queued, 6);
	CHECK_EQ(ouro__out_send(&rig.out, rig.net, rig.ends.ours, "three", 5), -EPIPE);
	CHECK_EQ(rig.out.queued, 6);
	CHECK_STR(said, "");
	end_rig(&rig);
}

/* What one run in the test below has seen. */
static int told[3];

static void on_told(int err, void *arg)
{
	int *count = arg;

	(void)err;
	++*count;
}

TEST(a_peer_that_goes_at_any_byte_has_each_told_once)
{
	char sink[64];

	for (size_t byte = 0; byte <= 40; byte++) {
		struct rig rig = new_rig(SOCK_STREAM);

		memset(told, 0, sizeof(told));
		for (int i = 0; i < 3; i++) {
			CHECK_EQ(ouro__out_borrow(&rig.out, rig.net, "0123456789", 10, on_told,
						  &told[i]),
				 0);
			copy(&rig, "ab");
		}
		CHECK_EQ(flush(&rig), 36);
		copy(&rig, "rest");
		if (byte > 0)
			CHECK(recv(rig.ends.theirs, sink, byte, MSG_DONTWAIT) > 0);
		close(rig.ends.theirs);
		rig.ends.theirs = -1;
		CHECK(flush(&rig) < 0);
		end_rig(&rig);
		CHECK(told[0] == 1 && told[1] == 1 && told[2] == 1);
	}
}

/* A model of the stream: byte number n is (n * 7) & 0xff. */
static void fill(char *bytes, size_t n, size_t from)
{
	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)((from + i) * 7);
}

static size_t lent_now;

static void on_returned(int err, void *arg)
{
	(void)err;
	lent_now--;
	free(arg);
}

static size_t queue_something(struct rig *rig, size_t from, uint32_t *seed)
{
	static char bytes[20000];
	uint32_t how = random_below(seed, 5);
	size_t n = random_below(seed, how == 4 ? sizeof(bytes) : 300);
	char *own;

	fill(bytes, n, from);
	if (how == 0) {
		own = malloc(n + 1);
		memcpy(own, bytes, n);
		CHECK_EQ(ouro__out_borrow(&rig->out, rig->net, own, n, on_returned, own), 0);
		lent_now++;
	} else if (how == 1) {
		memcpy(ouro__out_room(&rig->out, rig->net, n + 1), bytes, n);
		ouro__out_used(&rig->out, n);
	} else if (how == 2) {
		CHECK(ouro__out_send(&rig->out, rig->net, rig->ends.ours, bytes, n) >= 0);
	} else {
		CHECK_EQ(ouro__out_copy(&rig->out, rig->net, bytes, n), 0);
	}
	return n;
}

static size_t receive_some(struct rig *rig, size_t from, uint32_t *seed)
{
	char bytes[8192], wanted[8192];
	ssize_t n =
		recv(rig->ends.theirs, bytes, 1 + random_below(seed, sizeof(bytes)), MSG_DONTWAIT);

	if (n <= 0)
		return 0;
	fill(wanted, (size_t)n, from);
	CHECK_EQ(memcmp(bytes, wanted, (size_t)n), 0);
	return (size_t)n;
}

TEST(however_it_is_queued_and_taken_the_bytes_are_the_same)
{
	for (uint32_t start = 1; start <= 20; start++) {
		struct rig rig = new_rig(SOCK_STREAM);
		size_t queued = 0, got = 0;
		uint32_t seed = start;

		squeeze(rig.ends.ours);
		for (int step = 0; step < 500; step++) {
			queued += queue_something(&rig, queued, &seed);
			if (random_below(&seed, 3) == 0)
				CHECK(flush(&rig) >= 0);
			got += receive_some(&rig, got, &seed);
		}
		while (got < queued) {
			CHECK(flush(&rig) >= 0);
			got += receive_some(&rig, got, &seed);
		}
		CHECK(flush(&rig) == 0);
		CHECK(out_is_empty(&rig.out));
		CHECK_EQ(lent_now, 0);
		end_rig(&rig);
	}
}

static int copy_or_not(struct out *out, struct net *net, size_t n)
{
	static const char bytes[9000];
	size_t was = out->queued;
	int err = ouro__out_copy(out, net, bytes, n);

	CHECK_EQ(out->queued, err ? was : was + n);
	return err;
}

static int attempt(void)
{
	ouro_loop *loop = ouro_loop_new(NULL);
	struct net *net = loop ? ouro__net_of(loop) : NULL;
	struct out out = { 0 };
	int err = net ? 0 : -ENOMEM;

	if (!err)
		err = copy_or_not(&out, net, 100);
	if (!err)
		err = copy_or_not(&out, net, 9000);
	if (!err)
		err = copy_or_not(&out, net, 200);
	if (!err)
		err = ouro__out_borrow(&out, net, "x", 1, NULL, NULL);
	if (!err && !ouro__out_room(&out, net, OUT_RUN))
		err = -ENOMEM;
	if (net)
		ouro__out_drop(&out, net, err);
	ouro_loop_free(loop);
	return err;
}

TEST(without_memory_a_copy_is_whole_or_not_at_all)
{
	CHECK(for_each_failing_allocation(attempt) >= 7);
}
