/* What a path led to holds for check_ms; then one look is enough for all who ask; and there is never
 * more kept than was allowed. */
#include "folder.h"
#include <sys/resource.h>

TEST(the_disk_is_asked_once_for_as_long_as_a_look_holds)
{
	serve((ouro_static_opts){ .check_ms = 500 });
	put("a", "one");
	for (int i = 0; i < 10; i++)
		CHECK_EQ(get("/a"), 200);
	CHECK_EQ(stats().looks, 1);
	CHECK_EQ(stats().requests, 10);
	let_pass(499);
	CHECK_EQ(get("/a"), 200);
	CHECK_EQ(stats().looks, 1);
	let_pass(1);
	CHECK_EQ(get("/a"), 200);
	CHECK_EQ(stats().looks, 2);
	done();
}

TEST(after_that_nobody_gets_what_was)
{
	serve((ouro_static_opts){ 0 });
	put("a", "one");
	CHECK_EQ(get("/a"), 200);
	put("new", "two");
	CHECK_EQ(rename("new", "a"), 0);
	CHECK_EQ(get("/a"), 200);
	CHECK_STR(body(), "one");
	let_pass(1000);
	CHECK_EQ(get("/a"), 200);
	CHECK_STR(body(), "two");
	CHECK_EQ(unlink("a"), 0);
	let_pass(1000);
	CHECK_EQ(get("/a"), 404);
	put("a", "three");
	let_pass(1000);
	CHECK_EQ(get("/a"), 200);
	CHECK_STR(body(), "three");
	done();
}

TEST(what_did_not_change_is_not_read_again)
{
	const struct asset *first;
	struct place *place;

	serve((ouro_static_opts){ .small_max = 100 });
	put("small", "one");
	put_pattern("large", 5000);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(get(i ? "/large" : "/small"), 200);
		place = list_of(site->site->recent.prev, struct place, recent);
		first = place->asset;
		let_pass(1000);
		CHECK_EQ(get(i ? "/large" : "/small"), 200);
		CHECK_EQ(stats().looks, 2 * i + 2);
		CHECK(place->asset == first);
	}
	done();
}

/* The kernel's clock for files goes in steps: the second change may carry the same time. */
TEST(a_file_that_may_be_changing_still_is_read_again)
{
	serve((ouro_static_opts){ 0 });
	make_file("a", "one");
	CHECK_EQ(get("/a"), 200);
	CHECK_STR(body(), "one");
	make_file("a", "two");
	let_pass(1000);
	CHECK_EQ(get("/a"), 200);
	CHECK_STR(body(), "two");
	done();
}

TEST(a_symlink_to_the_root_may_be_switched)
{
	serve((ouro_static_opts){ .root = "current" });
	CHECK_EQ(mkdir("first", 0755), 0);
	CHECK_EQ(mkdir("second", 0755), 0);
	put("first/a", "one");
	put("second/a", "two");
	CHECK_EQ(symlink("first", "current"), 0);
	CHECK_EQ(get("/a"), 200);
	CHECK_STR(body(), "one");
	CHECK_EQ(symlink("second", "next"), 0);
	CHECK_EQ(rename("next", "current"), 0);
	let_pass(1000);
	CHECK_EQ(get("/a"), 200);
	CHECK_STR(body(), "two");
	done();
}

TEST(forgetting_is_asking_anew)
{
	serve((ouro_static_opts){ .check_ms = OURO_NEVER });
	put("a", "one");
	CHECK_EQ(get("/a"), 200);
	put("new", "two");
	CHECK_EQ(rename("new", "a"), 0);
	let_pass(50000);
	CHECK_EQ(get("/a"), 200);
	CHECK_STR(body(), "one");
	ouro_static_forget(site);
	CHECK_EQ(stats().kept, 0);
	CHECK_EQ(get("/a"), 200);
	CHECK_STR(body(), "two");
	done();
}

