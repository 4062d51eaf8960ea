/* form.c -- bodies that are forms: fields in memory, files on the disk or in pieces, limits, clients
 * that go, disks that are full. */
#include "ouro/form.h"
#include "../offload/scratch.h"
#include "desk.h"
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#define HEAD        "POST / HTTP/1.1\r\nHost: h\r\nContent-Type: multipart/form-data; boundary=b\r\n"
#define FIELD(name) "--b\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n"
#define FILE_(name, called)                                                                     \
	"--b\r\nContent-Disposition: form-data; name=\"" name "\"; filename=\"" called "\"\r\n" \
	"Content-Type: image/x\r\n\r\n"
#define LAST "\r\n--b--\r\n"
#define PHOTO          \
	FIELD("title") \
	"a day"        \
	"\r\n" FILE_("photo", "C:\\x\\day.jpg") "bytes" LAST

/* ---- The handlers ---- */

static ouro_form_opts opts;
static const char *keep_as; /* NULL: it keeps nothing */
static char seen[256];      /* of the file, when the handler has it */
static mode_t seen_mode;

static void on_kept(int err, void *req)
{
	say("%s", ouro_errname(err));
	if (err)
		ouro_req_fail(req, err);
	else
		ouro_req_status(req, 201);
}

static void look_at(const ouro_part *part)
{
	struct stat st;

	if (!part->path) {
		say("%s=%s", part->name.ptr, part->value.ptr);
		CHECK(!part->filename.ptr && part->bytes == part->value.len);
		return;
	}
	say("%s:%s:%s:%d", part->name.ptr, part->filename.ptr,
	    part->type.ptr ? part->type.ptr : "-", (int)part->bytes);
	CHECK(!part->value.ptr);
	CHECK_EQ(stat(part->path, &st), 0);
	CHECK_EQ(st.st_size, part->bytes);
	seen_mode = st.st_mode & 07777;
	snprintf(seen, sizeof(seen), "%s", text_of(part->path));
}

static void on_form(ouro_req *req, int err, ouro_form *form, void *arg)
{
	const ouro_part *photo = form ? ouro_form_part(form, "photo", 0) : NULL;

	(void)arg;
	CHECK(!form == (err != 0));
	say("%s", ouro_errname(err));
	for (unsigned i = 0; form && i < ouro_form_parts(form); i++)
		look_at(ouro_form_part_at(form, i));
	if (err)
		ouro_req_fail(req, err);
	else if (keep_as && photo)
		CHECK_EQ(ouro_form_keep(form, photo, keep_as, on_kept, ouro_req_later(req)), 0);
	else
		ouro_req_status(req, 200);
}

static void read_form(ouro_req *req, void *arg)
{
	CHECK_EQ(ouro_form_read(req, &opts, on_form, arg), 0);
	CHECK_EQ(ouro_form_read(req, &opts, on_form, arg), -EINVAL);
	CHECK(!*said);
}

/* ---- The desk ---- */

static int desk(ouro_req_fn *fn)
{
	scratch_enter();
	CHECK_EQ(mkdir("spool", 0755), 0);
	if (!opts.folder)
		opts.folder = "spool";
	open_server((ouro_http_opts){ .on_request = fn, .stream = true });
	return connect_client();
}

static unsigned files_in(const char *folder)
{
	DIR *d = opendir(folder);
	unsigned count = 0;

	CHECK(d != NULL);
	for (struct dirent *e; (e = readdir(d));)
		count += e->d_name[0] != '.' || strlen(e->d_name) > 2;
	closedir(d);
	return count;
}

static void note_time(ouro_loop *of, void *passed)
{
	(void)of;
	*(bool *)passed = true;
}

/* Virtual time stands still while anything is out at the pool: a little of it, and all that is to
 * come has come. */
static void wait_for_pool(void)
{
	for (int i = 0; i < 3; i++) {
		bool passed = false;

		CHECK(ouro_timer_after(loop, 1, note_time, &passed).id);
		while (!passed)
			ouro_loop_turn(loop);
	}
}

static void leave(int fd)
{
	close(fd);
	end();
	CHECK_EQ(files_in("spool"), 0);
	scratch_leave();
}

static void send_form(int fd, const char *body)
{
	char head[256];

	snprintf(head, sizeof(head), HEAD "Content-Length: %zu\r\n\r\n", strlen(body));
	send_text(fd, head);
	send_text(fd, body);
}

