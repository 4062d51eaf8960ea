/* access.c -- an access log: what its lines say, and that none is cut, whatever the disk does.
 *
 * Time is virtual, so what a line says of it is exact; only the wall clock's part is not, and stands
 * here as T. Each client says by which name it wants to be known. */
#include "offload/scratch.h"

#include "http/desk.h"
#include "ouro/access.h"
#include <arpa/inet.h>
#include <sys/mount.h>
#include <sys/resource.h>

static ouro_access *access_log;

#define GET(target, fields) "GET " target " HTTP/1.1\r\nHost: h\r\n" fields "\r\n"
#define NAMED               "X-Request-Id: me\r\n"
#define CURL                "User-Agent: curl/7.88.1\r\n"
#define MANY                2000

static void say_ok(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_reply(req, 200, "text/plain", ouro_str_z("ok\n"));
}

static void answer(ouro_loop *of, void *arg)
{
	(void)of;
	say_ok(arg, NULL);
}

static void answer_late(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_timer_after(ouro_req_loop(req), 250, answer, ouro_req_later(req));
}

static const ouro_route routes[] = {
	{ .method = "GET", .path = "/users/:id", .fn = say_ok },
	{ .path = "/late", .fn = answer_late },
	{ .path = "/slow", .fn = answer_late, .answer_ms = 100 },
	{ .path = NULL },
};

static void open_log(ouro_access_opts opts)
{
	open_server((ouro_http_opts){ .routes = routes, .on_request = say_ok });
	CHECK_EQ(ouro_access_open(loop, &opts, &access_log), 0);
	CHECK_EQ(ouro_access_attach(access_log, server), 0);
	pass(1); /* the pool has opened it */
	said[0] = 0;
}

/* A scratch folder, and a log in it. */
static void log_as(ouro_access_format format)
{
	scratch_enter();
	open_log((ouro_access_opts){ .path = "log", .format = format });
}

static void log_to(const char *path, size_t buffer)
{
	scratch_enter();
	open_log((ouro_access_opts){ .path = path, .format = OURO_ACCESS_PLAIN, .buffer = buffer });
}

static void request(const char *text)
{
	int fd = connect_client();

	CHECK(*ask(fd, text));
	close(fd);
	settle();
}

/* n of them, on one connection; each is answered. */
static void requests(unsigned n)
{
	int fd = connect_client();

	for (unsigned i = 0; i < n; i++)
		CHECK(has(ask(fd, GET("/users/1", NAMED)), "200 OK"));
	close(fd);
	settle();
}

/* The virtual clock waits for the pool, so what was asked for has been done. */
static void write_down(void)
{
	pass(101);
	pass(1);
}

/* MANY of them, and the pool keeps up. */
static void flood(void)
{
	for (int i = 0; i < MANY / 50; i++) {
		requests(50);
		pass(1);
	}
}

static ouro_access_stats stats(void)
{
	ouro_access_stats now;

	ouro_access_get_stats(access_log, &now);
	return now;
}

static void leave(void)
{
	end();
	scratch_leave();
}

/* The wall clock's part of each line becomes T. */
static void mask(char *line)
{
	char *at = strchr(line, '['), *end = at ? strchr(at, ']') : NULL;

	if (line[0] == '{') {
		at = line + strlen("{\"ts\":");
		end = at + strlen("\"2026-11-28T18:55:49.123Z");
		CHECK_EQ(at[11], 'T');
		CHECK_EQ(*end, '"');
	}
	CHECK(end != NULL);
	memmove(at + 2, end, strlen(end) + 1);
	at[1] = 'T';
}

/* The whole file, masked; static. */
static const char *lines_of(const char *path)
{
	static char text[1 << 20];
	FILE *file = fopen(path, "re");
	size_t used = 0;

	CHECK(file != NULL);
	while (fgets(text + used, (int)(sizeof(text) - used), file)) {
		CHECK(strchr(text + used, '\n'));
		mask(text + used);
		used += strlen(text + used);
	}
	text[used] = 0;
	fclose(file);
	return text;
}

struct tally {
	uint64_t lines, lost;
};

#define LINE "unix: - - [T] \"GET /users/1 HTTP/1.1\" 200 "

