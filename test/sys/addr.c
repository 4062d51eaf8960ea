/* An address and its text are two ways to say one thing. */
#include "ouro/addr.h"
#include "kit.h"
#include <arpa/inet.h>
#include <net/if.h>

static ouro_addr parsed(const char *text, uint16_t port)
{
	ouro_addr addr;

	CHECK_EQ(ouro_addr_parse(text, port, &addr), 0);
	return addr;
}

static const char *text_of(const ouro_addr *addr)
{
	static char text[OURO_ADDR_TEXT];

	return ouro_addr_text(addr, text, sizeof(text));
}

static const char *again(const char *text)
{
	ouro_addr addr = parsed(text, 0);

	return text_of(&addr);
}

TEST(an_ipv4_address_is_ready_for_connect)
{
	ouro_addr addr = parsed("192.0.2.1", 8080);

	CHECK_EQ(addr.len, sizeof(struct sockaddr_in));
	CHECK_EQ(addr.sa.v4.sin_family, AF_INET);
	CHECK_EQ(addr.sa.v4.sin_port, htons(8080));
	CHECK_EQ(addr.sa.v4.sin_addr.s_addr, htonl(0xc0000201));
	CHECK_EQ(ouro_addr_port(&addr), 8080);
	CHECK_STR(text_of(&addr), "192.0.2.1");
}

TEST(an_ipv6_address_is_ready_for_connect)
{
	ouro_addr addr = parsed("::1", 65535);

	CHECK_EQ(addr.len, sizeof(struct sockaddr_in6));
	CHECK_EQ(addr.sa.v6.sin6_family, AF_INET6);
	CHECK_EQ(addr.sa.v6.sin6_port, htons(65535));
	CHECK_EQ(addr.sa.v6.sin6_scope_id, 0);
	CHECK(IN6_IS_ADDR_LOOPBACK(&addr.sa.v6.sin6_addr));
	CHECK_EQ(ouro_addr_port(&addr), 65535);
	CHECK_STR(text_of(&addr), "::1");
}

TEST(the_text_is_the_shortest_there_is)
{
	CHECK_STR(again("0.0.0.0"), "0.0.0.0");
	CHECK_STR(again("::"), "::");
	CHECK_STR(again("2001:0DB8:0:0:0:0:0:1"), "2001:db8::1");
	CHECK_STR(again("::ffff:1.2.3.4"), "::ffff:1.2.3.4");
	CHECK_STR(again("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255"),
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

TEST(a_zone_is_kept_as_its_number)
{
	ouro_addr addr = parsed("fe80::1%4294967295", 1);

	CHECK_EQ(addr.sa.v6.sin6_scope_id, 4294967295u);
	CHECK_STR(text_of(&addr), "fe80::1%4294967295");
	CHECK_STR(again("fe80::1%007"), "fe80::1%7");
	CHECK_STR(again("fe80::1%0"), "fe80::1");
}

TEST(a_zone_may_be_the_name_of_an_interface)
{
	char wanted[OURO_ADDR_TEXT];

	if (!if_nametoindex("lo"))
		SKIP("no interface called lo");
	snprintf(wanted, sizeof(wanted), "fe80::1%%%u", if_nametoindex("lo"));
	CHECK_STR(again("fe80::1%lo"), wanted);
}

TEST(what_is_no_literal_is_refused_and_changes_nothing)
{
	static const char *const wrong[] = {
		"",
		" ",
		"localhost",
		"1.2.3",
		"1.2.3.4.5",
		"256.1.1.1",
		"127.1",
		"0x7f.0.0.1",
		"1.2.3.4 ",
		"1.2.3.4:80",
		"[::1]",
		"[::1]:80",
		":::",
		"::1::",
		"::1 ",
		"1.2.3.4%lo",
		"fe80::1%",
		"%lo",
		"12345::1",
		"::g",
		"fe80::1%no such interface",
		"fe80::1%4294967296",
	};
	ouro_addr addr, before;
	char many[4000];

	memset(&addr, 0x5a, sizeof(addr));
	before = addr;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		CHECK_EQ(ouro_addr_parse(wrong[i], 80, &addr), -EINVAL);
	memset(many, ':', sizeof(many) - 1);
	many[sizeof(many) - 1] = 0;
	CHECK_EQ(ouro_addr_parse(many, 80, &addr), -EINVAL);
	CHECK_EQ(memcmp(&addr, &before, sizeof(addr)), 0);
}

TEST(text_that_does_not_fit_is_cut)
{
	ouro_addr addr = parsed("192.0.2.1", 0);
	char text[8] = "xxxxxxx";

	CHECK_STR(ouro_addr_text(&addr, text, 6), "192.0");
	CHECK_EQ(text[6], 'x');
	CHECK(ouro_addr_text(&addr, text, 1) == text);
	CHECK_STR(text, "");
	CHECK(ouro_addr_text(&addr, NULL, 0) == NULL);
}

TEST(another_family_is_a_question_mark_without_a_port)
{
	ouro_addr addr = { .len = sizeof(sa_family_t), .sa.any.sa_family = AF_PACKET };

	CHECK_STR(text_of(&addr), "?");
	CHECK_EQ(ouro_addr_port(&addr), 0);
}

static const char *unix_text(const char *path)
{
	ouro_addr addr;

	CHECK_EQ(ouro_addr_unix(path, &addr), 0);
	return text_of(&addr);
}

TEST(a_unix_socket_is_told_by_its_path)
{
	CHECK_STR(unix_text("/run/x.sock"), "unix:/run/x.sock");
	CHECK_STR(unix_text("x"), "unix:x");
	CHECK_STR(unix_text("@abstract"), "unix:@abstract");
	CHECK_STR(unix_text("a\nb"), "unix:a?b");
}

TEST(a_unix_socket_without_a_name_is_told_as_such)
{
	ouro_addr addr = { .len = sizeof(sa_family_t), .sa.any.sa_family = AF_UNIX };

	CHECK_STR(text_of(&addr), "unix:");
	CHECK_EQ(ouro_addr_port(&addr), 0);
}

TEST(a_unix_path_has_room_for_107_letters)
{
	char path[109];
	ouro_addr addr;

	memset(path, 'p', sizeof(path));
	path[108] = 0;
	CHECK_EQ(ouro_addr_unix(path, &addr), -ENAMETOOLONG);
	path[107] = 0;
	CHECK_EQ(ouro_addr_unix(path, &addr), 0);
	CHECK_EQ(strlen(text_of(&addr)), strlen("unix:") + 107);
	CHECK_EQ(ouro_addr_unix("", &addr), -EINVAL);
	CHECK_EQ(ouro_addr_unix("@", &addr), -EINVAL);
}

TEST(hosts_are_the_same_whatever_their_ports)
{
	ouro_addr a = parsed("192.0.2.1", 1), b = parsed("192.0.2.1", 2),
		  c = parsed("192.0.2.2", 1);
	ouro_addr v6 = parsed("::1", 1), other = parsed("::2", 1), u, w;

	CHECK(ouro_addr_same_host(&a, &b));
	CHECK(!ouro_addr_same_host(&a, &c));
	CHECK(!ouro_addr_same_host(&a, &v6));
	CHECK(ouro_addr_same_host(&v6, &v6));
	CHECK(!ouro_addr_same_host(&v6, &other));
	CHECK_EQ(ouro_addr_unix("/x", &u), 0);
	CHECK_EQ(ouro_addr_unix("/y", &w), 0);
	CHECK(ouro_addr_same_host(&u, &u));
	CHECK(!ouro_addr_same_host(&u, &w));
}