/* The answer, when the handler has had its words. */
static const char *answer_to(int fd, const char *body)
{
	said[0] = 0;
	send_form(fd, body);
	wait_for_words();
	wait_for_pool();
	return received(fd);
}

static bool is(const char *answer, const char *status)
{
	char line[32];

	snprintf(line, sizeof(line), "HTTP/1.1 %s ", status);
	if (!strncmp(answer, line, strlen(line)))
		return true;
	fprintf(stderr, "# it answered: %s\n", answer);
	return false;
}

/* ---- Whole ---- */

TEST(a_handler_has_the_fields_and_the_files)
{
	int fd = desk(read_form);

	CHECK(is(answer_to(fd, PHOTO), "200"));
	CHECK_STR(said, "OK title=a day photo:day.jpg:image/x:5");
	CHECK_STR(seen, "bytes");
	CHECK_EQ(seen_mode, 0600);
	CHECK_EQ(files_in("spool"), 0);
	leave(fd);
}

TEST(a_file_may_be_kept)
{
	struct stat st;
	int fd;

	keep_as = "kept";
	opts.mode = 0644;
	fd = desk(read_form);
	make_file("kept", "what was there");
	CHECK(is(answer_to(fd, PHOTO), "201"));
	CHECK_STR(said, "OK title=a day photo:day.jpg:image/x:5 OK");
	CHECK_STR(text_of("kept"), "bytes");
	CHECK_EQ(stat("kept", &st), 0);
	CHECK_EQ(st.st_mode & 07777, 0644);
	leave(fd);
}

TEST(a_file_that_cannot_be_kept_goes)
{
	int fd;

	keep_as = "no/such/folder";
	fd = desk(read_form);
	CHECK(is(answer_to(fd, PHOTO), "404"));
	CHECK_STR(said, "OK title=a day photo:day.jpg:image/x:5 ENOENT");
	leave(fd);
}

static void say_done(int err, void *arg)
{
	(void)arg;
	say("%s", ouro_errname(err));
}

static void keep_and_answer(ouro_req *req, int err, ouro_form *form, void *arg)
{
	const ouro_part *photo = ouro_form_part(form, "photo", 0);

	(void)arg;
	CHECK_EQ(err, 0);
	CHECK(!ouro_form_part(form, "photo", 1) && !ouro_form_part(form, "none", 0));
	CHECK(!ouro_form_part_at(form, 2));
	CHECK(!ouro_form_value(form, "photo").ptr && !ouro_form_value(form, "none").ptr);
	CHECK_STR(ouro_form_value(form, "title").ptr, "a day");
	CHECK_EQ(ouro_form_keep(form, ouro_form_part(form, "title", 0), "x", on_kept, req),
		 -EINVAL);
	CHECK_EQ(ouro_form_keep(form, photo, "kept", say_done, NULL), 0);
	CHECK_EQ(ouro_form_keep(form, photo, "twice", say_done, NULL), -EINVAL);
	CHECK(!photo->path);
	ouro_req_status(req, 202);
}

static void read_and_keep(ouro_req *req, void *arg)
{
	CHECK_EQ(ouro_form_read(req, &opts, keep_and_answer, arg), 0);
}

TEST(a_request_may_be_answered_before_its_file_is_kept)
{
	int fd = desk(read_and_keep);

	CHECK(is(answer_to(fd, PHOTO), "202"));
	CHECK_STR(said, "OK");
	CHECK_STR(text_of("kept"), "bytes");
	leave(fd);
}

TEST(a_field_for_which_no_file_was_chosen_is_left_out)
{
	int fd = desk(read_form);

	CHECK(is(answer_to(fd, FILE_("photo", "") "\r\n" FILE_("photo", "empty") LAST), "200"));
	CHECK_STR(said, "OK photo:empty:image/x:0");
	leave(fd);
}

TEST(a_form_without_anything_is_a_form)
{
	int fd = desk(read_form);

	CHECK(is(answer_to(fd, "--b--"), "200"));
	CHECK_STR(said, "OK");
	leave(fd);
}