/* Every line is one of requests(), or says how many are not there. */
static struct tally count_text(char *text, struct tally tally)
{
	for (char *next, *at = text; *at; at = next) {
		unsigned long long lost;

		next = strchr(at, '\n');
		CHECK(next);
		*next++ = 0;
		mask(at);
		if (sscanf(at, "# [T] lines lost: %llu", &lost) == 1)
			tally.lost += lost;
		else if (!strncmp(at, LINE, strlen(LINE)) && strstr(at, " \"-\" \"-\""))
			tally.lines++;
		else
			test_fail(__FILE__, __LINE__, at);
	}
	return tally;
}

static struct tally count_file(const char *path, struct tally tally)
{
	static char text[4 << 20];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	CHECK(n >= 0);
	text[n] = 0;
	close(fd);
	return count_text(text, tally);
}

/* ---- What a line says ---- */

TEST(a_combined_line_ends_with_name_route_and_seconds)
{
	log_as(OURO_ACCESS_COMBINED);
	request(GET("/users/7?a=b", NAMED CURL "Referer: http://x/\r\n"));
	write_down();
	CHECK_STR(lines_of("log"),
		  "unix: - - [T] \"GET /users/7?a=b HTTP/1.1\" 200 104 \"http://x/\" "
		  "\"curl/7.88.1\" me /users/:id 0.000000 0.000000\n");
	leave();
}

TEST(a_plain_one_is_as_apache_and_nginx_have_it)
{
	log_as(OURO_ACCESS_PLAIN);
	request("POST / HTTP/1.0\r\nConnection: close\r\n\r\n");
	write_down();
	CHECK_STR(lines_of("log"), "unix: - - [T] \"POST / HTTP/1.0\" 200 123 \"-\" \"-\"\n");
	leave();
}

TEST(json_has_it_all_by_name)
{
	log_as(OURO_ACCESS_JSON);
	request(GET("/users/7", NAMED CURL));
	write_down();
	CHECK_STR(lines_of("log"),
		  "{\"ts\":\"T\",\"id\":\"me\",\"peer\":\"unix:\",\"method\":\"GET\",\"target\":"
		  "\"/users/7\",\"route\":\"/users/"
		  ":id\",\"status\":200,\"bytes\":104,\"dur_ms\":0.000,"
		  "\"queue_ms\":0.000,\"referer\":null,\"agent\":\"curl/7.88.1\",\"err\":null}\n");
	leave();
}

TEST(a_client_that_has_gone_is_499_with_what_it_asked_for)
{
	int fd;

	log_as(OURO_ACCESS_JSON);
	fd = connect_client();
	send_text(fd, GET("/late", NAMED));
	settle();
	close(fd);
	pass(250);
	write_down();
	CHECK_STR(lines_of("log"),
		  "{\"ts\":\"T\",\"id\":\"me\",\"peer\":\"unix:\",\"method\":\"GET\",\"target\":"
		  "\"/late\",\"route\":\"/late\",\"status\":499,\"bytes\":0,\"dur_ms\":250.000,"
		  "\"queue_ms\":0.000,\"referer\":null,\"agent\":null,\"err\":\"ECONNRESET\"}\n");
	leave();
}

TEST(a_handler_that_is_too_slow_is_one_line_and_says_which)
{
	int fd;

	log_as(OURO_ACCESS_COMBINED);
	fd = connect_client();
	send_text(fd, GET("/slow", NAMED));
	pass(100);
	CHECK(has(received(fd), "HTTP/1.1 504 "));
	pass(200);
	write_down();
	CHECK_STR(lines_of("log"), "unix: - - [T] \"GET /slow HTTP/1.1\" 504 154 \"-\" \"-\" me "
				   "/slow 0.100000 0.000000\n");
	close(fd);
	leave();
}

TEST(what_is_no_http_has_a_line_too)
{
	log_as(OURO_ACCESS_COMBINED);
	request("GET\r\n\r\n");
	write_down();
	CHECK(has(lines_of("log"), "unix: - - [T] \"-\" 400 "));
	CHECK(has(lines_of("log"), " - 0.000000 0.000000\n"));
	leave();
}

