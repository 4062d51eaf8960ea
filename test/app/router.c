/* router.c -- which line of a table takes a request. The router is asked without a server: each
 * line has a word for its arg, and what is found is told as a sentence: the wrappers' words, the
 * line's, the names and the rest. Random tables are compared with a matcher that looks at
 * every line. */
#include "app/router.h"
#include "kit.h"

/* A word that is an arg, also of something static. */
#define WORD(word_) ((void *)(uintptr_t)(word_))
#define ROUTE(method_, path_, word_)                                               \
	{                                                                          \
		.method = method_, .path = path_, .fn = nobody, .arg = WORD(word_) \
	}
#define END                  \
	{                    \
		.path = NULL \
	}

static void nobody(ouro_req *req, void *arg)
{
	(void)req, (void)arg;
}

static void note(ouro_log_level level, const char *sentence, void *arg)
{
	(void)level, (void)arg;
	say("%s", sentence);
}

static const char *wraps_all; /* the word of a wrapper of the server; NULL: it has none */

static int compile(const ouro_route *routes, void **ret_router)
{
	const struct log log = { note, NULL };
	const ouro_http_opts opts = { .routes = routes,
				      .arg = WORD("the server's"),
				      .on_request = wraps_all ? nobody : NULL,
				      .wrap = wraps_all ? nobody : NULL,
				      .wrap_arg = (void *)(uintptr_t)wraps_all };

	said[0] = 0;
	return ouro__router_new(&opts, &log, ret_router);
}

static void tell_match(char *text, size_t room, const char *path, const struct match *match)
{
	size_t used = 0;

	for (unsigned i = 0; i < match->links; i++) {
		const struct chain_link *link = &match->chain[i];

		used += (size_t)snprintf(text + used, room - used, "%s%s", i ? " " : "",
					 link->fn == ouro__add_slash ? "add a slash"
								     : (const char *)link->arg);
	}
	for (unsigned i = 0; i < match->params; i++)
		used += (size_t)snprintf(text + used, room - used, " %.*s=%.*s",
					 match->param[i].name_len, match->param[i].name,
					 match->param[i].len, path + match->param[i].at);
	if (match->rest)
		snprintf(text + used, room - used, " rest=%s", path + match->rest);
}

/* "here id=7", "404", "405 GET, HEAD, OPTIONS". */
static const char *ask(const void *router, const char *method, const char *path)
{
	static char text[512];
	struct match match = { .chain = NULL };
	const char *allow = NULL;
	int status = ouro__router_type.find(router, ouro_str_z(method), ouro_str_z(path), &match,
					    &allow);

	text[0] = 0;
	if (!status)
		tell_match(text, sizeof(text), path, &match);
	else
		snprintf(text, sizeof(text), "%d%s%s", status, allow ? " " : "",
			 allow ? allow : "");
	return text;
}

static const char *asked(const ouro_route *routes, const char *method, const char *path)
{
	void *router;
	const char *answer;

	CHECK_EQ(compile(routes, &router), 0);
	answer = ask(router, method, path);
	ouro__router_type.free(router);
	return answer;
}

static const ouro_route users[] = {
	ROUTE("GET", "/:name", "anybody"),
	ROUTE("GET", "/users/:id", "user"),
	ROUTE("GET", "/users/me", "me"),
	ROUTE("GET", "/users/", "tree"),
	ROUTE("GET", "/users/:id/posts", "posts"),
	ROUTE("GET", "/", "front"),
	END,
};

TEST(letters_win_then_names_then_trees_whatever_the_order)
{
	CHECK_STR(asked(users, "GET", "/users/me"), "me");
	CHECK_STR(asked(users, "GET", "/users/7"), "user id=7");
	CHECK_STR(asked(users, "GET", "/users/7/posts"), "posts id=7");
	CHECK_STR(asked(users, "GET", "/users/7/pictures"), "tree rest=7/pictures");
	CHECK_STR(asked(users, "GET", "/nobody"), "anybody name=nobody");
	CHECK_STR(asked(users, "GET", "/nobody/else"), "404");
}

TEST(letters_that_lead_nowhere_are_names_after_all)
{
	CHECK_STR(asked(users, "GET", "/users/me/posts"), "posts id=me");
	CHECK_STR(asked(users, "GET", "/users"), "anybody name=users");
}