TEST(several_files_come_one_after_the_other)
{
	int fd = desk(read_form);

	CHECK(is(answer_to(fd, FILE_("photo", "1") "one\r\n" FIELD("x") "y\r\n" FILE_(
				       "photo", "2") "two\r\n" FILE_("other", "3") "three" LAST),
		 "200"));
	CHECK_STR(said, "OK photo:1:image/x:3 x=y photo:2:image/x:3 other:3:image/x:5");
	CHECK_STR(seen, "three");
	leave(fd);
}

TEST(a_form_without_files_may_be_urlencoded)
{
	int fd = desk(read_form);

	send_text(fd, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18\r\n"
		      "Content-Type: application/x-www-form-urlencoded\r\n\r\na=1+%26&&b&title=x");
	wait_for_words();
	CHECK_STR(said, "OK a=1 & b= title=x");
	CHECK(is(received(fd), "200"));
	leave(fd);
}

static uint32_t seed = 1;

TEST(it_does_not_matter_how_it_was_cut)
{
	const char *body = FILE_("photo", "1") "\r\n--\r\n--x\r\r\n"
					       "\r\n" PHOTO;
	size_t len = strlen(body);
	int fd = desk(read_form);
	char head[256];

	snprintf(head, sizeof(head), HEAD "Content-Length: %zu\r\n\r\n", len);
	for (int i = 0; i < 20; i++) {
		said[0] = 0;
		send_text(fd, head);
		for (size_t at = 0, n; at < len; at += n) {
			n = 1 + random_below(&seed, i ? 30 : 1);
			n = n < len - at ? n : len - at;
			CHECK_EQ(send(fd, body + at, n, MSG_NOSIGNAL), (ssize_t)n);
			settle();
		}
		wait_for_words();
		wait_for_pool();
		CHECK(is(received(fd), "200"));
		CHECK_STR(said, "OK photo:1:image/x:12 title=a day photo:day.jpg:image/x:5");
	}
	leave(fd);
}

TEST(a_large_file_waits_for_the_disk)
{
	static char piece[65536];
	size_t all = 40 * sizeof(piece), sent = 0, most = 0;
	const char *begin = FILE_("photo", "big"), *last = LAST;
	int fd = desk(read_form);
	char head[256];

	snprintf(head, sizeof(head), HEAD "Content-Length: %zu\r\n\r\n%s",
		 strlen(begin) + all + strlen(last), begin);
	send_text(fd, head);
	while (sent < all) {
		ssize_t n = send(fd, piece, sizeof(piece) - sent % sizeof(piece), MSG_NOSIGNAL);

		CHECK(n > 0 || errno == EAGAIN);
		sent += n > 0 ? (size_t)n : 0;
		ouro_loop_turn(loop);
		most = test_memory.held > most ? test_memory.held : most;
	}
	CHECK(most < 1536 << 10); /* the writer's queue, a piece, and what a loop has anyhow */
	while (send(fd, last, strlen(last), MSG_NOSIGNAL) < 0)
		ouro_loop_turn(loop);
	wait_for_words();
	CHECK_STR(said, "OK photo:big:image/x:2621440");
	wait_for_pool();
	CHECK(is(received(fd), "200"));
	leave(fd);
}

/* ---- Refusals ---- */

static void refuses(const char *body, const char *words, const char *status)
{
	int fd = connect_client();

	CHECK(is(answer_to(fd, body), status));
	CHECK_STR(said, words);
	close(fd);
	wait_for_pool();
	CHECK_EQ(files_in("spool"), 0);
}

TEST(what_is_no_form_is_refused)
{
	int fd = desk(read_form);

	refuses("", "OURO_EPROTO", "400");
	refuses("nonsense", "OURO_EPROTO", "400");
	refuses(FIELD("a") "1", "OURO_EPROTO", "400");
	refuses(FILE_("photo", "1") "1", "OURO_EPROTO", "400");
	refuses(FILE_("photo", "1") "1\r\n--b\r\n\r\n", "OURO_EPROTO", "400");
	refuses(FILE_("photo", "1") "1\n--b--", "OURO_EPROTO", "400");
	refuses(PHOTO "epilogue", "OURO_EPROTO", "400");
	leave(fd);
}