TEST(a_peer_is_its_address)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	scratch_enter();
	loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
	CHECK_EQ(ouro_http_listen(loop,
				  &(ouro_http_opts){ .host = "127.0.0.1", .on_request = say_ok },
				  &server),
		 0);
	CHECK_EQ(ouro_access_open(loop, &(ouro_access_opts){ .path = "log" }, &access_log), 0);
	CHECK_EQ(ouro_access_attach(access_log, server), 0);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	addr.sin_port = htons(ouro_server_port(server));
	CHECK_EQ(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	send_text(fd, GET("/", NAMED));
	while (!stats().waiting)
		ouro_loop_turn(loop);
	write_down();
	CHECK_EQ(strncmp(lines_of("log"), "127.0.0.1 - - [T] \"GET / HTTP/1.1\" 200 ", 38), 0);
	close(fd);
	leave();
}

static void hold_up(ouro_req *req, void *arg)
{
	CHECK_EQ(ouro_loop_advance(ouro_req_loop(req), 50), 0);
	say_ok(req, arg);
}

TEST(who_waits_for_another_ones_handler_was_queued)
{
	int first, second;

	scratch_enter();
	open_server((ouro_http_opts){ .on_request = hold_up });
	CHECK_EQ(ouro_access_open(loop, &(ouro_access_opts){ .path = "log" }, &access_log), 0);
	CHECK_EQ(ouro_access_attach(access_log, server), 0);
	first = connect_client();
	second = connect_client();
	settle();
	send_text(first, GET("/", NAMED));
	send_text(second, GET("/", NAMED));
	settle();
	write_down();
	CHECK(has(lines_of("log"), " - 0.050000 0.000000\n"));
	CHECK(has(lines_of("log"), " - 0.100000 0.050000\n"));
	close(first);
	close(second);
	leave();
}

/* ---- Nobody puts words into it ---- */

TEST(a_client_can_end_no_field_and_no_line)
{
	log_as(OURO_ACCESS_PLAIN);
	request(GET("/", "User-Agent: \" 200 1 \"\\\t\xe2\x82\xac\xff\r\n"));
	write_down();
	CHECK(has(lines_of("log"),
		  " 200 104 \"-\" \"\\x22 200 1 \\x22\\x5c\\x09\\xe2\\x82\\xac\\xff\"\n"));
	leave();
}

TEST(nor_in_json_where_other_scripts_stay_as_they_are)
{
	log_as(OURO_ACCESS_JSON);
	request(GET("/", "User-Agent: \"\\\t\xe2\x82\xac\xff\xc2\x85\xe2\x82\r\n"));
	write_down();
	CHECK(has(lines_of("log"), "\"agent\":\"\\\"\\\\\\u0009\xe2\x82\xac\\ufffd\\u0085\\ufffd\\"
				   "ufffd\",\"err\":null}\n"));
	leave();
}

static const char *escaped(int (*escape)(ouro_buf *, ouro_str), ouro_str text)
{
	static char room[8192];
	ouro_buf *line = ouro_buf_new();

	CHECK_EQ(escape(line, text), 0);
	snprintf(room, sizeof(room), "%s", ouro_buf_str(line).ptr);
	ouro_buf_free(line);
	return room;
}

TEST(each_octet_is_harmless_or_escaped)
{
	for (int c = 0; c < 256; c++) {
		char octet = (char)c, wanted[16];
		bool plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';

		snprintf(wanted, sizeof(wanted), plain ? "%c" : "\\x%02x", c);
		CHECK_STR(escaped(ouro_access_text, ouro_str_n(&octet, 1)), wanted);
		snprintf(wanted, sizeof(wanted), plain ? "\"%c\"" : "\"\\u%04x\"",
			 c < 0x80 ? c : 0xfffd);
		if (c == '"' || c == '\\')
			snprintf(wanted, sizeof(wanted), "\"\\%c\"", c);
		CHECK_STR(escaped(ouro_access_json, ouro_str_n(&octet, 1)), wanted);
	}
	CHECK_STR(escaped(ouro_access_text, ouro_str_z("")), "-");
	CHECK_STR(escaped(ouro_access_json, ouro_str_z("")), "\"\"");
	CHECK_STR(escaped(ouro_access_json, ouro_str_z(NULL)), "null");
}

