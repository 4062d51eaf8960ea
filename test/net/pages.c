/* Pages are kept and used again, and all of them go with the loop. */
#include "net/pages.h"
#include "socks.h"

static struct net *net_of(ouro_loop *loop)
{
	struct net *net = ouro__net_of(loop);

	CHECK(net != NULL);
	return net;
}

TEST(a_loop_has_one_net)
{
	ouro_loop *loop = new_loop(), *other = new_loop();

	CHECK(net_of(loop) == net_of(loop));
	CHECK(net_of(loop) != net_of(other));
	memset(net_of(loop)->scratch, 1, SCRATCH_ROOM);
	ouro_loop_free(other);
	ouro_loop_free(loop);
}

TEST(a_page_that_was_given_back_is_the_next_one_taken)
{
	ouro_loop *loop = new_loop();
	struct net *net = net_of(loop);
	struct page *page = ouro__page_take(net);

	CHECK(page != NULL);
	CHECK_EQ(net->taken, 1);
	page->begin = page->end = 7;
	memset(page->bytes, 1, PAGE_ROOM);
	ouro__page_give(net, page);
	CHECK_EQ(net->taken, 0);
	CHECK(ouro__page_take(net) == page);
	CHECK_EQ(page->begin, 0);
	CHECK_EQ(page->end, 0);
	ouro__page_give(net, page);
	ouro__page_give(net, NULL);
	ouro_loop_free(loop);
}

TEST(a_steady_state_allocates_nothing)
{
	ouro_loop *loop = new_loop();
	struct net *net = net_of(loop);
	size_t before;

	ouro__page_give(net, ouro__page_take(net));
	before = allocations();
	for (int i = 0; i < 1000; i++)
		ouro__page_give(net, ouro__page_take(net));
	CHECK_EQ(allocations(), before);
	ouro_loop_free(loop);
}

TEST(only_so_many_free_pages_are_kept)
{
	ouro_loop *loop = new_loop();
	struct net *net = net_of(loop);
	struct page *pages[PAGES_KEPT + 10];

	for (int i = 0; i < PAGES_KEPT + 10; i++)
		CHECK((pages[i] = ouro__page_take(net)) != NULL);
	for (int i = 0; i < PAGES_KEPT + 10; i++)
		ouro__page_give(net, pages[i]);
	CHECK_EQ(net->free_count, PAGES_KEPT);
	ouro_loop_free(loop);
}

static int attempt(void)
{
	ouro_loop *loop = ouro_loop_new(NULL);
	struct net *net = loop ? ouro__net_of(loop) : NULL;
	struct page *page = net ? ouro__page_take(net) : NULL;

	ouro__page_give(net, page);
	ouro_loop_free(loop);
	return page ? 0 : -ENOMEM;
}

TEST(without_memory_there_is_no_page_and_nothing_is_lost)
{
	CHECK(for_each_failing_allocation(attempt) >= 3);
}
