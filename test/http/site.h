/* site.h -- a small site that the tests of the server visit: a path for each thing that a handler
 * may do, well or badly.
 *
 *     /              "hello\n"                    /stream  sends the body back as it comes
 *     /echo          method, target, fields       /sink    counts the body, piece by piece
 *     /body          the body                     /sip     the same, resting after each piece
 *     /later         after 100 ms                 /early   answers at the first piece of a body
 *     /never         not at all                   /unread  answers and never looks at the body
 *     /forgets       and does not say so          /bytes   ?n= of them, with back-pressure
 *     /drops         says that it will not        /length  sets ?set=, writes ?write=
 *     /twice         one time too many            /trailers, /inform, /field, /status/:code, ...
 *
 * What a client cannot see a handler notes: how an answer ended, that a client has gone. The notes
 * and the log of a visit are there to be looked at. */
#ifndef SITE_H
#define SITE_H
#include "kit.h"
#include "loop/loop.h"
#include "ouro/http.h"

#define SITE_KEPT 64

struct site {
	ouro_loop *loop;
	ouro_server *server;
	char notes[4096], log[4096];
	ouro_req_id kept[SITE_KEPT]; /* what /never has been given */
	unsigned kept_count;
	unsigned dones; /* of on_done */
};

/* What does not fit is left out: a visit of a thousand requests has nothing to say by words. */
OURO_PRINTF(3, 0)
static inline void site_write(char *text, size_t room, const char *fmt, va_list args)
{
	size_t used = strlen(text);

	if (used && used + 1 < room)
		text[used++] = ' ';
	vsnprintf(text + used, room - used, fmt, args);
}

OURO_PRINTF(2, 3) static inline void note(struct site *site, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	site_write(site->notes, sizeof(site->notes), fmt, args);
	va_end(args);
}

/* ---- Handlers ---- */

static inline uint64_t number(ouro_req *req, const char *name, uint64_t otherwise)
{
	return ouro_str_u64(ouro_req_query(req, name), otherwise);
}

static inline void say_hello(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_reply(req, 200, "text/plain", ouro_str_z("hello\n"));
}

static inline void echo(ouro_req *req, void *arg)
{
	ouro_buf *text = ouro_buf_new();
	ouro_str name, value, method = ouro_req_method(req), target = ouro_req_target(req);
	int err = text ? 0 : -ENOMEM;

	(void)arg;
	if (!err)
		err = ouro_buf_printf(text, "%s %s\n", method.ptr, target.ptr);
	for (unsigned i = 0; !err && i < ouro_req_headers(req); i++) {
		name = ouro_req_header_at(req, i, &value);
		err = ouro_buf_printf(text, "%s: %s\n", name.ptr, value.ptr);
	}
	if (err)
		ouro_req_fail(req, err);
	else
		ouro_req_reply(req, 200, "text/plain", ouro_buf_str(text));
	ouro_buf_free(text);
}

static inline void send_body_back(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_reply(req, 200, "application/octet-stream", ouro_req_body(req));
}

/* "/a/b host=example.org version=11 rest=b" */
static inline void tell_path(ouro_req *req, void *arg)
{
	ouro_str host = ouro_req_host(req), rest = ouro_req_rest(req);

	(void)arg;
	ouro_req_replyf(req, 200, "text/plain", "%s host=%s version=%d rest=%s\n",
			ouro_req_path(req).ptr, host.ptr ? host.ptr : "-", ouro_req_version(req),
			rest.ptr ? rest.ptr : "-");
}

static inline void tell_values(ouro_req *req, void *arg)
{
	ouro_str query = ouro_req_query(req, "q"), second = ouro_req_query_nth(req, "q", 1);
	ouro_str cookie = ouro_req_cookie(req, "c"), form = ouro_req_form(req, "f");

	(void)arg;
	ouro_req_replyf(req, 200, "text/plain", "q=%s q=%s c=%s f=%s\n",
			query.ptr ? query.ptr : "-", second.ptr ? second.ptr : "-",
			cookie.ptr ? cookie.ptr : "-", form.ptr ? form.ptr : "-");
}

