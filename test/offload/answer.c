/* What the machine says of a name, and what is known without asking it. */
#include "offload/answer.h"
#include "base/alloc.h"
#include "resolver.h"

/* The error's name, or the addresses with a comma between two. */
static const char *told(int err, struct answer *answer, enum ouro_dns_order order, uint16_t port)
{
	static char text[512];
	const ouro_addr *addrs;
	size_t used = 0;

	if (err < 0)
		return ouro_errname(err);
	if (!answer)
		return "nothing";
	addrs = ouro__answer_view(answer, order, port);
	for (size_t i = 0; i < answer->count; i++) {
		char one[OURO_ADDR_TEXT];

		CHECK_EQ(ouro_addr_port(&addrs[i]), port);
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i ? "," : "",
					 ouro_addr_text(&addrs[i], one, sizeof(one)));
	}
	return text;
}

static const char *ask(const char *name)
{
	struct answer *answer = NULL;
	int err = ouro__answer_ask(name, 0, 0, &answer);
	const char *text = told(err, answer, OURO_DNS_AS_GIVEN, 0);

	CHECK(!answer == (err < 0));
	ouro__free(answer);
	return text;
}

static const char *at_once(const char *name, int family, int flags)
{
	struct answer *answer;
	int err = ouro__answer_at_once(name, family, flags, &answer);
	const char *text = told(err, answer, OURO_DNS_AS_GIVEN, 443);

	ouro__free(answer);
	return text;
}

TEST(the_addresses_are_told_as_given)
{
	CHECK_STR(ask("one.test"), "192.0.2.1");
	CHECK_STR(ask("both.test"), "2001:db8::1,192.0.2.1,2001:db8::2,192.0.2.2");
}

TEST(every_address_is_told_once)
{
	CHECK_STR(ask("twice.test"), "192.0.2.1,2001:db8::1,192.0.2.2");
}

TEST(addresses_of_other_families_are_left_out)
{
	CHECK_STR(ask("mixed.test"), "192.0.2.1");
	CHECK_STR(ask("unix.test"), "OURO_EAI_NODATA");
}

TEST(the_question_says_family_and_flags_and_that_a_stream_is_wanted)
{
	struct answer *answer = NULL;

	CHECK_EQ(ouro__answer_ask("one.test", AF_INET6, AI_V4MAPPED | AI_ALL, &answer), 0);
	ouro__free(answer);
	CHECK_EQ(resolver.hints.ai_family, AF_INET6);
	CHECK_EQ(resolver.hints.ai_flags, AI_V4MAPPED | AI_ALL);
	CHECK_EQ(resolver.hints.ai_socktype, SOCK_STREAM);
	CHECK_EQ(resolver.hints.ai_protocol, 0);
}

TEST(each_of_getaddrinfos_errors_has_ours)
{
	CHECK_STR(ask("family.test"), "OURO_EAI_ADDRFAMILY");
	CHECK_STR(ask("again.test"), "OURO_EAI_AGAIN");
	CHECK_STR(ask("flags.test"), "OURO_EAI_BADFLAGS");
	CHECK_STR(ask("fail.test"), "OURO_EAI_FAIL");
	CHECK_STR(ask("families.test"), "OURO_EAI_FAMILY");
	CHECK_STR(ask("memory.test"), "OURO_EAI_MEMORY");
	CHECK_STR(ask("nodata.test"), "OURO_EAI_NODATA");
	CHECK_STR(ask("gone.test"), "OURO_EAI_NONAME");
	CHECK_STR(ask("overflow.test"), "OURO_EAI_OVERFLOW");
	CHECK_STR(ask("service.test"), "OURO_EAI_SERVICE");
	CHECK_STR(ask("socktype.test"), "OURO_EAI_SOCKTYPE");
}

TEST(an_error_of_the_system_is_its_errno)
{
	CHECK_STR(ask("system.test"), "EMFILE");
	CHECK_STR(ask("silent.test"), "OURO_EAI_FAIL");
}

TEST(an_error_nobody_has_heard_of_is_a_failure)
{
	CHECK_STR(ask("unheard.test"), "OURO_EAI_FAIL");
}