/* A long text is escaped in pieces: no character is cut in two by that. */
TEST(a_character_stays_whole_wherever_it_stands)
{
	char text[300], wanted[302];

	for (size_t before = 0; before < 200; before++) {
		memset(text, 'a', sizeof(text));
		memcpy(text + before, "\xf0\x9f\x98\x80", 4);
		snprintf(wanted, sizeof(wanted), "\"%.250s\"", text);
		CHECK_STR(escaped(ouro_access_json, ouro_str_n(text, 250)), wanted);
	}
	memset(text, '\x80', sizeof(text));
	CHECK_EQ(strlen(escaped(ouro_access_json, ouro_str_n(text, 250))), 6 * 250 + 2);
}

/* ---- Lines of one's own ---- */

static int own_line(ouro_buf *line, const ouro_access_event *event, void *arg)
{
	ouro_str target;

	CHECK(event->time.tv_sec > 1700000000);
	CHECK_STR(arg, "mine");
	if (!event->req)
		return ouro_buf_printf(line, "[] lost %d", (int)event->lost);
	target = ouro_req_target(event->req);
	if (ouro_str_eq(target, "/quiet"))
		return 0;
	if (ouro_str_eq(target, "/bad"))
		return -EINVAL;
	return ouro_buf_printf(line, "[]\t%s\n%d", target.ptr, event->done->status);
}

TEST(a_function_may_write_it_and_end_no_line_either)
{
	scratch_enter();
	open_log((ouro_access_opts){ .path = "log", .fn = own_line, .arg = word("mine") });
	request(GET("/a", NAMED));
	request(GET("/quiet", NAMED));
	request(GET("/bad", NAMED));
	request(GET("/bad", NAMED));
	request(GET("/b", NAMED));
	write_down();
	CHECK_STR(lines_of("log"), "[T]\t/a?200\n[T] lost 2\n[T]\t/b?200\n");
	CHECK_EQ(stats().lost, 2);
	CHECK(has(logged, "access log log: lines lost: 2\n"));
	leave();
}

static void this_one_counts(ouro_req *req, void *arg)
{
	ouro_req_on_done(req, ouro_access_done, access_log);
	say_ok(req, arg);
}

TEST(one_answer_alone_may_have_a_line)
{
	static const ouro_route counted[] = { { .path = "/", .fn = this_one_counts }, { 0 } };

	scratch_enter();
	open_server((ouro_http_opts){ .routes = counted, .on_request = say_ok });
	CHECK_EQ(ouro_access_open(loop,
				  &(ouro_access_opts){ .path = "log", .format = OURO_ACCESS_PLAIN },
				  &access_log),
		 0);
	request(GET("/else", NAMED));
	request(GET("/", NAMED));
	write_down();
	CHECK_STR(lines_of("log"), "unix: - - [T] \"GET / HTTP/1.1\" 200 104 \"-\" \"-\"\n");
	leave();
}

/* ---- Many ---- */

TEST(many_lines_leave_in_one_write)
{
	log_to("log", 0);
	requests(200);
	CHECK_EQ(stats().waiting, 200);
	write_down();
	CHECK_EQ(stats().lines, 200);
	CHECK_EQ(stats().waiting, 0);
	CHECK_EQ(stats().writes, 1);
	CHECK_EQ(count_file("log", (struct tally){ 0 }).lines, 200);
	leave();
}

TEST(what_is_much_does_not_wait_for_the_clock)
{
	log_to("log", 16384);
	while (!stats().lines) /* half of a half of 16 KiB is enough */
		requests(1);
	CHECK(stats().lines < 200);
	leave();
}

TEST(a_steady_state_takes_no_memory)
{
	size_t before;
	int fd;

	log_as(OURO_ACCESS_COMBINED);
	requests(100);
	write_down();
	fd = connect_client();
	ask(fd, GET("/users/1", CURL));
	pass(101);
	before = allocations();
	for (int i = 0; i < 500; i++)
		ask(fd, GET("/users/1", CURL "Referer: http://x/\r\n"));
	pass(101);
	CHECK_EQ(allocations(), before);
	close(fd);
	leave();
}

/* ---- Attached ---- */

TEST(attached_twice_is_attached_once)
{
	log_as(OURO_ACCESS_PLAIN);
	CHECK_EQ(ouro_access_attach(access_log, server), 0);
	requests(3);
	write_down();
	CHECK_EQ(stats().lines, 3);
	leave();
}