static inline void answer_now(ouro_loop *loop, void *arg)
{
	(void)loop;
	ouro_req_reply(arg, 200, "text/plain", ouro_str_z("later\n"));
}

static inline void answer_later(ouro_req *req, void *arg)
{
	(void)arg;
	if (!ouro_timer_after(ouro_req_loop(req), number(req, "ms", 100), answer_now,
			      ouro_req_later(req))
		     .id)
		ouro_req_fail(req, -ENOMEM);
}

static inline void note_gone(ouro_req *req, int err, void *arg)
{
	(void)req;
	note(arg, "gone(%s)", ouro_errname(err));
}

/* Answered after all when the visit is over: see site_settle(). */
static inline void remember(struct site *site, ouro_req *req)
{
	CHECK(site->kept_count < SITE_KEPT);
	site->kept[site->kept_count++] = ouro_req_get_id(ouro_req_later(req));
}

static inline void keep(ouro_req *req, void *arg)
{
	remember(arg, req);
	ouro_req_on_gone(req, note_gone, arg);
}

static inline void answer_the_gone(ouro_req *req, int err, void *arg)
{
	note_gone(req, err, arg);
	if (ouro_req_is_gone(req))
		err = ouro_req_reply(req, 200, "text/plain", ouro_str_z("gone\n"));
	note(arg, "reply(%s)", ouro_errname(err));
}

static inline void wait_until_gone(ouro_req *req, void *arg)
{
	remember(arg, req);
	ouro_req_on_gone(req, answer_the_gone, arg);
}

static inline void forget(ouro_req *req, void *arg)
{
	(void)req, (void)arg;
}

static inline void drop_now(ouro_loop *loop, void *arg)
{
	(void)loop;
	ouro_req_drop(arg);
}

static inline void drop_later(ouro_req *req, void *arg)
{
	(void)arg;
	if (ouro_loop_macro(ouro_req_loop(req), drop_now, ouro_req_later(req)))
		ouro_req_fail(req, -ENOMEM);
}

static inline void reply_twice(ouro_req *req, void *arg)
{
	ouro_req_reply(req, 200, "text/plain", ouro_str_z("once\n"));
	note(arg, "%s",
	     ouro_errname(ouro_req_reply(req, 200, "text/plain", ouro_str_z("again\n"))));
}

static inline void reply_with(ouro_req *req, void *arg)
{
	int err = ouro_req_reply(req, (int)ouro_str_u64(ouro_req_param(req, "code"), 0),
				 "text/plain", ouro_str_z("body\n"));

	if (err) {
		note(arg, "reply(%s)", ouro_errname(err));
		ouro_req_status(req, 500);
	}
}

static inline void status_of(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_status(req, (int)ouro_str_u64(ouro_req_param(req, "code"), 0));
}

static inline void redirect(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_redirect(req, 303, "/elsewhere");
}

/* ?name= and ?value= become a field, or are refused. */
static inline void set_field(ouro_req *req, void *arg)
{
	int err = ouro_req_set(req, ouro_req_query(req, "name").ptr, ouro_req_query(req, "value"));

	(void)arg;
	ouro_req_replyf(req, 200, "text/plain", "%s\n", ouro_errname(err));
}

static inline void many_fields(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_set(req, "X-One", ouro_str_z("replaced"));
	ouro_req_set(req, "x-one", ouro_str_z("1"));
	ouro_req_add(req, "Set-Cookie", ouro_str_z("a=1"));
	ouro_req_add(req, "Set-Cookie", ouro_str_z("b=2"));
	ouro_req_set(req, "X-Gone", ouro_str_z("1"));
	ouro_req_unset(req, "X-Gone");
	ouro_req_unset(req, "Date");
	ouro_req_reply(req, 200, "text/plain", ouro_str_z("fields\n"));
}

static inline void inform_first(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_set(req, "Link", ouro_str_z("</style.css>; rel=preload"));
	ouro_req_inform(req, 103);
	ouro_req_reply(req, 200, "text/plain", ouro_str_z("informed\n"));
}

/* ---- Answers in pieces ---- */

