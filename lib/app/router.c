/* router.c -- which line takes a request. See router.h.
 *
 * The path is cut at its slashes once, as far down as the tree goes. Then the tree is walked from
 * the top: letters first, then `:name`, then the tree below, and back up where that leads nowhere.
 * A node is entered at most once, by the one way that leads to it, so a request costs its length
 * and a look at each beginning of a route that fits its own beginning; what a client sends can add
 * nothing to that. */
#include "app/router.h"
#include <errno.h>

struct segment {
	uint16_t at, len;
	uint32_t hash;
};

struct trail {
	unsigned count;
	struct segment segment[ROUTE_SEGMENTS + 1];
	const struct spot *spot;  /* found */
	const struct spot *slash; /* a tree whose path this is, but for the slash */
	uint16_t rest;
};

/* One part more than the tree is deep tells all that is to be known. */
static void split(const struct router *router, ouro_str path, struct trail *trail)
{
	size_t at = 1;

	trail->count = 0;
	do {
		struct segment *segment = &trail->segment[trail->count++];
		uint32_t hash = ROUTE_HASH;

		segment->at = (uint16_t)at;
		for (; at < path.len && path.ptr[at] != '/'; at++)
			hash = route_hash(hash, path.ptr[at]);
		segment->len = (uint16_t)(at - segment->at);
		segment->hash = hash;
	} while (++at <= path.len && trail->count <= router->depth);
}

static bool end_at(const struct node *node, struct trail *trail)
{
	if (!trail->slash && node->tree.lines)
		trail->slash = &node->tree;
	if (node->here.lines)
		trail->spot = &node->here;
	return trail->spot;
}

static bool walk(const struct router *router, const struct node *node, unsigned i, const char *path,
		 struct trail *trail)
{
	const struct segment *segment = &trail->segment[i];
	const struct node *child;

	if (i == trail->count)
		return end_at(node, trail);
	child = route_child(router, node, path + segment->at, segment->len, segment->hash);
	if (child && walk(router, child, i + 1, path, trail))
		return true;
	if (node->param && segment->len && walk(router, node->param, i + 1, path, trail))
		return true;
	if (!node->tree.lines)
		return false;
	trail->spot = &node->tree;
	trail->rest = segment->at;
	return true;
}

/* Without a call: every request is asked. */
#define IS(method, name) \
	((method).len == sizeof(name) - 1 && !memcmp((method).ptr, name, sizeof(name) - 1))

static bool same(ouro_str a, ouro_str b)
{
	return a.len == b.len && !memcmp(a.ptr, b.ptr, a.len);
}

/* HEAD is GET without a body, so a line for GET is nearer to it than one for any method. */
static const struct line *choose(const struct spot *spot, ouro_str method)
{
	const struct line *any = NULL, *get = NULL;
	bool head = IS(method, "HEAD");

	for (const struct line *line = spot->lines; line; line = line->next) {
		if (!line->method.len)
			any = line;
		else if (same(line->method, method))
			return line;
		else if (head && IS(line->method, "GET"))
			get = line;
	}
	return get ? get : any;
}

static int take(const struct line *line, const struct trail *trail, struct match *match)
{
	bool slash = trail && trail->slash && !trail->spot;

	match->chain = slash ? line->slash_chain : line->chain;
	match->links = line->links;
	match->route = &line->route;
	match->pattern = line->pattern;
	if (!trail)
		return 0;
	match->rest = trail->rest;
	match->params = line->params;
	for (unsigned i = 0; i < line->params; i++) {
		const struct segment *segment = &trail->segment[line->param[i].segment];

		match->param[i] = (struct match_param){ line->param[i].name, line->param[i].len,
							segment->at, segment->len };
	}
	return 0;
}

static int take_rest(const struct router *router, struct match *match)
{
	if (!router->rest.links)
		return 404;
	match->chain = router->rest.link;
	match->links = router->rest.links;
	return 0;
}

static int refuse(ouro_str method, const char *allow, const char **ret_allow)
{
	*ret_allow = allow;
	return IS(method, "OPTIONS") ? 204 : 405;
}

/* What is about no path: OPTIONS is about the server, CONNECT about another one. */
static int find_star(const struct router *router, ouro_str method, struct match *match,
		     const char **ret_allow)
{
	const struct line *line = choose(&router->star, method);

	if (line)
		return take(line, NULL, match);
	return IS(method, "CONNECT") ? 501 : refuse(method, router->allow, ret_allow);
}

static int find(const void *arg, ouro_str method, ouro_str path, struct match *match,
		const char **ret_allow)
{
	const struct router *router = arg;
	const struct spot *spot;
	const struct line *line;
	struct trail trail;

	if (path.ptr[0] != '/' || IS(method, "CONNECT"))
		return find_star(router, method, match, ret_allow);
	split(router, path, &trail);
	trail.spot = trail.slash = NULL;
	trail.rest = 0;
	walk(router, &router->root, 0, path.ptr, &trail);
	spot = trail.spot ? trail.spot : trail.slash;
	if (!spot)
		return take_rest(router, match);
	line = choose(spot, method);
	return line ? take(line, &trail, match) : refuse(method, spot->allow, ret_allow);
}

/* ---- "/files" for "/files/" ---- */

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("/%-._~!$&'()*+,;=:@", c));
}

static char *write_path(char *to, ouro_str path)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < path.len; i++) {
		unsigned char c = (unsigned char)path.ptr[i];

		if (is_plain(path.ptr[i])) {
			*to++ = path.ptr[i];
			continue;
		}
		*to++ = '%';
		*to++ = hex[c >> 4];
		*to++ = hex[c & 15];
	}
	return to;
}

/* Written from the path that was matched, not from what was sent: that may begin with the name of
 * another host ("//example.org/../../files"). */
void ouro__add_slash(ouro_req *req, void *arg)
{
	ouro_str path = ouro_req_path(req), query = ouro_req_query_string(req);
	char *location = ouro_req_alloc(req, 3 * path.len + query.len + 3), *at;

	(void)arg;
	if (!path.ptr || !location) {
		ouro_req_fail(req, -ENOMEM);
		return;
	}
	at = write_path(location, path);
	*at++ = '/';
	if (query.len) {
		*at++ = '?';
		memcpy(at, query.ptr, query.len);
	}
	ouro_req_redirect(req, 308, location);
}

const struct router_type ouro__router_type = { find, ouro__router_free };