TEST(two_logs_hear_of_one_server_and_one_log_of_two)
{
	ouro_access *other;
	ouro_server *first;

	log_as(OURO_ACCESS_PLAIN);
	CHECK_EQ(ouro_access_open(loop, &(ouro_access_opts){ .path = "other" }, &other), 0);
	CHECK_EQ(ouro_access_attach(other, server), 0);
	requests(3);
	first = server;
	CHECK_EQ(ouro_http_open(loop, &(ouro_http_opts){ .on_request = say_ok }, &server), 0);
	CHECK_EQ(ouro_access_attach(access_log, server), 0);
	requests(2);
	ouro_server_close(first, 0);
	settle();
	requests(2);
	write_down();
	CHECK_EQ(stats().lines, 7);
	CHECK_EQ(ouro_access_attach(access_log, server), 0);
	ouro_server_close(server, 0);
	CHECK_EQ(ouro_access_attach(other, server), OURO_ECLOSED);
	leave();
}

TEST(a_server_of_another_loop_is_refused)
{
	ouro_loop *other = ouro_loop_new(NULL);
	ouro_server *stranger;

	log_as(OURO_ACCESS_PLAIN);
	CHECK_EQ(ouro_http_open(other, &(ouro_http_opts){ .on_request = say_ok }, &stranger), 0);
	CHECK_EQ(ouro_access_attach(access_log, stranger), -EINVAL);
	ouro_loop_free(other);
	leave();
}

TEST(options_without_sense_are_refused_in_words)
{
	serve(say_ok);
	CHECK_EQ(ouro_access_open(loop, NULL, &access_log), -EINVAL);
	CHECK_EQ(ouro_access_open(loop, &(ouro_access_opts){ .path = "" }, &access_log), -EINVAL);
	CHECK(has(logged, "ouro_access_open: there is no path\n"));
	CHECK_EQ(ouro_access_open(
			 loop, &(ouro_access_opts){ .path = "x", .format = OURO_ACCESS_JSON + 1 },
			 &access_log),
		 -EINVAL);
	CHECK(has(logged, "ouro_access_open: there is no such format\n"));
	end();
}

/* ---- The end ---- */

static void note_lost(void *arg)
{
	(void)arg;
	say("closed(%d,%d)", (int)stats().lines, (int)stats().lost);
}

TEST(closing_writes_what_waits_and_then_says_so)
{
	log_to("log", 0);
	ouro_access_on_close(access_log, note_lost, NULL);
	requests(5);
	said[0] = 0;
	ouro_access_close(access_log);
	ouro_access_close(access_log);
	request(GET("/users/1", NAMED)); /* nobody hears of it any more */
	wait_for_words();
	CHECK_STR(said, "closed(5,0)");
	CHECK_EQ(count_file("log", (struct tally){ 0 }).lines, 5);
	requests(1);
	ouro_access_close(NULL);
	leave();
}

TEST(the_end_of_the_loop_writes_what_waits_and_who_was_cut_off)
{
	int fd;

	log_to("log", 0);
	ouro_access_on_close(access_log, note_lost, NULL);
	requests(2);
	fd = connect_client();
	send_text(fd, "GET /users/1 HTTP/1.1\r\nHost: h\r\nX-Half: a he");
	settle();
	end();
	CHECK_STR(said, "closed(2,0)");
	CHECK_EQ(count_file("log", (struct tally){ 0 }).lines, 2);
	close(fd);
	scratch_leave();
}

static int close_it(ouro_buf *line, const ouro_access_event *event, void *arg)
{
	(void)event, (void)arg;
	ouro_access_close(access_log);
	return ouro_buf_append(line, "[]last", 6);
}

TEST(it_may_be_closed_while_a_line_is_written)
{
	scratch_enter();
	open_log((ouro_access_opts){ .path = "log", .fn = close_it });
	ouro_access_on_close(access_log, note_lost, NULL);
	requests(2);
	if (!*said)
		wait_for_words();
	CHECK_STR(said, "closed(1,0)");
	CHECK_STR(lines_of("log"), "[T]last\n");
	leave();
}

/* ---- Disks ---- */