TEST(the_root_is_a_path_and_no_tree)
{
	CHECK_STR(asked(users, "GET", "/"), "front");
	CHECK_STR(asked(users, "GET", "//"), "404");
	CHECK_STR(asked(users, "GET", "/favicon.ico/x"), "404");
}

TEST(a_name_is_one_part_and_never_empty)
{
	static const ouro_route routes[] = { ROUTE("GET", "/a/:x/b/:y", "four"), END };

	CHECK_STR(asked(routes, "GET", "/a/1/b/2"), "four x=1 y=2");
	CHECK_STR(asked(routes, "GET", "/a/%2F/b/%25"), "four x=%2F y=%25");
	CHECK_STR(asked(routes, "GET", "/a//b/2"), "404");
	CHECK_STR(asked(routes, "GET", "/a/1/b/"), "404");
	CHECK_STR(asked(routes, "GET", "/a/1/b/2/"), "404");
	CHECK_STR(asked(routes, "GET", "/a/1/2/b/3"), "404");
}

TEST(paths_are_compared_letter_by_letter)
{
	static const ouro_route routes[] = { ROUTE("GET", "/Users/Liz Bennet/%2F", "liz"), END };

	CHECK_STR(asked(routes, "GET", "/Users/Liz Bennet/%2F"), "liz");
	CHECK_STR(asked(routes, "GET", "/users/Liz Bennet/%2F"), "404");
	CHECK_STR(asked(routes, "GET", "/Users/Liz Benne/%2F"), "404");
	CHECK_STR(asked(routes, "GET", "/Users/Liz Bennet//"), "404");
}

static const ouro_route files[] = {
	ROUTE("GET", "/files/", "files"),
	ROUTE("GET", "/files/:owner/private/", "private"),
	ROUTE("GET", "/home/", "tree"),
	ROUTE("GET", "/home", "page"),
	END,
};

TEST(a_tree_has_its_path_and_all_below)
{
	CHECK_STR(asked(files, "GET", "/files/"), "files rest=");
	CHECK_STR(asked(files, "GET", "/files/a/b//c/"), "files rest=a/b//c/");
	CHECK_STR(asked(files, "GET", "/files/ann/private/x/y"), "private owner=ann rest=x/y");
	CHECK_STR(asked(files, "GET", "/files//private/x"), "files rest=/private/x");
	CHECK_STR(asked(files, "GET", "/filesystem"), "404");
}

TEST(a_tree_without_its_slash_gets_one)
{
	CHECK_STR(asked(files, "GET", "/files"), "add a slash");
	CHECK_STR(asked(files, "POST", "/files"), "405 GET, HEAD, OPTIONS");
}

TEST(unless_a_line_has_that_path)
{
	CHECK_STR(asked(files, "GET", "/home"), "page");
	CHECK_STR(asked(files, "GET", "/home/"), "tree rest=");
	CHECK_STR(asked(files, "GET", "/files/ann/private"), "files rest=ann/private");
}

static const ouro_route methods[] = {
	ROUTE("PUT", "/x", "put"),       ROUTE("GET", "/x", "get"),
	ROUTE("DELETE", "/x", "delete"), ROUTE(NULL, "/any", "any"),
	ROUTE("GET", "/any", "get"),     ROUTE("HEAD", "/own", "head"),
	ROUTE("GET", "/own", "get"),     ROUTE("OPTIONS", "/own", "options"),
	ROUTE("POST", "/:id", "post"),   END,
};

TEST(the_path_decides_before_the_method)
{
	CHECK_STR(asked(methods, "GET", "/x"), "get");
	CHECK_STR(asked(methods, "PUT", "/x"), "put");
	CHECK_STR(asked(methods, "POST", "/x"), "405 DELETE, GET, HEAD, OPTIONS, PUT");
	CHECK_STR(asked(methods, "get", "/x"), "405 DELETE, GET, HEAD, OPTIONS, PUT");
	CHECK_STR(asked(methods, "GET", "/y"), "405 OPTIONS, POST");
	CHECK_STR(asked(methods, "POST", "/y"), "post id=y");
}

