/* proxy.c -- hands requests on to another server, and its answers back, as they come.  ★★
 *
 * A gigabyte passes through in little memory, either way: when one side is slow the other is
 * paused. Who asks, and for whom, is added to the fields; what is about one connection ends here.
 *
 *     cc proxy.c $(pkg-config --cflags --libs ouro) && TO=http://127.0.0.1:8081 ./a.out
 *     curl -T proxy.c http://127.0.0.1:8080/ */
#include <ouro.h>
#include <stdlib.h>

/* An "OPTIONS *" has no place there. */
static void proxy(ouro_req *req, void *to)
{
	ouro_str target = ouro_req_target(req), host = ouro_req_host(req);
	char from[OURO_ADDR_TEXT] = "unknown";
	const ouro_addr *peer = ouro_req_peer(req);
	ouro_str url = ouro_req_printf(req, "%s%s", (const char *)to, target.ptr);

	if (*target.ptr != '/' || !url.ptr) {
		ouro_req_status(req, 400);
		return;
	}
	if (peer)
		ouro_addr_text(peer, from, sizeof(from));

	const ouro_field fields[] = {
		{ "X-Forwarded-For", ouro_str_z(from) },
		{ "X-Forwarded-Host", host.ptr ? host : ouro_str_z("unknown") },
		{ NULL, { NULL, 0 } },
	};
	const ouro_fetch_opts opts = { .url = url.ptr, .fields = fields, .connect_ms = 2000 };

	ouro_req_forward(req, &opts);
}

int main(int argc, char **argv)
{
	static char near[] = "http://127.0.0.1:8081";
	char *to = getenv("TO");
	ouro_http_opts opts = {
		.host = "127.0.0.1",
		.on_request = proxy,
		.arg = to ? to : near,
		.stream = true,
	};

	return ouro_http_main(argc, argv, &opts);
}
