/* server.h -- what stands above a server: how a request finds its handler.
 *
 * The floor above builds a router and gives it to the server with these two functions. For each
 * settled head the server asks it once, before any of the body is read. */
#ifndef OURO__SERVER_H
#define OURO__SERVER_H
#include "base/list.h"
#include "ouro/http.h"

/* The wrappers of a route from the outside in, and the handler last: ouro_req_next() goes along. */
struct chain_link {
	ouro_req_fn *fn;
	void *arg;
};

/* That of what no route takes. */
struct rest_chain {
	struct chain_link link[2];
	unsigned links; /* 0: nobody takes it */
};

static inline void chain_wrap(const ouro_http_opts *opts, struct chain_link *chain, unsigned *links)
{
	if (opts->wrap)
		chain[(*links)++] = (struct chain_link){ opts->wrap, opts->wrap_arg ? opts->wrap_arg
										    : opts->arg };
}

static inline void rest_chain_set(struct rest_chain *rest, const ouro_http_opts *opts)
{
	rest->links = 0;
	if (!opts->on_request)
		return;
	chain_wrap(opts, rest->link, &rest->links);
	rest->link[rest->links++] = (struct chain_link){ opts->on_request, opts->arg };
}

#define MATCH_PARAMS 8

/* Where a `:name` lies in ouro_req_path(): not decoded to the end. */
struct match_param {
	const char *name; /* in the route's path, up to the next slash or the end: name_len */
	uint16_t name_len;
	uint16_t at, len;
};

struct match {
	const struct chain_link *chain; /* NULL: nobody answers this */
	unsigned links;
	const ouro_route *route; /* NULL: on_request took it */
	const char *pattern;     /* its path with those of the tables above it; NULL: on_request */
	uint16_t rest;           /* of a tree: where in the path it goes on; 0: no tree */
	uint8_t params;
	struct match_param param[MATCH_PARAMS];
};

struct router_type {
	/* Fills in the zeroed match. 0, or the status to answer: 404, 405 with *ret_allow the value of
	 * Allow, 204 with it for OPTIONS. ret_allow is as long-lived as the router. */
	int (*find)(const void *router, ouro_str method, ouro_str path, struct match *match,
		    const char **ret_allow);
	void (*free)(void *router);
};

/* ouro_http_listen() and ouro_http_open() (listen false) with a router, which is the server's from
 * here on if this answers 0. router NULL: on_request takes all. */
int ouro__server_open(ouro_loop *loop, const ouro_http_opts *opts, bool listen,
		      const struct router_type *type, void *router, ouro_server **ret_server);

/* Every server of the loop begins to end, as by ouro_server_close_after(); how many there are.
 * delay_ms OURO_NEVER: each one's own. When the last one has ended fn is called once, with what
 * their reports add up to; without any: never. */
size_t ouro__servers_close(ouro_loop *loop, unsigned delay_ms, unsigned deadline_ms,
			   ouro_server_end_fn *fn, void *arg);

/* The longest of their own delays. */
unsigned ouro__servers_delay(const ouro_loop *loop);

/* Is it so of one of the loop's servers, those that end among them? */
bool ouro__servers_any(const ouro_loop *loop, bool (*is_so)(const ouro_server *server));

/* Somebody on the floor above who hears of every answer of a server, after the server's on_done.
 * unhook: the server goes, and has let go of the hook already.
 *
 * early: it does not need to know whether the answer has left, so that those of a pipeline may leave
 * together; of such a one it hears before, with an err and bytes of 0. */
struct done_hook {
	struct list link; /* on the server's list: removing it is enough to hear no more */
	bool early;
	void (*done)(struct done_hook *hook, ouro_req *req, const ouro_req_done *done);
	void (*unhook)(struct done_hook *hook);
};
void ouro__server_hook(ouro_server *server, struct done_hook *hook);
bool ouro__server_is_closing(const ouro_server *server);

/* The name of the request as ouro_req_trace() has it, without memory for it: a slice of its head, or
 * written to text. */
#define TRACE_LEN 32
ouro_str ouro__req_trace(const ouro_req *req, char text[TRACE_LEN]);
#endif