TEST(a_line_without_a_method_takes_what_no_other_does)
{
	CHECK_STR(asked(methods, "GET", "/any"), "get");
	CHECK_STR(asked(methods, "POST", "/any"), "any");
	CHECK_STR(asked(methods, "OPTIONS", "/any"), "any");
}

TEST(head_is_answered_by_get)
{
	CHECK_STR(asked(methods, "HEAD", "/x"), "get");
	CHECK_STR(asked(methods, "HEAD", "/any"), "get");
	CHECK_STR(asked(methods, "HEAD", "/own"), "head");
	CHECK_STR(asked(methods, "HEAD", "/y"), "405 OPTIONS, POST");
}

TEST(options_is_answered_by_itself)
{
	CHECK_STR(asked(methods, "OPTIONS", "/x"), "204 DELETE, GET, HEAD, OPTIONS, PUT");
	CHECK_STR(asked(methods, "OPTIONS", "/own"), "options");
	CHECK_STR(asked(methods, "OPTIONS", "/x/y"), "404");
	CHECK_STR(asked(methods, "OPTIONS", "*"), "204 DELETE, GET, HEAD, OPTIONS, POST, PUT");
}

TEST(connect_and_options_about_no_path_have_a_line_of_their_own)
{
	static const ouro_route routes[] = { ROUTE(NULL, "/:any", "any"),
					     ROUTE("CONNECT", "*", "tunnel"),
					     ROUTE("OPTIONS", "*", "what can you do"), END };

	CHECK_STR(asked(routes, "CONNECT", "example.org:443"), "tunnel");
	CHECK_STR(asked(routes, "CONNECT", "/x"), "tunnel");
	CHECK_STR(asked(routes, "OPTIONS", "*"), "what can you do");
	CHECK_STR(asked(methods, "CONNECT", "example.org:443"), "501");
}

static const ouro_route posts[] = { ROUTE("GET", "/", "all"), ROUTE("GET", "/:post", "post"),
				    ROUTE("GET", "/new/", "new"), END };
static const ouro_route inner[] = {
	{ .path = "/:user/posts/", .wrap = nobody, .arg = WORD("inner"), .routes = posts },
	{ .method = "GET", .path = "/me", .wrap = nobody, .fn = nobody, .arg = WORD("me") },
	ROUTE("GET", "/plain", NULL),
	END,
};
static const ouro_route outer[] = {
	{ .path = "/users", .wrap = nobody, .arg = WORD("outer"), .routes = inner },
	{ .path = "/", .wrap = nobody, .routes = posts },
	END,
};

TEST(a_table_may_stand_below_a_path)
{
	CHECK_STR(asked(outer, "GET", "/users/ann/posts/7"), "outer inner post user=ann post=7");
	CHECK_STR(asked(outer, "GET", "/users/ann/posts/new/x"), "outer inner new user=ann rest=x");
	CHECK_STR(asked(outer, "GET", "/7"), "the server's post post=7");
	CHECK_STR(asked(outer, "GET", "/users/ann"), "404");
}

TEST(its_slash_alone_is_that_path_itself)
{
	CHECK_STR(asked(outer, "GET", "/users/ann/posts"), "outer inner all user=ann");
	CHECK_STR(asked(outer, "GET", "/users/ann/posts/"), "404");
	CHECK_STR(asked(outer, "GET", "/"), "the server's all");
}

TEST(wrappers_run_from_the_outside_in_each_with_its_arg)
{
	CHECK_STR(asked(outer, "GET", "/users/me"), "outer me me");
	CHECK_STR(asked(outer, "GET", "/users/plain"), "outer the server's");
	CHECK_STR(asked(outer, "GET", "/users/ann/posts/new"),
		  "outer inner post user=ann post=new");
}

TEST(the_servers_runs_first_whoever_takes_it)
{
	wraps_all = "all";
	CHECK_STR(asked(outer, "GET", "/users/me"), "all outer me me");
	CHECK_STR(asked(outer, "GET", "/7"), "all the server's post post=7");
	CHECK_STR(asked(outer, "GET", "/users/ann"), "all the server's");
}

TEST(before_a_slash_is_added_too)
{
	static const ouro_route below[] = { ROUTE("GET", "/files/", "files"), END };
	static const ouro_route routes[] = {
		{ .path = "/", .wrap = nobody, .arg = WORD("guard"), .routes = below }, END
	};

	CHECK_STR(asked(routes, "GET", "/files"), "guard add a slash");
}

