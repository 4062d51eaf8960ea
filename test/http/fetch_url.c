/* URLs, and where a reference leads. */
#include "http/fetch_url.h"
#include "test.h"

static int parse(const char *text, struct url *ret_url)
{
	size_t len;

	return ouro__url_parse(ouro_str_z(text), ret_url, &len);
}

static void check_str(ouro_str s, const char *z)
{
	char text[128];

	snprintf(text, sizeof(text), "%.*s", (int)s.len, s.len ? s.ptr : "");
	CHECK_STR(text, z);
}

TEST(a_url_falls_apart_into_its_pieces)
{
	static const struct {
		const char *text, *authority, *host, *path, *query;
		uint16_t port;
	} urls[] = {
		{ "http://a", "a", "a", "", "", 80 },
		{ "http://a/", "a", "a", "/", "", 80 },
		{ "HTTP://Example.org:8080/a/b?c=d", "Example.org:8080", "Example.org", "/a/b",
		  "?c=d", 8080 },
		{ "http://a?b", "a", "a", "", "?b", 80 },
		{ "http://a:/", "a:", "a", "/", "", 80 },
		{ "http://a/b#c", "a", "a", "/b", "", 80 },
		{ "http://a/b?c#d?e/f", "a", "a", "/b", "?c", 80 },
		{ "http://[::1]:81/", "[::1]:81", "::1", "/", "", 81 },
		{ "http://[::1]", "[::1]", "::1", "", "", 80 },
		{ "http://127.0.0.1:65535/%2f?%3F", "127.0.0.1:65535", "127.0.0.1", "/%2f", "?%3F",
		  65535 },
		{ "http://a//b/../c", "a", "a", "//b/../c", "", 80 },
		{ "http://a/?a=b?c/d:@", "a", "a", "/", "?a=b?c/d:@", 80 },
	};

	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		struct url url;

		CHECK_EQ(parse(urls[i].text, &url), 0);
		check_str(url.authority, urls[i].authority);
		check_str(url.host, urls[i].host);
		check_str(url.path, urls[i].path);
		check_str(url.query, urls[i].query);
		CHECK_EQ(url.port, urls[i].port);
	}
}

TEST(what_is_no_http_url_is_refused)
{
	static const char *const urls[] = {
		"",
		"a",
		"/a",
		"//a/",
		"http:",
		"http:/a",
		"http://",
		"http:///a",
		"http://?a",
		"http://:80/",
		"http://a:0/",
		"http://a:65536/",
		"http://a:8x/",
		"http://a:-1/",
		"http://user@a/",
		"http://user:pass@a/",
		"http://a b/",
		"http://a/b c",
		"http://a/\r\nX: y",
		"http://a/%",
		"http://a/%2",
		"http://a/%zz",
		"http://a/\x7f",
		"http://a/\xc3\xa4",
		"http://a/<b>",
		"http://a/\"",
		"http://a\\b/",
		"http://a/\\b",
		"http://[::1/",
		"http://::1/",
		"http://[fe80::1%25eth0]/",
		"ftp://a/",
		"httpx://a/",
		" http://a/",
	};
	struct url url;

	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++)
		CHECK_EQ(parse(urls[i], &url), -EINVAL);
	CHECK_EQ(parse("https://a/", &url), -EPROTONOSUPPORT);
	CHECK_EQ(parse("HTTPS://a/", &url), -EPROTONOSUPPORT);
}

/* RFC 3986, 5.4, and what servers send. */
TEST(a_reference_is_resolved_as_the_rfc_says)
{
	static const char base_text[] = "http://a/b/c/d;p?q";
	static const char *const references[][2] = {
		{ "g:h", "g:h" },
		{ "g", "http://a/b/c/g" },
		{ "./g", "http://a/b/c/g" },
		{ "g/", "http://a/b/c/g/" },
		{ "/g", "http://a/g" },
		{ "//g", "http://g" },
		{ "?y", "http://a/b/c/d;p?y" },
		{ "g?y", "http://a/b/c/g?y" },
		{ "#s", "http://a/b/c/d;p?q" },
		{ "g#s", "http://a/b/c/g" },
		{ "g?y#s", "http://a/b/c/g?y" },
		{ ";x", "http://a/b/c/;x" },
		{ "", "http://a/b/c/d;p?q" },
		{ ".", "http://a/b/c/" },
		{ "./", "http://a/b/c/" },
		{ "..", "http://a/b/" },
		{ "../", "http://a/b/" },
		{ "../g", "http://a/b/g" },
		{ "../..", "http://a/" },
		{ "../../", "http://a/" },
		{ "../../g", "http://a/g" },
		{ "../../../g", "http://a/g" },
		{ "../../../../g", "http://a/g" },
		{ "/./g", "http://a/g" },
		{ "/../g", "http://a/g" },
		{ "g.", "http://a/b/c/g." },
		{ ".g", "http://a/b/c/.g" },
		{ "g..", "http://a/b/c/g.." },
		{ "./../g", "http://a/b/g" },
		{ "./g/.", "http://a/b/c/g/" },
		{ "g/./h", "http://a/b/c/g/h" },
		{ "g/../h", "http://a/b/c/h" },
		{ "g;x=1/../y", "http://a/b/c/y" },
		{ "g?y/../x", "http://a/b/c/g?y/../x" },
		{ "/a:b", "http://a/a:b" },
		{ "//g:81/x?y", "http://g:81/x?y" },
		{ "http://other/x", "http://other/x" },
		{ "/", "http://a/" },
		{ "//", "http://" },
		{ "/..", "http://a/" },
	};
	struct url base;

	CHECK_EQ(parse(base_text, &base), 0);
	for (size_t i = 0; i < sizeof(references) / sizeof(*references); i++) {
		ouro_str reference = ouro_str_z(references[i][0]);
		size_t most = strlen(base_text) + reference.len + URL_EXTRA;
		char *room = malloc(most);
		size_t len = ouro__url_resolve(&base, reference, room);

		CHECK(len <= most);
		check_str(ouro_str_n(room, len), references[i][1]);
		free(room);
	}
	CHECK_EQ(parse("http://a", &base), 0);
	for (int i = 0; i < 2; i++) {
		char room[64];

		check_str(ouro_str_n(room, ouro__url_resolve(&base, ouro_str_z("g"), room)),
			  "http://a/g");
	}
}

TEST(an_origin_is_a_host_and_a_port)
{
	struct url a, b;

	CHECK_EQ(parse("http://Example.org/x", &a), 0);
	CHECK_EQ(parse("http://example.ORG:80/y", &b), 0);
	CHECK(ouro__url_same_origin(&a, &b));
	CHECK_EQ(parse("http://example.org:81/", &b), 0);
	CHECK(!ouro__url_same_origin(&a, &b));
	CHECK_EQ(parse("http://example.or/", &b), 0);
	CHECK(!ouro__url_same_origin(&a, &b));
}
