/* A large file leaves as fast as its reader takes it and its disk gives it; the loop waits for
 * neither, and what cannot be whole ends with the connection. */
#include "folder.h"
#include <sys/mman.h>

#define SIZE 800000

static size_t never_warm(struct out_file *file, size_t most)
{
	(void)file, (void)most;
	return 0;
}

/* A page, then nothing, then a page. */
static size_t sometimes_warm(struct out_file *file, size_t most)
{
	static unsigned turn;

	(void)file;
	return turn++ % 2 ? 0 : most < 4096 ? most : 4096;
}

/* As if nothing of any file were in memory. */
static void make_cold(void)
{
	site->site->warm = never_warm;
	site->site->slow = true;
}

static void serve_large(void)
{
	serve((ouro_static_opts){ .small_max = 100 });
	put_pattern("large", SIZE);
	put("small", "small");
}

static void check_whole(void)
{
	CHECK_EQ(status(), 200);
	CHECK_EQ(body_len(), SIZE);
	CHECK_EQ(memcmp(body(), pattern(SIZE), SIZE), 0);
}

/* Begins it, and waits for the head. */
static void begin_large(void)
{
	forget_answer();
	transmit("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
	while (!body()) {
		char bytes[512];
		ssize_t n;

		turn();
		n = read(client, bytes, sizeof(bytes));
		if (n > 0) {
			memcpy(answer + answer_len, bytes, (size_t)n);
			answer_len += (size_t)n;
			answer[answer_len] = 0;
		}
	}
}

/* True: it came whole; false: the connection ended. */
static bool read_on(void)
{
	while (receive()) {
		if (is_whole("GET"))
			return true;
		turn();
	}
	hang_up();
	return is_whole("GET");
}

TEST(what_is_in_memory_leaves_from_there)
{
	serve_large();
	CHECK_EQ(get("/large"), 200);
	check_whole();
	CHECK_EQ(stats().cold_bytes, 0);
	CHECK_EQ(stats().warm_bytes, SIZE);
	done();
}

TEST(what_is_not_is_read_by_the_pool)
{
	serve_large();
	make_cold();
	CHECK_EQ(get("/large"), 200);
	check_whole();
	CHECK_EQ(stats().cold_bytes, SIZE);
	CHECK_EQ(stats().warm_bytes, 0);
	done();
}

TEST(where_mincore_would_not_tell_it_is_read_without_waiting)
{
	serve_large();
	site->site->warm = never_warm;
	CHECK_EQ(get("/large"), 200);
	check_whole();
	CHECK_EQ(stats().warm_bytes + stats().cold_bytes, SIZE);
	done();
}

TEST(warm_and_cold_may_change_all_the_time)
{
	serve_large();
	site->site->warm = sometimes_warm;
	for (int slow = 0; slow < 2; slow++) {
		site->site->slow = slow;
		CHECK_EQ(get("/large"), 200);
		check_whole();
		CHECK_EQ(get_with("/large", "Range: bytes=10-300000,400000-500000\r\n"), 206);
		CHECK(memmem(body(), body_len(), pattern(SIZE) + 10, 299991));
		CHECK(memmem(body(), body_len(), pattern(SIZE) + 400000, 100001));
	}
	CHECK(stats().warm_bytes > 0 && stats().cold_bytes > 0);
	done();
}

/* The only thread of the pool is held: whoever needs the disk waits, and nobody else. */
TEST(the_loop_never_waits_for_the_disk)
{
	int waiting;

	scratch_enter();
	put_pattern("large", SIZE);
	put("small", "small");
	CHECK_EQ(open_all((ouro_static_opts){ .small_max = 100 }, 1), 0);
	CHECK_EQ(get("/small"), 200);
	CHECK_EQ(ask("HEAD /large HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
	make_cold();
	plug_in(loop);
	forget_answer();
	transmit("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
	waiting = client;
	client = -1;
	for (int i = 0; i < 20; i++)
		CHECK_EQ(get("/small"), 200);
	hang_up();
	client = waiting;
	CHECK_EQ(stats().cold_bytes, 0);
	plug_pull();
	forget_answer();
	CHECK(read_on());
	check_whole();
	tube_close(plug);
	done();
}

/* The last descriptor of a file without a name: its disk may have long to do. */
TEST(the_pool_closes_what_is_forgotten)
{
	ouro_pool_stats figures;

	scratch_enter();
	put_pattern("large", SIZE);
	CHECK_EQ(open_all((ouro_static_opts){ .small_max = 100 }, 1), 0);
	CHECK_EQ(get("/large"), 200);
	CHECK_EQ(unlink("large"), 0);
	plug_in(loop);
	ouro_static_forget(site);
	ouro_pool_get_stats(loop, &figures);
	CHECK_EQ(figures.lane[OURO_LANE_FILES].waiting, 1);
	plug_pull();
	do {
		turn();
		ouro_pool_get_stats(loop, &figures);
	} while (figures.lane[OURO_LANE_FILES].waiting || figures.lane[OURO_LANE_FILES].running);
	tube_close(plug);
	done();
}

static bool is_in_memory(const char *path)
{
	unsigned char pages[SIZE / 4096 + 1] = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
	size_t there = 0;

	CHECK(map != MAP_FAILED);
	CHECK_EQ(mincore(map, SIZE, pages), 0);
	for (size_t i = 0; i < sizeof(pages); i++)
		there += pages[i] & 1;
	munmap(map, SIZE);
	close(fd);
	return there > 0;
}

static void drop_from_memory(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0);
	CHECK_EQ(fsync(fd), 0);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
	if (is_in_memory(path))
		SKIP("files are kept in memory here");
}

TEST(a_dropped_page_cache_is_seen_and_the_pool_is_asked)
{
	ouro_static_stats before;

	serve_large();
	CHECK_EQ(get("/small"), 200);
	drop_from_memory("large");
	CHECK_EQ(ask("HEAD /large HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
	before = stats();
	CHECK_EQ(before.cold_bytes, 0);
	CHECK_EQ(get("/large"), 200);
	check_whole();
	CHECK(stats().cold_bytes > 0);
	before = stats();
	CHECK_EQ(get("/large"), 200);
	CHECK_EQ(stats().cold_bytes, before.cold_bytes); /* now it is there */
	done();
}

/* ---- Files that change ---- */

/* What was read or sent at the very moment of the cut the kernel may have cleared behind the new
 * end. So only what lies before that is the same for certain. */
static void shrink(bool cold)
{
	serve_large();
	if (cold)
		make_cold();
	begin_large();
	CHECK_EQ(truncate("large", 4096), 0);
	CHECK(!read_on());
	CHECK(body_len() < SIZE);
	CHECK_EQ(memcmp(body(), pattern(SIZE), 4096), 0);
	CHECK_EQ(get("/small"), 200);
	done();
}

TEST(a_file_that_shrinks_ends_the_connection_and_is_not_padded)
{
	shrink(false);
	shrink(true);
}

TEST(a_file_that_shrank_before_its_head_was_sent_ends_the_connection)
{
	serve_large();
	CHECK_EQ(ask("HEAD /large HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
	CHECK_EQ(truncate("large", 0), 0);
	CHECK_EQ(get("/large"), 200);
	CHECK_EQ(body_len(), 0);
	CHECK_EQ(client, -1);
	let_pass(1000);
	CHECK_EQ(get("/large"), 200);
	CHECK_STR(field("Content-Length"), "0");
	done();
}

TEST(of_a_file_that_grows_goes_what_there_was)
{
	int fd;

	serve_large();
	begin_large();
	fd = open("large", O_WRONLY | O_APPEND | O_CLOEXEC);
	CHECK_EQ(write(fd, "more", 4), 4);
	close(fd);
	CHECK(read_on());
	check_whole();
	CHECK_EQ(get("/small"), 200);
	done();
}

TEST(a_file_that_vanishes_is_sent_to_its_end)
{
	serve_large();
	begin_large();
	CHECK_EQ(unlink("large"), 0);
	ouro_static_forget(site);
	CHECK(read_on());
	check_whole();
	CHECK_EQ(get("/large"), 404);
	done();
}

/* ---- Readers ---- */

TEST(a_slow_reader_holds_up_nobody)
{
	int slow;

	serve_large();
	begin_large();
	slow = client;
	client = -1;
	CHECK_EQ(get("/small"), 200);
	CHECK_EQ(get("/large"), 200);
	check_whole();
	hang_up();
	client = slow;
	forget_answer();
	while (answer_len < SIZE / 2) {
		turn();
		CHECK(receive());
	}
	done();
}

TEST(requests_that_wait_behind_a_file_are_answered_in_turn)
{
	serve_large();
	forget_answer();
	transmit("GET /large HTTP/1.1\r\nHost: a\r\n\r\n"
		 "GET /small HTTP/1.1\r\nHost: a\r\n\r\n"
		 "GET /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	while (receive())
		turn();
	CHECK(!strncmp(body() + SIZE, "HTTP/1.1 200 OK\r\n", 17));
	CHECK(strstr(body() + SIZE, "\r\n\r\nsmallHTTP/1.1 404 Not Found\r\n"));
	done();
}

TEST(a_reader_of_http_1_0_gets_it_and_the_end)
{
	serve_large();
	forget_answer();
	transmit("GET /large HTTP/1.0\r\n\r\n");
	while (receive())
		turn();
	check_whole();
	done();
}

static void leave_after(size_t bytes, bool cold)
{
	char room[4096];
	size_t got = 0;

	site->site->warm = cold ? never_warm : NULL;
	site->site->slow = cold;
	transmit("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
	while (got < bytes) {
		size_t most = bytes - got < sizeof(room) ? bytes - got : sizeof(room);
		ssize_t n;

		turn();
		n = read(client, room, most);
		CHECK(n != 0);
		got += n > 0 ? (size_t)n : 0;
	}
	hang_up();
}

TEST(a_reader_may_leave_at_any_moment)
{
	static const size_t moments[] = { 0,      1,      100,    300,    4096, 65536,
					  100000, 262144, 300000, 600000, SIZE };

	serve_large();
	for (size_t i = 0; i < sizeof(moments) / sizeof(*moments); i++) {
		leave_after(moments[i], false);
		leave_after(moments[i], true);
	}
	site->site->warm = NULL;
	CHECK_EQ(get("/large"), 200);
	check_whole();
	done();
}

TEST(a_reader_that_takes_nothing_is_cut_off)
{
	serve_large();
	begin_large();
	let_pass(31000);
	CHECK(!read_on());
	CHECK(body_len() < SIZE);
	done();
}

TEST(a_server_that_ends_cuts_a_file_off_or_lets_it_end)
{
	serve_large();
	begin_large();
	ouro_server_close(server, 10000);
	CHECK(read_on());
	check_whole();
	done();
	serve_large();
	begin_large();
	ouro_server_close(server, 0);
	CHECK(!read_on());
	done();
}

TEST(a_loop_may_be_freed_while_a_file_is_sent)
{
	for (int cold = 0; cold < 2; cold++) {
		serve_large();
		if (cold)
			make_cold();
		begin_large();
		done();
	}
}

static void note_done(ouro_req *req, const ouro_req_done *done_, void *arg)
{
	(void)req, (void)arg;
	say("%d:%d:%llu", done_->status, done_->err, (unsigned long long)done_->bytes);
}

TEST(an_access_log_is_told_all_that_was_sent)
{
	ouro_http_opts http = { .on_request = ouro_static_serve, .on_done = note_done };
	char want[64];

	serve_large();
	http.arg = site;
	CHECK_EQ(ouro_http_open(loop, &http, &server), 0);
	CHECK_EQ(get("/large"), 200);
	turn();
	snprintf(want, sizeof(want), "200:0:%zu", answer_len);
	CHECK_STR(said, want);
	done();
}
