/* How a fetch ends before its answer: by a deadline, by cancelling, with its loop, without memory.
 * */
#include "fetch.h"

#define HEAD "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"

static ouro_fetch fetch_with(struct raw *raw, ouro_fetch_opts opts, struct end *end)
{
	ouro_fetch fetch;

	memset(end, 0, sizeof(*end));
	opts.url = opts.url ? opts.url : "http://x/bad";
	if (!opts.unix_path)
		opts.unix_path = raw->path;
	fetch = ouro_http_fetch(raw->loop, &opts, note_end, end);
	CHECK(fetch.id != 0);
	return fetch;
}

/* ---- Deadlines ---- */

/* Asks, and answers how many ms it took to OURO_ETIMEOUT. */
static uint64_t time_out(struct raw *raw, ouro_fetch_opts opts)
{
	uint64_t began = ouro_loop_now(raw->loop);
	struct end end;

	fetch_with(raw, opts, &end);
	UNTIL(raw->loop, end.calls);
	CHECK_EQ(end.err, OURO_ETIMEOUT);
	CHECK_EQ(figures(raw->loop).connections, 0);
	return (ouro_loop_now(raw->loop) - began) / MS;
}

TEST(a_head_has_its_time)
{
	ouro_loop *loop = virtual_loop();
	struct raw raw;

	raw_open(&raw, loop);
	CHECK_EQ(time_out(&raw, (ouro_fetch_opts){ 0 }), 30000);
	CHECK_EQ(time_out(&raw, (ouro_fetch_opts){ .head_ms = 70 }), 70);
	CHECK_EQ(time_out(&raw, (ouro_fetch_opts){ .head_ms = OURO_NEVER }), 120000);
	raw_says(&raw, "HTTP/1.1 200 OK\r\nA:", STAY);
	CHECK_EQ(time_out(&raw, (ouro_fetch_opts){ .head_ms = 70 }), 70);
	check_sane(&raw);
	ouro_loop_free(loop);
}

TEST(a_body_must_move)
{
	ouro_loop *loop = virtual_loop();
	struct raw raw;

	raw_open(&raw, loop);
	raw_says(&raw, HEAD "five ", STAY);
	CHECK_EQ(time_out(&raw, (ouro_fetch_opts){ 0 }), 30000);
	CHECK_EQ(time_out(&raw, (ouro_fetch_opts){ .progress_ms = 70, .head_ms = 20 }), 70);
	raw.piece = 1;
	raw.wait_ms = 50;
	CHECK_EQ(time_out(&raw, (ouro_fetch_opts){ .progress_ms = 70, .head_ms = OURO_NEVER }),
		 50 * (strlen(HEAD "five ") - 1) + 70);
	check_sane(&raw);
	ouro_loop_free(loop);
}

TEST(the_whole_has_its_time_also_when_it_moves)
{
	ouro_loop *loop = virtual_loop();
	struct raw raw;

	raw_open(&raw, loop);
	raw_says(&raw, HEAD "five ", STAY);
	raw.piece = 1;
	raw.wait_ms = 50;
	CHECK_EQ(time_out(&raw, (ouro_fetch_opts){ .whole_ms = 500 }), 500);
	CHECK_EQ(time_out(&raw, (ouro_fetch_opts){ .whole_ms = 200 }), 200);
	check_sane(&raw);
	ouro_loop_free(loop);
}

TEST(waiting_for_a_connection_counts)
{
	ouro_client_opts one = { .per_origin = 1 };
	ouro_loop *loop = virtual_loop();
	struct end first, second;
	struct raw raw;

	raw_open(&raw, loop);
	CHECK_EQ(ouro_client_set(loop, &one), 0);
	fetch_with(&raw, (ouro_fetch_opts){ 0 }, &first);
	fetch_with(&raw, (ouro_fetch_opts){ .whole_ms = 100 }, &second);
	UNTIL(loop, second.calls);
	CHECK_EQ(second.err, OURO_ETIMEOUT);
	CHECK_EQ(first.calls, 0);
	CHECK_EQ(figures(loop).waiting, 0);
	ouro_loop_free(loop);
}

/* The server reads nothing, so that the body cannot leave. */
TEST(an_ask_must_move_too)
{
	ouro_loop *loop = virtual_loop();
	size_t size = 4 << 20;
	char *body = calloc(1, size);
	struct raw raw;
	uint64_t took;

	raw_open(&raw, loop);
	ouro_listener_pause(raw.listener);
	CHECK(body != NULL);
	took = time_out(&raw, (ouro_fetch_opts){ .method = "PUT",
						 .body = ouro_str_n(body, size),
						 .progress_ms = 100 });
	CHECK(took >= 100 && took <= 200);
	ouro_loop_free(loop);
	free(body);
}

