/* Messages over a pair of pipes, between threads and between processes, from peers good and bad. */
#include "sys/frame.h"
#include "base/alloc.h"

#include "ouro/error.h"
#include "sys/kept.h"
#include "sys/wire.h"
#include "test.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>

/* Two ends in this process, whichever kind: between processes they would speak in the same way. */
struct two {
	struct frame_end near, far;
};

static struct two open_two(enum frame_between between)
{
	struct two two;

	CHECK_EQ(ouro__frame_pair(&two.near, &two.far, between), 0);
	return two;
}

/* The far end of one between processes, as another process would have it. */
static struct two open_adopted(void)
{
	struct two two = open_two(FRAME_PROCESSES);
	int fds[FRAME_ENDS], copies[FRAME_ENDS];

	ouro__frame_descriptors(&two.far, fds);
	for (int i = 0; i < FRAME_ENDS; i++)
		CHECK((copies[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3)) >= 0);
	ouro__frame_close(&two.far);
	ouro__frame_adopt(&two.far, copies);
	return two;
}

static void close_two(struct two *two)
{
	ouro__frame_close(&two->near);
	ouro__frame_close(&two->far);
}

static void send_copy(struct frame_end *end, uint64_t id, const void *bytes, size_t n)
{
	struct frame frame = { .id = id, .value = -7, .kind = 9, .bytes = ouro_str_n(bytes, n) };

	CHECK_EQ(ouro__frame_send(end, &frame, NULL), 0);
}

static char *pattern(size_t n, unsigned seed)
{
	char *bytes = malloc(n + 1);

	CHECK(bytes != NULL);
	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)(i * 31 + seed + (i >> 8));
	return bytes;
}

/* Writes and reads in turn, as one thread must, until the next message is there. */
static struct frame receive(struct frame_end *from, struct frame_end *to)
{
	struct frame frame;
	int got = ouro__frame_next(to, &frame);

	while (got == 0) {
		CHECK(ouro__frame_flush(from) >= 0);
		CHECK_EQ(ouro__frame_read(to), 1);
		got = ouro__frame_next(to, &frame);
	}
	CHECK_EQ(got, 1);
	return frame;
}

static void crosses(struct two *two, size_t n)
{
	char *bytes = pattern(n, (unsigned)n);
	struct frame frame;

	send_copy(&two->near, n, bytes, n);
	frame = receive(&two->near, &two->far);
	CHECK_EQ(frame.id, n);
	CHECK_EQ(frame.value, -7);
	CHECK_EQ(frame.kind, 9);
	CHECK_EQ(frame.bytes.len, n);
	CHECK(!n || !memcmp(frame.bytes.ptr, bytes, n));
	ouro__frame_release(&frame);
	free(bytes);
}

static const size_t sizes[] = { 0,       1,     64,     4095,   4096,    4097,    16383,
				16384,   16385, 65535,  65536,  1000000, 5000000, 64,
				1000000, 0,     200000, 200000, 200000,  70000 };

static void every_size_crosses(struct two two)
{
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		crosses(&two, sizes[i]);
	close_two(&two);
}

TEST(a_message_of_any_size_crosses_whole)
{
	every_size_crosses(open_two(FRAME_THREADS));
	every_size_crosses(open_two(FRAME_PROCESSES));
	every_size_crosses(open_adopted());
}

/* The cutting of the stream is the pipe's business: here it comes a byte at a time. */
TEST(a_message_that_comes_byte_by_byte_is_a_message)
{
	struct two two = open_two(FRAME_PROCESSES);
	struct frame frame;
	int made = 0;

	for (int i = 0; i < 3; i++)
		send_copy(&two.near, (uint64_t)i, "abcdef", (size_t)i * 3);
	for (size_t i = 0; i < two.near.used; i++) {
		CHECK_EQ(write(two.near.out, two.near.bytes + i, 1), 1);
		CHECK_EQ(ouro__frame_read(&two.far), 1);
		while (ouro__frame_next(&two.far, &frame) == 1) {
			CHECK_EQ(frame.id, made);
			CHECK_EQ(frame.bytes.len, (size_t)made * 3);
			made++;
		}
	}
	CHECK_EQ(made, 3);
	close_two(&two);
}

