/* A range of a file leaves in its place, as far as it is in memory, and its end is told once. */
#include "net/out.h"
#include "socks.h"
#include "sys/sendfile.h"
#include <pthread.h>
#include <sched.h>

static struct net *net;
static struct out out;
static struct ends ends;
static ouro_loop *loop;
static size_t is_warm; /* that many bytes of the file, from where it is asked */
static struct out_file file;

static size_t warm(struct out_file *asked, size_t most)
{
	CHECK(asked == &file);
	return most < is_warm ? most : is_warm;
}

static void on_release(int err, void *arg)
{
	say("%s%s%d", (const char *)arg, err ? ":" : "", err);
}

static void begin(const char *text)
{
	char name[] = "/tmp/ouro-test-XXXXXX";
	int fd = mkostemp(name, O_CLOEXEC);

	CHECK(fd >= 0);
	CHECK_EQ(unlink(name), 0);
	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
	loop = new_loop();
	ends = unix_ends(SOCK_STREAM);
	net = ouro__net_of(loop);
	file = (struct out_file){ .fd = fd, .warm = warm };
	is_warm = SIZE_MAX;
}

static void end(void)
{
	ouro__out_drop(&out, net, -ECANCELED);
	close(file.fd);
	close(ends.ours);
	if (ends.theirs >= 0)
		close(ends.theirs);
	ouro_loop_free(loop);
}

static void copy(const char *z)
{
	CHECK_EQ(ouro__out_copy(&out, net, z, strlen(z)), 0);
}

static void queue_file(size_t n)
{
	CHECK_EQ(ouro__out_file(&out, net, &file, n, on_release, word("file")), 0);
}

static ssize_t flush(void)
{
	return ouro__out_flush(&out, net, ends.ours);
}

TEST(a_range_of_a_file_leaves_between_what_is_before_and_behind_it)
{
	begin("0123456789");
	copy("[");
	file.at = 2;
	queue_file(5);
	copy("]");
	CHECK_EQ(out.queued, 7);
	CHECK_EQ(flush(), 6);
	CHECK_EQ(flush(), 1);
	CHECK_STR(received(ends.theirs), "[23456]");
	CHECK_STR(said, "file0");
	CHECK(out_is_empty(&out));
	end();
}

TEST(bytes_sent_at_once_stay_behind_the_file)
{
	begin("0123456789");
	queue_file(10);
	CHECK_EQ(ouro__out_send(&out, net, ends.ours, "x", 1), 10);
	CHECK_EQ(flush(), 1);
	CHECK_STR(received(ends.theirs), "0123456789x");
	end();
}

TEST(no_more_of_it_is_sent_than_is_in_memory)
{
	begin("0123456789");
	queue_file(10);
	is_warm = 4;
	CHECK_EQ(flush(), 4);
	CHECK_EQ(out.queued, 6);
	CHECK_STR(said, "");
	CHECK_EQ(flush(), 4);
	CHECK_EQ(flush(), 2);
	CHECK_STR(received(ends.theirs), "0123456789");
	CHECK_STR(said, "file0");
	end();
}

TEST(a_range_that_is_not_in_memory_leaves_the_queue_and_says_how_far_it_came)
{
	begin("0123456789");
	copy("a");
	queue_file(10);
	copy("b");
	is_warm = 4;
	CHECK_EQ(flush(), 5);
	is_warm = 0;
	CHECK_EQ(flush(), 0);
	CHECK_EQ(file.at, 4);
	CHECK_EQ(out.queued, 1);
	CHECK_STR(said, "file:-5001");
	CHECK_EQ(flush(), 1);
	CHECK_STR(received(ends.theirs), "a0123b");
	end();
}

TEST(a_file_that_ends_too_early_says_so)
{
	begin("0123");
	queue_file(10);
	CHECK_EQ(flush(), 4);
	CHECK_EQ(flush(), 0);
	CHECK_EQ(out.queued, 0);
	CHECK_STR(said, "file:-4095");
	end();
}

TEST(dropping_the_queue_is_told_to_the_file)
{
	begin("0123");
	queue_file(4);
	ouro__out_drop(&out, net, -EPIPE);
	CHECK_EQ(out.queued, 0);
	CHECK_STR(said, "file:-32");
	end();
}

TEST(a_peer_that_has_gone_is_an_error_and_no_signal)
{
	begin("0123");
	close(ends.theirs);
	ends.theirs = -1;
	queue_file(4);
	signal(SIGPIPE, SIG_DFL);
	CHECK_EQ(flush(), -EPIPE);
	CHECK_STR(said, "");
	CHECK_EQ(out.queued, 4);
	end();
}

static void *leave(void *arg)
{
	unsigned char bytes[4096];

	for (int i = *(int *)arg; i >= 0; i--)
		if (read(ends.theirs, bytes, sizeof(bytes)) < 0)
			sched_yield();
	close(ends.theirs);
	ends.theirs = -1;
	return NULL;
}

/* Then some bytes were sent, and the signal is raised all the same. */
TEST(nor_is_one_that_leaves_in_the_middle)
{
	static char text[1 << 20];

	memset(text, 'x', sizeof(text) - 1);
	signal(SIGPIPE, SIG_DFL);
	for (int i = 0; i < 60; i++) {
		pthread_t thread;
		ssize_t sent;

		begin(text);
		queue_file(sizeof(text) - 1);
		CHECK_EQ(pthread_create(&thread, NULL, leave, &i), 0);
		do
			sent = flush();
		while (sent >= 0 && out.queued);
		CHECK_EQ(pthread_join(thread, NULL), 0);
		end();
	}
}

TEST(a_signal_of_somebody_elses_that_waits_goes_on_waiting)
{
	sigset_t set;
	off_t at = 0;

	begin("0123");
	close(ends.theirs);
	ends.theirs = -1;
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	CHECK_EQ(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	CHECK_EQ(ouro__sendfile(ends.ours, file.fd, &at, 4), -EPIPE);
	CHECK_EQ(sigpending(&set), 0);
	CHECK_EQ(sigismember(&set, SIGPIPE), 0);
	raise(SIGPIPE);
	CHECK_EQ(ouro__sendfile(ends.ours, file.fd, &at, 4), -EPIPE);
	CHECK_EQ(sigpending(&set), 0);
	CHECK_EQ(sigismember(&set, SIGPIPE), 1);
	end();
}

TEST(without_memory_the_queue_stays_as_it_was)
{
	begin("0123");
	fail_allocation(1);
	CHECK_EQ(ouro__out_file(&out, net, &file, 4, NULL, NULL), -ENOMEM);
	CHECK_EQ(out.queued, 0);
	fail_allocation(0);
	end();
}