TEST(each_limit_is_kept)
{
	int fd;

	opts = (ouro_form_opts){
		.parts_max = 2, .name_max = 12, .field_max = 6, .file_max = 5, .body_max = 1000
	};
	fd = desk(read_form);
	refuses(PHOTO, "OK title=a day photo:day.jpg:image/x:5", "200");
	refuses(FIELD("a") "\r\n" FIELD("b") "\r\n" FIELD("c") LAST, "OURO_ETOOBIG", "413");
	refuses(FIELD("namenamename") "123456" LAST, "OK namenamename=123456", "200");
	refuses(FIELD("namenamename1") "" LAST, "OURO_ETOOBIG", "413");
	refuses(FILE_("a", "namenamename1") "" LAST, "OURO_ETOOBIG", "413");
	refuses(FIELD("a") "1234567" LAST, "OURO_ETOOBIG", "413");
	refuses(FILE_("a", "b") "123456" LAST, "OURO_ETOOBIG", "413");
	leave(fd);
}

TEST(all_that_is_kept_in_memory_has_a_limit)
{
	char body[8192] = "", field[128];
	int fd;

	opts = (ouro_form_opts){ .fields_max = 4096 };
	fd = desk(read_form);
	for (int i = 0; i < 10; i++)
		strcat(body, FIELD("a") "12345678\r\n");
	strcat(body, "--b--");
	CHECK(is(answer_to(fd, body), "200"));
	snprintf(field, sizeof(field), "%s", FIELD("a") "\r\n");
	body[strlen(body) - 5] = 0;
	for (int i = 0; i < 40; i++)
		strcat(body, field);
	strcat(body, "--b--");
	refuses(body, "OURO_ETOOBIG", "413");
	leave(fd);
}

TEST(a_body_that_says_it_is_too_long_is_not_asked_for)
{
	const char *answer;
	int fd;

	opts.body_max = 1000;
	fd = desk(read_form);
	answer = ask(fd, HEAD "Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n");
	CHECK(is(answer, "413"));
	CHECK_STR(said, "OURO_ETOOBIG");
	leave(fd);
}

TEST(a_body_that_only_turns_out_to_be_too_long_is_refused_too)
{
	int fd;

	opts.body_max = 100;
	fd = desk(read_form);
	send_text(fd, HEAD "Transfer-Encoding: chunked\r\n\r\n60\r\n" FILE_("photo", "x"));
	settle();
	send_text(fd, "0123456789012345678901234567890123456789");
	wait_for_words();
	wait_for_pool();
	CHECK(is(received(fd), "400"));
	leave(fd);
}

static void refuses_head(const char *request, const char *words, const char *status)
{
	int fd = connect_client();

	said[0] = 0;
	CHECK(is(ask(fd, request), status));
	CHECK_STR(said, words);
	close(fd);
}

TEST(another_type_is_415)
{
	int fd = desk(read_form);

	refuses_head("POST / HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\n"
		     "Content-Length: 1\r\n\r\nx",
		     "EMEDIUMTYPE", "415");
	refuses_head("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx", "EMEDIUMTYPE",
		     "415");
	refuses_head("POST / HTTP/1.1\r\nHost: h\r\nContent-Type: multipart/form-data\r\n"
		     "Content-Length: 1\r\n\r\nx",
		     "OURO_EPROTO", "400");
	refuses_head(HEAD "Content-Type: text/plain\r\nContent-Length: 1\r\n\r\nx", "OURO_EPROTO",
		     "400");
	refuses_head(HEAD "Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", "EMEDIUMTYPE",
		     "415");
	leave(fd);
}

static void read_too_late(ouro_req *req, void *arg)
{
	CHECK_EQ(ouro_form_read(req, NULL, on_form, arg), -EINVAL);
	CHECK_EQ(ouro_form_stream(req, NULL, NULL, arg), -EINVAL);
	ouro_req_status(req, 200);
}

TEST(a_route_that_does_not_stream_has_its_body_already)
{
	int fd;

	serve(read_too_late);
	fd = connect_client();
	send_form(fd, PHOTO);
	CHECK(is(received(fd), "200"));
	close(fd);
	end();
}

/* ---- Who goes in the middle ---- */

