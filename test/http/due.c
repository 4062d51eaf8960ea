/* due.c -- lists of deadlines with one timer each. */
#include "http/due.h"
#include "../kit.h"

struct thing {
	struct due due;
	const char *word;
};

static ouro_loop *loop;
static struct due_list list;

static void say_due(struct due *due)
{
	say("%s", list_of(due, struct thing, due)->word);
}

static void start(unsigned ms)
{
	loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
	CHECK(loop != NULL);
	ouro__due_list_init(&list, loop, ms, say_due, "things");
}

static struct thing *thing(const char *w)
{
	static struct thing things[8];
	static int count;
	struct thing *made = &things[count++];

	due_init(&made->due);
	made->word = w;
	return made;
}

static void begin_thing(ouro_loop *of, void *arg)
{
	(void)of;
	due_begin(&list, &((struct thing *)arg)->due);
}

static void clear_thing(ouro_loop *of, void *arg)
{
	(void)of;
	due_clear(&((struct thing *)arg)->due);
}

static void at(unsigned ms, ouro_task_fn *fn, void *arg)
{
	CHECK(ouro_timer_after(loop, ms, fn, arg).id != 0);
}

static void finish(void)
{
	CHECK_EQ(ouro_loop_run(loop), 0);
	ouro__due_list_end(&list);
	ouro_loop_free(loop);
}

TEST(each_is_due_its_time_after_it_began)
{
	start(10);
	at(1, begin_thing, thing("a"));
	at(5, begin_thing, thing("b"));
	at(10, say_task, word("10"));
	at(12, say_task, word("12"));
	at(14, say_task, word("14"));
	at(16, say_task, word("16"));
	finish();
	CHECK_STR(said, "10 a 12 14 b 16");
}

TEST(what_begins_anew_is_due_later)
{
	struct thing *a = thing("a"), *b = thing("b");

	start(10);
	at(1, begin_thing, a);
	at(2, begin_thing, b);
	at(8, begin_thing, a);
	at(17, say_task, word("17"));
	at(19, say_task, word("19"));
	finish();
	CHECK_STR(said, "b 17 a 19");
}

TEST(what_is_cleared_is_never_due)
{
	struct thing *a = thing("a"), *b = thing("b");

	start(10);
	at(1, begin_thing, a);
	at(2, begin_thing, b);
	at(3, clear_thing, a);
	at(4, clear_thing, a);
	at(30, say_task, word("30"));
	finish();
	CHECK_STR(said, "b 30");
}

TEST(a_list_keeps_no_loop_alive)
{
	start(10);
	at(1, begin_thing, thing("a"));
	finish();
	CHECK_STR(said, "");
}

TEST(a_list_without_a_time_is_only_a_list)
{
	struct thing *a = thing("a");

	start(OURO_NEVER);
	at(1, begin_thing, a);
	at(100000, say_task, word("late"));
	finish();
	CHECK_STR(said, "late");
	CHECK(!list_empty(&list.list));
	due_clear(&a->due);
	CHECK(list_empty(&list.list));
}