static void keeps_order(struct two two)
{
	struct frame frame;
	uint64_t next = 0;

	for (uint64_t i = 0; i < 5000; i++) {
		static char bytes[20000];

		memset(bytes, (int)i, sizeof(bytes));
		send_copy(&two.near, i, bytes, i % 97 ? i % 301 : 20000);
	}
	while (next < 5000) {
		CHECK(ouro__frame_flush(&two.near) >= 0);
		CHECK_EQ(ouro__frame_read(&two.far), 1);
		while (ouro__frame_next(&two.far, &frame) == 1) {
			CHECK_EQ(frame.id, next);
			CHECK_EQ(frame.bytes.len, next % 97 ? next % 301 : 20000);
			CHECK(!frame.bytes.len || frame.bytes.ptr[0] == (char)next);
			ouro__frame_release(&frame);
			next++;
		}
	}
	CHECK_EQ(frame_unsent(&two.near), 0);
	close_two(&two);
}

TEST(what_waits_for_the_pipe_keeps_its_order)
{
	keeps_order(open_two(FRAME_THREADS));
	keeps_order(open_two(FRAME_PROCESSES));
}

TEST(messages_that_wait_leave_in_one_write)
{
	struct two two = open_two(FRAME_THREADS);
	struct frame frame;
	int n = 0;

	for (int i = 0; i < 20; i++)
		send_copy(&two.near, 0, "x", 1);
	CHECK_EQ(ouro__frame_flush(&two.near), 0);
	CHECK_EQ(ouro__frame_read(&two.far), 1);
	while (ouro__frame_next(&two.far, &frame) == 1)
		n++;
	CHECK_EQ(n, 20);
	CHECK_EQ(ouro__frame_read(&two.far), -EAGAIN);
	close_two(&two);
}

/* Memory that moves between threads. */

static char *ouros(size_t n)
{
	ouro_buf *buf = ouro_buf_new();
	char *bytes = pattern(n, 3), *own;

	CHECK(buf && !ouro_buf_append(buf, bytes, n));
	own = ouro_buf_detach(buf, NULL);
	ouro_buf_free(buf);
	free(bytes);
	return own;
}

TEST(between_threads_a_large_message_moves_and_is_not_copied)
{
	struct two two = open_two(FRAME_THREADS);
	char *bytes = ouros(100000), *kept;
	struct frame frame = { .bytes = ouro_str_n(bytes + 10, 50000) };

	CHECK_EQ(ouro__frame_send(&two.near, &frame, bytes), 0);
	frame = receive(&two.near, &two.far);
	CHECK(frame.taken == bytes);
	CHECK(frame.bytes.ptr == bytes + 10);
	kept = frame.taken;
	frame.taken = NULL;
	ouro__frame_release(&frame);
	CHECK(kept[10] == (char)(10 * 31 + 3));
	ouro_bytes_free(kept);
	close_two(&two);
}

TEST(what_was_taken_is_freed_however_small_and_between_processes_too)
{
	for (int kind = FRAME_THREADS; kind <= FRAME_PROCESSES; kind++) {
		struct two two = open_two((enum frame_between)kind);

		for (size_t n = 10; n < 100000; n += 30000) {
			char *bytes = ouros(n);
			struct frame frame = { .bytes = ouro_str_n(bytes, n) };

			CHECK_EQ(ouro__frame_send(&two.near, &frame, bytes), 0);
			frame = receive(&two.near, &two.far);
			CHECK_EQ(frame.bytes.len, n);
			ouro__frame_release(&frame);
		}
		close_two(&two);
	}
}

