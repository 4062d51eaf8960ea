/* tree.c -- the tree of a router while it grows, and the memory it is in. See router.h.
 *
 * Nothing is ever taken out of it, so its memory is a few large pieces that go all at once. */
#include "app/router.h"
#include "base/alloc.h"
#include "base/check.h"
#include <errno.h>

#define CHUNK_BYTES   4096
#define FIRST_BUCKETS 16 /* a power of two, as are all that follow */
#define METHODS_MAX   64 /* more than there are */

struct chunk {
	struct chunk *next;
	size_t left;
	_Alignas(max_align_t) char bytes[];
};

void ouro__router_free(void *arg)
{
	struct router *router = arg;

	if (!router)
		return;
	while (router->chunks) {
		struct chunk *chunk = router->chunks;

		router->chunks = chunk->next;
		ouro__free(chunk);
	}
	ouro__free(router);
}

void *ouro__router_get(struct router *router, size_t n)
{
	struct chunk *chunk = router->chunks;

	n = (n + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
	if (!chunk || chunk->left < n) {
		size_t room = n > CHUNK_BYTES ? n : CHUNK_BYTES;

		chunk = ouro__alloc(sizeof(*chunk) + room);
		if (!chunk)
			return NULL;
		chunk->left = room;
		chunk->next = router->chunks;
		router->chunks = chunk;
	}
	chunk->left -= n;
	return chunk->bytes + chunk->left;
}

/* ---- The tree ---- */

static int make_buckets(struct router *router, uint32_t count)
{
	struct node **buckets = ouro__router_get(router, count * sizeof(struct node *));

	if (!buckets)
		return -ENOMEM;
	router->buckets = buckets;
	router->mask = count - 1;
	for (struct node *node = router->nodes; node; node = node->older) {
		struct node **bucket = route_bucket(router, node->parent, node->hash);

		if (!node->text.ptr)
			continue;
		node->next = *bucket;
		*bucket = node;
	}
	return 0;
}

struct router *ouro__router_begin(void)
{
	struct router *router = ouro__alloc(sizeof(*router));

	if (router && make_buckets(router, FIRST_BUCKETS)) {
		ouro__router_free(router);
		return NULL;
	}
	return router;
}

static struct node *add_node(struct router *router, const struct node *parent)
{
	struct node *node = ouro__router_get(router, sizeof(*node));

	if (!node)
		return NULL;
	node->parent = parent;
	node->salt = (router->nodes ? router->nodes->salt : 0) + UINT32_C(0x9e3779b1);
	node->older = router->nodes;
	router->nodes = node;
	return node;
}

static struct node *add_literal(struct router *router, struct node *parent, ouro_str text,
				uint32_t hash)
{
	struct node *node, **bucket;

	if (router->literals > router->mask && make_buckets(router, 2 * (router->mask + 1)))
		return NULL;
	node = add_node(router, parent);
	if (!node)
		return NULL;
	node->text = text;
	node->hash = hash;
	bucket = route_bucket(router, parent, hash);
	node->next = *bucket;
	*bucket = node;
	router->literals++;
	return node;
}

static struct node *enter(struct router *router, struct node *node, ouro_str text)
{
	uint32_t hash = ROUTE_HASH;
	struct node *child;

	if (text.len && text.ptr[0] == ':') {
		if (!node->param)
			node->param = add_node(router, node);
		return node->param;
	}
	for (size_t i = 0; i < text.len; i++)
		hash = route_hash(hash, text.ptr[i]);
	child = route_child(router, node, text.ptr, text.len, hash);
	return child ? child : add_literal(router, node, text, hash);
}

static const char *name_param(struct line *line, ouro_str text, unsigned segment)
{
	if (line->params == MATCH_PARAMS)
		return "it has more than 8 names";
	for (unsigned i = 0; i < line->params; i++)
		if (line->param[i].len == text.len - 1 &&
		    !memcmp(line->param[i].name, text.ptr + 1, text.len - 1))
			return "it has two parts of one name";
	line->param[line->params].name = text.ptr + 1;
	line->param[line->params].len = (uint16_t)(text.len - 1);
	line->param[line->params++].segment = (uint8_t)segment;
	return NULL;
}

/* The spot where the line's path ends; NULL: *ret_why, or no memory. */
struct spot *ouro__router_spot(struct router *router, struct line *line, const char **ret_why)
{
	struct node *node = &router->root;
	const char *at = line->pattern;
	unsigned i = 0;

	*ret_why = NULL;
	if (*at == '*')
		return &router->star;
	do {
		ouro_str text = { at + 1, strcspn(at + 1, "/") };

		at = text.ptr + text.len;
		if (!text.len && i)
			return &node->tree;
		if (i == ROUTE_SEGMENTS)
			*ret_why = "it has more than 32 parts";
		else if (*text.ptr == ':')
			*ret_why = name_param(line, text, i);
		node = *ret_why ? NULL : enter(router, node, text);
		if (++i > router->depth)
			router->depth = i;
	} while (node && *at);
	return node ? &node->here : NULL;
}

/* ---- Allow ---- */

struct names {
	const char *name[METHODS_MAX];
	unsigned count;
	size_t bytes;
};

static void add_name(struct names *names, const char *name)
{
	unsigned i = names->count;

	for (unsigned j = 0; j < names->count; j++)
		if (!strcmp(names->name[j], name))
			return;
	ouro__check(i < METHODS_MAX);
	for (; i && strcmp(names->name[i - 1], name) > 0; i--)
		names->name[i] = names->name[i - 1];
	names->name[i] = name;
	names->count++;
	names->bytes += strlen(name) + 2;
}

static void add_names(struct names *names, const struct spot *spot)
{
	for (const struct line *line = spot->lines; line; line = line->next) {
		if (line->method.len)
			add_name(names, line->route.method);
		if (ouro_str_eq(line->method, "GET"))
			add_name(names, "HEAD");
	}
	add_name(names, "OPTIONS");
}

static const char *join_names(struct router *router, const struct names *names)
{
	char *text = ouro__router_get(router, names->bytes + 1), *at = text;

	for (unsigned i = 0; text && i < names->count; i++)
		at = stpcpy(stpcpy(at, i ? ", " : ""), names->name[i]);
	return text;
}

static int allow(struct router *router, struct spot *spot, struct names *all)
{
	struct names names = { .count = 0 };

	if (!spot->lines)
		return 0;
	add_names(&names, spot);
	add_names(all, spot);
	spot->allow = join_names(router, &names);
	return spot->allow ? 0 : -ENOMEM;
}

int ouro__router_allow(struct router *router)
{
	struct names all = { .count = 0 };
	int err = allow(router, &router->star, &all);

	add_names(&all, &router->star);
	for (struct node *node = router->nodes; node && !err; node = node->older) {
		err = allow(router, &node->here, &all);
		if (!err)
			err = allow(router, &node->tree, &all);
	}
	if (!err)
		router->allow = join_names(router, &all);
	return err || router->allow ? err : -ENOMEM;
}