TEST(one_family_comes_first_the_rest_stays_in_order)
{
	struct answer *answer = NULL;

	CHECK_EQ(ouro__answer_ask("both.test", 0, 0, &answer), 0);
	CHECK_STR(told(0, answer, OURO_DNS_V4_FIRST, 80),
		  "192.0.2.1,192.0.2.2,2001:db8::1,2001:db8::2");
	CHECK_STR(told(0, answer, OURO_DNS_V6_FIRST, 443),
		  "2001:db8::1,2001:db8::2,192.0.2.1,192.0.2.2");
	CHECK_STR(told(0, answer, OURO_DNS_AS_GIVEN, 0),
		  "2001:db8::1,192.0.2.1,2001:db8::2,192.0.2.2");
	ouro__free(answer);
}

TEST(the_empty_name_is_this_machine)
{
	CHECK_STR(at_once("", 0, 0), "127.0.0.1,::1");
	CHECK_STR(at_once("", AF_INET, 0), "127.0.0.1");
	CHECK_STR(at_once("", AF_INET6, 0), "::1");
	CHECK_EQ(questions(), 0);
}

TEST(a_literal_is_its_own_answer)
{
	CHECK_STR(at_once("192.0.2.1", 0, 0), "192.0.2.1");
	CHECK_STR(at_once("2001:db8::1", AF_INET6, 0), "2001:db8::1");
	CHECK_STR(at_once("fe80::1%3", 0, 0), "fe80::1%3");
	CHECK_EQ(questions(), 0);
}

TEST(what_only_looks_like_a_literal_must_be_asked_for)
{
	CHECK_STR(at_once("[::1]", 0, 0), "nothing");
	CHECK_STR(at_once("127.1", 0, 0), "nothing");
	CHECK_STR(at_once("fe80::1%no such interface", 0, 0), "nothing");
	CHECK_STR(at_once("one.test", 0, 0), "nothing");
}

/* The machine itself is asked what each literal is to it, and what we say is compared. */
static void compare_with_the_machine(const char *literal, int family, int flags)
{
	char ours[512];
	struct answer *answer = NULL;
	int err;

	snprintf(ours, sizeof(ours), "%s", at_once(literal, family, flags));
	err = ouro__answer_ask(literal, family, flags, &answer);
	CHECK_STR(ours, told(err, answer, OURO_DNS_AS_GIVEN, 443));
	ouro__free(answer);
}

TEST(a_literal_of_the_other_family_is_what_getaddrinfo_makes_of_it)
{
	static const char *const literals[] = { "127.0.0.1", "::1", "::ffff:127.0.0.1",
						"0.0.0.0",   "::",  "255.255.255.255" };
	static const int families[] = { 0, AF_INET, AF_INET6 };
	static const int flags[] = { 0, AI_V4MAPPED, AI_V4MAPPED | AI_ALL, AI_ALL };

	CHECK_STR(at_once("127.0.0.1", AF_INET6, 0), "OURO_EAI_ADDRFAMILY");
	CHECK_STR(at_once("127.0.0.1", AF_INET6, AI_V4MAPPED), "::ffff:127.0.0.1");
	CHECK_STR(at_once("::ffff:127.0.0.1", AF_INET, 0), "127.0.0.1");
	for (size_t i = 0; i < sizeof(literals) / sizeof(literals[0]); i++)
		for (size_t j = 0; j < sizeof(families) / sizeof(families[0]); j++)
			for (size_t k = 0; k < sizeof(flags) / sizeof(flags[0]); k++)
				compare_with_the_machine(literals[i], families[j], flags[k]);
}

static int ask_for_two(void)
{
	struct answer *answer = NULL;
	int err = ouro__answer_ask("twice.test", 0, 0, &answer);

	CHECK(!err == !!answer);
	ouro__free(answer);
	return err;
}

static int say_at_once(void)
{
	struct answer *answer;
	int err = ouro__answer_at_once("", 0, 0, &answer);

	ouro__free(answer);
	if (!err) {
		err = ouro__answer_at_once("::1", 0, 0, &answer);
		ouro__free(answer);
	}
	return err;
}

TEST(without_memory_there_is_no_answer)
{
	CHECK(for_each_failing_allocation(ask_for_two) > 0);
	CHECK(for_each_failing_allocation(say_at_once) > 1);
}