/* test_run() finds what stays behind: bytes of ouro's, and descriptors. */
static void closed_with_messages_everywhere(enum frame_between between, bool near_first)
{
	struct two two = open_two(between);
	char *bytes = pattern(20000, 0);
	struct frame frame;

	for (int i = 0; i < 5; i++)
		send_copy(&two.near, 0, bytes, 20000);
	CHECK_EQ(ouro__frame_flush(&two.near), 0);
	CHECK_EQ(ouro__frame_read(&two.far), 1); /* in the box of the far end */
	CHECK_EQ(ouro__frame_next(&two.far, &frame), 1);
	ouro__frame_release(&frame);
	for (int i = 0; i < 5000; i++)
		send_copy(&two.near, 0, bytes, i % 10 ? 100 : 20000);
	CHECK_EQ(ouro__frame_flush(&two.near), 1); /* in the pipe, and in line */
	send_copy(&two.far, 0, bytes, 20000);
	CHECK_EQ(ouro__frame_flush(&two.far), 0);
	ouro__frame_close(near_first ? &two.near : &two.far);
	if (near_first)
		send_copy(&two.far, 0, bytes, 20000);
	if (near_first && between == FRAME_THREADS)
		CHECK_EQ(ouro__frame_flush(&two.far), 0);
	close_two(&two);
	free(bytes);
}

TEST(nothing_stays_behind_whoever_closes_first)
{
	for (int near_first = 0; near_first < 2; near_first++) {
		closed_with_messages_everywhere(FRAME_THREADS, near_first);
		closed_with_messages_everywhere(FRAME_PROCESSES, near_first);
	}
}

TEST(after_close_there_is_no_sending)
{
	struct two two = open_two(FRAME_THREADS);
	struct frame frame = { .kind = 1 };

	ouro__frame_close(&two.near);
	ouro__frame_close(&two.near);
	CHECK_EQ(ouro__frame_send(&two.near, &frame, NULL), OURO_ECLOSED);
	CHECK_EQ(ouro__frame_read(&two.near), OURO_ECLOSED);
	close_two(&two);
}

/* Descriptors. */

static int a_file(char letter)
{
	int fd[2];

	CHECK_EQ(pipe2(fd, O_CLOEXEC), 0);
	CHECK_EQ(write(fd[1], &letter, 1), 1);
	CHECK_EQ(close(fd[1]), 0);
	return fd[0];
}

