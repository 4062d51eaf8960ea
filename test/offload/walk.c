/* walk.c -- down a tree, along it, and up again. */
#include "offload/walk.h"
#include "offload/trees.h"

static struct walk walk;

static void begin(void)
{
	scratch_enter_memory();
	CHECK_EQ(ouro__walk_init(&walk), 0);
}

static void end(void)
{
	ouro__walk_end(&walk);
	scratch_leave();
}

TEST(what_is_remembered_last_comes_first_and_each_folder_has_its_own)
{
	begin();
	CHECK_EQ(mkdir("a", 0755), 0);
	CHECK(ouro__walk_last(&walk) == NULL);
	CHECK_EQ(ouro__walk_later(&walk, "b"), 0);
	CHECK_EQ(ouro__walk_later(&walk, "a"), 0);
	CHECK_EQ(ouro__walk_down(&walk, ouro__walk_last(&walk)), 0);
	CHECK(ouro__walk_last(&walk) == NULL);
	CHECK_EQ(ouro__walk_later(&walk, "one"), 0);
	CHECK_EQ(ouro__walk_later(&walk, "two"), 0);
	CHECK_STR(ouro__walk_last(&walk), "two");
	ouro__walk_forget(&walk);
	CHECK_STR(ouro__walk_last(&walk), "one");
	ouro__walk_forget(&walk);
	CHECK(ouro__walk_last(&walk) == NULL);
	CHECK_EQ(ouro__walk_up(&walk), 0);
	CHECK_STR(ouro__walk_last(&walk), "a");
	ouro__walk_forget(&walk);
	CHECK_STR(ouro__walk_last(&walk), "b");
	end();
}

TEST(every_entry_is_listed_once_and_the_dots_never)
{
	static char seen[3000];
	const struct dirent64 *entry;
	int err, n = 0;

	begin();
	make_tree("t", (int)sizeof(seen), 0);
	CHECK_EQ(ouro__walk_down(&walk, "t"), 0);
	CHECK(!walk.listed);
	for (; (entry = ouro__walk_next(&walk, &err)); n++) {
		int number = atoi(entry->d_name);

		CHECK(entry->d_name[0] != '.' && number < (int)sizeof(seen));
		CHECK_EQ(seen[number]++, 0);
	}
	CHECK_EQ(err, 0);
	CHECK_EQ(n, sizeof(seen));
	CHECK(walk.listed);
	end();
}

TEST(only_folders_are_entered)
{
	begin();
	make_tree("t", 1, 1);
	CHECK_EQ(symlink("t", "link"), 0);
	CHECK_EQ(ouro__walk_down(&walk, "link"), -ENOTDIR);
	CHECK_EQ(ouro__walk_down(&walk, "t/0/0"), -ENOTDIR);
	CHECK_EQ(ouro__walk_down(&walk, "missing"), -ENOENT);
	CHECK_EQ(walk.fd, AT_FDCWD);
	CHECK_EQ(walk.depth, 0);
	end();
}

TEST(the_way_up_leads_to_where_we_came_from_or_nowhere)
{
	begin();
	make_tree("t", 2, 0);
	CHECK_EQ(ouro__walk_down(&walk, "t"), 0);
	CHECK_EQ(ouro__walk_down(&walk, "0"), 0);
	CHECK_EQ(ouro__walk_up(&walk), 0);
	CHECK_EQ(ouro__walk_down(&walk, "1"), 0);
	CHECK_EQ(rename("t/1", "moved"), 0);
	CHECK_EQ(ouro__walk_up(&walk), -ESTALE);
	CHECK_EQ(walk.depth, 2);
	CHECK_EQ(rename("moved", "t/2"), 0);
	CHECK_EQ(ouro__walk_up(&walk), 0);
	CHECK_EQ(ouro__walk_up(&walk), 0);
	CHECK_EQ(walk.fd, AT_FDCWD);
	end();
}

TEST(a_folder_gets_its_mode_when_it_is_left)
{
	begin();
	make_tree("t", 1, 0);
	CHECK_EQ(ouro__walk_down(&walk, "t"), 0);
	CHECK_EQ(ouro__walk_down(&walk, "0"), 0);
	walk_level(&walk)->leave = 0;
	CHECK_EQ(mode_of("t/0"), 0755);
	CHECK_EQ(ouro__walk_up(&walk), 0);
	CHECK_EQ(mode_of("t/0"), 0);
	CHECK_EQ(ouro__walk_up(&walk), 0);
	CHECK_EQ(mode_of("t"), 0755);
	CHECK_EQ(chmod("t/0", 0755), 0);
	end();
}

TEST(a_folder_removed_meanwhile_has_no_more_entries)
{
	int err;

	begin();
	CHECK_EQ(mkdir("t", 0755), 0);
	CHECK_EQ(ouro__walk_down(&walk, "t"), 0);
	CHECK_EQ(rmdir("t"), 0);
	CHECK(ouro__walk_next(&walk, &err) == NULL);
	CHECK_EQ(err, -ENOENT);
	CHECK(walk.listed);
	end();
}

TEST(a_walk_that_was_never_begun_can_be_ended)
{
	struct walk zeroed = { 0 };

	ouro__walk_end(&zeroed);
	ouro__walk_end(&zeroed);
}
