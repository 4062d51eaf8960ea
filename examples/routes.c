/* routes.c -- a table of routes, one below it, and who may go there.  ★
 *
 * The path decides which line answers, then the method. `:name` is one part of a path; a path that
 * ends in a slash has all that is below it, too. A wrapper runs first: it goes on, or it answers.
 *
 *     cc routes.c $(pkg-config --cflags --libs ouro) && ./a.out
 *     curl http://127.0.0.1:8080/users/7 http://127.0.0.1:8080/docs/loop/turn.txt
 *     curl http://127.0.0.1:8080/admin/users/7 -H 'Authorization: Bearer sesame'
 *     curl -i -X POST http://127.0.0.1:8080/users/7        (405, and what would be allowed) */
#include <ouro.h>

static void front(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_reply(req, 200, "text/plain", ouro_str_z("a front door\n"));
}

static void user(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_replyf(req, 200, "text/plain", "this is %s\n", ouro_req_param(req, "id").ptr);
}

static void docs(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_replyf(req, 200, "text/plain", "the page \"%s\"\n", ouro_req_rest(req).ptr);
}

static void check_token(ouro_req *req, void *arg)
{
	(void)arg;
	if (ouro_str_eq(ouro_req_header(req, "Authorization"), "Bearer sesame")) {
		ouro_req_next(req);
		return;
	}
	ouro_req_set(req, "WWW-Authenticate", ouro_str_z("Bearer"));
	ouro_req_status(req, 401);
}

static const ouro_route admin[] = {
	{ .method = "GET", .path = "/users/:id", .fn = user },
	{ .path = NULL },
};

static const ouro_route routes[] = {
	{ .method = "GET", .path = "/", .fn = front },
	{ .method = "GET", .path = "/users/:id", .fn = user },
	{ .method = "GET", .path = "/docs/", .fn = docs },
	{ .path = "/admin", .wrap = check_token, .routes = admin },
	{ .path = NULL },
};

int main(int argc, char **argv)
{
	ouro_http_opts opts = { .host = "127.0.0.1", .routes = routes };

	return ouro_http_main(argc, argv, &opts);
}
