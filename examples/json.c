/* json.c -- what was sent comes back, if it says that it is JSON and is not too long.  ★
 *
 * The handler is called when the whole body is there. A body longer than body_max never gets so
 * far: its sender is told 413, before anything is read when he has said how long it is. ouro does
 * not look into JSON; a number needs no library to be written as such.
 *
 *     cc json.c $(pkg-config --cflags --libs ouro) && ./a.out
 *     curl http://127.0.0.1:8080/echo -H 'Content-Type: application/json' -d '{"loop": 1}'
 *     curl http://127.0.0.1:8080/stats
 *     head -c 5000 /dev/zero | curl -i http://127.0.0.1:8080/echo --data-binary @-     (413) */
#include <ouro.h>

static unsigned long long answers, bytes;

static void echo(ouro_req *req, void *arg)
{
	ouro_str body = ouro_req_body(req);

	(void)arg;
	if (!ouro_str_caseeq(ouro_req_type(req), "application/json")) {
		ouro_req_status(req, 415);
		return;
	}
	answers++;
	bytes += body.len;
	ouro_req_reply(req, 200, "application/json", body);
}

static void stats(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_replyf(req, 200, "application/json", "{\"answers\": %llu, \"bytes\": %llu}\n",
			answers, bytes);
}

static const ouro_route routes[] = {
	{ .method = "POST", .path = "/echo", .fn = echo, .body_max = 4096 },
	{ .method = "GET", .path = "/stats", .fn = stats },
	{ .path = NULL },
};

int main(int argc, char **argv)
{
	ouro_http_opts opts = { .host = "127.0.0.1", .routes = routes };

	return ouro_http_main(argc, argv, &opts);
}