TEST(what_a_table_wishes_its_lines_have_unless_they_say_otherwise)
{
	static const ouro_route below[] = {
		{ .path = "/a", .fn = nobody },
		{ .path = "/b", .fn = nobody, .body_max = 5, .answer_ms = 6, .stream = true },
		END
	};
	static const ouro_route routes[] = {
		{ .path = "/x", .routes = below, .body_max = 7, .answer_ms = 8 },
		{ .path = "/y", .routes = below, .stream = true },
		END
	};
	static const struct {
		const char *path;
		size_t body_max;
		unsigned answer_ms;
		bool stream;
	} wanted[] = { { "/x/a", 7, 8, false }, { "/x/b", 5, 6, true }, { "/y/a", 0, 0, true } };
	struct match match = { .chain = NULL };
	const char *allow;
	void *router;

	CHECK_EQ(compile(routes, &router), 0);
	for (size_t i = 0; i < 3; i++) {
		CHECK_EQ(ouro__router_type.find(router, ouro_str_z("GET"),
						ouro_str_z(wanted[i].path), &match, &allow),
			 0);
		CHECK_STR(match.pattern, wanted[i].path);
		CHECK_EQ(match.route->body_max, wanted[i].body_max);
		CHECK_EQ(match.route->answer_ms, wanted[i].answer_ms);
		CHECK_EQ(match.route->stream, wanted[i].stream);
	}
	ouro__router_type.free(router);
}

TEST(what_no_line_has_is_for_on_request)
{
	const struct log log = { note, NULL };
	const ouro_http_opts opts = { .routes = posts,
				      .on_request = nobody,
				      .arg = WORD("the rest") };
	void *router;

	CHECK_EQ(ouro__router_new(&opts, &log, &router), 0);
	CHECK_STR(ask(router, "GET", "/a/b"), "the rest");
	CHECK_STR(ask(router, "POST", "/a"), "405 GET, HEAD, OPTIONS");
	CHECK_STR(ask(router, "CONNECT", "a:1"), "501");
	ouro__router_type.free(router);
}

TEST(an_empty_table_has_nothing)
{
	static const ouro_route routes[] = { END };

	CHECK_STR(asked(routes, "GET", "/"), "404");
	CHECK_STR(asked(routes, "OPTIONS", "*"), "204 OPTIONS");
}

/* ---- What makes no sense ---- */

static void refused(ouro_route route, const char *sentence)
{
	ouro_route routes[] = { route, END };
	void *router = NULL;

	CHECK_EQ(compile(routes, &router), -EINVAL);
	CHECK_STR(said, sentence);
	CHECK(!router);
}

static void refused_path(const char *path, const char *why)
{
	char sentence[512];

	snprintf(sentence, sizeof(sentence), "route GET %s: %s", path, why);
	refused((ouro_route)ROUTE("GET", path, NULL), sentence);
}

TEST(a_path_that_could_not_be_asked_for_is_refused_in_words)
{
	refused_path("", "a path begins with a slash");
	refused_path("users", "a path begins with a slash");
	refused_path("*", "a path begins with a slash");
	refused_path("//", "there is nothing between two of its slashes");
	refused_path("/a//b", "there is nothing between two of its slashes");
	refused_path("/a/../b", ". and .. are resolved before a path is compared");
	refused_path("/.", ". and .. are resolved before a path is compared");
	refused_path("/a/:", "there is a : without a name");
	refused_path("/a:b", "a : may stand behind a slash only");
	refused_path("/:a:b", "a : may stand behind a slash only");
	refused_path("/:x/y/:x", "it has two parts of one name");
	refused_path("/files/*", "a tree's path ends in a slash (/files/), there is no *");
	refused_path("/users/{id}", "a part of the path with a name is written :name");
	refused_path("/a?b=c", "what is behind a ? is no part of the path: see ouro_req_query()");
	refused_path("/a%20b", "it is compared with paths that are decoded, but for %2F and %25");
	refused_path("/:1/:2/:3/:4/:5/:6/:7/:8/:9", "it has more than 8 names");
	refused_path("/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3",
		     "it has more than 32 parts");
}