TEST(a_full_disk_costs_lines_and_no_answer)
{

	log_to("/dev/full", 16384);
	ouro_access_on_close(access_log, note_lost, NULL);
	flood();
	write_down();
	CHECK(has(logged, "access log /dev/full: write: No space left on device (ENOSPC); its "
			  "lines wait\n"));
	CHECK_EQ(stats().err, -ENOSPC);
	CHECK_EQ(stats().lines, 0);
	CHECK(stats().waiting > 50);
	CHECK_EQ(stats().lost + stats().waiting, MANY);
	pass(5000);
	CHECK_EQ(stats().lost + stats().waiting, MANY);
	CHECK(!strstr(strstr(logged, "ENOSPC") + 1, "ENOSPC")); /* once */
	said[0] = 0;
	ouro_access_close(access_log);
	wait_for_words();
	CHECK(has(said, "closed(0,200"));
	CHECK(has(logged, "lines lost: "));
	leave();
}

/* What the file may still take: as a full disk, it takes a part and refuses the rest. */
static void limit_files(rlim_t size)
{
	struct rlimit limit;

	CHECK_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size;
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
	signal(SIGXFSZ, SIG_IGN);
}

TEST(a_disk_that_has_room_again_gets_what_waited_and_how_many_are_missing)
{
	struct tally all;

	log_to("log", 16384);
	limit_files(5000);
	flood();
	write_down();
	CHECK_EQ(stats().err, -EFBIG);
	limit_files(RLIM_INFINITY);
	pass(1001);
	requests(1);
	write_down();
	all = count_file("log", (struct tally){ 0 });
	CHECK_EQ(all.lines + all.lost, MANY + 1);
	CHECK_EQ(all.lost, stats().lost);
	CHECK(all.lost > 1000);
	CHECK_EQ(stats().err, 0);
	CHECK(has(logged, "lines lost: "));
	leave();
}

TEST(half_a_line_is_taken_back_when_there_will_be_no_other_half)
{
	struct tally all;

	log_to("log", 16384);
	limit_files(5000);
	flood();
	write_down();
	CHECK_EQ(stats().err, -EFBIG);
	ouro_access_close(access_log);
	pass(10);
	limit_files(RLIM_INFINITY);
	all = count_file("log", (struct tally){ 0 });
	CHECK(all.lines > 10);
	leave();
}

TEST(nor_does_the_end_of_the_loop_leave_half_a_line)
{
	log_to("log", 16384);
	limit_files(5000);
	flood();
	write_down();
	CHECK_EQ(stats().err, -EFBIG);
	end();
	limit_files(RLIM_INFINITY);
	CHECK(count_file("log", (struct tally){ 0 }).lines > 10);
	scratch_leave();
}