TEST(a_client_may_go_at_every_byte)
{
	char request[1024];
	int fd = desk(read_form);
	size_t head, len;

	head = (size_t)snprintf(request, sizeof(request), HEAD "Content-Length: %zu\r\n\r\n",
				strlen(PHOTO));
	strcat(request, PHOTO);
	len = strlen(request);
	close(fd);
	for (size_t cut = 0; cut < len; cut++) {
		said[0] = 0;
		fd = connect_client();
		CHECK_EQ(send(fd, request, cut, MSG_NOSIGNAL), (ssize_t)cut);
		settle();
		close(fd);
		wait_for_pool();
		CHECK_STR(said, cut < head ? "" : "ECONNRESET");
		CHECK_EQ(files_in("spool"), 0);
	}
	fd = connect_client();
	CHECK(is(answer_to(fd, PHOTO), "200"));
	leave(fd);
}

TEST(a_loop_may_be_freed_at_any_byte)
{
	char request[1024];
	size_t len;

	snprintf(request, sizeof(request), HEAD "Content-Length: %zu\r\n\r\n" PHOTO, strlen(PHOTO));
	len = strlen(request);
	for (size_t cut = 0; cut <= len; cut += 3) {
		int fd = desk(read_form);

		said[0] = 0;
		CHECK_EQ(send(fd, request, cut, MSG_NOSIGNAL), (ssize_t)cut);
		for (size_t turns = 0; turns < cut % 4; turns++)
			settle();
		leave(fd);
	}
}

static void read_and_answer(ouro_req *req, void *arg)
{
	read_form(req, arg);
	CHECK_EQ(ouro_req_reply(req, 200, NULL, ouro_str_z("enough")), 0);
}

TEST(an_answer_before_the_end_gives_the_form_up)
{
	int fd = desk(read_and_answer);

	send_form(fd, PHOTO);
	CHECK(has(received(fd), "enough"));
	CHECK_STR(said, "");
	leave(fd);
}

static void answer_now(ouro_loop *of, void *req)
{
	(void)of;
	ouro_req_reply(req, 200, NULL, ouro_str_z("enough"));
}

static void read_and_answer_soon(ouro_req *req, void *arg)
{
	read_form(req, arg);
	ouro_timer_after(loop, 100, answer_now, req);
}

TEST(an_answer_while_a_file_is_written_gives_that_up)
{
	int fd = desk(read_and_answer_soon);

	send_text(fd,
		  HEAD "Content-Length: 5000\r\n\r\n" FILE_("a", "1") "one\r\n" FILE_("b", "2"));
	send_text(fd, "two words");
	wait_for_pool();
	CHECK_EQ(files_in("spool"), 2);
	pass(100);
	wait_for_pool();
	CHECK(has(received(fd), "enough"));
	CHECK_EQ(files_in("spool"), 0);
	leave(fd);
}

/* ---- Disks ---- */

TEST(a_folder_that_is_not_there_is_told)
{
	int fd;

	opts.folder = "nowhere";
	fd = desk(read_form);
	CHECK(is(answer_to(fd, PHOTO), "404"));
	CHECK_STR(said, "ENOENT");
	leave(fd);
}

/* That client alone: the next is served as soon as there are descriptors again. */
TEST(without_descriptors_it_is_503_and_keeps_nothing)
{
	int fd = desk(read_form);
	struct rlimit limit;
	rlim_t was;

	CHECK(is(answer_to(fd, PHOTO), "200")); /* the pool has its own */
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	was = limit.rlim_cur;
	limit.rlim_cur = 3;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	CHECK(is(answer_to(fd, PHOTO), "503"));
	CHECK_STR(said, "EMFILE");
	limit.rlim_cur = was;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	CHECK_EQ(files_in("spool"), 0);
	close(fd);
	fd = connect_client();
	CHECK(is(answer_to(fd, PHOTO), "200"));
	leave(fd);
}

static void send_slowly(int fd, const char *bytes, size_t len)
{
	for (size_t at = 0; at < len && !*said;) {
		ssize_t n = send(fd, bytes + at, len - at, MSG_NOSIGNAL);

		CHECK(n > 0 || errno == EAGAIN);
		at += n > 0 ? (size_t)n : 0;
		ouro_loop_turn(loop);
	}
}