TEST(so_is_a_line_that_could_mean_two_things)
{
	refused((ouro_route){ .path = "/a" },
		"route (any method) /a: it has neither a function nor a table");
	refused((ouro_route){ .path = "/a", .fn = nobody, .routes = posts },
		"route (any method) /a: it has both a function and a table");
	refused((ouro_route){ .method = "GET", .path = "/a", .routes = posts },
		"route GET /a: a table is for all methods, its lines name theirs");
	refused((ouro_route){ .method = "GET", .fn = nobody }, "route GET : it has no path");
	refused((ouro_route)ROUTE("get", "/", NULL),
		"route get /: there is no method of that name");
	refused((ouro_route)ROUTE("", "/", NULL), "route  /: there is no method of that name");
	refused((ouro_route)ROUTE("GET / HTTP/1.1", "/", NULL),
		"route GET / HTTP/1.1 /: there is no method of that name");
	refused((ouro_route)ROUTE("CONNECT", "/", NULL),
		"route CONNECT /: CONNECT is about no path: its line's is *, in no table with a "
		"path");
}

TEST(so_are_two_lines_for_the_same)
{
	static const ouro_route same[] = { ROUTE("GET", "/a/:x", "1"), ROUTE("POST", "/a/:x", "2"),
					   ROUTE("GET", "/a/:y", "3"), END };
	static const ouro_route any[] = { ROUTE(NULL, "/a/", "1"), ROUTE(NULL, "/a/", "2"), END };
	static const ouro_route star[] = { ROUTE("OPTIONS", "*", "1"), ROUTE("OPTIONS", "*", "2"),
					   END };
	void *router;

	CHECK_EQ(compile(same, &router), -EINVAL);
	CHECK_STR(said, "route GET /a/:y: another line has that method and path");
	CHECK_EQ(compile(any, &router), -EINVAL);
	CHECK_STR(said, "route (any method) /a/: another line has that method and path");
	CHECK_EQ(compile(star, &router), -EINVAL);
	CHECK_STR(said, "route OPTIONS *: another line has that method and path");
}

TEST(names_may_differ_where_the_paths_do)
{
	static const ouro_route routes[] = { ROUTE("GET", "/:a", "1"), ROUTE("GET", "/:b/x", "2"),
					     END };

	CHECK_STR(asked(routes, "GET", "/7"), "1 a=7");
	CHECK_STR(asked(routes, "GET", "/7/x"), "2 b=7");
}

TEST(a_table_within_itself_is_refused)
{
	static ouro_route routes[] = { { .path = "/a" }, END };

	routes[0].routes = routes;
	refused(routes[0],
		"route (any method) /a/a/a/a/a/a/a/a/a: tables are nested more than 8 deep");
}

TEST(so_is_a_path_too_long_to_be_asked_for)
{
	char path[1200] = "/";
	ouro_route routes[] = { ROUTE("GET", path, NULL), END };
	void *router;

	memset(path + 1, 'a', 1023);
	CHECK_EQ(compile(routes, &router), 0);
	ouro__router_type.free(router);
	memset(path + 1, 'a', 1024);
	CHECK_EQ(compile(routes, &router), -EINVAL);
	CHECK(strstr(said, ": its path is longer than 1024 letters"));
}

TEST(a_line_of_a_table_below_is_named_by_its_whole_path)
{
	static const ouro_route below[] = { ROUTE("GET", "b", NULL), END };
	static const ouro_route deep[] = { ROUTE("CONNECT", "*", NULL), END };

	refused((ouro_route){ .path = "/a", .routes = below },
		"route GET /ab: a path begins with a slash");
	refused((ouro_route){ .path = "/a", .routes = deep },
		"route CONNECT /a*: CONNECT is about no path: its line's is *, in no table with a "
		"path");
}

/* ---- Memory, and what a client can do ---- */

static int compile_once(void)
{
	void *router;
	int err = compile(outer, &router);

	if (!err)
		ouro__router_type.free(router);
	return err;
}

TEST(any_allocation_may_fail)
{
	CHECK(for_each_failing_allocation(compile_once) >= 2);
}

/* Enough lines that the table of letters grows, and chunks follow one another. */
static void make_many(ouro_route *routes, char (*paths)[24], unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		snprintf(paths[i], sizeof(paths[i]), "/part%u/%u", i % 37, i);
		routes[i] = (ouro_route)ROUTE("GET", paths[i], paths[i]);
	}
	routes[count] = (ouro_route)END;
}