TEST(a_disk_that_is_truly_full)
{
	struct tally all;
	char *filler = calloc(1, 1 << 20);
	int fd;

	scratch_enter();
	CHECK_EQ(mkdir("disk", 0755), 0);
	if (geteuid() || mount("tmpfs", "disk", "tmpfs", 0, "size=64k")) {
		free(filler);
		scratch_leave();
		SKIP("may not mount a small disk");
	}
	open_log((ouro_access_opts){
		.path = "disk/log", .format = OURO_ACCESS_PLAIN, .buffer = 16384 });
	requests(10);
	write_down();
	fd = open("disk/filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	CHECK(write(fd, filler, 1 << 20) > 0);
	close(fd);
	flood();
	write_down();
	CHECK_EQ(stats().err, -ENOSPC);
	CHECK_EQ(unlink("disk/filler"), 0);
	pass(1001);
	requests(1);
	write_down();
	all = count_file("disk/log", (struct tally){ 0 });
	CHECK_EQ(all.lines + all.lost, MANY + 11);
	end();
	free(filler);
	CHECK_EQ(umount("disk"), 0);
	scratch_leave();
}

/* ---- Pipes ---- */

TEST(a_fifo_that_nobody_has_open_is_tried_once_a_second)
{
	static char text[65536];
	ssize_t n;
	int fd;

	scratch_enter();
	CHECK_EQ(mkfifo("fifo", 0644), 0);
	open_log((ouro_access_opts){ .path = "fifo", .format = OURO_ACCESS_PLAIN });
	requests(3);
	write_down();
	CHECK_EQ(stats().err, -ENXIO);
	CHECK(has(logged, "access log fifo: open: No such device or address (ENXIO)"));
	fd = open("fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	pass(1001);
	n = read(fd, text, sizeof(text) - 1);
	CHECK(n > 0);
	text[n] = 0;
	CHECK_EQ(count_text(text, (struct tally){ 0 }).lines, 3);
	close(fd);
	requests(2); /* its reader has gone: the line is lost with it, or waits */
	write_down();
	CHECK_EQ(stats().waiting, 2);
	leave();
}

TEST(a_fifo_that_nobody_reads_costs_lines_and_no_answer)
{
	static char text[1 << 20];
	struct tally all = { 0 };
	size_t used = 0;
	ssize_t n;
	int fd;

	scratch_enter();
	CHECK_EQ(mkfifo("fifo", 0644), 0);
	fd = open("fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	open_log(
		(ouro_access_opts){ .path = "fifo", .format = OURO_ACCESS_PLAIN, .buffer = 16384 });
	flood();
	write_down();
	CHECK_EQ(stats().err, -EAGAIN);
	CHECK(stats().lost > 100);
	CHECK_STR(strstr(logged, "its lines wait"), NULL);
	for (int quiet = 0; quiet < 3; quiet++) {
		while ((n = read(fd, text + used, sizeof(text) - used - 1)) > 0) {
			used += (size_t)n;
			quiet = 0;
		}
		pass(300);
	}
	requests(1);
	write_down();
	while ((n = read(fd, text + used, sizeof(text) - used - 1)) > 0)
		used += (size_t)n;
	text[used] = 0;
	all = count_text(text, all);
	CHECK_EQ(all.lines + all.lost, MANY + 1);
	close(fd);
	leave();
}

TEST(nor_is_closing_kept_up_by_one)
{
	int fd;

	scratch_enter();
	CHECK_EQ(mkfifo("fifo", 0644), 0);
	fd = open("fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	open_log(
		(ouro_access_opts){ .path = "fifo", .format = OURO_ACCESS_PLAIN, .buffer = 16384 });
	ouro_access_on_close(access_log, note_lost, NULL);
	flood();
	write_down();
	said[0] = 0;
	ouro_access_close(access_log);
	wait_for_words();
	CHECK(has(said, "closed("));
	close(fd);
	leave();
}

/* What a child writes to its stdout, which is a pipe. */
TEST(stdout_is_a_file_too)
{
	static char text[65536];
	int ends[2];
	size_t used = 0;
	ssize_t n;
	pid_t pid;

	CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		dup2(ends[1], STDOUT_FILENO);
		open_log((ouro_access_opts){ .path = "-", .format = OURO_ACCESS_PLAIN });
		requests(20);
		CHECK_EQ(ouro_access_reopen_all(loop), 0);
		write_down();
		requests(1);
		end();
		_exit(0);
	}
	close(ends[1]);
	while ((n = read(ends[0], text + used, sizeof(text) - used - 1)) > 0)
		used += (size_t)n;
	text[used] = 0;
	close(ends[0]);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_EQ(count_text(text, (struct tally){ 0 }).lines, 21);
}

TEST(and_one_whose_reader_has_gone_kills_nobody)
{
	int ends[2], status;
	pid_t pid;

	CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
	close(ends[0]);
	pid = fork();
	if (!pid) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[1]);
		open_log((ouro_access_opts){ .path = "-" });
		requests(3);
		write_down();
		CHECK_EQ(stats().err, -EPIPE);
		end();
		_exit(0);
	}
	close(ends[1]);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

/* ---- Rotation ---- */

TEST(rotation_under_load_loses_no_line)
{
	struct tally all = { 0 };
	char name[16];

	log_to("log", 0);
	for (int i = 0; i < 20; i++) {
		requests(37);
		if (i % 3)
			pass(50);
		snprintf(name, sizeof(name), "log.%d", i);
		CHECK(!rename("log", name) || errno == ENOENT);
		CHECK_EQ(ouro_access_reopen_all(loop), 1);
		requests(13);
	}
	write_down();
	all = count_file("log", all);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "log.%d", i);
		if (!access(name, F_OK))
			all = count_file(name, all);
	}
	CHECK_EQ(all.lines, 20 * 50);
	CHECK_EQ(all.lost, 0);
	leave();
}

