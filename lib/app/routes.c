/* routes.c -- tables of routes, read into a tree. See router.h.
 *
 * Whatever could never be asked for, or could be meant in two ways, is refused here in a sentence,
 * for otherwise a client would find it out, as a 404. The lines are copied, so that the wishes of a
 * table can be filled in for the lines below it; the strings in them are not. */
#include "app/router.h"
#include "http/parse.h"
#include "ouro/health.h"
#include <errno.h>
#include <stdio.h>

/* On its way through the tables. */
struct reader {
	struct router *router;
	const struct log *log;
	const ouro_http_opts *opts; /* whose arg a line has that has none */
	unsigned depth;
	const ouro_route *above[ROUTE_NESTED]; /* the lines that led here */
	char path[ROUTE_LENGTH + 1];           /* theirs, and that of the line at hand */
	size_t prefix;                         /* how long theirs is; it ends before a slash */
};

/* ---- What makes no sense ---- */

static int refuse(const struct reader *reader, const ouro_route *route, const char *why)
{
	ouro__log(reader->log, OURO_LOG_ERROR, "route %s %.300s: %s",
		  route->method ? route->method : "(any method)", reader->path, why);
	return -EINVAL;
}

/* The server itself is asked, so that there is no second list of what it knows. */
static bool is_method(const char *method)
{
	static const struct head_limits limits = { 128, 128, 1 };
	char head[128];
	struct parse parse;
	int len = snprintf(head, sizeof(head), "%s / HTTP/1.1\r\nHost: x\r\n\r\n", method);

	if (len >= (int)sizeof(head))
		return false;
	ouro__parse_start(&parse);
	return ouro__head_scan(&parse, &limits, head, (uint32_t)len) == len &&
	       ouro__head_settle(&parse, head, (uint32_t)len) != -501;
}

static const char *wrong_percent(const char *at)
{
	if (!strncmp(at, "%2F", 3) || !strncmp(at, "%25", 3))
		return NULL;
	return "it is compared with paths that are decoded, but for %2F and %25";
}

/* Habits from elsewhere, which would be letters like all others here, and never match. */
static const char *wrong_letter(const char *at)
{
	switch (*at) {
	case '*':
		return "a tree's path ends in a slash (/files/), there is no *";
	case '{':
	case '<':
		return "a part of the path with a name is written :name";
	case '?':
		return "what is behind a ? is no part of the path: see ouro_req_query()";
	case '%':
		return wrong_percent(at);
	default:
		return NULL;
	}
}

static const char *wrong_segment(const char *at, size_t len)
{
	if (!len)
		return "there is nothing between two of its slashes";
	if ((len == 1 && at[0] == '.') || (len == 2 && !memcmp(at, "..", 2)))
		return ". and .. are resolved before a path is compared";
	if (len == 1 && at[0] == ':')
		return "there is a : without a name";
	for (size_t i = 0; i < len; i++) {
		const char *why = wrong_letter(at + i);

		if (why)
			return why;
		if (at[i] == ':' && i)
			return "a : may stand behind a slash only";
	}
	return NULL;
}

static const char *wrong_path(const char *path)
{
	const char *why = path[0] == '/' ? NULL : "a path begins with a slash";

	while (!why && path[0] && path[1]) {
		size_t len = strcspn(++path, "/");

		why = wrong_segment(path, len);
		path += len;
	}
	return why;
}

static const char *wrong_line(const ouro_route *route, bool below)
{
	bool connect = route->method && !strcmp(route->method, "CONNECT");

	if (route->fn && route->routes)
		return "it has both a function and a table";
	if (!route->fn && !route->routes)
		return "it has neither a function nor a table";
	if (route->routes && route->method)
		return "a table is for all methods, its lines name theirs";
	if (route->method && !is_method(route->method))
		return "there is no method of that name";
	if (!strcmp(route->path, "*") && !below && connect)
		return NULL;
	if (connect)
		return "CONNECT is about no path: its line's is *, in no table with a path";
	if (!strcmp(route->path, "*") && !below && route->method &&
	    !strcmp(route->method, "OPTIONS"))
		return NULL;
	return wrong_path(route->path);
}

/* ---- Lines ---- */

/* The wrappers from the outside in, the server's first, and `last`. */
static struct chain_link *make_chain(const struct reader *reader, struct line *line,
				     struct chain_link last)
{
	struct chain_link *chain =
		ouro__router_get(reader->router, (reader->depth + 3) * sizeof(struct chain_link));