static int fill_backlog(ouro_addr *ret_addr, int fds[3])
{
	int listener = plain_listener(0, ret_addr);

	for (int i = 0; i < 3; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)!connect(fds[i], &ret_addr->sa.any, ret_addr->len);
	}
	return listener;
}

TEST(a_connection_has_its_time)
{
	ouro_loop *loop = virtual_loop();
	struct raw raw = { .loop = loop };
	uint64_t began = ouro_loop_now(loop);
	int fds[3], listener;
	struct end end = { 0 };
	ouro_addr addr;
	char url[64];

	listener = fill_backlog(&addr, fds);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", ouro_addr_port(&addr));
	ouro_fetch_opts opts = { .url = url, .connect_ms = 300 };
	CHECK(ouro_http_fetch(loop, &opts, note_end, &end).id != 0);
	UNTIL(loop, end.calls);
	CHECK_EQ(end.err, OURO_ETIMEOUT);
	CHECK_EQ((ouro_loop_now(loop) - began) / MS, 300);
	CHECK_EQ(figures(raw.loop).connections, 0);
	ouro_loop_free(loop);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	close(listener);
}

/* ---- Cancelling ---- */

struct plan {
	struct raw raw;
	struct end end;
	ouro_fetch fetch;
	bool in_head, in_piece, pauses;
	int heads, pieces;
	size_t bytes;
};

static void on_head(ouro_fetch fetch, const ouro_answer *answer, void *arg)
{
	struct plan *plan = arg;

	plan->heads++;
	CHECK_EQ(ouro_answer_status(answer), 200);
	CHECK_EQ(fetch.id, plan->fetch.id);
	if (plan->in_head)
		CHECK(ouro_fetch_cancel(plan->raw.loop, fetch));
}

static void on_piece(ouro_fetch fetch, ouro_str piece, void *arg)
{
	struct plan *plan = arg;

	plan->pieces++;
	plan->bytes += piece.len;
	if (plan->in_piece)
		CHECK(ouro_fetch_cancel(plan->raw.loop, fetch));
	if (plan->pauses)
		CHECK(ouro_fetch_pause(plan->raw.loop, fetch));
}

static void on_end(int err, const ouro_answer *answer, void *arg)
{
	note_end(err, answer, &((struct plan *)arg)->end);
}

static void begin(struct plan *plan, const char *says, enum then then)
{
	ouro_fetch_opts opts = { .url = "http://x/bad", .on_head = on_head, .on_piece = on_piece };

	raw_open(&plan->raw, virtual_loop());
	raw_says(&plan->raw, says, then);
	opts.unix_path = plan->raw.path;
	plan->fetch = ouro_http_fetch(plan->raw.loop, &opts, on_end, plan);
	CHECK(plan->fetch.id != 0);
}

static void check_cancelled(struct plan *plan)
{
	UNTIL(plan->raw.loop, plan->end.calls);
	turns(plan->raw.loop, 5);
	CHECK_EQ(plan->end.calls, 1);
	CHECK_EQ(plan->end.err, OURO_ECANCELED);
	CHECK(!ouro_fetch_cancel(plan->raw.loop, plan->fetch));
	check_sane(&plan->raw);
	ouro_loop_free(plan->raw.loop);
}

TEST(it_can_be_cancelled_after_any_turn)
{
	for (int after = 0; after < 45; after++) {
		struct plan plan = { 0 };

		begin(&plan, HEAD "012345678", STAY);
		plan.raw.piece = 1;
		turns(plan.raw.loop, after);
		CHECK_EQ(plan.end.calls, 0);
		CHECK(ouro_fetch_cancel(plan.raw.loop, plan.fetch));
		CHECK_EQ(plan.end.calls, 0);
		check_cancelled(&plan);
	}
}

TEST(it_can_be_cancelled_from_its_own_callbacks)
{
	struct plan head = { .in_head = true }, piece = { .in_piece = true };

	begin(&head, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n",
	      STAY);
	check_cancelled(&head);
	CHECK_EQ(head.heads, 1);
	CHECK_EQ(head.pieces, 0);
	begin(&piece, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n",
	      STAY);
	check_cancelled(&piece);
	CHECK_EQ(piece.pieces, 1);
}