static inline void two_pieces(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_start(req, 200, "text/plain");
	ouro_req_write(req, ouro_str_z("one\n"));
	ouro_req_write(req, ouro_str_z("two\n"));
	ouro_req_end(req);
}

static inline void second_piece(ouro_loop *loop, void *arg)
{
	(void)loop;
	ouro_req_write(arg, ouro_str_z("two\n"));
	ouro_req_end(arg);
}

static inline void a_piece_later(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_start(req, 200, "text/plain");
	ouro_req_write(req, ouro_str_z("one\n"));
	if (!ouro_timer_after(ouro_req_loop(req), 100, second_piece, ouro_req_later(req)).id)
		ouro_req_drop(req);
}

static inline void drop_in_between(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_start(req, 200, "text/plain");
	ouro_req_write(req, ouro_str_z("one\n"));
	if (!ouro_timer_after(ouro_req_loop(req), 100, drop_now, ouro_req_later(req)).id)
		ouro_req_drop(req);
}

static inline void with_trailers(ouro_req *req, void *arg)
{
	int err;

	ouro_req_start(req, 200, "text/plain");
	ouro_req_write(req, ouro_str_z("body\n"));
	err = ouro_req_trailer(req, "X-Sum", ouro_str_z("42"));
	if (err)
		note(arg, "trailer(%s)", ouro_errname(err));
	ouro_req_end(req);
}

static inline void length_set(ouro_req *req, void *arg)
{
	static const char digits[] = "0123456789";
	size_t n = number(req, "write", 0);
	int err;

	ouro_req_set_length(req, number(req, "set", 0));
	ouro_req_start(req, 200, "text/plain");
	ouro_req_write(req, ouro_str_n(digits, n < 10 ? n : 10));
	err = ouro_req_end(req);
	if (err)
		note(arg, "end(%s)", ouro_errname(err));
}

struct flow {
	size_t left, most; /* bytes to go; the most that ever waited */
};

#define FLOW_PIECE 4096

static inline void flow_on(ouro_req *req, void *arg)
{
	static char piece[FLOW_PIECE];
	struct flow *flow = arg;
	size_t high = 65536, n;
	int64_t queued = 0;

	memset(piece, 'x', sizeof(piece));
	while (flow->left && queued >= 0 && (size_t)queued < high) {
		n = flow->left < sizeof(piece) ? flow->left : sizeof(piece);
		queued = ouro_req_write(req, ouro_str_n(piece, n));
		flow->left -= n;
		if (queued > (int64_t)flow->most)
			flow->most = (size_t)queued;
	}
	if (!flow->left || queued < 0)
		ouro_req_end(req);
}

static inline void flow_bytes(ouro_req *req, void *arg)
{
	struct flow *flow = ouro_req_alloc(req, sizeof(*flow));

	(void)arg;
	if (!flow) {
		ouro_req_fail(req, -ENOMEM);
		return;
	}
	flow->left = number(req, "n", 0);
	ouro_req_on_drain(ouro_req_later(req), flow_on, flow);
	ouro_req_start(req, 200, "text/plain");
	flow_on(req, flow);
}

/* ---- Bodies in pieces ---- */

static inline void piece_back(ouro_req *req, int err, ouro_str piece, void *arg)
{
	if (!err) {
		ouro_req_write(req, piece);
	} else if (err == OURO_EOF) {
		ouro_req_end(req);
	} else {
		note(arg, "body(%s)", ouro_errname(err));
		ouro_req_drop(req);
	}
}

static inline void stream_back(ouro_req *req, void *arg)
{
	ouro_req_read(req, piece_back, arg);
	ouro_req_start(req, 200, "text/plain");
}

struct count {
	uint64_t bytes;
	struct site *site;
	bool sips;
};

static inline void wake_up(ouro_loop *loop, void *arg)
{
	(void)loop;
	ouro_req_resume(arg);
}

static inline void count_piece(ouro_req *req, int err, ouro_str piece, void *arg)
{
	struct count *count = arg;

	count->bytes += piece.len;
	if (err == OURO_EOF) {
		ouro_req_replyf(req, 200, "text/plain", "%llu bytes\n",
				(unsigned long long)count->bytes);
	} else if (err) {
		note(count->site, "body(%s)", ouro_errname(err));
		ouro_req_fail(req, err);
	} else if (count->sips) {
		ouro_req_pause(req);
		if (!ouro_timer_after(ouro_req_loop(req), 10, wake_up, req).id)
			ouro_req_resume(req);
	}
}