static ouro_route many[1001];
static char many_paths[1000][24];

static int compile_many(void)
{
	void *router;
	int err = compile(many, &router);

	if (!err)
		ouro__router_type.free(router);
	return err;
}

TEST(a_thousand_lines_are_all_found)
{
	void *router;

	make_many(many, many_paths, 1000);
	CHECK_EQ(compile(many, &router), 0);
	for (unsigned i = 0; i < 1000; i++)
		CHECK_STR(ask(router, "GET", many_paths[i]), many_paths[i]);
	CHECK_STR(ask(router, "GET", "/part1/2"), "404");
	ouro__router_type.free(router);
}

TEST(any_of_their_allocations_may_fail)
{
	make_many(many, many_paths, 1000);
	CHECK(for_each_failing_allocation(compile_many) > 20);
}

TEST(to_find_a_line_takes_no_memory)
{
	void *router;
	size_t before;

	CHECK_EQ(compile(outer, &router), 0);
	before = allocations();
	ask(router, "GET", "/users/ann/posts/7");
	ask(router, "POST", "/users/ann/posts/7");
	ask(router, "OPTIONS", "*");
	CHECK_EQ(allocations(), before);
	ouro__router_type.free(router);
}

TEST(the_longest_path_is_cut_no_further_than_the_tree_is_deep)
{
	static char path[65536];
	struct match match = { .chain = NULL };
	const char *allow;
	void *router;

	memset(path, '/', 65535);
	CHECK_EQ(compile(files, &router), 0);
	CHECK_STR(ask(router, "GET", path), "404");
	memcpy(path, "/files/", 7);
	CHECK_EQ(ouro__router_type.find(router, ouro_str_z("GET"), ouro_str_n(path, 65535), &match,
					&allow),
		 0);
	CHECK_EQ(match.rest, 7);
	memset(path, 'a', 65535);
	memcpy(path, "/files", 6);
	path[65534] = '/';
	CHECK_STR(ask(router, "GET", path), "404");
	ouro__router_type.free(router);
}

/* ---- Random tables, against a matcher that cannot be wrong ---- */

#define LINES    40
#define SEGMENTS 4

struct table {
	ouro_route routes[LINES + 1];
	char paths[LINES][64], words[LINES][8];
	unsigned count;
};

static const char *one_of(uint32_t *seed, const char *const *words, uint32_t count)
{
	return words[random_below(seed, count)];
}

static void random_path(uint32_t *seed, char *path, size_t room, const char *const *parts,
			uint32_t count)
{
	size_t used = 0;
	uint32_t n = 1 + random_below(seed, SEGMENTS);

	for (uint32_t i = 0; i < n; i++) {
		const char *part = one_of(seed, parts, count);

		/* two of one name would be refused */
		used += (size_t)snprintf(path + used, room - used, *part == ':' ? "/%s%u" : "/%s",
					 part, i);
	}
	if (!random_below(seed, 3))
		snprintf(path + used, room - used, "/");
}

/* The path with every name called the same: what makes two lines one. */
static void shape_of(const char *path, char *shape)
{
	for (; *path; path++) {
		*shape++ = *path;
		if (*path == ':')
			path += strcspn(path, "/") - 1;
	}
	*shape = 0;
}

static bool is_taken(const struct table *table, const char *path, const char *method)
{
	char a[64], b[64];

	shape_of(path, a);
	for (unsigned i = 0; i < table->count; i++) {
		const char *other = table->routes[i].method;

		shape_of(table->paths[i], b);
		if (!strcmp(a, b) &&
		    (other == method || (other && method && !strcmp(other, method))))
			return true;
	}
	return false;
}

static void random_table(uint32_t *seed, struct table *table)
{
	static const char *const parts[] = { "a", "b", "c", ":x", ":y" };
	static const char *const methods_[] = { "GET", "POST", "HEAD", NULL };

	table->count = 0;
	for (unsigned i = 0; i < LINES; i++) {
		const char *method = one_of(seed, methods_, 4);
		char *path = table->paths[table->count], *name = table->words[table->count];

		random_path(seed, path, sizeof(table->paths[0]), parts, 5);
		if (is_taken(table, path, method))
			continue;
		snprintf(name, sizeof(table->words[0]), "line%u", i);
		table->routes[table->count++] = (ouro_route)ROUTE(method, path, name);
	}
	table->routes[table->count] = (ouro_route)END;
}