static void cancel_itself(int err, const ouro_answer *answer, void *arg)
{
	struct plan *plan = arg;

	CHECK(!ouro_fetch_cancel(plan->raw.loop, plan->fetch));
	CHECK(!ouro_fetch_pause(plan->raw.loop, plan->fetch));
	CHECK(!ouro_fetch_resume(plan->raw.loop, plan->fetch));
	CHECK_EQ(ouro_fetch_write(plan->raw.loop, plan->fetch, ouro_str_z("x")), OURO_ECLOSED);
	CHECK_EQ(ouro_fetch_end(plan->raw.loop, plan->fetch), OURO_ECLOSED);
	on_end(err, answer, plan);
}

TEST(in_its_last_callback_it_has_ended)
{
	ouro_loop *loop = virtual_loop();
	struct plan plan = { 0 };

	raw_open(&plan.raw, loop);
	ouro_fetch_opts opts = { .url = "http://x/good", .unix_path = plan.raw.path };
	plan.fetch = ouro_http_fetch(loop, &opts, cancel_itself, &plan);
	UNTIL(loop, plan.end.calls);
	CHECK_EQ(plan.end.err, 0);
	CHECK(!ouro_fetch_cancel(loop, plan.fetch));
	CHECK(!ouro_fetch_cancel(loop, (ouro_fetch){ 0 }));
	ouro_loop_free(loop);
}

/* ---- Pausing ---- */

static void resume(struct plan *plan)
{
	int pieces = plan->pieces;

	CHECK(ouro_fetch_resume(plan->raw.loop, plan->fetch));
	CHECK_EQ(plan->pieces, pieces);
	turns(plan->raw.loop, 5);
}

TEST(paused_it_hears_nothing_until_it_is_resumed)
{
	struct plan plan = { .pauses = true };

	begin(&plan,
	      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	      "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n",
	      STAY);
	for (int i = 1; i <= 3; i++) {
		turns(plan.raw.loop, 10);
		CHECK_EQ(plan.pieces, i);
		CHECK_EQ(plan.end.calls, 0);
		resume(&plan);
	}
	UNTIL(plan.raw.loop, plan.end.calls);
	CHECK_EQ(plan.end.err, 0);
	CHECK_EQ(plan.heads, 1);
	check_sane(&plan.raw);
	ouro_loop_free(plan.raw.loop);
}

static void pause_ended(ouro_loop *loop, void *arg)
{
	struct plan *plan = arg;

	(void)loop;
	CHECK_EQ(plan->end.calls, 0);
	plan->pauses = false;
	CHECK(ouro_fetch_resume(plan->raw.loop, plan->fetch));
}

TEST(paused_it_has_all_the_time_in_the_world)
{
	struct plan plan = { .pauses = true };

	begin(&plan, HEAD "five ", STAY);
	call_after(plan.raw.loop, 3600000, pause_ended, &plan);
	UNTIL(plan.raw.loop, plan.end.calls);
	CHECK_EQ(plan.end.err, OURO_ETIMEOUT);
	CHECK_EQ(plan.bytes, 5);
	CHECK(ouro_loop_now(plan.raw.loop) / MS >= 3630000);
	ouro_loop_free(plan.raw.loop);
}

TEST(paused_from_the_start_it_gets_the_head_and_no_piece)
{
	struct plan plan = { 0 };

	begin(&plan, HEAD "0123456789", CLOSE);
	CHECK(ouro_fetch_pause(plan.raw.loop, plan.fetch));
	turns(plan.raw.loop, 20);
	CHECK_EQ(plan.heads, 1);
	CHECK_EQ(plan.pieces, 0);
	resume(&plan);
	CHECK_EQ(plan.bytes, 10);
	CHECK_EQ(plan.end.calls, 1);
	CHECK_EQ(plan.end.err, 0);
	ouro_loop_free(plan.raw.loop);
}

/* ---- With its loop ---- */

static void ask_once_more(int err, const ouro_answer *answer, void *arg)
{
	struct plan *plan = arg;

	errno = 0;
	CHECK_EQ(ouro_http_get(plan->raw.loop, "http://x/", on_end, plan).id, 0);
	CHECK_EQ(errno, ECANCELED);
	on_end(err, answer, plan);
}

TEST(a_loop_that_ends_tells_them_all)
{
	for (int after = 0; after < 12; after++) {
		ouro_loop *loop = virtual_loop();
		ouro_client_opts two = { .per_origin = 2 };
		struct plan plan = { 0 };
		ouro_fetch_opts opts = { .url = "http://x/silent",
					 .head_ms = OURO_NEVER,
					 .whole_ms = OURO_NEVER };

		raw_open(&plan.raw, loop);
		opts.unix_path = plan.raw.path;
		CHECK_EQ(ouro_client_set(loop, &two), 0);
		for (int i = 0; i < 4; i++)
			CHECK(ouro_http_fetch(loop, &opts, ask_once_more, &plan).id != 0);
		turns(loop, after);
		ouro_loop_free(loop);
		CHECK_EQ(plan.end.calls, 4);
		CHECK_EQ(plan.end.err, OURO_ECANCELED);
	}
}

