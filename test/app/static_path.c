/* Nothing outside the root comes out, however it is spelled and whatever is linked; each of the two
 * ways to open keeps to that. */
#include "app/static_path.h"
#include "folder.h"
#include <pthread.h>
#include <sys/un.h>

TEST(a_path_is_names_with_a_slash_between)
{
	static const char *const good[] = { "",         "a",    "a/", "a/b",  "a b",
					    "a\\..\\b", "a..b", "a.", "a../", "\xc0\xae\xc0\xae/b",
					    "%2e" };
	static const char *const bad[] = { "/",    "/a",   "a//b", "a//",   ".",    "..",   "./a",
					   "../a", "a/..", "a/.",  "a/./b", ".git", "a/.b", "..." };

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		CHECK(ouro__static_path_is_good(ouro_str_z(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(!ouro__static_path_is_good(ouro_str_z(bad[i])));
	CHECK(!ouro__static_path_is_good(ouro_str_n("a\0b", 3)));
}

/* The root is "site"; "secret" lies beside it, and in it are ways out. */
static void build(void)
{
	CHECK_EQ(mkdir("site", 0755), 0);
	CHECK_EQ(mkdir("site/sub", 0755), 0);
	CHECK_EQ(mkdir("out", 0755), 0);
	put("secret", "secret");
	put("out/secret", "secret");
	put("site/ok.txt", "ok");
	put("site/sub/ok.txt", "ok");
	put("site/.hidden", "secret");
	put("site/a\\b", "ok");
	put("site/per%cent", "ok");
	CHECK_EQ(symlink("../secret", "site/up"), 0);
	CHECK_EQ(symlink("../out", "site/outside"), 0);
	CHECK_EQ(symlink("/etc", "site/etc"), 0);
	CHECK_EQ(symlink("/proc/self/root", "site/proc"), 0);
	CHECK_EQ(symlink("loop", "site/loop"), 0);
	CHECK_EQ(symlink("ok.txt", "site/inside"), 0);
	CHECK_EQ(symlink("../ok.txt", "site/sub/inside"), 0);
	CHECK_EQ(symlink("sub", "site/link"), 0);
	CHECK_EQ(mkfifo("site/pipe", 0644), 0);
}

static void serve_site(bool old_kernel)
{
	serve((ouro_static_opts){ .root = "site" });
	build();
	site->site->view.old_kernel = old_kernel;
}

static const char *const ways_out[] = {
	"/../secret",
	"/sub/../../secret",
	"/%2e%2e/secret",
	"/%2E%2E%2Fsecret",
	"/..%2fsecret",
	"/sub/..%2f..%2fsecret",
	"/sub/%2e%2e%2f%2e%2e/secret",
	"/.%2e/secret",
	"/%252e%252e/secret",
	"/%252e%252e%252fsecret",
	"/..%5csecret",
	"/..\\secret",
	"/%5c..%5c..%5csecret",
	"/%c0%ae%c0%ae/secret",
	"/%c0%ae%c0%ae%c0%afsecret",
	"/%e0%80%ae%e0%80%ae/secret",
	"/%u002e%u002e/secret",
	"/..%00/secret",
	"/ok.txt%00",
	"/ok.txt%00.html",
	"/%00",
	"/.../secret",
	"/....//secret",
	"/..;/secret",
	"/sub/.../...//secret",
	"//etc/passwd",
	"/%2fetc/passwd",
	"/%2f/etc/passwd",
	"/./../secret",
	"/sub/./.././../secret",
	"/up",
	"/outside/secret",
	"/outside/",
	"/outside",
	"/sub/../up",
	"/etc/passwd",
	"/etc/",
	"/proc/etc/passwd",
	"/loop",
	"/pipe",
	"/pipe/",
	"/.hidden",
	"/%2ehidden",
	"/sub/../.hidden",
	"/sub/%2e%2e%2f.hidden",
	"/ok.txt/",
	"/ok.txt/../../secret",
	"/ok.txt%2f..%2f..%2fsecret",
	"/files/../../secret",
	"/files/%2e%2e%2f%2e%2e%2fsecret",
	"/files/..%2f..%2fsecret",
	"/files//etc/passwd",
	"/files/%2fetc%2fpasswd",
	"/sub//ok.txt",
};

static void try_to_get_out(void)
{
	for (size_t i = 0; i < sizeof(ways_out) / sizeof(*ways_out); i++) {
		int is = get(ways_out[i]);

		if (is != 404 && is != 400)
			fprintf(stderr, "# %s is %d\n", ways_out[i], is);
		CHECK(is == 404 || is == 400);
		CHECK(!memmem(answer, answer_len, "secret", 6) || strstr(ways_out[i], "secret"));
		CHECK(!strstr(answer, "\r\n\r\nsecret"));
		CHECK(!strstr(answer, "root:"));
	}
}

TEST(no_spelling_and_no_link_leads_out)
{
	serve_site(false);
	try_to_get_out();
	done();
}

TEST(nor_where_the_kernel_has_no_openat2)
{
	serve_site(true);
	try_to_get_out();
	done();
}

TEST(what_is_below_the_root_comes)
{
	serve_site(false);
	CHECK_EQ(get("/ok.txt"), 200);
	CHECK_EQ(get("/sub/ok.txt"), 200);
	CHECK_EQ(get("/sub%2fok.txt"), 200);
	CHECK_EQ(get("/sub/../ok.txt"), 200);
	CHECK_EQ(get("/a%5cb"), 200);
	CHECK_EQ(get("/per%25cent"), 200);
	CHECK_EQ(get("/inside"), 200);
	CHECK_EQ(get("/sub/inside"), 200);
	CHECK_EQ(get("/link/ok.txt"), 200);
	CHECK_STR(body(), "ok");
	done();
}

TEST(without_openat2_the_same_comes_but_for_links)
{
	serve_site(true);
	CHECK_EQ(get("/ok.txt"), 200);
	CHECK_EQ(get("/sub/ok.txt"), 200);
	CHECK_EQ(get("/sub"), 308);
	CHECK_EQ(get("/sub/"), 404);
	put("site/index.html", "index");
	ouro_static_forget(site);
	CHECK_EQ(get("/"), 200);
	CHECK_STR(body(), "index");
	CHECK_EQ(get("/inside"), 404);
	CHECK_EQ(get("/link/"), 404);
	CHECK_EQ(get("/link/ok.txt"), 404);
	CHECK_EQ(get("/none/ok.txt"), 404);
	done();
}

TEST(a_name_too_long_for_a_file_is_not_found)
{
	char path[7000];

	serve_site(false);
	for (int old = 0; old < 2; old++) {
		site->site->view.old_kernel = old;
		ouro_static_forget(site);
		memset(path, 'a', sizeof(path));
		path[0] = '/';
		path[300] = 0;
		CHECK_EQ(get(path), 404);
		path[300] = 'a';
		for (size_t i = 200; i < sizeof(path); i += 200)
			path[i] = '/';
		path[4000] = 0;
		CHECK_EQ(get(path), 404);
		path[4000] = '/';
		path[6999] = 0;
		CHECK_EQ(get(path), 404);
	}
	done();
}

/* A FIFO's writer would be let go on, or the pool would hang, if it were opened. */
TEST(what_is_no_file_is_not_even_opened)
{
	for (int old = 0; old < 2; old++) {
		int root, fd;
		struct stat stat;

		scratch_enter();
		CHECK_EQ(mkfifo("pipe", 0644), 0);
		root = ouro__static_open_root(".");
		CHECK(root >= 0);
		fd = ouro__static_open(root, "pipe", old, &stat);
		CHECK_EQ(fd, -ENXIO);
		CHECK_EQ(open("pipe", O_WRONLY | O_NONBLOCK), -1); /* nobody reads */
		CHECK_EQ(errno, ENXIO);
		close(root);
		scratch_leave();
	}
}

TEST(a_socket_is_no_file)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "site/socket" };
	int fd;

	serve_site(false);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_EQ(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	CHECK_EQ(get("/socket"), 404);
	close(fd);
	done();
}

TEST(what_may_not_be_read_is_forbidden)
{
	if (geteuid() == 0)
		SKIP("root may read everything");
	serve_site(false);
	CHECK_EQ(chmod("site/ok.txt", 0), 0);
	CHECK_EQ(get("/ok.txt"), 403);
	done();
}

TEST(a_root_that_is_not_there_is_404_and_told_once)
{
	serve((ouro_static_opts){ .root = "none" });
	CHECK_EQ(get("/a"), 404);
	CHECK_EQ(get("/b"), 404);
	CHECK_STR(log_text, "a file below none cannot be had: No such file or directory\n");
	CHECK_EQ(mkdir("none", 0755), 0);
	put("none/a", "a");
	CHECK_EQ(get("/a"), 200);
	done();
}

static void close_site(ouro_log_level level, const char *sentence, void *arg)
{
	(void)level, (void)sentence, (void)arg;
	ouro_static_close(site);
}

TEST(who_is_told_of_it_may_close_the_site)
{
	ouro_static_opts files = { .root = "none" };
	ouro_http_opts http = { .on_request = ouro_static_serve };

	scratch_enter();
	loop = ouro_loop_new(&(ouro_loop_opts){ .on_log = close_site });
	CHECK_EQ(ouro_static_open(loop, &files, &site), 0);
	http.arg = site;
	CHECK_EQ(ouro_http_open(loop, &http, &server), 0);
	CHECK_EQ(get("/a"), 404);
	done();
}

/* Somebody who may write below the root swaps a file for a way out, as fast as he can. */
static atomic_bool over;

static void *swap(void *arg)
{
	(void)arg;
	while (!over) {
		if (symlink("../secret", "site/new") || rename("site/new", "site/swap"))
			break;
		if (link("site/ok.txt", "site/new2") || rename("site/new2", "site/swap"))
			break;
		if (rename("site/dir", "site/dir2") || symlink("../out", "site/dir"))
			break;
		if (unlink("site/dir") || rename("site/dir2", "site/dir"))
			break;
	}
	return NULL;
}

static void race(bool old_kernel)
{
	pthread_t thread;

	serve_site(old_kernel);
	CHECK_EQ(mkdir("site/dir", 0755), 0);
	put("site/dir/secret", "ok");
	put("site/swap", "ok");
	over = false;
	CHECK_EQ(pthread_create(&thread, NULL, swap, NULL), 0);
	for (int i = 0; i < 300; i++) {
		ouro_static_forget(site);
		if (get(i % 2 ? "/swap" : "/dir/secret") == 200)
			CHECK_STR(body(), "ok");
		else
			CHECK(status() == 404 || status() == 503);
	}
	over = true;
	CHECK_EQ(pthread_join(thread, NULL), 0);
	done();
}

TEST(a_link_swapped_in_between_looking_and_opening_leads_nowhere)
{
	race(false);
	race(true);
}