TEST(a_full_disk_is_507_and_keeps_nothing)
{
	static char body[300000];
	const char *begin = FILE_("a", "1") "fits\r\n" FILE_("photo", "big");
	char head[256];
	int fd;

	opts.folder = "spool/small";
	fd = desk(read_form);
	CHECK_EQ(mkdir("spool/small", 0755), 0);
	if (unshare(CLONE_NEWNS) || mount("none", "/", "", MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "spool/small", "tmpfs", 0, "size=64k")) {
		close(fd);
		end();
		scratch_leave();
		SKIP("may not mount a small file system");
	}
	memset(body, 'x', sizeof(body) - 1);
	memcpy(body, begin, strlen(begin));
	memcpy(body + sizeof(body) - sizeof(LAST), LAST, sizeof(LAST));
	snprintf(head, sizeof(head), HEAD "Content-Length: %zu\r\n\r\n", strlen(body));
	send_text(fd, head);
	send_slowly(fd, body, strlen(body));
	wait_for_words();
	wait_for_pool();
	CHECK(is(received(fd), "507"));
	CHECK_STR(said, "ENOSPC");
	CHECK_EQ(files_in("spool/small"), 0);
	close(fd);
	fd = connect_client();
	CHECK(is(answer_to(fd, PHOTO), "200"));
	CHECK_EQ(umount("spool/small"), 0);
	CHECK_EQ(rmdir("spool/small"), 0);
	leave(fd);
}

/* ---- In pieces ---- */

static unsigned rest_every; /* calls after which the handler rests; 0: never */
static unsigned calls;
static ouro_req *resting;

static void on_part(ouro_req *req, int err, const ouro_part *part, ouro_str piece, void *arg)
{
	(void)arg;
	if (!part) {
		say("%s", ouro_errname(err));
		if (err == OURO_EOF)
			ouro_req_status(req, 200);
		else
			ouro_req_fail(req, err);
		return;
	}
	CHECK(!err && !part->path && !part->value.ptr);
	if (piece.ptr)
		say("%.*s", (int)piece.len, piece.ptr);
	else
		say("[%s:%s:%d]", part->name.ptr, part->filename.ptr ? part->filename.ptr : "-",
		    (int)part->bytes);
	if (rest_every && ++calls % rest_every == 0) {
		ouro_req_pause(req);
		resting = req;
	}
}

static void stream_form(ouro_req *req, void *arg)
{
	CHECK_EQ(ouro_form_stream(req, &opts, on_part, arg), 0);
	CHECK(!*said);
}

TEST(a_handler_may_have_the_parts_in_pieces)
{
	int fd = desk(stream_form);

	CHECK(is(answer_to(fd, PHOTO), "200"));
	CHECK_STR(said, "a day [title:-:5] bytes [photo:day.jpg:5] OURO_EOF");
	leave(fd);
}

static void resume_hears(const char *words)
{
	said[0] = 0;
	ouro_req_resume(resting);
	CHECK_STR(said, "");
	settle();
	CHECK_STR(said, words);
}

TEST(a_handler_may_rest_between_any_two_calls)
{
	int fd = desk(stream_form);

	rest_every = 1;
	send_form(fd, PHOTO);
	settle();
	settle();
	CHECK_STR(said, "a day");
	resume_hears("[title:-:5]");
	resume_hears("bytes");
	resume_hears("[photo:day.jpg:5]");
	resume_hears("OURO_EOF");
	CHECK(is(received(fd), "200"));
	leave(fd);
}

/* What had come is heard, and then that there will be no more. */
TEST(a_client_may_go_while_the_handler_rests)
{
	int fd = desk(stream_form);

	rest_every = 2;
	send_text(fd, HEAD "Content-Length: 1000\r\n\r\n" PHOTO);
	settle();
	CHECK_STR(said, "a day [title:-:5]");
	close(fd);
	settle();
	rest_every = 0;
	said[0] = 0;
	ouro_req_resume(resting);
	settle();
	CHECK_STR(said, "bytes [photo:day.jpg:5] ECONNRESET");
	fd = connect_client();
	leave(fd);
}

static void answer_at_once(ouro_req *req, int err, const ouro_part *part, ouro_str piece, void *arg)
{
	(void)arg, (void)piece;
	CHECK(!err && part);
	say("once");
	ouro_req_status(req, 200);
}

static void stream_and_answer(ouro_req *req, void *arg)
{
	CHECK_EQ(ouro_form_stream(req, NULL, answer_at_once, arg), 0);
}

TEST(a_handler_may_answer_in_the_middle_of_a_part)
{
	int fd = desk(stream_and_answer);

	CHECK(is(answer_to(fd, PHOTO), "200"));
	CHECK_STR(said, "once");
	leave(fd);
}

