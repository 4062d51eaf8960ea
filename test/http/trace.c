/* trace.c -- the name by which logs know a request, and how long it took whom. */
#include "http/desk.h"

static char names[8][200];
static unsigned named;

/* Asked twice, it says the same. */
static void tell_name(ouro_req *req, void *arg)
{
	ouro_str name = ouro_req_trace(req);

	(void)arg;
	CHECK(named < 8);
	snprintf(names[named], sizeof(names[0]), "%.*s", (int)name.len, name.ptr);
	CHECK_STR(ouro_req_trace(req).ptr, names[named++]);
	ouro_req_reply(req, 200, "text/plain", name);
}

static bool is_made(const char *name)
{
	return strlen(name) == 32 && strspn(name, "0123456789abcdef") == 32;
}

static const char *name_for(const char *brought)
{
	static char text[1024];
	int fd = connect_client();

	snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: h\r\nX-Request-Id: %s\r\n\r\n",
		 brought);
	named = 0;
	ask(fd, text);
	close(fd);
	settle();
	return names[0];
}

TEST(a_request_brings_its_name_if_that_is_sane)
{
	static const char longest[] =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	char longer[130];

	serve(tell_name);
	CHECK_STR(name_for("me"), "me");
	CHECK_STR(name_for("3f1c9b2a-0d4e-4c77-9a55-0c6f1f6b7f10"),
		  "3f1c9b2a-0d4e-4c77-9a55-0c6f1f6b7f10");
	CHECK_STR(name_for("AZ09-_.~:+/=@"), "AZ09-_.~:+/=@");
	CHECK_STR(name_for(longest), longest);
	snprintf(longer, sizeof(longer), "%sx", longest);
	CHECK(is_made(name_for(longer)));
	CHECK(is_made(name_for("")));
	CHECK(is_made(name_for("two words")));
	CHECK(is_made(name_for("quoted\"")));
	CHECK(is_made(name_for("caf\xc3\xa9")));
	CHECK(is_made(name_for("a\tb")));
	end();
}

TEST(else_each_has_one_of_its_own)
{
	int fd;

	serve(tell_name);
	fd = connect_client();
	ask(fd, HELLO HELLO HELLO);
	ask(fd, HELLO);
	close(fd);
	CHECK_EQ(named, 4);
	for (unsigned i = 0; i < named; i++)
		for (unsigned j = 0; j < i; j++)
			CHECK(is_made(names[i]) && strcmp(names[i], names[j]) != 0);
	end();
}

static uint64_t queued, took;

static void keep_times(ouro_req *req, const ouro_req_done *done, void *arg)
{
	(void)req, (void)arg;
	queued = done->queued_ns;
	took = done->ns;
}

static void answer(ouro_loop *of, void *arg)
{
	(void)of;
	ouro_req_reply(arg, 200, NULL, ouro_str_z("later\n"));
}

static void answer_later(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_timer_after(ouro_req_loop(req), 70, answer, ouro_req_later(req));
}

TEST(a_body_on_its_way_is_time_before_the_handler)
{
	int fd;

	open_server((ouro_http_opts){ .on_request = answer_later, .on_done = keep_times });
	fd = connect_client();
	send_text(fd, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbo");
	pass(30);
	send_text(fd, "dy");
	pass(100);
	CHECK_EQ(queued, 30 * MS);
	CHECK_EQ(took, 100 * MS);
	close(fd);
	end();
}

TEST(who_never_came_to_a_handler_was_not_queued)
{
	int fd;

	open_server((ouro_http_opts){ .on_request = answer_later, .on_done = keep_times });
	fd = connect_client();
	queued = 1;
	send_text(fd, "GET / HT");
	pass(30);
	send_text(fd, "?\r\n\r\n");
	settle();
	CHECK_EQ(queued, 0);
	CHECK_EQ(took, 30 * MS);
	close(fd);
	end();
}
