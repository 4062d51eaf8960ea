/* ports.h -- what the tests of ports and workers share: pairs on one loop, messages that are easy to
 * tell from each other, and callbacks that say a word.
 *
 * IN_BOTH(name) is a test that is run once between threads and once between processes. */
#ifndef PORTS_H
#define PORTS_H
#include "kit.h"
#include "ouro/worker.h"

#define IN_BOTH(name)                          \
	static void name(enum ouro_kind kind); \
	TEST(name##__threads)                  \
	{                                      \
		name(OURO_THREADS);            \
	}                                      \
	TEST(name##__processes)                \
	{                                      \
		name(OURO_PROCESSES);          \
	}                                      \
	static void name(enum ouro_kind kind)

/* --- Sending --- */

static inline void send_text(ouro_port *port, const char *text)
{
	CHECK_EQ(ouro_port_send(port, ouro_str_z(text)), 0);
}

/* n times the same byte, in memory of ouro's. */
static inline char *bytes_of(char byte, size_t n)
{
	ouro_buf *buf = ouro_buf_new();
	char *bytes = malloc(n);

	CHECK(buf && bytes);
	memset(bytes, byte, n);
	CHECK_EQ(ouro_buf_append(buf, bytes, n), 0);
	free(bytes);
	bytes = ouro_buf_detach(buf, NULL);
	ouro_buf_free(buf);
	return bytes;
}

static inline void send_big(ouro_port *port, char byte, size_t n)
{
	char *bytes = malloc(n);

	CHECK(bytes != NULL);
	memset(bytes, byte, n);
	CHECK_EQ(ouro_port_send(port, ouro_str_n(bytes, n)), 0);
	free(bytes);
}

/* --- Listening --- */

/* "word", "()" for an empty one, "x*200000" for many of the same. */
static inline void say_message(ouro_port *port, ouro_str message, void *arg)
{
	(void)port, (void)arg;
	if (message.len > 60) {
		for (size_t i = 0; i < message.len; i++)
			CHECK_EQ(message.ptr[i], message.ptr[0]);
		say("%c*%zu", message.ptr[0], message.len);
	} else if (message.len) {
		say("%.*s", (int)message.len, message.ptr);
	} else {
		say("()");
	}
}

static inline void say_message_and_queue_micro(ouro_port *port, ouro_str message, void *arg)
{
	say_message(port, message, arg);
	micro(ouro_port_loop(port), "micro");
}

static inline void count_message(ouro_port *port, ouro_str message, void *arg)
{
	(void)port, (void)message;
	++*(int *)arg;
}

static inline void say_exit(ouro_worker *worker, int code, void *arg)
{
	(void)arg;
	if (code < 0)
		say("exit:%s", ouro_errname(code));
	else
		say("exit:%d", code);
	if (ouro_worker_signal(worker))
		say("by:%s", sigabbrev_np(ouro_worker_signal(worker)));
	ouro_worker_close(worker);
}

static inline void say_gone(ouro_port *port, void *arg)
{
	(void)port, (void)arg;
	say("gone");
}

static inline void say_drained(ouro_port *port, void *arg)
{
	(void)port, (void)arg;
	say("drained");
}

static inline void say_nothing(ouro_port *port, void *arg)
{
	(void)port, (void)arg;
}

/* --- Very many: number i, and behind it bytes that follow from it --- */

static inline size_t flood_len(uint32_t i)
{
	return i % 1000 == 7 ? 70000 : i % 97;
}

static inline size_t flood_make(uint32_t i, char *bytes)
{
	size_t len = flood_len(i);

	memcpy(bytes, &i, sizeof(i));
	memset(bytes + sizeof(i), (char)i, len);
	return sizeof(i) + len;
}

static inline void flood_look(ouro_str message, uint32_t wanted)
{
	uint32_t i;

	CHECK(message.len >= sizeof(i));
	memcpy(&i, message.ptr, sizeof(i));
	CHECK_EQ(i, wanted);
	CHECK_EQ(message.len, sizeof(i) + flood_len(i));
	for (size_t k = sizeof(i); k < message.len; k++)
		CHECK(message.ptr[k] == (char)i);
}

struct flood {
	ouro_port *port;
	uint32_t next, left;
};

/* As many as the queue takes; on_drain goes on. */
static inline void flood_more(ouro_port *port, void *arg)
{
	static char bytes[80000];
	struct flood *flood = arg;
	int err = 0;

	(void)port;
	while (flood->left && !err) {
		err = ouro_port_send(flood->port,
				     ouro_str_n(bytes, flood_make(flood->next, bytes)));
		if (!err) {
			flood->next++;
			flood->left--;
		}
	}
	CHECK(!err || err == OURO_EBUSY || err == OURO_ECLOSED);
}

struct check_flood {
	uint32_t next;
};

static inline void check_message(ouro_port *port, ouro_str message, void *arg)
{
	struct check_flood *check = arg;

	(void)port;
	flood_look(message, check->next++);
}

/* --- A loop with a pipe --- */

struct duo {
	ouro_loop *loop;
	ouro_port *a, *b;
};

static inline struct duo duo_new(enum ouro_kind kind, const ouro_port_opts *limits)
{
	struct duo duo = { .loop = ouro_loop_new(NULL) };

	CHECK(duo.loop != NULL);
	CHECK_EQ(ouro_port_pair(duo.loop, kind, limits, &duo.a, &duo.b), 0);
	return duo;
}

/* Turns as often as it takes: the test is silent for too long if it never comes true. */
#define duo_run_while(duo, truth)                    \
	do {                                         \
		while (truth)                        \
			ouro_loop_turn((duo)->loop); \
	} while (0)

static inline void duo_run_until(struct duo *duo, const char *sentence)
{
	while (strlen(said) < strlen(sentence))
		ouro_loop_turn(duo->loop);
	CHECK_STR(said, sentence);
}

static inline void duo_turn(struct duo *duo, int n)
{
	while (n--)
		ouro_loop_turn(duo->loop);
}

static inline void duo_free(struct duo *duo)
{
	ouro_loop_free(duo->loop);
}

/* Does a reader meet the end there? */
static inline bool is_at_end(int fd)
{
	char byte;

	return read(fd, &byte, 1) == 0;
}
#endif