TEST(half_a_line_is_not_torn_between_two_files)
{
	struct tally all;

	log_to("log", 16384);
	limit_files(5000);
	flood();
	write_down();
	CHECK_EQ(rename("log", "old"), 0);
	limit_files(RLIM_INFINITY);
	ouro_access_reopen(access_log);
	pass(10);
	requests(1);
	write_down();
	all = count_file("old", count_file("log", (struct tally){ 0 }));
	CHECK_EQ(all.lines + all.lost, MANY + 1);
	leave();
}

TEST(and_the_old_file_is_kept_when_there_is_no_new_one)
{
	log_to("log", 0);
	requests(1);
	write_down();
	CHECK_EQ(rename("log", "old"), 0);
	CHECK_EQ(mkdir("log", 0755), 0);
	ouro_access_reopen(access_log);
	requests(1);
	write_down();
	CHECK(has(logged, "access log log: open: Is a directory (EISDIR); it goes on in the old "
			  "file\n"));
	CHECK_EQ(stats().err, 0);
	CHECK_EQ(count_file("old", (struct tally){ 0 }).lines, 2);
	leave();
}

/* ---- The machine refuses ---- */

TEST(a_path_that_leads_nowhere_is_told_and_tried_again)
{
	log_to("none/log", 0);
	requests(2);
	write_down();
	CHECK(has(logged, "access log none/log: open: No such file or directory (ENOENT); its "
			  "lines wait\n"));
	CHECK_EQ(mkdir("none", 0755), 0);
	pass(1001);
	CHECK_EQ(count_file("none/log", (struct tally){ 0 }).lines, 2);
	leave();
}

TEST(without_descriptors_lines_wait)
{
	struct rlimit limit;
	rlim_t was;
	int fd;

	scratch_enter();
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	was = limit.rlim_cur;
	open_server((ouro_http_opts){ .on_request = say_ok });
	CHECK(ouro_fs_access(loop, ".", F_OK, plug_pulled, NULL).id); /* the pool has its own */
	fd = connect_client();
	settle();
	limit.rlim_cur = 3;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	CHECK_EQ(ouro_access_open(loop, &(ouro_access_opts){ .path = "log" }, &access_log), 0);
	CHECK_EQ(ouro_access_attach(access_log, server), 0);
	ask(fd, GET("/", NAMED));
	write_down();
	CHECK_EQ(stats().err, -EMFILE);
	limit.rlim_cur = was;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	pass(1001);
	CHECK_EQ(stats().err, 0);
	CHECK_EQ(stats().lines, 1);
	close(fd);
	leave();
}

static int attempt(void)
{
	int err, pair[2];

	loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
	if (!loop)
		return -ENOMEM;
	err = ouro_http_open(loop, &(ouro_http_opts){ .on_request = say_ok }, &server);
	if (!err)
		err = ouro_access_open(
			loop,
			&(ouro_access_opts){ .path = "log", .fn = own_line, .arg = word("mine") },
			&access_log);
	if (!err)
		err = ouro_access_attach(access_log, server);
	if (!err) {
		CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
		err = ouro_server_adopt(server, pair[1]);
		if (err)
			close(pair[1]);
		send(pair[0], GET("/", NAMED), strlen(GET("/", NAMED)), MSG_NOSIGNAL);
		for (int i = 0; i < 4; i++)
			ouro_loop_turn(loop);
		ouro_access_close(access_log);
		for (int i = 0; i < 4; i++)
			ouro_loop_turn(loop);
		close(pair[0]);
	}
	ouro_loop_free(loop);
	return err;
}

TEST(without_memory_nothing_is_left_behind)
{
	scratch_enter();
	CHECK(for_each_failing_allocation(attempt) > 5);
	scratch_leave();
}

TEST(a_forks_child_leaves_the_lines_to_its_parent)
{
	int status;
	pid_t pid;

	log_to("log", 0);
	requests(3);
	pid = fork();
	if (!pid) {
		CHECK_EQ(ouro_loop_after_fork(loop), 0);
		pass(10);
		requests(1);
		end();
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(count_file("log", (struct tally){ 0 }).lines, 1);
	write_down();
	CHECK_EQ(count_file("log", (struct tally){ 0 }).lines, 4);
	leave();
}
