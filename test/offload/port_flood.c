/* port_flood.c -- a port whose other end sends without regard to what may wait.
 *
 * No end of ours does that: one is told here of another limit than its peer's. So this looks inside, and
 * goes without what other tests of ports share. */
#include "offload/port.h"
#include "ouro/loop.h"
#include "test.h"

#define LEN    100
#define LIMITS ((ouro_port_opts){ .high = 1000, .max = LEN })

/* With the slack that marks need, what one end holds for a listener, in messages; those marks that it
 * holds as well are fewer than one for ten. */
#define MOST ((1000 + LEN + PORT_SLACK) / (LEN + PORT_COST))

static struct {
	ouro_loop *loop;
	ouro_port *sender, *holder;
	unsigned sent, received;
	bool logged, gone;
} flood;

static void on_log(ouro_log_level level, const char *sentence, void *arg)
{
	(void)level, (void)arg;
	CHECK(strstr(sentence, "a port is given up, what came through it makes no sense") != NULL);
	CHECK(!flood.logged);
	flood.logged = true;
}

static void on_gone(ouro_port *port, void *arg)
{
	(void)port, (void)arg;
	CHECK(!flood.gone);
	flood.gone = true;
}

static void on_message(ouro_port *port, ouro_str message, void *arg)
{
	unsigned number;

	(void)port, (void)arg;
	CHECK_EQ(message.len, LEN);
	memcpy(&number, message.ptr, sizeof(number));
	CHECK_EQ(number, flood.received++);
	CHECK(!flood.gone);
}

static void open_flood(enum ouro_kind kind)
{
	memset(&flood, 0, sizeof(flood));
	flood.loop = ouro_loop_new(&(ouro_loop_opts){ .on_log = on_log });
	CHECK(flood.loop != NULL);
	CHECK_EQ(ouro_port_pair(flood.loop, kind, &LIMITS, &flood.sender, &flood.holder), 0);
	ouro_port_on_gone(flood.holder, on_gone); /* it reads, and nobody listens */
}

static int send_one(void)
{
	char bytes[LEN] = "";
	int err;

	memcpy(bytes, &flood.sent, sizeof(flood.sent));
	err = ouro_port_send(flood.sender, ouro_str_n(bytes, LEN));
	flood.sent += !err;
	return err;
}

/* Few at a time, so that few are under way. */
static void send_without_end(void)
{
	flood.sender->half->opts.high = SIZE_MAX;
	while (!flood.logged) {
		for (int i = 0; i < 10; i++)
			CHECK_EQ(send_one(), 0);
		ouro_loop_turn(flood.loop);
	}
}

static void who_sends_too_much(enum ouro_kind kind)
{
	open_flood(kind);
	send_without_end();
	CHECK(flood.sent > MOST / 10 * 9);
	CHECK(flood.sent < MOST + 3000); /* a pipe, and its reader's box */
	CHECK(test_memory.held < (size_t)8 << 20);
	CHECK_EQ(ouro_port_send(flood.holder, ouro_str_z("back")), OURO_ECLOSED);
	CHECK(!flood.gone);
	ouro_port_on_message(flood.holder, on_message, NULL);
	while (!flood.gone)
		ouro_loop_turn(flood.loop);
	CHECK(flood.received > MOST / 10 * 9 && flood.received <= MOST + 1);
	ouro_port_close(flood.holder);
	while (send_one() != OURO_ECLOSED)
		ouro_loop_turn(flood.loop);
	ouro_loop_free(flood.loop);
}

TEST(who_sends_more_than_may_wait_is_given_up_between_threads)
{
	who_sends_too_much(OURO_THREADS);
}

TEST(who_sends_more_than_may_wait_is_given_up_between_processes)
{
	who_sends_too_much(OURO_PROCESSES);
}

TEST(who_keeps_to_the_limit_never_comes_near_it)
{
	for (int kind = OURO_THREADS; kind <= OURO_PROCESSES; kind++) {
		open_flood((enum ouro_kind)kind);
		for (int i = 0; i < 3; i++) {
			while (!send_one())
				;
			ouro_loop_turn(flood.loop);
		}
		CHECK(flood.sent * (LEN + PORT_COST) >= 1000);
		CHECK(flood.sent * (LEN + PORT_COST) <= 1000 + LEN + PORT_COST);
		CHECK(!flood.logged && !flood.gone);
		ouro_loop_free(flood.loop);
	}
}