	line->links = 0;
	if (!chain)
		return NULL;
	chain_wrap(reader->opts, chain, &line->links);
	for (unsigned i = 0; i <= reader->depth; i++) {
		const ouro_route *at = i < reader->depth ? reader->above[i] : &line->route;

		if (at->wrap)
			chain[line->links++] =
				(struct chain_link){ at->wrap,
						     at->arg ? at->arg : reader->opts->arg };
	}
	chain[line->links++] = last;
	return chain;
}

/* A probe that is told no under load makes of a busy service a dead one. */
static bool is_health(ouro_req_fn *fn)
{
	return fn == ouro_health_live || fn == ouro_health_ready || fn == ouro_health_check;
}

static void inherit(const struct reader *reader, ouro_route *route)
{
	for (unsigned i = reader->depth; i-- > 0;) {
		const ouro_route *above = reader->above[i];

		route->stream |= above->stream;
		route->no_shed |= above->no_shed;
		if (!route->body_max)
			route->body_max = above->body_max;
		if (!route->answer_ms)
			route->answer_ms = above->answer_ms;
	}
	if (!route->arg)
		route->arg = reader->opts->arg;
	route->no_shed |= is_health(route->fn);
}

static struct line *make_line(const struct reader *reader, const ouro_route *route)
{
	struct line *line = ouro__router_get(reader->router, sizeof(*line));
	size_t size = strlen(reader->path) + 1;
	char *pattern = ouro__router_get(reader->router, size);

	if (!line || !pattern)
		return NULL;
	line->pattern = memcpy(pattern, reader->path, size);
	line->route = *route;
	line->method = ouro_str_z(route->method);
	inherit(reader, &line->route);
	line->chain = make_chain(reader, line, (struct chain_link){ route->fn, line->route.arg });
	line->slash_chain = make_chain(reader, line, (struct chain_link){ ouro__add_slash, NULL });
	return line->chain && line->slash_chain ? line : NULL;
}

static int add_line(struct reader *reader, const ouro_route *route)
{
	struct line *line = make_line(reader, route), *other;
	const char *why = NULL;
	struct spot *spot = line ? ouro__router_spot(reader->router, line, &why) : NULL;

	if (!spot)
		return why ? refuse(reader, route, why) : -ENOMEM;
	for (other = spot->lines; other; other = other->next)
		if (ouro_str_eq(other->method, route->method))
			return refuse(reader, route, "another line has that method and path");
	line->next = spot->lines;
	spot->lines = line;
	return 0;
}

/* "/users" and "/:id" are "/users/:id"; "/users" and "/" are "/users". */
static int join(struct reader *reader, const ouro_route *route)
{
	char *at = reader->path + reader->prefix;
	size_t room = sizeof(reader->path) - reader->prefix;
	bool itself = reader->prefix && !strcmp(route->path, "/");

	if (snprintf(at, room, "%s", itself ? "" : route->path) >= (int)room)
		return refuse(reader, route, "its path is longer than 1024 letters");
	return 0;
}

static int add_table(struct reader *reader, const ouro_route *routes);

static int add_below(struct reader *reader, const ouro_route *route)
{
	size_t prefix = reader->prefix;
	int err;

	if (reader->depth == ROUTE_NESTED)
		return refuse(reader, route, "tables are nested more than 8 deep");
	reader->prefix = strlen(reader->path);
	if (reader->prefix && reader->path[reader->prefix - 1] == '/')
		reader->prefix--;
	reader->above[reader->depth++] = route;
	err = add_table(reader, route->routes);
	reader->depth--;
	reader->prefix = prefix;
	return err;
}

static int add_table(struct reader *reader, const ouro_route *routes)
{
	const ouro_route *route;
	int err = 0;

	for (route = routes; !err && route->path; route++) {
		const char *why = wrong_line(route, reader->prefix);

		err = join(reader, route);
		if (!err && why)
			err = refuse(reader, route, why);
		if (!err)
			err = route->routes ? add_below(reader, route) : add_line(reader, route);
	}
	reader->path[reader->prefix] = 0;
	if (!err && (route->fn || route->routes))
		err = refuse(reader, route, "it has no path");
	return err;
}

int ouro__router_new(const ouro_http_opts *opts, const struct log *log, void **ret_router)
{
	struct router *router = ouro__router_begin();
	struct reader reader = { .router = router, .log = log, .opts = opts };
	int err = router ? add_table(&reader, opts->routes) : -ENOMEM;

	if (!err)
		err = ouro__router_allow(router);
	if (err) {
		ouro__router_free(router);
		return err;
	}
	rest_chain_set(&router->rest, opts);
	*ret_router = router;
	return 0;
}