static void check_file(int fd, char letter)
{
	char got;

	CHECK_EQ(read(fd, &got, 1), 1);
	CHECK_EQ(got, letter);
	CHECK_EQ(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

static void passes_descriptors(struct two two)
{
	char *bytes = pattern(30000, 0);
	struct frame frame;

	for (int i = 0; i < 12; i++) {
		frame = (struct frame){ .id = (uint64_t)i,
					.fd_count = (uint8_t)(i % 5),
					.bytes = ouro_str_n(bytes, i % 3 ? 10 : 30000) };
		for (int k = 0; k < i % 5; k++)
			frame.fd[k] = a_file((char)(i * 5 + k));
		CHECK_EQ(ouro__frame_send(&two.near, &frame, NULL), 0);
	}
	for (int i = 0; i < 12; i++) {
		frame = receive(&two.near, &two.far);
		CHECK_EQ(frame.id, i);
		CHECK_EQ(frame.fd_count, i % 5);
		for (int k = 0; k < i % 5; k++)
			check_file(frame.fd[k], (char)(i * 5 + k));
		ouro__frame_release(&frame);
	}
	free(bytes);
	close_two(&two);
}

TEST(descriptors_come_with_their_message)
{
	passes_descriptors(open_two(FRAME_THREADS));
	passes_descriptors(open_two(FRAME_PROCESSES));
	passes_descriptors(open_adopted());
}

TEST(descriptors_that_nobody_took_are_closed)
{
	for (int kind = FRAME_THREADS; kind <= FRAME_PROCESSES; kind++) {
		struct two two = open_two((enum frame_between)kind);

		for (int i = 0; i < 3; i++) {
			struct frame frame = { .fd_count = 2, .fd = { a_file('a'), a_file('b') } };

			CHECK_EQ(ouro__frame_send(&two.near, &frame, NULL), 0);
			if (i == 1)
				CHECK_EQ(ouro__frame_flush(&two.near), 0);
		}
		close_two(&two);
	}
}

TEST(when_the_socket_beside_is_full_the_message_waits_for_it)
{
	struct two two = open_two(FRAME_PROCESSES);
	int sent = 0, got = 0;

	while (ouro__frame_flush(&two.near) == 0) {
		struct frame frame = { .id = (uint64_t)sent++,
				       .fd_count = 1,
				       .fd = { a_file('x') } };

		CHECK_EQ(ouro__frame_send(&two.near, &frame, NULL), 0);
	}
	CHECK_EQ(ouro__frame_blocker(&two.near), two.near.side);
	while (got < sent) {
		struct frame frame = receive(&two.near, &two.far);

		CHECK_EQ(frame.id, got++);
		CHECK_EQ(frame.fd_count, 1);
		check_file(frame.fd[0], 'x');
		ouro__frame_release(&frame);
	}
	CHECK_EQ(ouro__frame_flush(&two.near), 0);
	CHECK_EQ(ouro__frame_blocker(&two.near), two.near.out);
	close_two(&two);
}

/* Shared memory. */

TEST(the_same_pages_serve_one_message_after_the_other)
{
	struct two two = open_two(FRAME_PROCESSES);
	const char *at = NULL;
	char *bytes = pattern(100000, 0);

	for (int i = 0; i < 5; i++) {
		struct frame frame;

		send_copy(&two.near, 0, bytes, 100000);
		frame = receive(&two.near, &two.far);
		CHECK(!at || frame.bytes.ptr == at);
		at = frame.bytes.ptr;
		ouro__frame_release(&frame);
	}
	free(bytes);
	close_two(&two);
}

/* Between threads: what a message was copied into, given back, is what the next is copied into. */
TEST(memory_that_was_given_back_is_used_again)
{
	struct two two = open_two(FRAME_THREADS);
	char *bytes = pattern(200000, 1);
	const char *at = NULL;
	struct frame frame;

	for (int i = 0; i < 10; i++) {
		send_copy(&two.near, 1, bytes + i, 100000);
		frame = receive(&two.near, &two.far);
		CHECK(!at || frame.bytes.ptr == at);
		CHECK(!memcmp(frame.bytes.ptr, bytes + i, 100000));
		at = frame.bytes.ptr;
		ouro__frame_give_back(&two.far, &frame);
		CHECK(!frame.taken);
	}
	send_copy(&two.near, 1, bytes, 200000); /* too large for it */
	frame = receive(&two.near, &two.far);
	CHECK(!memcmp(frame.bytes.ptr, bytes, 200000));
	ouro__frame_give_back(&two.far, &frame);
	free(bytes);
	close_two(&two);
}

/* More than is kept, in either order of closing; nothing of it is left behind. */
TEST(memory_that_was_given_back_goes_with_the_pipe)
{
	struct frame frames[80];

	for (int which = 0; which < 2; which++) {
		struct two two = open_two(FRAME_THREADS);
		char *bytes = pattern(100000, 1);

		for (int i = 0; i < 80; i++) {
			send_copy(&two.near, 1, bytes, 100000);
			frames[i] = receive(&two.near, &two.far);
		}
		for (int i = 0; i < 80; i++)
			ouro__frame_give_back(&two.far, &frames[i]);
		ouro__frame_close(which ? &two.near : &two.far);
		free(bytes);
		close_two(&two);
	}
}

/* Memory that was handed over is the receiver's, and goes no way back. */
TEST(only_a_copy_is_given_back)
{
	struct two two = open_two(FRAME_THREADS);
	char *own = ouro__realloc(NULL, 100000);
	struct frame frame = { .bytes = ouro_str_n(own, 100000) };

	CHECK(own != NULL);
	memset(own, 1, 100000);
	CHECK_EQ(ouro__frame_send(&two.near, &frame, own), 0);
	frame = receive(&two.near, &two.far);
	CHECK(!frame.copied);
	ouro__frame_give_back(&two.far, &frame);
	close_two(&two);
}

TEST(as_many_large_messages_as_one_likes_may_be_held_at_once)
{
	struct two two = open_two(FRAME_PROCESSES);
	struct frame held[3 * FRAME_SEGMENTS];

	for (unsigned i = 0; i < 3 * FRAME_SEGMENTS; i++) {
		char *bytes = pattern(60000 + i, i);

		send_copy(&two.near, i, bytes, 60000 + i);
		held[i] = receive(&two.near, &two.far);
		free(bytes);
	}
	for (unsigned i = 0; i < 3 * FRAME_SEGMENTS; i++) {
		CHECK_EQ(held[i].bytes.len, 60000 + i);
		CHECK_EQ(held[i].bytes.ptr[5], (char)(5 * 31 + i));
		ouro__frame_release(&held[i]);
	}
	close_two(&two);
}

TEST(a_large_message_may_be_kept_for_longer_than_its_end)
{
	struct two two = open_two(FRAME_PROCESSES);
	char *bytes = pattern(100000, 5);
	struct frame first, second;

	send_copy(&two.near, 1, bytes, 100000);
	first = receive(&two.near, &two.far);
	ouro__frame_release(&first);
	send_copy(&two.near, 1, bytes, 100000);
	send_copy(&two.near, 2, bytes, 100000);
	first = receive(&two.near, &two.far);
	second = receive(&two.near, &two.far);
	close_two(&two);
	CHECK(!memcmp(first.bytes.ptr, bytes, 100000));
	CHECK(!memcmp(second.bytes.ptr, bytes, 100000));
	ouro__frame_release(&second);
	ouro__frame_release(&first);
	free(bytes);
}

/* Bad peers. Each writes straight into the pipe. */

static int answer_to(const void *bytes, size_t n, size_t max)
{
	struct two two = open_two(FRAME_PROCESSES);
	struct frame frame;
	int answer;

	two.far.max = max;
	CHECK_EQ(write(two.near.out, bytes, n), (ssize_t)n);
	CHECK_EQ(ouro__frame_read(&two.far), 1);
	answer = ouro__frame_next(&two.far, &frame);
	if (answer < 0) {
		CHECK_EQ(ouro__frame_read(&two.far), answer);
		CHECK_EQ(ouro__frame_next(&two.far, &frame), answer);
	}
	close_two(&two);
	return answer;
}

static int answer_to_head(struct wire wire, size_t max)
{
	char bytes[64] = { 0 };

	memcpy(bytes, &wire, sizeof(wire));
	return answer_to(bytes, sizeof(bytes), max);
}

TEST(garbage_is_an_error_that_stays)
{
	CHECK_EQ(answer_to("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", 37, SIZE_MAX),
		 OURO_EPROTO);
	CHECK_EQ(answer_to("short", 5, SIZE_MAX), 0);
}

TEST(a_head_that_cannot_be_is_an_error)
{
	struct wire good = { .magic = WIRE_MAGIC }, bad = good;

	CHECK_EQ(answer_to_head(good, SIZE_MAX), 1);
	bad.magic = 1;
	CHECK_EQ(answer_to_head(bad, SIZE_MAX), OURO_EPROTO);
	bad = (struct wire){ .magic = WIRE_MAGIC, .how = WIRE_MEMORY };
	CHECK_EQ(answer_to_head(bad, SIZE_MAX), OURO_EPROTO); /* an address, from a process */
	bad.how = 3;
	CHECK_EQ(answer_to_head(bad, SIZE_MAX), OURO_EPROTO);
	bad = (struct wire){ .magic = WIRE_MAGIC, .fd_count = FRAME_FDS + 1 };
	CHECK_EQ(answer_to_head(bad, SIZE_MAX), OURO_EPROTO);
	bad = (struct wire){ .magic = WIRE_MAGIC, .fd_count = 1 };
	CHECK_EQ(answer_to_head(bad, SIZE_MAX), OURO_EPROTO); /* which nobody has passed */
	bad = (struct wire){ .magic = WIRE_MAGIC, .fresh = 1 };
	CHECK_EQ(answer_to_head(bad, SIZE_MAX), OURO_EPROTO);
	wire_set_len(&good, WIRE_INLINE_MOST + 1);
	CHECK_EQ(answer_to_head(good, SIZE_MAX), OURO_EPROTO);
}

TEST(what_is_larger_than_its_limit_is_refused_before_it_is_there)
{
	struct wire wire = { .magic = WIRE_MAGIC };

	wire_set_len(&wire, 1001);
	CHECK_EQ(answer_to_head(wire, 1000), OURO_ETOOBIG);
	CHECK_EQ(answer_to_head(wire, 1001), 0);
	wire.how = WIRE_SEGMENT;
	wire_set_len(&wire, UINT64_C(0xffffffffffff));
	CHECK_EQ(answer_to_head(wire, 1 << 30), OURO_ETOOBIG);
	CHECK_EQ(answer_to_head(wire, SIZE_MAX), OURO_EPROTO); /* there is no such segment */
}

TEST(half_a_message_and_then_the_end_is_an_error)
{
	struct two two = open_two(FRAME_PROCESSES);

	send_copy(&two.near, 0, "abc", 3);
	CHECK_EQ(write(two.near.out, two.near.bytes, two.near.used - 1),
		 (ssize_t)two.near.used - 1);
	ouro__frame_close(&two.near);
	CHECK_EQ(ouro__frame_read(&two.far), 1);
	CHECK_EQ(ouro__frame_next(&two.far, &(struct frame){ 0 }), 0);
	CHECK_EQ(ouro__frame_read(&two.far), OURO_EPROTO);
	CHECK_EQ(ouro__frame_read(&two.far), OURO_EPROTO);
	close_two(&two);
}

static void tells_the_end(struct two two)
{
	struct frame frame;

	send_copy(&two.near, 5, "abc", 3);
	CHECK_EQ(ouro__frame_flush(&two.near), 0);
	ouro__frame_close(&two.near);
	frame = receive(&two.near, &two.far);
	CHECK_EQ(frame.id, 5);
	CHECK_EQ(ouro__frame_read(&two.far), OURO_EOF);
	CHECK_EQ(ouro__frame_next(&two.far, &frame), 0);
	CHECK_EQ(ouro__frame_read(&two.far), OURO_EOF);
	close_two(&two);
}

TEST(all_that_was_written_comes_before_the_end)
{
	tells_the_end(open_two(FRAME_THREADS));
	tells_the_end(open_two(FRAME_PROCESSES));
}

/* SIGPIPE would end the test. */
TEST(writing_to_an_end_that_is_gone_does_no_harm)
{
	for (int kind = FRAME_THREADS; kind <= FRAME_PROCESSES; kind++) {
		struct two two = open_two((enum frame_between)kind);

		ouro__frame_close(&two.far);
		send_copy(&two.near, 0, "abc", 3);
		CHECK(ouro__frame_flush(&two.near) >= 0);
		CHECK_EQ(ouro__frame_read(&two.near), OURO_EOF);
		close_two(&two);
	}
}

/* What the reader makes of a message in that memory, which is closed. */
static int hear_segment(struct two *two, int fd, size_t len, uint32_t index,
			struct frame *ret_frame)
{
	struct wire wire = { .magic = WIRE_MAGIC, .how = WIRE_SEGMENT, .fresh = 1 };

	wire_set_len(&wire, len);
	CHECK_EQ(ouro__pass_send(two->near.side, &fd, 1), 0);
	CHECK_EQ(write(two->near.out, &wire, sizeof(wire)), sizeof(wire));
	CHECK_EQ(write(two->near.out, &index, sizeof(index)), sizeof(index));
	CHECK_EQ(ouro__frame_read(&two->far), 1);
	close(fd);
	return ouro__frame_next(&two->far, ret_frame);
}

static void hostile_segment(int fd, size_t len, uint32_t index)
{
	struct two two = open_two(FRAME_PROCESSES);
	struct frame frame;

	CHECK_EQ(hear_segment(&two, fd, len, index, &frame), OURO_EPROTO);
	close_two(&two);
}

static int memory_file(size_t size, int seals)
{
	int fd = memfd_create("bad", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	CHECK(fd >= 0);
	CHECK_EQ(ftruncate(fd, (off_t)size), 0);
	CHECK_EQ(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

TEST(memory_that_could_shrink_or_is_too_small_or_is_none_is_refused)
{
	hostile_segment(memory_file(65536, 0), 100, 0);
	hostile_segment(memory_file(65536, F_SEAL_GROW), 100, 0);
	hostile_segment(memory_file(65536, F_SEAL_GROW | F_SEAL_SHRINK), 65536, 0);
	hostile_segment(memory_file(100, F_SEAL_GROW | F_SEAL_SHRINK), 1, 0);
	hostile_segment(memory_file(65536, F_SEAL_GROW | F_SEAL_SHRINK), 100, FRAME_SEGMENTS + 1);
	hostile_segment(a_file('x'), 1, 0);
}

/* However large they are: what one end has mapped is not for the other to say. */
TEST(memory_beyond_what_is_kept_is_refused)
{
	const size_t size = KEPT_MOST / 4;
	struct two two = open_two(FRAME_PROCESSES);
	struct frame frame;

	for (uint32_t i = 0; i < 4; i++) {
		int fd = memory_file(size, F_SEAL_GROW | F_SEAL_SHRINK);

		CHECK_EQ(hear_segment(&two, fd, 100, i, &frame), 1);
		ouro__frame_release(&frame);
	}
	CHECK_EQ(
		hear_segment(&two, memory_file(65536, F_SEAL_GROW | F_SEAL_SHRINK), 100, 4, &frame),
		OURO_EPROTO);
	close_two(&two);
}

/* The child has the same memory, and a copy of the message. */
TEST(the_child_of_a_fork_gives_nothing_back)
{
	struct two two = open_two(FRAME_PROCESSES);
	char *first = pattern(100000, 1), *second = pattern(100000, 2);
	struct frame held, next;
	int status;
	pid_t pid;

	send_copy(&two.near, 1, first, 100000);
	held = receive(&two.near, &two.far);
	pid = fork();
	if (pid == 0) {
		ouro__frame_release(&held);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	send_copy(&two.near, 2, second, 100000);
	next = receive(&two.near, &two.far);
	CHECK(!memcmp(held.bytes.ptr, first, 100000));
	CHECK(!memcmp(next.bytes.ptr, second, 100000));
	ouro__frame_release(&held);
	ouro__frame_release(&next);
	free(first);
	free(second);
	close_two(&two);
}

TEST(more_descriptors_than_were_announced_are_refused_and_closed)
{
	struct two two = open_two(FRAME_PROCESSES);
	struct wire wire = { .magic = WIRE_MAGIC, .fd_count = 1 };
	int fds[3] = { a_file('a'), a_file('b'), a_file('c') };
	struct frame frame;

	CHECK_EQ(ouro__pass_send(two.near.side, fds, 3), 0);
	CHECK_EQ(write(two.near.out, &wire, sizeof(wire)), sizeof(wire));
	CHECK_EQ(ouro__frame_read(&two.far), 1);
	CHECK_EQ(ouro__frame_next(&two.far, &frame), OURO_EPROTO);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	close_two(&two);
}

/* Two threads that block, as a runner does. */

#define ECHOES (20000 / TEST_SLOW)

static void *echo(void *arg)
{
	struct frame_end *end = arg;
	struct frame frame;

	while (ouro__frame_read(end) == 1) {
		while (ouro__frame_next(end, &frame) == 1) {
			char *take = frame.taken;

			frame.taken = NULL;
			CHECK_EQ(ouro__frame_send(end, &frame, take), 0);
			frame.fd_count = 0;
			ouro__frame_release(&frame);
		}
		CHECK_EQ(ouro__frame_flush(end), 0);
	}
	ouro__frame_close(end);
	return NULL;
}

TEST(two_threads_talk_until_one_closes)
{
	struct two two = open_two(FRAME_THREADS);
	char *bytes = pattern(10000, 1);
	struct frame frame;
	pthread_t thread;

	CHECK_EQ(ouro__frame_block(&two.far), 0);
	CHECK_EQ(ouro__frame_block(&two.near), 0);
	CHECK_EQ(pthread_create(&thread, NULL, echo, &two.far), 0);
	for (unsigned i = 0; i < ECHOES; i++) {
		size_t n = i % 50 ? i % 100 : 10000;

		send_copy(&two.near, i, bytes, n);
		frame = receive(&two.near, &two.near);
		CHECK_EQ(frame.id, i);
		CHECK_EQ(frame.bytes.len, n);
		ouro__frame_release(&frame);
	}
	ouro__frame_close(&two.near);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	free(bytes);
}

/* Without memory, and without descriptors. */

static enum frame_between trying;

static int send_and_receive(void)
{
	struct two two;
	char *bytes = pattern(50000, 0);
	struct frame frame = { .bytes = ouro_str_n(bytes, 50000) };
	int err = ouro__frame_pair(&two.near, &two.far, trying);

	if (!err)
		err = ouro__frame_send(&two.near, &frame, NULL);
	if (!err)
		err = ouro__frame_flush(&two.near);
	if (!err)
		err = ouro__frame_read(&two.far);
	if (err == 1) {
		err = ouro__frame_next(&two.far, &frame) == 1 ? 0 : -ENOMEM;
		err = err ? err : frame.bytes_lost;
		CHECK_EQ(frame.bytes.len, err ? 0 : 50000);
		ouro__frame_release(&frame);
	}
	close_two(&two);
	free(bytes);
	return err;
}

TEST(without_memory_nothing_is_lost)
{
	trying = FRAME_THREADS;
	CHECK(for_each_failing_allocation(send_and_receive) >= 4);
	trying = FRAME_PROCESSES;
	CHECK(for_each_failing_allocation(send_and_receive) >= 3);
}

TEST(without_descriptors_there_is_no_pair_and_none_is_left)
{
	for (int kind = FRAME_THREADS; kind <= FRAME_PROCESSES; kind++) {
		struct rlimit usual, few;
		struct two two;
		int fd = dup(0), err = -EMFILE;

		CHECK_EQ(close(fd), 0);
		CHECK_EQ(getrlimit(RLIMIT_NOFILE, &usual), 0);
		few = usual;
		for (few.rlim_cur = (rlim_t)fd; err; few.rlim_cur++) {
			CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
			err = ouro__frame_pair(&two.near, &two.far, (enum frame_between)kind);
			CHECK(err == 0 || err == -EMFILE || err == -EINVAL);
			CHECK(few.rlim_cur < (rlim_t)fd + 64);
		}
		CHECK_EQ(setrlimit(RLIMIT_NOFILE, &usual), 0);
		close_two(&two);
	}
}
