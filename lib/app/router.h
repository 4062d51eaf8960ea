/* router.h -- from a method and a path to a handler: tables of routes, read once, asked often.
 *
 *     routes.c   reads the tables, and refuses what makes no sense
 *     tree.c     the tree of paths that they become
 *     router.c   finds a line in it for each request, and allocates nothing for that
 *
 * The tree has a node for each part of a path between two slashes. A node's children that are spelt
 * out are in one hash table for the whole tree; the one that is a `:name` has a pointer. Where
 * lines end is a spot: a node has one for the path that ends there, one for the tree below it. */
#ifndef OURO__ROUTER_H
#define OURO__ROUTER_H
#include "base/log.h"
#include "http/server.h"

#define ROUTE_NESTED   8    /* tables within tables */
#define ROUTE_SEGMENTS 32   /* parts of a path */
#define ROUTE_LENGTH   1024 /* letters of it, with those of the tables above */

/* A line of a table, with what the tables above it add. */
struct line {
	struct line *next;   /* of its spot: another method */
	ouro_route route;    /* what it does not say itself, a table above it does */
	ouro_str method;     /* empty: any */
	const char *pattern; /* the whole path */
	const struct chain_link *chain,
		*slash_chain; /* the second: to the same path with a slash */
	unsigned links;
	uint8_t params;
	struct {
		const char *name;
		uint16_t len;
		uint8_t segment; /* which part of the path */
	} param[MATCH_PARAMS];
};

struct spot {
	struct line *lines; /* NULL: no line ends here */
	const char *allow;
};

struct node {
	struct node *next;  /* in its bucket */
	struct node *older; /* all of them */
	const struct node *parent;
	struct node *param;
	struct spot here, tree;
	ouro_str text; /* the part of the path that leads to it; NULL: a `:name` */
	uint32_t hash, salt;
};

struct chunk; /* of memory */

struct router {
	struct chunk *chunks;
	struct node root, *nodes;
	struct spot star;  /* "*", which OPTIONS and CONNECT are about */
	const char *allow; /* every method of every line */
	struct rest_chain rest;
	struct node **buckets;
	uint32_t mask, literals;
	unsigned depth; /* parts of the longest path */
};

/* Reads opts->routes, which must stay. 0, or -ENOMEM; -EINVAL: a line makes no sense, and the log
 * has been told why. */
int ouro__router_new(const ouro_http_opts *opts, const struct log *log, void **ret_router);

/* NULL: nothing. */
void ouro__router_free(void *router);

/* ---- While it is built ---- */

/* An empty one; NULL: no memory. */
struct router *ouro__router_begin(void);

/* Zeroed memory that lives as long as the router; NULL: none. */
void *ouro__router_get(struct router *router, size_t n);

/* Where the path of the line ends, made if it was not there; the line's names are filled in. NULL:
 * *ret_why says what is wrong with it, or is NULL: no memory. */
struct spot *ouro__router_spot(struct router *router, struct line *line, const char **ret_why);

/* When every line is in: what each spot answers for Allow. 0 or -ENOMEM. */
int ouro__router_allow(struct router *router);

/* ---- Then ---- */

extern const struct router_type ouro__router_type;

/* Answers a request for "/files" that means the tree "/files/". */
void ouro__add_slash(ouro_req *req, void *arg);

/* The hash of a part is made octet by octet, from this on. */
#define ROUTE_HASH UINT32_C(2166136261)
static inline uint32_t route_hash(uint32_t hash, char c)
{
	return (hash ^ (unsigned char)c) * UINT32_C(16777619);
}

static inline struct node **route_bucket(const struct router *router, const struct node *parent,
					 uint32_t hash)
{
	return &router->buckets[(hash ^ parent->salt) & router->mask];
}

/* The child that is spelt so, or NULL. */
static inline struct node *route_child(const struct router *router, const struct node *parent,
				       const char *text, size_t len, uint32_t hash)
{
	struct node *node = *route_bucket(router, parent, hash);

	while (node && (node->hash != hash || node->parent != parent || node->text.len != len ||
			(len && memcmp(node->text.ptr, text, len) != 0)))
		node = node->next;
	return node;
}
#endif
