/* three.c -- three back ends, asked at once, and one page made of what they say.  ★★
 *
 * The handler asks all three and returns; the last to answer sends the page. One that is down or
 * too slow has its line all the same. Here they are one more route of this very program.
 *
 *     cc three.c $(pkg-config --cflags --libs ouro) && ./a.out
 *     curl http://127.0.0.1:8080/ */
#include <ouro.h>

struct page {
	ouro_req *req;
	int left; /* who has not answered */
	ouro_str text;
};

static void on_answer(int err, const ouro_answer *answer, void *arg)
{
	struct page *page = arg;
	const char *says = err ? ouro_strerror(err) : ouro_answer_body(answer).ptr;

	page->text = ouro_req_printf(page->req, "%s%s\n", page->text.ptr, says);
	if (--page->left == 0)
		ouro_req_reply(page->req, 200, "text/plain", page->text);
}

static void home(ouro_req *req, void *arg)
{
	struct page *page = ouro_req_alloc(req, sizeof(*page));
	const char *self = ouro_server_url(ouro_req_server(req));

	(void)arg;
	if (page)
		*page = (struct page){ ouro_req_later(req), 0, ouro_str_z("") };
	for (int i = 1; page && i <= 3; i++) {
		ouro_fetch_opts opts = { .whole_ms = 1000 };

		opts.url = ouro_req_printf(req, "%sback/%d", self, i).ptr;
		page->left += ouro_http_fetch(ouro_req_loop(req), &opts, on_answer, page).id != 0;
	}
	if (!page || !page->left)
		ouro_req_status(req, 503);
}

static void back(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_replyf(req, 200, "text/plain", "I am %s", ouro_req_path(req).ptr);
}

static const ouro_route routes[] = { { .path = "/", .fn = home },
				     { .path = "/back/:nth", .fn = back },
				     { .path = NULL } };

int main(int argc, char **argv)
{
	ouro_http_opts opts = { .host = "127.0.0.1", .routes = routes };

	return ouro_http_main(argc, argv, &opts);
}