static void free_the_loop(ouro_fetch fetch, ouro_str piece, void *arg)
{
	(void)fetch, (void)piece;
	ouro_loop_free(((struct plan *)arg)->raw.loop);
}

TEST(a_loop_may_be_freed_from_a_piece)
{
	ouro_loop *loop = virtual_loop();
	struct plan plan = { 0 };
	ouro_fetch_opts opts = { .url = "http://x/bad", .on_piece = free_the_loop };

	raw_open(&plan.raw, loop);
	raw_says(&plan.raw, HEAD "five ", STAY);
	opts.unix_path = plan.raw.path;
	CHECK(ouro_http_fetch(loop, &opts, on_end, &plan).id != 0);
	while (!plan.end.calls)
		ouro_loop_turn(loop);
	CHECK_EQ(plan.end.err, OURO_ECANCELED);
}

TEST(a_loop_that_never_fetched_has_nothing_to_tell)
{
	ouro_loop *loop = virtual_loop();
	ouro_client_stats now = figures(loop);

	CHECK_EQ(now.fetches + now.connections + now.made, 0);
	CHECK(!ouro_fetch_cancel(loop, (ouro_fetch){ 1 }));
	ouro_loop_free(loop);
}

/* ---- Without memory ---- */

/* The far end uses none of ouro's. */
static int far_listener(const char *name)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ouro_addr addr;

	CHECK_EQ(ouro_addr_unix(name, &addr), 0);
	CHECK(fd >= 0);
	CHECK_EQ(bind(fd, &addr.sa.any, addr.len), 0);
	CHECK_EQ(listen(fd, 10), 0);
	return fd;
}

static char far_name[64];
static int far_socket;
static const char *far_says[3];

/* Accepts, reads what there is, answers the nth ask with the nth answer. */
static void far_turn(int *fd, int *asks)
{
	char bytes[16384];
	ssize_t n;

	if (*fd < 0)
		*fd = accept4(far_socket, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	n = *fd < 0 ? -1 : read(*fd, bytes, sizeof(bytes) - 1);
	if (n == 0) {
		close(*fd);
		*fd = -1;
	}
	if (n <= 0 || *asks >= 3 || !far_says[*asks])
		return;
	CHECK(send(*fd, far_says[*asks], strlen(far_says[*asks]), MSG_NOSIGNAL) >= 0 ||
	      errno == EPIPE);
	++*asks;
}

static void write_the_body(ouro_loop *loop, ouro_fetch fetch)
{
	static const char piece[3000];

	for (int i = 0; i < 3; i++)
		ouro_fetch_write(loop, fetch, ouro_str_n(piece, sizeof(piece)));
	ouro_fetch_end(loop, fetch);
}

static bool uploads;

static int attempt(void)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
	static const ouro_field fields[] = { { "X-One", { "1", 1 } }, { NULL, { NULL, 0 } } };
	ouro_fetch_opts opts = { .url = "http://x/a",
				 .unix_path = far_name,
				 .fields = fields,
				 .upload = uploads,
				 .method = uploads ? "POST" : "GET",
				 .redirects = 3 };
	int fd = -1, asks = 0;
	struct end end = { 0 };
	ouro_fetch fetch;

	if (!loop)
		return -errno;
	fetch = ouro_http_fetch(loop, &opts, note_end, &end);
	if (!fetch.id) {
		ouro_loop_free(loop);
		return -ENOMEM;
	}
	if (uploads)
		write_the_body(loop, fetch);
	while (!end.calls) {
		ouro_loop_turn(loop);
		far_turn(&fd, &asks);
	}
	CHECK_EQ(end.calls, 1);
	CHECK(end.err || end.status == 200);
	ouro_loop_free(loop);
	if (fd >= 0)
		close(fd);
	return end.err;
}

TEST(whatever_memory_is_missing_it_says_so_once)
{
	snprintf(far_name, sizeof(far_name), "@ouro-test-fetch-far-%d", (int)getpid());
	far_socket = far_listener(far_name);
	far_says[0] = GOOD;
	CHECK(for_each_failing_allocation(attempt) >= 8);
	far_says[0] = "HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n";
	far_says[1] =
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
	CHECK(for_each_failing_allocation(attempt) >= 9);
	uploads = true;
	far_says[0] = GOOD;
	CHECK(for_each_failing_allocation(attempt) >= 9);
	close(far_socket);
}