static inline void count_body(ouro_req *req, struct site *site, bool sips)
{
	struct count *count = ouro_req_alloc(req, sizeof(*count));

	if (!count) {
		ouro_req_fail(req, -ENOMEM);
		return;
	}
	*count = (struct count){ .site = site, .sips = sips };
	ouro_req_read(req, count_piece, count);
}

static inline void sink(ouro_req *req, void *arg)
{
	count_body(req, arg, false);
}

static inline void sip(ouro_req *req, void *arg)
{
	count_body(req, arg, true);
}

static inline void answer_a_piece(ouro_req *req, int err, ouro_str piece, void *arg)
{
	(void)piece;
	if (err)
		note(arg, "body(%s)", ouro_errname(err));
	ouro_req_reply(req, 200, "text/plain", ouro_str_z("early\n"));
}

static inline void answer_early(ouro_req *req, void *arg)
{
	ouro_req_read(req, answer_a_piece, arg);
}

static inline void leave_unread(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_reply(req, 200, "text/plain", ouro_str_z("unread\n"));
}

static inline void hold_unread(ouro_req *req, void *arg)
{
	keep(req, arg);
}

/* ---- Another protocol ---- */

static inline void stream_echo(ouro_stream *stream, int err, ouro_str bytes, void *arg)
{
	(void)arg;
	if (err == OURO_EOF)
		ouro_stream_end(stream);
	else if (err || ouro_stream_write(stream, bytes) < 0)
		ouro_stream_close(stream);
}

static inline void upgrade(ouro_req *req, void *arg)
{
	struct site *site = arg;
	ouro_stream *stream;
	int err = ouro_req_upgrade(req, NULL, &stream);

	if (err == 0) {
		if (ouro_stream_read(stream, stream_echo, site))
			ouro_stream_close(stream);
		return;
	}
	note(site, "upgrade(%s)", ouro_errname(err));
	if (err == -EINVAL)
		ouro_req_status(req, 426);
}

/* ---- The site ---- */

static inline void guard(ouro_req *req, void *arg)
{
	(void)arg;
	if (ouro_req_header(req, "Authorization").ptr)
		ouro_req_next(req);
	else
		ouro_req_status(req, 401);
}

static const ouro_route guarded_routes[] = {
	{ .method = "GET", .path = "/room", .fn = tell_path },
	{ 0 },
};

static const ouro_route site_routes[] = {
	{ .method = "GET", .path = "/", .fn = say_hello },
	{ .path = "/echo", .fn = echo },
	{ .method = "POST", .path = "/body", .fn = send_body_back },
	{ .method = "POST", .path = "/small", .fn = send_body_back, .body_max = 10 },
	{ .method = "GET", .path = "/path/", .fn = tell_path },
	{ .path = "/values", .fn = tell_values },
	{ .path = "/later", .fn = answer_later },
	{ .path = "/never", .fn = keep },
	{ .path = "/deadline", .fn = keep, .answer_ms = 500 },
	{ .path = "/until-gone", .fn = wait_until_gone },
	{ .path = "/forgets", .fn = forget },
	{ .path = "/drops", .fn = drop_later },
	{ .path = "/twice", .fn = reply_twice },
	{ .path = "/status/:code", .fn = status_of },
	{ .path = "/reply/:code", .fn = reply_with },
	{ .path = "/redirect", .fn = redirect },
	{ .path = "/field", .fn = set_field },
	{ .path = "/fields", .fn = many_fields },
	{ .path = "/inform", .fn = inform_first },
	{ .path = "/chunked", .fn = two_pieces },
	{ .path = "/two", .fn = a_piece_later },
	{ .path = "/cut", .fn = drop_in_between },
	{ .path = "/trailers", .fn = with_trailers },
	{ .path = "/length", .fn = length_set },
	{ .path = "/bytes", .fn = flow_bytes },
	{ .path = "/stream", .fn = stream_back, .stream = true },
	{ .path = "/sink", .fn = sink, .stream = true },
	{ .path = "/sink-10", .fn = sink, .stream = true, .body_max = 10 },
	{ .path = "/sip", .fn = sip, .stream = true },
	{ .path = "/early", .fn = answer_early, .stream = true },
	{ .path = "/unread", .fn = leave_unread, .stream = true },
	{ .path = "/hold", .fn = hold_unread, .stream = true },
	{ .path = "/upgrade", .fn = upgrade },
	{ .method = "CONNECT", .path = "*", .fn = upgrade },
	{ .path = "/guarded", .wrap = guard, .routes = guarded_routes },
	{ 0 },
};

