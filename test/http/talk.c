/* talk.c -- conversations with the server, each in a file of its own that reads like one.
 *
 * test/http/talks/ has a file a rule, and the name of the file is the rule. In it, line by line:
 *
 *     # words                  why that is the rule
 *     ! body_max=100           an option of the server, or several; `whole`: never cut, see below;
 *                              `hosts`: it answers to example.org and localhost alone;
 *                              `requests_max=1`: it sheds from so many on
 *     > GET / HTTP/1.1         sent, with the end of a line;  >> without;  >* 9 x  nine times
 *     < HTTP/1.1 200 OK        the next answer begins so; a status line may end after its number
 *     < Allow: GET, HEAD       it has this field; `*` for the value: any
 *     <! Date                  it has not
 *     <.                       it ends with its head, whatever that says: an answer to HEAD
 *     = hello                  a line of its body, all of which is compared if any is;  == without
 *                              the end;  =* as above;  a == alone: the body is empty
 *     <+ X-Sum: 1              a trailer
 *     << 5\r\n                 these very bytes come next: how a body is framed, another protocol
 *     !wait 10s                so much time passes (virtual: it takes none)
 *     !shut  !hangup           the client shuts its side; closes its socket
 *     !deaf  !hear             it does not read; it reads again
 *     !close  !reset  !open    the server has closed in order; by a reset; it has not closed
 *     !gone                    and nothing of the connection is left there
 *     !new                     another connection takes the place of this one
 *     !end 5s                  the server is told to end within that time
 *     !notes 200 gone(...)     what the handlers have noted since they were asked last: site.h
 *     !log words               the server's log has these words
 *     !counts refused=1        a figure of ouro_server_stats, or several
 *
 * \r \n \t \0 \\ and \x7f are what they are in C. Every talk is held in many ways: whole; cut, for
 * each place where it can be cut, with the loop turned in between until nothing happens; and byte
 * by byte. What the client hears must be the same each time, and every answer must be good HTTP. */
#include "dies.h"
#include "http/site.h"
#include "ouro/shed.h"
#include <ctype.h>
#include <strings.h>
#include <sys/stat.h>

#define ROOM  (4u << 20)
#define STEPS 1024
#define TALKS 500
#define CUTS  1500 /* of a talk; a longer one is not cut everywhere */

struct run;
struct step;
typedef void verb_fn(struct run *run, const struct step *step);

enum text_kind { TEXT_NONE, TEXT_LINE_CRLF, TEXT_LINE_LF, TEXT_RAW, TEXT_TIMES };

struct verb {
	const char *name;
	enum text_kind kind;
	verb_fn *fn;
};

struct step {
	const struct verb *verb;
	const char *text;
	size_t len, times;
	unsigned line;
};

struct talk {
	const char *path;
	char text[65536];
	struct step steps[STEPS];
	unsigned count;
	size_t length; /* bytes that it sends in all */
	ouro_http_opts opts;
	ouro_shed_opts shed;
	bool whole;
};

/* Where a run is cut: after so many bytes, or nowhere, or after every byte. */
enum { CUT_NOWHERE = -1, CUT_EVERYWHERE = -2 };

struct answer {
	bool heard; /* there is one, and it is not over */
	bool bodiless, parsed, compares;
	const char *head;
	size_t head_len, body_len, wanted_len;
	size_t trailers, trailers_len; /* in the bytes that came */
};

struct run {
	struct talk *talk;
	struct site *site;
	const struct step *step; /* at hand */
	long cut;
	int fd;
	bool deaf, closed, reset, stuck;
	size_t sent, pending, got, at, tale_len;
	struct answer answer;
};

/* What is on its way out; what came; the body at hand; what it should be; what was heard in all,
 * and what the first run heard. */
static char out[ROOM], in[ROOM], body[ROOM], wanted[ROOM], tale[ROOM], first_tale[ROOM];

/* ---- When it goes wrong ---- */

static void show(const char *title, const char *bytes, size_t len)
{
	fprintf(stderr, "# %s: ", title);
	for (size_t i = 0; i < len && i < 2000; i++)
		if (bytes[i] == '\n')
			fprintf(stderr, "\\n\n#     ");
		else if (bytes[i] == '\r')
			fprintf(stderr, "\\r");
		else if (isprint((unsigned char)bytes[i]))
			fputc(bytes[i], stderr);
		else
			fprintf(stderr, "\\x%02x", (unsigned char)bytes[i]);
	fprintf(stderr, "%s\n", len > 2000 ? "..." : "");
}

