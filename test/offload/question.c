/* The table of names: what is found, for how long, and how many. */
#include "offload/question.h"
#include "kit.h"

static ouro_loop *new_loop(void)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });

	CHECK(loop != NULL);
	return loop;
}

static struct names *table_of(ouro_loop *loop, uint64_t keep_ns)
{
	struct names *names = ouro__names_of(loop);

	CHECK(names != NULL);
	CHECK(ouro__names_of(loop) == names);
	ouro__names_keep(names, keep_ns);
	return names;
}

static struct question *ask(struct names *names, const char *name, int family, int flags)
{
	struct question *question = ouro__question_new(name, family, flags);

	CHECK(question != NULL);
	ouro__names_list(names, question);
	return question;
}

/* It is answered, and its operation lets go of it. */
static void settle(struct question *question, int err)
{
	question->answered = true;
	question->err = err;
	ouro__names_settle(question);
	ouro__question_drop(question);
}

static bool knows(struct names *names, const char *name)
{
	return ouro__names_find(names, name, 0, 0) != NULL;
}

TEST(a_question_under_way_is_found_by_who_asks_the_same)
{
	ouro_loop *loop = new_loop();
	struct names *names = table_of(loop, 0);
	struct question *question = ask(names, "One.test", AF_INET, 8);

	CHECK(ouro__names_find(names, "one.TEST", AF_INET, 8) == question);
	CHECK(!ouro__names_find(names, "one.test", 0, 8));
	CHECK(!ouro__names_find(names, "one.test", AF_INET, 0));
	CHECK(!ouro__names_find(names, "one.tes", AF_INET, 8));
	CHECK(!ouro__names_find(names, "one.test.", AF_INET, 8));
	settle(question, 0);
	CHECK(!ouro__names_find(names, "one.test", AF_INET, 8));
	ouro_loop_free(loop);
}

TEST(names_that_share_a_chain_are_told_apart)
{
	ouro_loop *loop = new_loop();
	struct names *names = table_of(loop, 0);
	struct question *asked[10 * NAME_BUCKETS];
	char name[32];

	for (int i = 0; i < 10 * NAME_BUCKETS; i++) {
		snprintf(name, sizeof(name), "host%d.test", i);
		asked[i] = ask(names, name, 0, 0);
	}
	for (int i = 0; i < 10 * NAME_BUCKETS; i++) {
		snprintf(name, sizeof(name), "HOST%d.test", i);
		CHECK(ouro__names_find(names, name, 0, 0) == asked[i]);
	}
	for (int i = 0; i < 10 * NAME_BUCKETS; i++)
		settle(asked[i], 0);
	CHECK(!knows(names, "host7.test"));
	ouro_loop_free(loop);
}

TEST(an_answer_is_kept_until_it_is_too_old)
{
	ouro_loop *loop = new_loop();
	struct names *names = table_of(loop, 5000 * MS);

	settle(ask(names, "one.test", 0, 0), 0);
	CHECK_EQ(ouro_loop_advance(loop, 4999), 0);
	CHECK(knows(names, "one.test"));
	CHECK_EQ(ouro_loop_advance(loop, 1), 0);
	CHECK(!knows(names, "one.test"));
	CHECK_EQ(names->kept_count, 0);
	ouro_loop_free(loop);
}

TEST(what_is_kept_is_as_old_as_the_newest_rule_says)
{
	ouro_loop *loop = new_loop();
	struct names *names = table_of(loop, UINT64_MAX);

	settle(ask(names, "one.test", 0, 0), 0);
	CHECK_EQ(ouro_loop_advance(loop, UINT64_C(1000000000000)), 0);
	CHECK(knows(names, "one.test"));
	ouro__names_keep(names, 1000 * MS);
	CHECK(!knows(names, "one.test"));
	ouro_loop_free(loop);
}

TEST(a_failure_is_not_kept)
{
	ouro_loop *loop = new_loop();
	struct names *names = table_of(loop, UINT64_MAX);

	settle(ask(names, "one.test", 0, 0), OURO_EAI_NONAME);
	CHECK(!knows(names, "one.test"));
	ouro_loop_free(loop);
}

TEST(what_was_unlisted_while_it_ran_is_not_kept)
{
	ouro_loop *loop = new_loop();
	struct names *names = table_of(loop, UINT64_MAX);
	struct question *question = ask(names, "one.test", 0, 0);

	ouro__names_unlist(question);
	ouro__names_unlist(question);
	CHECK(!knows(names, "one.test"));
	settle(question, 0);
	CHECK(!knows(names, "one.test"));
	CHECK_EQ(names->kept_count, 0);
	ouro_loop_free(loop);
}

TEST(the_oldest_makes_room_for_the_newest)
{
	ouro_loop *loop = new_loop();
	struct names *names = table_of(loop, UINT64_MAX);
	char name[32];

	for (int i = 0; i < NAMES_KEPT + 3; i++) {
		snprintf(name, sizeof(name), "host%d.test", i);
		settle(ask(names, name, 0, 0), 0);
	}
	CHECK_EQ(names->kept_count, NAMES_KEPT);
	CHECK(!knows(names, "host0.test"));
	CHECK(!knows(names, "host2.test"));
	CHECK(knows(names, "host3.test"));
	CHECK(knows(names, name));
	ouro_loop_free(loop);
}

TEST(what_is_forgotten_lives_on_for_who_holds_it)
{
	ouro_loop *loop = new_loop();
	struct names *names = table_of(loop, UINT64_MAX);
	struct question *question = ask(names, "one.test", 0, 0);

	ouro__question_hold(question);
	settle(question, 0);
	ouro__names_keep(names, 0);
	CHECK(!knows(names, "one.test"));
	CHECK_STR(question->name, "one.test");
	ouro_loop_free(loop);
	ouro__question_drop(question);
	ouro__question_drop(NULL);
}

TEST(of_a_name_that_is_too_long_no_more_is_kept_than_shows_it)
{
	char name[3 * NAME_MOST];
	struct question *question;

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	question = ouro__question_new(name, 0, 0);
	CHECK_EQ(strlen(question->name), NAME_MOST + 1);
	ouro__question_drop(question);
}