static inline void site_done(ouro_req *req, const ouro_req_done *done, void *arg)
{
	struct site *site = arg;

	(void)req;
	site->dones++;
	if (done->err)
		note(site, "%d(%s)", done->status, ouro_errname(done->err));
	else
		note(site, "%d", done->status);
}

OURO_PRINTF(2, 3) static inline void site_log_line(struct site *site, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	site_write(site->log, sizeof(site->log), fmt, args);
	va_end(args);
}

static inline void site_log(ouro_log_level level, const char *sentence, void *arg)
{
	site_log_line(arg, "%s: %s\n", ouro_log_level_name(level), sentence);
}

static inline void site_end(const ouro_server_report *report, void *arg)
{
	struct site *site = arg;

	note(site, "end(%llu answered, %llu finished, %llu cut)",
	     (unsigned long long)report->requests, (unsigned long long)report->finished,
	     (unsigned long long)report->cut);
	site->server = NULL;
}

/* Opens it with these options; routes, arg and on_done are the site's, if they say nothing else. */
static inline int site_open(struct site *site, ouro_http_opts opts)
{
	int err;

	if (!opts.routes)
		opts.routes = site_routes;
	opts.arg = site;
	if (!opts.on_done)
		opts.on_done = site_done;
	site->notes[0] = site->log[0] = 0;
	site->kept_count = 0;
	err = ouro_http_open(site->loop, &opts, &site->server);
	if (!err)
		ouro_server_on_close(site->server, site_end);
	return err;
}

static inline void site_loop(struct site *site)
{
	site->loop = ouro_loop_new(
		&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL, .on_log = site_log, .arg = site });
	CHECK(site->loop != NULL);
}

/* Answers what /never was given. */
static inline void site_settle(struct site *site)
{
	for (unsigned i = 0; i < site->kept_count; i++) {
		ouro_req *req = ouro_req_find(site->loop, site->kept[i]);

		if (req)
			ouro_req_status(req, 503);
	}
	site->kept_count = 0;
}

/* ---- Time ---- */

static inline void stay(ouro_loop *loop, void *arg)
{
	(void)loop;
	*(bool *)arg = false;
}

/* One turn in which time stands still, because a task waits. True: something was done in it. */
static inline bool site_step(struct site *site)
{
	ouro_loop_stats before, after;
	bool waits = true;

	while (ouro_loop_macro(site->loop, stay, &waits))
		; /* no memory, this once */
	ouro_loop_get_stats(site->loop, &before);
	ouro_loop_turn(site->loop);
	CHECK(!waits);
	ouro_loop_get_stats(site->loop, &after);
	return site->loop->poll.heard || after.callback_ns.count - before.callback_ns.count > 1;
}

/* Turns the loop until there is nothing more to do at this moment. True: something was done. */
static inline bool site_turn(struct site *site)
{
	bool did = false;

	for (unsigned quiet = 0; quiet < 2; quiet++)
		if (site_step(site)) {
			did = true;
			quiet = 0;
		}
	return did;
}

/* So much virtual time passes, and all that is due in it happens. between() is called each time
 * that the clock may have moved. */
static inline void site_wait(struct site *site, uint64_t ms, void (*between)(void *), void *arg)
{
	bool waits = true;

	while (!ouro_timer_after(site->loop, ms, stay, &waits).id)
		;
	while (waits) {
		ouro_loop_turn(site->loop);
		if (between)
			between(arg);
	}
	site_turn(site);
}
#endif