_Noreturn OURO_PRINTF(2, 3) static void wrong(const struct run *run, const char *fmt, ...)
{
	char what[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	if (run->cut == CUT_EVERYWHERE)
		fprintf(stderr, "# byte by byte:\n");
	else if (run->cut != CUT_NOWHERE)
		fprintf(stderr, "# cut after %ld bytes:\n", run->cut);
	if (run->closed)
		fprintf(stderr, "# the server has closed, by %s\n",
			run->reset ? "a reset" : "an orderly end");
	show("what came and was not expected yet", in + run->at, run->got - run->at);
	if (*run->site->notes)
		show("notes", run->site->notes, strlen(run->site->notes));
	if (*run->site->log)
		show("log", run->site->log, strlen(run->site->log));
	test_fail(run->talk->path, run->step ? (int)run->step->line : 0, what);
}

/* ---- The client's side of the wire ---- */

/* Reads what there is; true: there was something. */
static bool pump(struct run *run)
{
	size_t before = run->got;
	ssize_t n = 1;

	while (!run->closed && !run->deaf && n > 0) {
		CHECK(run->got < ROOM);
		n = read(run->fd, in + run->got, ROOM - run->got);
		if (n > 0)
			run->got += (size_t)n;
		else if (n == 0 || errno != EAGAIN)
			run->closed = true;
		if (n < 0 && run->closed)
			run->reset = true;
	}
	return run->got != before;
}

static void pump_more(void *arg)
{
	pump(arg);
}

static void quiet(struct run *run)
{
	do
		site_turn(run->site);
	while (pump(run));
}

/* Sends what is pending. A server that does not read on is not waited for: what it does not take is
 * lost, and the talk goes on. Nor is one that is gone. */
static void flush(struct run *run)
{
	size_t at = 0;
	ssize_t n;

	while (at < run->pending && !run->stuck) {
		n = send(run->fd, out + at, run->pending - at, MSG_NOSIGNAL);
		if (n > 0) {
			at += (size_t)n;
		} else if (errno != EAGAIN) {
			run->stuck = true;
		} else if (!site_turn(run->site)) {
			run->stuck = true;
		}
		pump(run);
	}
	run->pending = 0;
}

static void settle(struct run *run)
{
	flush(run);
	quiet(run);
}

static void send_byte(struct run *run, char c)
{
	CHECK(run->pending < ROOM);
	out[run->pending++] = c;
	run->sent++;
	if (run->cut == CUT_EVERYWHERE || (long)run->sent == run->cut)
		settle(run);
}

static void send_step(struct run *run, const struct step *step)
{
	for (size_t i = 0; i < step->times; i++)
		for (size_t j = 0; j < step->len; j++)
			send_byte(run, step->text[j]);
}

static void connect_client(struct run *run)
{
	int pair[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	CHECK_EQ(ouro_server_adopt(run->site->server, pair[1]), 0);
	run->fd = pair[0];
	run->deaf = run->closed = run->reset = run->stuck = false;
	run->got = run->at = 0;
}

/* ---- Answers, as strictly as a client can read them ---- */

static bool next_line(const char **at, const char *end, ouro_str *ret_line)
{
	const char *stop = memmem(*at, (size_t)(end - *at), "\r\n", 2);

	if (!stop)
		return false;
	*ret_line = ouro_str_n(*at, (size_t)(stop - *at));
	*at = stop + 2;
	return true;
}

static bool is_token(ouro_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!s.ptr[i] ||
		    (!isalnum((unsigned char)s.ptr[i]) && !strchr("!#$%&'*+-.^_`|~", s.ptr[i])))
			return false;
	return s.len > 0;
}

/* The nth field of a head (behind its first line) or of trailers; false: has not so many. */
static bool nth_field(struct run *run, ouro_str fields, unsigned nth, ouro_str *ret_name,
		      ouro_str *ret_value)
{
	const char *at = fields.ptr, *end = fields.ptr + fields.len, *colon;
	ouro_str line = { 0 };

	for (unsigned i = 0; i <= nth; i++)
		if (!next_line(&at, end, &line) || !line.len)
			return false;
	colon = memchr(line.ptr, ':', line.len);
	if (!colon || !is_token(ouro_str_n(line.ptr, (size_t)(colon - line.ptr))) ||
	    colon[1] != ' ' || memchr(line.ptr, '\n', line.len) || memchr(line.ptr, '\r', line.len))
		wrong(run, "the server sent a field that is none: %.*s", (int)line.len, line.ptr);
	*ret_name = ouro_str_n(line.ptr, (size_t)(colon - line.ptr));
	*ret_value = ouro_str_n(colon + 2, (size_t)(line.ptr + line.len - colon - 2));
	return true;
}

static bool same_name(ouro_str a, ouro_str b)
{
	return a.len == b.len && !strncasecmp(a.ptr, b.ptr, a.len);
}

/* How many fields of that name there are with that value; a NULL value: with any. */
static unsigned count_fields(struct run *run, ouro_str fields, ouro_str name, ouro_str value)
{
	ouro_str n, v;
	unsigned count = 0;

	for (unsigned i = 0; nth_field(run, fields, i, &n, &v); i++)
		if (same_name(n, name))
			count += !value.ptr || ouro_str_eq(value, "*") ||
				 (v.len == value.len && !memcmp(v.ptr, value.ptr, v.len));
	return count;
}

static ouro_str head_fields(const struct run *run)
{
	const struct answer *a = &run->answer;
	const char *line_end = memmem(a->head, a->head_len, "\r\n", 2);

	return ouro_str_n(line_end + 2, a->head_len - (size_t)(line_end + 2 - a->head));
}

static unsigned has(struct run *run, const char *name, const char *value)
{
	return count_fields(run, head_fields(run), ouro_str_z(name), ouro_str_z(value));
}

static int status_of_answer(const struct run *run)
{
	return atoi(run->answer.head + 9);
}

/* A head that contradicts itself, or has what its status may not have. */
static void check_head(struct run *run)
{
	int status = status_of_answer(run);
	unsigned lengths = has(run, "Content-Length", NULL);
	unsigned codings = has(run, "Transfer-Encoding", NULL);

	if (strncmp(run->answer.head, "HTTP/1.1 ", 9) || status < 100 ||
	    run->answer.head[12] != ' ')
		wrong(run, "the server sent a status line that is none");
	if (lengths + codings > 1 || codings != has(run, "Transfer-Encoding", "chunked"))
		wrong(run, "the server's answer has two lengths, or a coding we do not know");
	if ((status < 200 || status == 204) && lengths + codings)
		wrong(run, "%d has no body, and no length", status);
	if (has(run, "Date", NULL) > 1 || has(run, "Connection", NULL) > 1)
		wrong(run, "a field is there twice");
}

static void tell(struct run *run, const char *bytes, size_t len)
{
	CHECK(run->tale_len + len < ROOM);
	memcpy(tale + run->tale_len, bytes, len);
	run->tale_len += len;
}

/* Date is another one a second later. */
static void tell_head(struct run *run)
{
	const char *at = run->answer.head, *end = at + run->answer.head_len;
	ouro_str line;

	while (next_line(&at, end, &line))
		if (line.len < 5 || strncasecmp(line.ptr, "Date:", 5))
			tell(run, line.ptr, line.len + 2);
}

static void take_to(struct run *run, size_t n, const char *of)
{
	if (run->got - run->at < n)
		wrong(run, "%s should have %zu bytes, and %zu came", of, n, run->got - run->at);
	memcpy(body + run->answer.body_len, in + run->at, n);
	run->answer.body_len += n;
	run->at += n;
}

static ouro_str take_line(struct run *run)
{
	const char *at = in + run->at;
	ouro_str line;

	if (!next_line(&at, in + run->got, &line))
		wrong(run, "the line of a chunk is not whole");
	run->at = (size_t)(at - in);
	return line;
}

static void take_chunks(struct run *run)
{
	size_t size;
	ouro_str line;

	do {
		line = take_line(run);
		size = 0;
		for (size_t i = 0; i < line.len; i++) {
			if (!isxdigit((unsigned char)line.ptr[i]))
				wrong(run, "the size of a chunk is no number");
			size = size * 16 + (size_t)(isdigit((unsigned char)line.ptr[i])
							    ? line.ptr[i] - '0'
							    : (line.ptr[i] | 32) - 'a' + 10);
		}
		if (!line.len)
			wrong(run, "a chunk has no size");
		take_to(run, size, "a chunk");
		if (size && take_line(run).len)
			wrong(run, "a chunk does not end where it said");
	} while (size);
	run->answer.trailers = run->at;
	while (take_line(run).len)
		;
	run->answer.trailers_len = run->at - run->answer.trailers;
}

/* Once, and not before it is asked for: a talk may want to see the framing itself. */
static void take_body(struct run *run)
{
	struct answer *a = &run->answer;
	int status = status_of_answer(run);
	ouro_str name, value, length = { 0 };

	if (a->parsed)
		return;
	a->parsed = true;
	if (a->bodiless || status < 200 || status == 204 || status == 304)
		return;
	for (unsigned i = 0; nth_field(run, head_fields(run), i, &name, &value); i++)
		if (ouro_str_caseeq(name, "Content-Length"))
			length = value;
	if (length.ptr)
		take_to(run, ouro_str_u64(length, SIZE_MAX), "the body");
	else if (has(run, "Transfer-Encoding", NULL))
		take_chunks(run);
	else if (run->closed)
		take_to(run, run->got - run->at, "the body");
	else
		wrong(run, "a body without a length, and the connection has not ended");
	tell(run, body, a->body_len);
}

/* The answer at hand is over: was its body the right one? */
static void end_answer(struct run *run)
{
	struct answer *a = &run->answer;

	if (!a->heard)
		return;
	take_body(run);
	if (a->compares &&
	    (a->body_len != a->wanted_len || memcmp(body, wanted, a->body_len) != 0)) {
		show("the body was", body, a->body_len);
		show("and should be", wanted, a->wanted_len);
		wrong(run, "the body of the answer before this line is another");
	}
	a->heard = false;
}

/* Whatever comes now is not part of an answer: all of those that came were expected. */
static void end_all(struct run *run)
{
	settle(run);
	end_answer(run);
	if (run->at != run->got)
		wrong(run, "more came than this");
}

/* ---- What a line does ---- */

static void hear_status(struct run *run, const struct step *step)
{
	const char *end;

	settle(run);
	end_answer(run);
	end = memmem(in + run->at, run->got - run->at, "\r\n\r\n", 4);
	if (!end)
		wrong(run, "no answer came");
	run->answer = (struct answer){
		.heard = true,
		.head = in + run->at,
		.head_len = (size_t)(end + 4 - (in + run->at)),
	};
	run->at += run->answer.head_len;
	check_head(run);
	tell_head(run);
	if (strncmp(run->answer.head, step->text, step->len) != 0 ||
	    !strchr(" \r", run->answer.head[step->len])) {
		show("the answer", run->answer.head, run->answer.head_len);
		wrong(run, "another answer came");
	}
}

static void split_field(const struct step *step, ouro_str *ret_name, ouro_str *ret_value)
{
	const char *colon = memchr(step->text, ':', step->len);
	const char *value = colon ? colon + 1 : NULL;

	while (value && *value == ' ')
		value++;
	*ret_name = ouro_str_n(step->text, colon ? (size_t)(colon - step->text) : step->len);
	*ret_value = ouro_str_n(value, value ? step->len - (size_t)(value - step->text) : 0);
}

static void hear_field(struct run *run, const struct step *step)
{
	ouro_str name, value;

	split_field(step, &name, &value);
	if (count_fields(run, head_fields(run), name, value) == 0) {
		show("the answer", run->answer.head, run->answer.head_len);
		wrong(run, "it has not this field");
	}
}

static void hear(struct run *run, const struct step *step)
{
	if (!strncmp(step->text, "HTTP/", 5))
		hear_status(run, step);
	else
		hear_field(run, step);
}

static void hear_no_field(struct run *run, const struct step *step)
{
	if (has(run, step->text, NULL)) {
		show("the answer", run->answer.head, run->answer.head_len);
		wrong(run, "it has this field");
	}
}

static void hear_no_body(struct run *run, const struct step *step)
{
	(void)step;
	run->answer.bodiless = true;
}

static void hear_trailer(struct run *run, const struct step *step)
{
	ouro_str name, value;

	take_body(run);
	split_field(step, &name, &value);
	if (count_fields(run, ouro_str_n(in + run->answer.trailers, run->answer.trailers_len), name,
			 value) != 1)
		wrong(run, "it has not this trailer, or twice");
}

static void hear_body(struct run *run, const struct step *step)
{
	struct answer *a = &run->answer;

	a->compares = true;
	for (size_t i = 0; i < step->times; i++) {
		CHECK(a->wanted_len + step->len < ROOM);
		memcpy(wanted + a->wanted_len, step->text, step->len);
		a->wanted_len += step->len;
	}
}

/* The head before it ends where these bytes begin. */
static void hear_bytes(struct run *run, const struct step *step)
{
	settle(run);
	run->answer.heard = false;
	if (run->got - run->at < step->len || memcmp(in + run->at, step->text, step->len) != 0)
		wrong(run, "other bytes came");
	tell(run, in + run->at, step->len);
	run->at += step->len;
}

static uint64_t milliseconds(struct run *run, const char *text)
{
	char *unit;
	uint64_t n = strtoull(text, &unit, 10);

	if (!strcmp(unit, "s"))
		return n * 1000;
	if (strcmp(unit, "ms") != 0)
		wrong(run, "a time is 10s or 10ms");
	return n;
}

static void do_wait(struct run *run, const struct step *step)
{
	settle(run);
	site_wait(run->site, milliseconds(run, step->text), pump_more, run);
	quiet(run);
}

static void do_shut(struct run *run, const struct step *step)
{
	(void)step;
	settle(run);
	shutdown(run->fd, SHUT_WR);
	quiet(run);
}

static void do_hangup(struct run *run, const struct step *step)
{
	(void)step;
	settle(run);
	close(run->fd);
	run->fd = -1;
	run->closed = true;
	site_turn(run->site);
}

static void do_deaf(struct run *run, const struct step *step)
{
	(void)step;
	settle(run);
	run->deaf = true;
}

static void do_hear(struct run *run, const struct step *step)
{
	(void)step;
	run->deaf = false;
	settle(run);
}

static void do_close(struct run *run, const struct step *step)
{
	(void)step;
	end_all(run);
	if (!run->closed || run->reset)
		wrong(run, "the server has not closed the connection in order");
	tell(run, "close\n", 6);
}

static void do_reset(struct run *run, const struct step *step)
{
	(void)step;
	end_all(run);
	if (!run->reset)
		wrong(run, "the server has not reset the connection");
	tell(run, "reset\n", 6);
}

static ouro_server_stats counts(struct run *run)
{
	ouro_server_stats stats;

	if (!run->site->server)
		wrong(run, "the server has ended");
	ouro_server_get_stats(run->site->server, &stats);
	return stats;
}

static void do_open(struct run *run, const struct step *step)
{
	(void)step;
	end_all(run);
	if (run->closed || counts(run).connections == 0)
		wrong(run, "the server has closed the connection");
}

static void do_gone(struct run *run, const struct step *step)
{
	(void)step;
	settle(run);
	if (run->site->server && counts(run).connections)
		wrong(run, "the server still has the connection");
}

static void do_new(struct run *run, const struct step *step)
{
	(void)step;
	end_all(run);
	if (run->fd >= 0)
		close(run->fd);
	connect_client(run);
}

static void do_end(struct run *run, const struct step *step)
{
	settle(run);
	ouro_server_close(run->site->server, (unsigned)milliseconds(run, step->text));
	quiet(run);
}

static void do_notes(struct run *run, const struct step *step)
{
	settle(run);
	if (strcmp(run->site->notes, step->text) != 0)
		wrong(run, "the handlers have noted something else");
	run->site->notes[0] = 0;
}

static void do_log(struct run *run, const struct step *step)
{
	settle(run);
	if (!strstr(run->site->log, step->text))
		wrong(run, "the log does not say so");
}

/* ---- Names and numbers: options, figures ---- */

#define FIGURES(X)     \
	X(connections) \
	X(idle)        \
	X(waiting)     \
	X(accepted)    \
	X(requests)    \
	X(refused)     \
	X(timeouts)    \
	X(gone)        \
	X(forgotten)   \
	X(bytes_in)    \
	X(bytes_out)   \
	X(shed)

#define OPTIONS(X)             \
	X(body_max)            \
	X(idle_ms)             \
	X(head_ms)             \
	X(body_ms)             \
	X(body_rate)           \
	X(write_ms)            \
	X(request_ms)          \
	X(answer_ms)           \
	X(linger_ms)           \
	X(head_max)            \
	X(target_max)          \
	X(fields_max)          \
	X(unread_max)          \
	X(high)                \
	X(pipeline_max)        \
	X(connection_requests) \
	X(length_required)

static bool figure_is(const ouro_server_stats *stats, const char *name, uint64_t value)
{
#define X(field)                   \
	if (!strcmp(name, #field)) \
		return stats->field == value;
	FIGURES(X)
#undef X
	return false;
}

static bool set_option(ouro_http_opts *opts, const char *name, uint64_t value)
{
#define X(field)                     \
	if (!strcmp(name, #field)) { \
		opts->field = value; \
		return true;         \
	}
	OPTIONS(X)
#undef X
	return false;
}

/* The next "name=value" of a line; false: there is none. `never` is OURO_NEVER. */
static bool next_pair(const char **at, char name[32], uint64_t *ret_value)
{
	char value[32] = "0";
	int used = 0;

	if (sscanf(*at, " %31[^ =]%n=%31s%n", name, &used, value, &used) < 1)
		return false;
	*at += used;
	*ret_value = strcmp(value, "never") ? strtoull(value, NULL, 10) : OURO_NEVER;
	return true;
}

static void do_counts(struct run *run, const struct step *step)
{
	const char *at = step->text;
	ouro_server_stats stats;
	uint64_t value;
	char name[32];

	settle(run);
	stats = counts(run);
	while (next_pair(&at, name, &value))
		if (!figure_is(&stats, name, value))
			wrong(run, "%s is another number, or no figure", name);
}

static const ouro_shed_opts *shed_from(struct talk *talk, unsigned requests_max)
{
	talk->shed = (ouro_shed_opts){ .requests_max = requests_max };
	return &talk->shed;
}

static void set_options(struct talk *talk, const char *text, unsigned line)
{
	static const char *const hosts[] = { "example.org", "localhost", NULL };
	uint64_t value;
	char name[32];

	while (next_pair(&text, name, &value))
		if (!strcmp(name, "whole"))
			talk->whole = true;
		else if (!strcmp(name, "hosts"))
			talk->opts.hosts = hosts;
		else if (!strcmp(name, "requests_max"))
			talk->opts.shed = shed_from(talk, (unsigned)value);
		else if (!set_option(&talk->opts, name, value))
			test_fail(talk->path, (int)line, "there is no such option");
}

/* ---- Reading a talk ---- */

/* A longer name comes before the one that it begins with. */
static const struct verb verbs[] = {
	{ ">>", TEXT_RAW, send_step },      { ">*", TEXT_TIMES, send_step },
	{ ">", TEXT_LINE_CRLF, send_step }, { "<<", TEXT_RAW, hear_bytes },
	{ "<!", TEXT_RAW, hear_no_field },  { "<.", TEXT_NONE, hear_no_body },
	{ "<+", TEXT_RAW, hear_trailer },   { "<", TEXT_RAW, hear },
	{ "==", TEXT_RAW, hear_body },      { "=*", TEXT_TIMES, hear_body },
	{ "=", TEXT_LINE_LF, hear_body },   { "!wait", TEXT_RAW, do_wait },
	{ "!shut", TEXT_NONE, do_shut },    { "!hangup", TEXT_NONE, do_hangup },
	{ "!deaf", TEXT_NONE, do_deaf },    { "!hear", TEXT_NONE, do_hear },
	{ "!close", TEXT_NONE, do_close },  { "!reset", TEXT_NONE, do_reset },
	{ "!open", TEXT_NONE, do_open },    { "!gone", TEXT_NONE, do_gone },
	{ "!new", TEXT_NONE, do_new },      { "!end", TEXT_RAW, do_end },
	{ "!notes", TEXT_RAW, do_notes },   { "!log", TEXT_RAW, do_log },
	{ "!counts", TEXT_RAW, do_counts },
};

static const struct verb *find_verb(const char *line)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strncmp(line, verbs[i].name, strlen(verbs[i].name)))
			return &verbs[i];
	return NULL;
}

/* In place; answers the length. */
static size_t unescape(char *text)
{
	static const char names[] = "rnt0\\", values[] = "\r\n\t\0\\";
	char *to = text, *from = text;

	while (*from) {
		const char *name = *from == '\\' && from[1] ? strchr(names, from[1]) : NULL;

		if (name) {
			*to++ = values[name - names];
			from += 2;
		} else if (*from == '\\' && from[1] == 'x') {
			char hex[3] = { from[2], from[3], 0 };

			*to++ = (char)strtoul(hex, NULL, 16);
			from += 4;
		} else {
			*to++ = *from++;
		}
	}
	*to = 0;
	return (size_t)(to - text);
}

/* The line lies in the file's text, behind which there is room for one end of a line more. */
static void add_step(struct talk *talk, char *line, unsigned number, char **room)
{
	const struct verb *verb = find_verb(line);
	struct step *step = &talk->steps[talk->count++];
	char *text = line;

	CHECK(talk->count < STEPS);
	if (!verb)
		test_fail(talk->path, (int)number, "this line does not say what to do");
	text += strlen(verb->name);
	text += *text == ' ';
	*step = (struct step){ .verb = verb, .times = 1, .line = number };
	if (verb->kind == TEXT_TIMES)
		step->times = strtoull(text, &text, 10), text += *text == ' ';
	step->len = unescape(text);
	memcpy(*room, text, step->len);
	step->text = *room;
	if (verb->kind == TEXT_LINE_CRLF)
		(*room)[step->len++] = '\r';
	if (verb->kind == TEXT_LINE_CRLF || verb->kind == TEXT_LINE_LF)
		(*room)[step->len++] = '\n';
	*room += step->len;
	*(*room)++ = 0;
	if (verb->fn == send_step)
		talk->length += step->len * step->times;
}

static void read_talk(struct talk *talk)
{
	static char text[65536];
	char *at = text, *line, *room = talk->text;
	FILE *file = fopen(talk->path, "r");
	unsigned number = 0;

	CHECK(file != NULL);
	text[fread(text, 1, sizeof(text) / 2, file)] = 0;
	fclose(file);
	while ((line = strsep(&at, "\n"))) {
		number++;
		if (!*line || *line == '#')
			continue;
		if (!strncmp(line, "! ", 2))
			set_options(talk, line + 2, number);
		else
			add_step(talk, line, number, &room);
	}
}

/* ---- Holding it ---- */

static void hold(struct talk *talk, struct site *site, long cut)
{
	struct run run = { .talk = talk, .site = site, .cut = cut };

	CHECK_EQ(site_open(site, talk->opts), 0);
	connect_client(&run);
	for (unsigned i = 0; i < talk->count; i++) {
		run.step = &talk->steps[i];
		run.step->verb->fn(&run, run.step);
	}
	end_all(&run);
	if (run.fd >= 0)
		close(run.fd);
	if (cut == CUT_NOWHERE)
		memcpy(first_tale, tale, run.tale_len), first_tale[run.tale_len] = 0;
	tale[run.tale_len] = 0;
	if (strcmp(tale, first_tale) != 0) {
		show("heard", tale, run.tale_len);
		show("and before", first_tale, strlen(first_tale));
		wrong(&run, "cut in another way it hears something else");
	}
}

/* Late answers come, requests that were kept are answered, and nothing is left of the server. */
static void leave(struct site *site)
{
	if (site->server)
		ouro_server_close(site->server, 0);
	site_settle(site);
	site_wait(site, 10000, NULL, NULL);
	CHECK(site->server == NULL);
}

static void hold_and_leave(struct talk *talk, struct site *site, long cut)
{
	hold(talk, site, cut);
	leave(site);
}

static void talk_about(const char *path)
{
	static struct talk talk;
	struct site site = { 0 };
	long step;

	talk.path = path;
	read_talk(&talk);
	site_loop(&site);
	hold_and_leave(&talk, &site, CUT_NOWHERE);
	step = 1 + (long)talk.length / (CUTS / TEST_SLOW);
	for (long cut = 1; !talk.whole && cut < (long)talk.length; cut += step)
		hold_and_leave(&talk, &site, cut);
	if (!talk.whole && step == 1)
		hold_and_leave(&talk, &site, CUT_EVERYWHERE);
	ouro_loop_free(site.loop);
}

/* ---- A test a file: a test has no argument, so each has a function of its own ---- */

static char *paths[TALKS];

#define HOLD(n)                                 \
	static void hold_##n(void)              \
	{                                       \
		talk_about(paths[1##n - 1000]); \
	}
#define HELD(n) hold_##n,

#define TEN(X, n) X(n##0) X(n##1) X(n##2) X(n##3) X(n##4) X(n##5) X(n##6) X(n##7) X(n##8) X(n##9)
#define HUNDRED(X, n) \
	TEN(X, n##0)  \
	TEN(X, n##1)  \
	TEN(X, n##2)  \
	TEN(X, n##3) TEN(X, n##4) TEN(X, n##5) TEN(X, n##6) TEN(X, n##7) TEN(X, n##8) TEN(X, n##9)
#define ALL_TALKS(X) HUNDRED(X, 0) HUNDRED(X, 1) HUNDRED(X, 2) HUNDRED(X, 3) HUNDRED(X, 4)

/* clang-format off */
ALL_TALKS(HOLD)

static void (*const holds[TALKS])(void) = { ALL_TALKS(HELD) };
/* clang-format on */

static int is_talk(const struct dirent *entry)
{
	const char *end = strrchr(entry->d_name, '.');

	return end && !strcmp(end, ".talk");
}

/* Where this file was compiled from, so from the top of the tree. */
static void folder(char path[256])
{
	snprintf(path, 256, "%.*stalks", (int)(strrchr(__FILE__, '/') + 1 - __FILE__), __FILE__);
}

__attribute__((constructor)) static void add_all(void)
{
	static struct test all[TALKS];
	struct dirent **entries = NULL;
	char path[256];
	int count;

	folder(path);
	count = scandir(path, &entries, is_talk, alphasort);
	for (int i = 0; i < count; i++) {
		CHECK(i < TALKS && asprintf(&paths[i], "%s/%s", path, entries[i]->d_name) > 0);
		*strrchr(entries[i]->d_name, '.') = 0;
		all[i] = (struct test){ strdup(entries[i]->d_name), holds[i], NULL };
		*tests_end = &all[i];
		tests_end = &all[i].next;
		free(entries[i]);
	}
	free(entries);
}

TEST(there_are_talks)
{
	CHECK(paths[0] != NULL);
}

/* ---- A talk that is not so is found out ---- */

static char lie_path[] = "/tmp/talk.XXXXXX";

static void hold_lie(void *arg)
{
	(void)arg;
	talk_about(lie_path);
}

/* What it says about `GET /` and these lines behind it. */
static const char *lie(const char *lines)
{
	static char words[4096];
	int fd = mkstemp(strcpy(lie_path, "/tmp/talk.XXXXXX"));

	CHECK(fd >= 0);
	CHECK(dprintf(fd, "> GET / HTTP/1.1\n> Host: a\n>\n%s", lines) > 0);
	close(fd);
	dies(hold_lie, NULL, words, sizeof(words));
	unlink(lie_path);
	return words;
}

TEST(a_talk_that_is_not_so_is_found_out)
{
	CHECK(strstr(lie("< HTTP/1.1 404\n"), ":4: another answer came"));
	CHECK(strstr(lie("< HTTP/1.1 200 O\n"), ":4: another answer came"));
	CHECK(strstr(lie("< HTTP/1.1 200\n< X: y\n"), ":5: it has not this field"));
	CHECK(strstr(lie("< HTTP/1.1 200\n<! Date\n"), ":5: it has this field"));
	CHECK(strstr(lie("< HTTP/1.1 200\n= hell\n!open\n"), "the body of the answer before"));
	CHECK(strstr(lie("< HTTP/1.1 200\n= hell\n"), "the body of the answer before"));
	CHECK(strstr(lie("< HTTP/1.1 200\n<.\n"), "more came than this"));
	CHECK(strstr(lie(""), "more came than this"));
	CHECK(strstr(lie("< HTTP/1.1 200\n< HTTP/1.1 200\n"), ":5: no answer came"));
	CHECK(strstr(lie("< HTTP/1.1 200\n!close\n"), "has not closed the connection in order"));
	CHECK(strstr(lie("< HTTP/1.1 200\n!reset\n"), "has not reset the connection"));
	CHECK(strstr(lie("!shut\n< HTTP/1.1 200\n!open\n"), "has closed the connection"));
	CHECK(strstr(lie("!hangup\n!notes 404\n"), "noted something else"));
	CHECK(strstr(lie("< HTTP/1.1 200\n!counts requests=2\n"), "requests is another number"));
	CHECK(strstr(lie("hello\n"), "does not say what to do"));
}