TEST(all_who_ask_at_once_are_answered_by_one_look)
{
	int clients[20];

	serve((ouro_static_opts){ 0 });
	put("a", "one");
	for (int i = 0; i < 20; i++) {
		connect_client();
		transmit("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
		clients[i] = client;
	}
	for (int i = 0; i < 20; i++) {
		client = clients[i];
		forget_answer();
		while (!is_whole("GET")) {
			turn();
			CHECK(receive());
		}
		CHECK_EQ(status(), 200);
		CHECK_STR(body(), "one");
		if (i < 19)
			hang_up();
	}
	CHECK_EQ(stats().looks, 1);
	CHECK_EQ(stats().requests, 20);
	done();
}

TEST(who_leaves_while_a_look_is_out_is_forgotten)
{
	serve((ouro_static_opts){ 0 });
	put("a", "one");
	transmit("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
	while (!stats().looks)
		turn();
	hang_up();
	connect_client();
	CHECK_EQ(get("/a"), 200);
	CHECK_EQ(stats().looks, 1);
	done();
}

TEST(so_many_paths_are_kept_and_no_more_the_oldest_go)
{
	char path[32];

	serve((ouro_static_opts){ .files_max = 3 });
	put("a", "a");
	CHECK_EQ(get("/a"), 200);
	for (int i = 0; i < 10; i++) {
		snprintf(path, sizeof(path), "/none%d", i);
		CHECK_EQ(get(path), 404);
		CHECK_EQ(get("/a"), 200); /* asked for all the time: it stays */
		CHECK(stats().kept <= 3);
	}
	CHECK_EQ(stats().looks, 11);
	done();
}

TEST(so_many_bytes_are_kept_and_no_more)
{
	char path[32];

	serve((ouro_static_opts){ .bytes_max = 2500 });
	for (int i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "/f%d", i);
		put_pattern(path + 1, 1000);
		CHECK_EQ(get(path), 200);
		CHECK_EQ(body_len(), 1000);
		CHECK(stats().kept_bytes <= 2500);
	}
	CHECK_EQ(stats().kept, 2);
	CHECK_EQ(get("/f4"), 200);
	CHECK_EQ(get("/f0"), 200);
	CHECK_EQ(stats().looks, 6);
	done();
}

TEST(a_file_larger_than_all_that_may_be_kept_comes_all_the_same)
{
	serve((ouro_static_opts){ .bytes_max = 100 });
	put_pattern("a", 1000);
	CHECK_EQ(get("/a"), 200);
	CHECK_EQ(body_len(), 1000);
	CHECK_EQ(stats().kept_bytes, 0);
	CHECK_EQ(get("/a"), 200);
	done();
}

/* A thousand paths share what buckets there are. */
TEST(many_paths_are_kept_apart)
{
	char path[64];

	serve((ouro_static_opts){ 0 });
	for (int i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "/file-with-a-long-name-number-%d", i);
		put(path + 1, path);
		CHECK_EQ(get(path), 200);
	}
	for (int i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "/file-with-a-long-name-number-%d", i);
		CHECK_EQ(get(path), 200);
		CHECK_STR(body(), path);
	}
	CHECK_EQ(stats().looks, 300);
	CHECK_EQ(stats().kept, 300);
	done();
}

TEST(without_descriptors_it_is_503_and_not_for_long)
{
	struct rlimit was, few;
	int fd;

	serve((ouro_static_opts){ .small_max = 10 });
	put_pattern("a", 5000);
	put("b", "b");
	CHECK_EQ(get("/b"), 200);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &was), 0);
	fd = dup(0);
	few = was;
	few.rlim_cur = (rlim_t)fd;
	close(fd);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
	CHECK_EQ(get("/a"), 503);
	CHECK_EQ(get("/b"), 200);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &was), 0);
	CHECK_EQ(get("/a"), 200);
	CHECK_EQ(body_len(), 5000);
	done();
}

/* ---- Memory ---- */

static void close_all(void)
{
	hang_up();
	ouro_loop_free(loop);
	loop = NULL;
	server = NULL;
	site = NULL;
}

/* Each in turn is not there; whoever gets an answer gets a right one. */
static int attempt(void)
{
	static const char *const fields[] = { "", "Range: bytes=1-2,4-5\r\n",
					      "If-None-Match: \"x\"\r\n" };
	int err = open_all((ouro_static_opts){ .small_max = 100, .listing = true }, 1);

	for (int i = 0; !err && i < 12; i++) {
		static const char *const paths[] = { "/small", "/large", "/", "/none" };
		int ends[2], is;

		CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends),
			 0);
		err = ouro_server_adopt(server, ends[0]);
		if (err) {
			close(ends[0]);
			close(ends[1]);
			break;
		}
		client = ends[1];
		is = get_with(paths[i % 4], fields[i / 4]);
		CHECK(!is || is == 200 || is == 206 || is == 404 || is >= 500);
		if (is == 200 && i % 4 == 1 && is_whole("GET"))
			CHECK_EQ(memcmp(body(), pattern(5000), 5000), 0);
		hang_up();
	}
	close_all();
	return err;
}

TEST(any_allocation_may_fail)
{
	scratch_enter();
	put("small", "0123456789");
	put_pattern("large", 5000);
	CHECK(for_each_failing_allocation(attempt) > 20);
	scratch_leave();
}