TEST(limits_are_kept_in_pieces_too)
{
	int fd;

	opts.parts_max = 1;
	fd = desk(stream_form);
	refuses(PHOTO, "a day [title:-:5] OURO_ETOOBIG", "413");
	leave(fd);
}

/* ---- How far ---- */

static void tell_progress(ouro_req *req, int err, const ouro_part *part, ouro_str piece, void *arg)
{
	(void)part, (void)piece, (void)arg;
	say("%d/%d", (int)ouro_req_received(req), (int)ouro_req_length(req));
	if (err)
		ouro_req_status(req, 200);
}

static void stream_progress(ouro_req *req, void *arg)
{
	CHECK_EQ(ouro_form_stream(req, NULL, tell_progress, arg), 0);
}

TEST(anybody_may_ask_how_much_has_come)
{
	size_t begin = strlen(FIELD("a") "1234"), all = begin + strlen(LAST);
	int fd = desk(stream_progress);
	char head[256], words[64];

	snprintf(head, sizeof(head), HEAD "Content-Length: %zu\r\n\r\n", all);
	send_text(fd, head);
	send_text(fd, FIELD("a") "1234");
	settle();
	snprintf(words, sizeof(words), "%zu/%zu", begin, all);
	CHECK_STR(said, words);
	send_text(fd, LAST);
	settle();
	snprintf(words, sizeof(words), "%zu/%zu %zu/%zu %zu/%zu", begin, all, all, all, all, all);
	CHECK_STR(said, words);
	leave(fd);
}

/* ---- The simple call ---- */

static void tell_fields(ouro_req *req, void *arg)
{
	ouro_str one = ouro_req_form(req, "a"), two = ouro_req_form_nth(req, "a", 1);
	ouro_str file = ouro_req_form(req, "photo");

	(void)arg;
	say("%s,%s,%s", one.ptr ? one.ptr : "-", two.ptr ? two.ptr : "-",
	    file.ptr ? file.ptr : "-");
	ouro_req_status(req, 200);
}

TEST(fields_of_a_form_have_a_simple_call)
{
	int fd;

	serve(tell_fields);
	fd = connect_client();
	send_form(fd, FIELD("a") "--1--\r\n" FILE_("photo", "x") "bytes\r\n" FIELD("a") "" LAST);
	CHECK(is(received(fd), "200"));
	send_form(fd, FIELD("a") "1" LAST "nonsense");
	CHECK(is(received(fd), "200"));
	send_form(fd, FILE_("a", "x") "1" LAST);
	CHECK(is(received(fd), "200"));
	send_form(fd, "");
	CHECK(is(received(fd), "200"));
	CHECK_STR(said, "--1--,,- -,-,- -,-,- -,-,-");
	close(fd);
	end();
}

/* ---- Memory ---- */

static void answer_form(ouro_req *req, int err, ouro_form *form, void *arg)
{
	(void)arg, (void)form;
	say("%s", ouro_errname(err));
	ouro_req_fail(req, err ? err : -ENOENT);
}

static void try_form(ouro_req *req, void *arg)
{
	int err = ouro_form_read(req, &opts, answer_form, arg);

	if (err)
		ouro_req_fail(req, err);
}

/* True: there was an nth allocation, from when the request is there, and it failed. */
static bool form_without_memory(size_t nth)
{
	bool failed, passed = false;
	int fd;

	said[0] = 0;
	open_server((ouro_http_opts){ .on_request = try_form, .stream = true });
	fd = connect_client();
	send_form(fd, PHOTO);
	CHECK(ouro_timer_after(loop, 1, note_time, &passed).id);
	fail_allocation(nth);
	while (!passed)
		ouro_loop_turn(loop);
	failed = test_memory.taken >= test_memory.refused;
	fail_allocation(0);
	close(fd);
	wait_for_pool();
	end();
	CHECK(!strchr(said, ' '));
	CHECK_EQ(files_in("spool"), 0);
	return failed;
}

TEST(memory_may_run_out_at_every_step)
{
	size_t failed = 0;

	scratch_enter();
	CHECK_EQ(mkdir("spool", 0755), 0);
	opts.folder = "spool";
	while (form_without_memory(failed + 1))
		failed++;
	CHECK(failed >= 8);
	CHECK_STR(said, "OK");
	scratch_leave();
}
