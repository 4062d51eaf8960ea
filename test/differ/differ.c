/* differ.c -- how strict? The same bytes to ouro, to Node and to nginx.
 *
 * A corpus of requests, good, bad and in between, each with the verdict of RFC 9110 and 9112
 * (corpus.h says how they are written). ouro must give that verdict, in whatever pieces the bytes
 * come. Where the RFC leaves a choice it must not take what both of the others refuse, nor see more
 * requests in it than they do. With V=1 every case is shown that the three do not agree on. */
#include "differ/corpus.h"
#include "differ/exchange.h"
#include "differ/servers.h"
#include "kit.h"

static struct outcome ours, node, nginx;

/* --- Verdicts --- */

/* Refusals after which the connection may go on, because it is known where the request ends. */
static bool may_stay(int status)
{
	return status == 405 || status == 417 || status == 501;
}

static bool accepted(const struct rule *rule, const struct outcome *o)
{
	bool stays = rule->after == STAYS && !rule->eof;

	if (o->silent || o->status || strcmp(o->saw, rule->seen))
		return false;
	return o->sentinel == stays || (rule->after == MAY_CLOSE && !rule->eof);
}

/* What was seen of the connection before is all of `<`; or, of a case that may be either, a part.
 * That one can be read in one way only, so the connection may go on whatever the status. */
static bool refused(const struct rule *rule, const struct outcome *o)
{
	bool either = rule->verdict == EITHER;
	bool may_go_on = rule->after != CLOSES && (either || may_stay(o->status));
	size_t seen = strlen(either ? o->saw : rule->seen);

	if (o->silent || strncmp(o->saw, rule->seen, seen) || strlen(o->saw) != seen)
		return false;
	return (o->status || rule->unsaid) && (!o->sentinel || may_go_on);
}

static bool is_right(const struct rule *rule, const struct outcome *o)
{
	return (rule->verdict != REFUSE && accepted(rule, o)) ||
	       (rule->verdict != ACCEPT && refused(rule, o));
}

/* Of another server less is known: whether it said no, or nothing. */
static bool says_no(const struct outcome *o)
{
	return o->status || !o->requests;
}

static bool is_more_lenient(void)
{
	int most = node.requests > nginx.requests ? node.requests : nginx.requests;

	return says_no(&node) && says_no(&nginx) && (!says_no(&ours) || ours.requests > most);
}

/* --- In words --- */

static const char *words(const struct outcome *o, char text[64])
{
	int n = snprintf(text, 64, "%d%s", o->requests, o->sentinel ? "+" : "");

	if (o->status)
		snprintf(text + n, 64 - (size_t)n, " %d", o->status);
	else if (o->silent)
		snprintf(text + n, 64 - (size_t)n, " silent");
	return text;
}

static void tell(const struct rule *rule, const char *why, const struct outcome *o)
{
	char text[64];

	fprintf(stderr, "# %s: %s%s (%.60s)\n", rule->name, why, words(o, text), o->saw);
}

static void tell_all(const struct rule *rule, const char *why)
{
	char a[64], b[64], c[64];

	fprintf(stderr, "# %s ouro %-8s node %-8s nginx %-8s %s\n", why, words(&ours, a),
		words(&node, b), words(&nginx, c), rule->name);
}

static bool agree(void)
{
	return says_no(&ours) == says_no(&node) && says_no(&ours) == says_no(&nginx) &&
	       ours.requests == node.requests && ours.requests == nginx.requests;
}

/* --- Tests --- */

TEST(the_corpus_has_300_rules_and_each_its_name)
{
	read_corpus(beside(__FILE__, "corpus"));
	CHECK(corpus_count >= 300);
	for (size_t i = 0; i < corpus_count; i++)
		for (size_t k = 0; k < i; k++)
			if (!strcmp(corpus[i].name, corpus[k].name))
				CHECK_STR(corpus[i].name, "a name of its own");
	printf("# %zu cases\n", corpus_count);
}

TEST(a_request_gets_the_verdict_of_the_rfc)
{
	struct server ouro;
	int wrong = 0;

	read_corpus(beside(__FILE__, "corpus"));
	start_ouro(&ouro);
	for (const struct rule *rule = corpus; rule < corpus + corpus_count; rule++) {
		alarm(TEST_SECONDS);
		exchange(&ouro, rule, whole, 0, &ours);
		if (!is_right(rule, &ours)) {
			tell(rule, "ouro says ", &ours);
			wrong++;
		}
	}
	stop(&ouro);
	CHECK_EQ(wrong, 0);
}

static size_t an_octet(size_t at, size_t len, uint32_t *seed)
{
	(void)at, (void)len, (void)seed;
	return 1;
}

static size_t a_few(size_t at, size_t len, uint32_t *seed)
{
	size_t n = 1 + random_below(seed, len > 4000 ? (uint32_t)len / 100 : 40);

	return n < len - at ? n : len - at;
}

static size_t half(size_t at, size_t len, uint32_t *seed)
{
	return at ? len - at : 1 + random_below(seed, (uint32_t)len - 1);
}

static bool is_same(const struct outcome *a, const struct outcome *b)
{
	return !strcmp(a->saw, b->saw) && a->status == b->status && a->sentinel == b->sentinel &&
	       a->silent == b->silent;
}

TEST(the_verdict_does_not_depend_on_the_cuts)
{
	static cut_fn *const cuts[] = { half, a_few, half, a_few, an_octet };
	static const char *const how[] = { "in two ", "in pieces ", "in two ", "in pieces ",
					   "octet by octet " };
	static struct outcome cut;
	struct server ouro;
	int wrong = 0;

	read_corpus(beside(__FILE__, "corpus"));
	start_ouro(&ouro);
	for (size_t i = 0; i < corpus_count; i++) {
		const struct rule *rule = &corpus[i];

		alarm(TEST_SECONDS);
		exchange(&ouro, rule, whole, 0, &ours);
		for (size_t c = 0; c < (rule->len < 2000 ? 5 : 4); c++) {
			exchange(&ouro, rule, cuts[c], (uint32_t)(i * 5 + c + 1), &cut);
			if (is_same(&ours, &cut))
				continue;
			tell(rule, "whole ", &ours);
			tell(rule, how[c], &cut);
			wrong++;
		}
	}
	stop(&ouro);
	CHECK_EQ(wrong, 0);
}

TEST(ouro_takes_nothing_that_node_and_nginx_both_refuse)
{
	struct server us, him, her;
	const char *v = getenv("V");
	int lenient = 0, silent = 0;

	see_daemons();
	if (!is_installed("node") || !is_installed("nginx"))
		SKIP("needs the packages nodejs and nginx-light");
	read_corpus(beside(__FILE__, "corpus"));
	start_node(&him, beside(__FILE__, "node.js"));
	start_nginx(&her);
	start_ouro(&us);
	for (const struct rule *rule = corpus; rule < corpus + corpus_count; rule++) {
		alarm(TEST_SECONDS);
		exchange(&us, rule, whole, 0, &ours);
		exchange(&him, rule, whole, 0, &node);
		exchange(&her, rule, whole, 0, &nginx);
		silent += node.silent + nginx.silent;
		lenient += is_more_lenient();
		if (is_more_lenient() || node.silent || nginx.silent)
			tell_all(rule, "!");
		else if (v && !strcmp(v, "1") && !agree())
			tell_all(rule, " ");
	}
	stop(&us);
	stop(&him);
	stop(&her);
	CHECK_EQ(lenient, 0);
	CHECK_EQ(silent, 0);
}