/* How line and path go together, a letter a part: a letters, b a name, c a tree; "": not at all. */
static void compare(const char *line, const char *path, char *grade)
{
	char *at = grade;

	while (*line == '/' && *path == '/') {
		size_t a = strcspn(++line, "/"), b = strcspn(++path, "/");

		if (!a && !*line) { /* the tree begins here, whatever comes */
			*at++ = 'c';
			*at = 0;
			return;
		}
		if (*line == ':' && b)
			*at++ = 'b';
		else if (a == b && !memcmp(line, path, a))
			*at++ = 'a';
		else
			break;
		line += a;
		path += b;
	}
	*(*line || *path ? grade : at) = 0;
}

/* The best grade of all lines; *ret_grade "": none fits. */
static void best_grade(const struct table *table, const char *path, char *ret_grade)
{
	char grade[16];

	*ret_grade = 0;
	for (unsigned i = 0; i < table->count; i++) {
		compare(table->paths[i], path, grade);
		if (*grade && (!*ret_grade || strcmp(grade, ret_grade) < 0))
			memcpy(ret_grade, grade, sizeof(grade));
	}
}

static const ouro_route *naive_choice(const struct table *table, const char *path, const char *best,
				      const char *method)
{
	const char *const wanted[] = { method, strcmp(method, "HEAD") ? method : "GET", NULL };
	char grade[16];

	for (unsigned pass = 0; pass < 3; pass++)
		for (unsigned i = 0; i < table->count; i++) {
			const ouro_route *route = &table->routes[i];

			compare(route->path, path, grade);
			if (!strcmp(grade, best) &&
			    (wanted[pass] ? route->method && !strcmp(route->method, wanted[pass])
					  : !route->method))
				return route;
		}
	return NULL;
}

/* "line7", "add a slash", "405", "404", without the names. */
static const char *naive(const struct table *table, const char *method, const char *path)
{
	char best[16], slashed[128];
	const ouro_route *route;
	bool slash;

	best_grade(table, path, best);
	slash = !*best;
	snprintf(slashed, sizeof(slashed), "%s%s", path, slash ? "/" : "");
	if (slash) {
		best_grade(table, slashed, best);
		if (!strchr(best, 'c') || strlen(best) != (size_t)1 + strspn(best, "ab"))
			*best = 0;
	}
	if (!*best || (slash && path[strlen(path) - 1] == '/'))
		return "404";
	route = naive_choice(table, slashed, best, method);
	if (!route)
		return "405";
	return slash ? "add a slash" : route->arg;
}

static void compare_once(uint32_t *seed, const struct table *table, const void *router)
{
	static const char *const parts[] = { "a", "b", "c", "d", "" };
	static const char *const wanted[] = { "GET", "POST", "HEAD", "PUT" };
	const char *method = one_of(seed, wanted, 4), *answer, *model;
	char path[64];

	random_path(seed, path, sizeof(path), parts, 5);
	answer = ask(router, method, path);
	model = naive(table, method, path);
	if (!strncmp(answer, model, strlen(model)) && strchr(" ", answer[strlen(model)]))
		return;
	for (unsigned i = 0; i < table->count; i++)
		fprintf(stderr, "# %s %s %s\n", table->words[i],
			table->routes[i].method ? table->routes[i].method : "*", table->paths[i]);
	fprintf(stderr, "# %s %s: it is \"%s\", not \"%s\"\n", method, path, answer, model);
	test_fail(__FILE__, __LINE__, "the router and the model agree");
}

TEST(random_tables_and_paths_go_together_as_the_rule_says)
{
	static struct table table;
	uint32_t seed = 20240229;

	for (unsigned i = 0; i < 300; i++) {
		void *router;

		random_table(&seed, &table);
		CHECK_EQ(compile(table.routes, &router), 0);
		for (unsigned j = 0; j < 100; j++)
			compare_once(&seed, &table, router);
		ouro__router_type.free(router);
	}
}
