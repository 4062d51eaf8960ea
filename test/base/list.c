/* Links that live inside their members. */
#include "base/list.h"

#include "test.h"

struct letter {
	char sign;
	struct list link;
};

static struct letter letters[26];

static struct letter *letter(char sign)
{
	struct letter *l = &letters[sign - 'a'];

	l->sign = sign;
	list_init(&l->link);
	return l;
}

/* A list of those letters, in that order. */
static void spell(struct list *head, const char *word)
{
	list_init(head);
	for (; *word; word++)
		list_push(head, &letter(*word)->link);
}

static void check_reads(struct list *head, const char *word)
{
	char forwards[32] = "", backwards[32] = "";
	size_t n = 0;

	list_each (at, head)
		forwards[n++] = list_of(at, struct letter, link)->sign;
	for (struct list *at = head->prev; at != head; at = at->prev)
		backwards[--n] = list_of(at, struct letter, link)->sign;
	CHECK_STR(forwards, word);
	CHECK_STR(backwards, word);
}

TEST(a_list_keeps_the_order_of_its_pushes)
{
	struct list head;

	spell(&head, "");
	CHECK(list_empty(&head));
	spell(&head, "abc");
	CHECK(!list_empty(&head));
	check_reads(&head, "abc");
	list_push_front(&head, &letter('z')->link);
	check_reads(&head, "zabc");
	list_insert_before(&letters['b' - 'a'].link, &letter('y')->link);
	check_reads(&head, "zaybc");
}

TEST(a_link_leaves_from_anywhere_and_twice)
{
	struct list head;

	spell(&head, "abcde");
	list_remove(&letters[0].link);
	list_remove(&letters[2].link);
	list_remove(&letters[4].link);
	check_reads(&head, "bd");
	list_remove(&letters[2].link);
	check_reads(&head, "bd");
	list_remove(&letters[1].link);
	list_remove(&letters[3].link);
	CHECK(list_empty(&head));
}

TEST(shift_takes_the_first)
{
	struct list head;

	spell(&head, "ab");
	CHECK(list_shift(&head) == &letters[0].link);
	CHECK(list_empty(&letters[0].link));
	CHECK(list_shift(&head) == &letters[1].link);
	CHECK(!list_shift(&head));
}

TEST(a_safe_walk_lets_its_members_go)
{
	struct list head;

	spell(&head, "abcdef");
	list_each_safe (at, &head)
		if (list_of(at, struct letter, link)->sign != 'c')
			list_remove(at);
	check_reads(&head, "c");
}

TEST(all_of_one_list_moves_behind_another)
{
	struct list to, from;

	spell(&to, "");
	spell(&from, "ab");
	list_move_all(&to, &from);
	check_reads(&to, "ab");
	CHECK(list_empty(&from));
	list_move_all(&to, &from);
	check_reads(&to, "ab");
	spell(&from, "cd");
	list_move_all(&to, &from);
	check_reads(&to, "abcd");
	check_reads(&from, "");
}
