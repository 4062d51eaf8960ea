/* A lookup is answered once, later, in the order of asking, whatever becomes of the others. */
#include "base/slab.h"
#include "offload/question.h"
#include "ouro/fs.h"
#include "resolver.h"
#include <sched.h>

static ouro_loop *loop;

static void open_loop(const ouro_loop_opts *opts)
{
	loop = ouro_loop_new(opts);
	CHECK(loop != NULL);
}

static void run(void)
{
	CHECK_EQ(ouro_loop_run(loop), 0);
}

static void run_and_free(void)
{
	run();
	ouro_loop_free(loop);
}

static ouro_pool_stats figures(void)
{
	ouro_pool_stats now;

	ouro_pool_get_stats(loop, &now);
	return now;
}

/* Says "word=address,address" or "word=ERROR". */
static void say_addrs(int err, const ouro_addr *addrs, size_t count, void *arg)
{
	char text[OURO_ADDR_TEXT], all[256] = "";

	CHECK(err ? err < 0 && !addrs && !count : addrs && count);
	for (size_t i = 0; i < count; i++) {
		if (i)
			strcat(all, ",");
		strcat(all, ouro_addr_text(&addrs[i], text, sizeof(text)));
	}
	say("%s=%s", (const char *)arg, err ? ouro_errname(err) : all);
}

static void say_and_let_through(int err, const ouro_addr *addrs, size_t count, void *arg)
{
	say_addrs(err, addrs, count, arg);
	let_through(100);
}

static void say_and_stop(int err, const ouro_addr *addrs, size_t count, void *arg)
{
	say_addrs(err, addrs, count, arg);
	ouro_loop_stop(loop, 0);
}

static ouro_op ask(const char *name, const ouro_dns_opts *opts, ouro_dns_fn *fn, const char *w)
{
	ouro_op op = ouro_dns_lookup(loop, name, opts, fn, word(w));

	CHECK(op.id != 0);
	return op;
}

static ouro_op look_up(const char *name, const char *w)
{
	return ask(name, NULL, say_addrs, w);
}

/* The default pool has four threads, and names may hold two of them: these two do. */
static void fill_the_lane(void)
{
	look_up("slow.test", "A");
	until_waiting(1);
	look_up("slow2.test", "B");
	until_waiting(2);
}

/* ---- One lookup ---- */

TEST(a_lookup_is_answered_later)
{
	open_loop(NULL);
	look_up("one.test", "A");
	CHECK_STR(said, "");
	run_and_free();
	CHECK_STR(said, "A=192.0.2.1");
	CHECK_STR(resolver.names, "one.test");
}

TEST(a_name_that_is_not_there_says_so)
{
	open_loop(NULL);
	look_up("gone.test", "A");
	look_up("system.test", "B");
	run_and_free();
	CHECK(!strcmp(said, "A=OURO_EAI_NONAME B=EMFILE") ||
	      !strcmp(said, "B=EMFILE A=OURO_EAI_NONAME"));
}

static void say_what_it_was(int err, const ouro_addr *addrs, size_t count, void *arg)
{
	ouro_op *op = arg;

	(void)addrs, (void)count;
	CHECK_EQ(ouro_op_now(loop).id, op->id);
	say("%s(%s)=%s", ouro_op_call(loop, *op), ouro_op_path(loop, *op), ouro_errname(err));
}

TEST(its_name_is_there_for_messages)
{
	ouro_op op;

	open_loop(NULL);
	op = ouro_dns_lookup(loop, "gone.test", NULL, say_what_it_was, &op);
	CHECK_STR(ouro_op_call(loop, op), "getaddrinfo");
	CHECK_STR(ouro_op_path(loop, op), "gone.test");
	run();
	op = ouro_dns_lookup(loop, "::1", NULL, say_what_it_was, &op);
	run();
	CHECK_STR(ouro_op_path(loop, op), "");
	ouro_loop_free(loop);
	CHECK_STR(said, "getaddrinfo(gone.test)=OURO_EAI_NONAME getaddrinfo(::1)=OK");
}

static void check_ports(int err, const ouro_addr *addrs, size_t count, void *arg)
{
	say_addrs(err, addrs, count, arg);
	for (size_t i = 0; i < count; i++)
		CHECK_EQ(ouro_addr_port(&addrs[i]), 8080);
}

TEST(the_options_say_which_addresses_in_which_order_with_which_port)
{
	open_loop(NULL);
	ask("both.test",
	    &(ouro_dns_opts){ .family = AF_INET6,
			      .flags = AI_ADDRCONFIG,
			      .order = OURO_DNS_V4_FIRST,
			      .port = 8080 },
	    check_ports, "A");
	run();
	CHECK_EQ(resolver.hints.ai_family, AF_INET6);
	CHECK_EQ(resolver.hints.ai_flags, AI_ADDRCONFIG);
	ask("", &(ouro_dns_opts){ .order = OURO_DNS_V6_FIRST, .port = 8080 }, check_ports, "B");
	run_and_free();
	CHECK_STR(said, "A=192.0.2.1,192.0.2.2,2001:db8::1,2001:db8::2 B=::1,127.0.0.1");
}

TEST(literals_and_the_empty_name_need_no_thread)
{
	open_loop(NULL);
	look_up("192.0.2.1", "A");
	look_up("fe80::1%2", "B");
	look_up("", "C");
	look_up(NULL, "D");
	ask("192.0.2.1", &(ouro_dns_opts){ .family = AF_INET6 }, say_addrs, "E");
	CHECK_STR(said, "");
	run();
	CHECK_EQ(figures().threads, 0);
	ouro_loop_free(loop);
	CHECK_STR(said, "A=192.0.2.1 B=fe80::1%2 C=127.0.0.1,::1 D=127.0.0.1,::1 "
			"E=OURO_EAI_ADDRFAMILY");
	CHECK_EQ(questions(), 0);
}

TEST(options_that_make_no_sense_are_told_so_later)
{
	static const ouro_dns_opts none;
	ouro_dns_opts family = none, flags = none, order = none;

	family.family = AF_UNIX;
	flags.flags = AI_CANONNAME;
	order.order = (enum ouro_dns_order)3;
	open_loop(NULL);
	ask("one.test", &family, say_addrs, "A");
	ask("one.test", &flags, say_addrs, "B");
	ask("one.test", &order, say_addrs, "C");
	CHECK_STR(said, "");
	run();
	CHECK_STR(said, "A=OURO_EAI_FAMILY B=OURO_EAI_BADFLAGS C=EINVAL");
	CHECK_EQ(questions(), 0);
	look_up("one.test", "D"); /* what another asks with sense is no reason to join */
	ask("one.test", &order, say_addrs, "E");
	run_and_free();
	CHECK(strstr(said, "E=EINVAL") && strstr(said, "D=192.0.2.1"));
}

/* A machine may have a name server that never answers: no test waits for it as long as it would. */
static void be_impatient(void)
{
	CHECK_EQ(setenv("RES_OPTIONS", "timeout:1 attempts:1", 1), 0);
}

TEST(a_name_longer_than_any_is_not_asked_for)
{
	char name[NAME_MOST + 2];

	memset(name, 'x', sizeof(name));
	name[NAME_MOST + 1] = 0;
	be_impatient();
	open_loop(NULL);
	look_up(name, "A");
	run();
	CHECK_STR(said, "A=OURO_EAI_NONAME");
	CHECK_EQ(questions(), 0);
	name[NAME_MOST] = 0;
	look_up(name, "B"); /* the real resolver has the word */
	run_and_free();
	CHECK_EQ(questions(), 1);
}

TEST(odd_letters_are_the_resolvers_business)
{
	be_impatient();
	open_loop(NULL);
	look_up(" \x01\xff/..\n", "A");
	run_and_free();
	CHECK(strncmp(said, "A=OURO_EAI_", 11) == 0);
	CHECK_EQ(questions(), 1);
}

TEST(the_real_resolver_knows_this_machine)
{
	be_impatient();
	open_loop(NULL);
	ask("localhost", &(ouro_dns_opts){ .family = AF_INET }, say_addrs, "A");
	run_and_free();
	if (strncmp(said, "A=OURO_EAI_", 11) == 0)
		SKIP("this machine does not know localhost");
	CHECK_STR(said, "A=127.0.0.1");
}

TEST(the_real_resolver_does_not_know_what_cannot_be)
{
	be_impatient();
	open_loop(NULL);
	look_up("x.invalid", "A");
	run_and_free();
	CHECK(!strcmp(said, "A=OURO_EAI_NONAME") || !strcmp(said, "A=OURO_EAI_AGAIN"));
}

/* ---- Several that ask the same ---- */

TEST(who_asks_the_same_at_once_is_one_question_answered_in_order)
{
	open_loop(NULL);
	look_up("slow.test", "A");
	look_up("SLOW.test", "B");
	until_waiting(1);
	look_up("slow.TEST", "C");
	CHECK_EQ(figures().lane[OURO_LANE_NAMES].running, 1);
	CHECK_EQ(figures().lane[OURO_LANE_NAMES].waiting, 0);
	let_through(1);
	run_and_free();
	CHECK_STR(said, "A=192.0.2.7 B=192.0.2.7 C=192.0.2.7");
	CHECK_EQ(questions(), 1);
}

TEST(they_may_differ_in_order_and_port)
{
	open_loop(NULL);
	ask("both.test", NULL, say_addrs, "A");
	ask("both.test", &(ouro_dns_opts){ .order = OURO_DNS_V4_FIRST, .port = 8080 }, check_ports,
	    "B");
	ask("both.test", NULL, say_addrs, "C");
	run_and_free();
	CHECK_STR(said, "A=2001:db8::1,192.0.2.1,2001:db8::2,192.0.2.2 "
			"B=192.0.2.1,192.0.2.2,2001:db8::1,2001:db8::2 "
			"C=2001:db8::1,192.0.2.1,2001:db8::2,192.0.2.2");
	CHECK_EQ(questions(), 1);
}

TEST(another_family_and_other_flags_are_another_question)
{
	open_loop(NULL);
	ask("one.test", NULL, say_addrs, "A");
	ask("one.test", &(ouro_dns_opts){ .family = AF_INET }, say_addrs, "A");
	ask("one.test", &(ouro_dns_opts){ .flags = AI_V4MAPPED }, say_addrs, "A");
	run_and_free();
	CHECK_STR(said, "A=192.0.2.1 A=192.0.2.1 A=192.0.2.1");
	CHECK_EQ(questions(), 3);
}

TEST(a_failure_is_everybodys)
{
	open_loop(NULL);
	look_up("slowgone.test", "A");
	look_up("slowgone.test", "B");
	let_through(1);
	run_and_free();
	CHECK_STR(said, "A=OURO_EAI_NONAME B=OURO_EAI_NONAME");
}

static void ask_again(int err, const ouro_addr *addrs, size_t count, void *arg)
{
	say_addrs(err, addrs, count, arg);
	look_up("one.test", "again");
}

TEST(who_asks_when_the_answer_has_come_asks_anew)
{
	open_loop(NULL);
	ask("one.test", NULL, ask_again, "A");
	look_up("one.test", "B");
	run_and_free();
	CHECK_STR(said, "A=192.0.2.1 B=192.0.2.1 again=192.0.2.1");
	CHECK_EQ(questions(), 2);
}

TEST(two_loops_share_nothing)
{
	ouro_loop *first, *second;

	open_loop(NULL);
	first = loop;
	look_up("slow.test", "A");
	open_loop(NULL);
	second = loop;
	look_up("slow.test", "B");
	until_waiting(2);
	let_through(2);
	run_and_free();
	CHECK_STR(said, "B=192.0.2.7");
	loop = first;
	run_and_free();
	CHECK(first != second);
	CHECK_STR(said, "B=192.0.2.7 A=192.0.2.7");
}

/* ---- Cancelled ---- */

TEST(one_is_cancelled_the_others_are_answered)
{
	ouro_op b, d;

	open_loop(NULL);
	look_up("slow.test", "A");
	b = look_up("slow.test", "B");
	look_up("slow.test", "C");
	d = look_up("slow.test", "D");
	CHECK(ouro_op_cancel(loop, d)); /* perhaps before it runs */
	until_waiting(1);
	CHECK(ouro_op_cancel(loop, b)); /* while it runs */
	CHECK(!ouro_op_cancel(loop, b) || said[0] == 0);
	CHECK_STR(said, "");
	after(loop, 0, "T");
	ouro_loop_turn(loop);
	ouro_loop_turn(loop);
	let_through(1);
	run_and_free();
	CHECK_STR(said, "T D=OURO_ECANCELED B=OURO_ECANCELED A=192.0.2.7 C=192.0.2.7");
	CHECK_EQ(questions(), 1);
}

TEST(the_last_to_be_cancelled_takes_a_waiting_question_back)
{
	ouro_op c, d;

	open_loop(NULL);
	fill_the_lane();
	c = look_up("slow3.test", "C");
	d = ask("slow3.test", NULL, say_and_let_through, "D");
	CHECK_EQ(figures().lane[OURO_LANE_NAMES].waiting, 1);
	CHECK(ouro_op_cancel(loop, c));
	CHECK(ouro_op_cancel(loop, d));
	run_and_free();
	CHECK(strncmp(said, "C=OURO_ECANCELED D=OURO_ECANCELED ", 34) == 0);
	CHECK_EQ(questions(), 2);
}

/* Those who wait for a thread that is stuck in the resolver: until it has come back. */
static void until_nothing_is_stuck(void)
{
	while (figures().stuck) {
		ouro_loop_turn(loop);
		sched_yield();
	}
}

TEST(a_running_question_nobody_waits_for_does_not_keep_the_loop)
{
	ouro_op op;

	open_loop(NULL);
	op = look_up("slow.test", "A");
	until_waiting(1);
	CHECK(ouro_op_cancel(loop, op));
	run();
	CHECK_STR(said, "A=OURO_ECANCELED");
	CHECK_EQ(figures().stuck, 1);
	let_through(1);
	until_nothing_is_stuck();
	run_and_free();
	CHECK_STR(said, "A=OURO_ECANCELED");
}

TEST(who_asks_before_the_cancelled_one_is_told_joins_its_question)
{
	open_loop(NULL);
	fill_the_lane();
	CHECK(ouro_op_cancel(loop, look_up("slow3.test", "C")));
	look_up("slow3.test", "D");
	let_through(3);
	run_and_free();
	CHECK(strstr(said, "C=OURO_ECANCELED") == said);
	CHECK(strstr(said, "D=192.0.2.9") != NULL);
	CHECK_EQ(questions(), 3);
}

TEST(who_asks_after_a_question_was_given_up_asks_anew)
{
	ouro_op op;

	open_loop(NULL);
	op = look_up("slow.test", "A");
	until_waiting(1);
	CHECK(ouro_op_cancel(loop, op));
	run();
	look_up("slow.test", "B");
	until_waiting(2);
	let_through(2);
	run();
	until_nothing_is_stuck();
	run_and_free();
	CHECK_STR(said, "A=OURO_ECANCELED B=192.0.2.7");
	CHECK_EQ(questions(), 2);
}

static ouro_op siblings[2];

static void cancel_the_sibling(int err, const ouro_addr *addrs, size_t count, void *arg)
{
	bool first = !strcmp(arg, "A");

	say_addrs(err, addrs, count, arg);
	CHECK(!ouro_op_cancel(loop, siblings[!first ? 0 : 1]));
	CHECK(!ouro_op_cancel(loop, ouro_op_now(loop)));
}

TEST(a_lookup_whose_answer_has_come_cannot_be_cancelled)
{
	open_loop(NULL);
	siblings[0] = ask("one.test", NULL, cancel_the_sibling, "A");
	siblings[1] = ask("one.test", NULL, cancel_the_sibling, "B");
	run_and_free();
	CHECK_STR(said, "A=192.0.2.1 B=192.0.2.1");
}

static void cancel_the_last(int err, const ouro_addr *addrs, size_t count, void *arg)
{
	say_addrs(err, addrs, count, arg);
	CHECK(ouro_op_cancel(loop, siblings[1]));
}

TEST(a_callback_may_cancel_the_next)
{
	open_loop(NULL);
	siblings[0] = ask("slow.test", NULL, cancel_the_last, "A");
	siblings[1] = ask("slow.test", NULL, say_and_let_through, "B");
	ask("slow2.test", NULL, say_addrs, "C");
	until_waiting(2);
	CHECK(ouro_op_cancel(loop, siblings[0]));
	run();
	until_nothing_is_stuck();
	run_and_free();
	CHECK_STR(said, "A=OURO_ECANCELED B=OURO_ECANCELED C=192.0.2.8");
}

/* ---- Too late ---- */

static const ouro_dns_opts short_time = { .timeout_ms = 1 }, no_time = { .timeout_ms = OURO_NEVER };

TEST(one_is_too_late_the_others_wait_on)
{
	open_loop(NULL);
	look_up("slow.test", "A");
	ask("slow.test", &short_time, say_and_let_through, "B");
	ask("slow.test", &no_time, say_addrs, "C");
	run_and_free();
	CHECK_STR(said, "B=OURO_ETIMEOUT A=192.0.2.7 C=192.0.2.7");
}

TEST(when_the_last_is_too_late_the_thread_counts_as_stuck)
{
	open_loop(NULL);
	ask("slow.test", &short_time, say_addrs, "A");
	ask("slow.test", &short_time, say_addrs, "B");
	until_waiting(1);
	run();
	CHECK_STR(said, "A=OURO_ETIMEOUT B=OURO_ETIMEOUT");
	CHECK_EQ(figures().stuck, 1);
	look_up("one.test", "C");
	run();
	let_through(1);
	until_nothing_is_stuck();
	run_and_free();
	CHECK_STR(said, "A=OURO_ETIMEOUT B=OURO_ETIMEOUT C=192.0.2.1");
}

TEST(a_waiting_question_that_comes_too_late_is_never_asked)
{
	open_loop(NULL);
	fill_the_lane();
	ask("slow3.test", &short_time, say_and_let_through, "C");
	run_and_free();
	CHECK(strstr(said, "C=OURO_ETIMEOUT") == said);
	CHECK_EQ(questions(), 2);
}

TEST(a_time_limit_set_later_counts)
{
	ouro_op op;

	open_loop(NULL);
	op = ask("slow.test", &no_time, say_addrs, "A");
	until_waiting(1);
	CHECK(ouro_op_timeout(loop, op, 1));
	run();
	CHECK_STR(said, "A=OURO_ETIMEOUT");
	CHECK(!ouro_op_timeout(loop, op, 1));
	let_through(1);
	until_nothing_is_stuck();
	run_and_free();
}

TEST(an_answer_that_came_too_late_is_not_kept)
{
	open_loop(NULL);
	CHECK_EQ(ouro_dns_keep(loop, OURO_NEVER), 0);
	ask("slow.test", &short_time, say_addrs, "A");
	until_waiting(1);
	run();
	let_through(1);
	until_nothing_is_stuck();
	look_up("slow.test", "B");
	let_through(1);
	run_and_free();
	CHECK_STR(said, "A=OURO_ETIMEOUT B=192.0.2.7");
	CHECK_EQ(questions(), 2);
}

/* ---- Refused ---- */

TEST(a_full_lane_refuses_the_question_and_all_who_ask_it)
{
	open_loop(&(ouro_loop_opts){ .pool_queue = 1 });
	fill_the_lane();
	look_up("slow3.test", "C");
	look_up("one.test", "D");
	ask("one.test", NULL, say_and_let_through, "E");
	look_up("slow3.test", "F");
	run_and_free();
	CHECK(strstr(said, "D=OURO_EBUSY E=OURO_EBUSY ") == said);
	CHECK(strstr(said, "C=192.0.2.9 F=192.0.2.9") != NULL);
	CHECK_EQ(questions(), 3);
}

/* ---- The loop ends ---- */

static void *open_the_gate(void *arg)
{
	let_through(100);
	return arg;
}

TEST(a_freed_loop_cancels_every_lookup)
{
	pthread_t thread;

	open_loop(NULL);
	fill_the_lane();
	look_up("slow.test", "C");
	look_up("slow3.test", "D");
	look_up("::1", "E");
	CHECK_EQ(pthread_create(&thread, NULL, open_the_gate, NULL), 0);
	ouro_loop_free(loop);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK(strstr(said, "A=OURO_ECANCELED") && strstr(said, "B=OURO_ECANCELED"));
	CHECK(strstr(said, "C=OURO_ECANCELED") && strstr(said, "D=OURO_ECANCELED"));
	CHECK(strstr(said, "E=") != NULL);
}

TEST(a_freed_loop_does_not_wait_for_what_nobody_waits_for)
{
	open_loop(NULL);
	ask("slow.test", &short_time, say_addrs, "A");
	until_waiting(1);
	run_and_free();
	CHECK_STR(said, "A=OURO_ETIMEOUT");
	let_through(1);
	while (test_memory.held) /* the thread takes what is left with it */
		sched_yield();
}

static void free_the_loop(int err, const ouro_addr *addrs, size_t count, void *arg)
{
	say_addrs(err, addrs, count, arg);
	ouro_loop_free(loop);
	CHECK_EQ(ouro_dns_lookup(loop, "one.test", NULL, say_addrs, word("[D]")).id, 0);
	CHECK_EQ(ouro_dns_keep(loop, 1), OURO_ECLOSED);
	say_addrs(err, addrs, count, arg);
}

TEST(a_callback_may_free_the_loop)
{
	open_loop(NULL);
	look_up("one.test", "A");
	ask("one.test", NULL, free_the_loop, "B");
	look_up("one.test", "C");
	run();
	CHECK_STR(said, "A=192.0.2.1 B=192.0.2.1 B=192.0.2.1 C=192.0.2.1");
}

/* There are no threads in a child. (What waited for one is asked in both, and test/offload/pool.c's
 * to show.) */
TEST(a_question_that_was_running_at_a_fork_is_cancelled_in_the_child)
{
	int status;
	pid_t pid;

	open_loop(NULL);
	fill_the_lane();
	look_up("slow.test", "C");
	pthread_mutex_lock(&resolver.lock); /* else one of its waiters may hold it at the fork */
	pid = fork();
	pthread_mutex_unlock(&resolver.lock);
	if (pid == 0) {
		alarm(TEST_SECONDS);
		CHECK_EQ(ouro_loop_after_fork(loop), 0);
		run();
		CHECK_STR(said, "A=OURO_ECANCELED C=OURO_ECANCELED B=OURO_ECANCELED");
		ouro_loop_free(loop);
		test_compare_memory(0);
		_exit(0); /* LeakSanitizer would look for the threads of the parent */
	}
	CHECK(pid > 0);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	let_through(2);
	run_and_free();
	CHECK(strstr(said, "A=192.0.2.7 C=192.0.2.7") && strstr(said, "B=192.0.2.8"));
}

/* ---- Kept ---- */

TEST(nothing_is_kept_from_the_start)
{
	open_loop(NULL);
	look_up("one.test", "A");
	run();
	look_up("one.test", "B");
	run_and_free();
	CHECK_EQ(questions(), 2);
}

TEST(a_kept_answer_is_told_without_asking_and_later_all_the_same)
{
	open_loop(NULL);
	CHECK_EQ(ouro_dns_keep(loop, 60), 0);
	look_up("both.test", "A");
	run();
	ask("BOTH.test", &(ouro_dns_opts){ .order = OURO_DNS_V4_FIRST, .port = 8080 }, check_ports,
	    "B");
	CHECK(!strstr(said, "B"));
	run_and_free();
	CHECK_STR(said, "A=2001:db8::1,192.0.2.1,2001:db8::2,192.0.2.2 "
			"B=192.0.2.1,192.0.2.2,2001:db8::1,2001:db8::2");
	CHECK_EQ(questions(), 1);
}

TEST(who_comes_in_the_callback_finds_it_kept)
{
	open_loop(NULL);
	CHECK_EQ(ouro_dns_keep(loop, 60), 0);
	ask("one.test", NULL, ask_again, "A");
	run_and_free();
	CHECK_STR(said, "A=192.0.2.1 again=192.0.2.1");
	CHECK_EQ(questions(), 1);
}

TEST(a_kept_answer_is_good_for_so_many_seconds)
{
	open_loop(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
	CHECK_EQ(ouro_dns_keep(loop, 60), 0);
	look_up("one.test", "A");
	run();
	CHECK_EQ(ouro_loop_advance(loop, 59999), 0);
	look_up("one.test", "B");
	run();
	CHECK_EQ(questions(), 1);
	CHECK_EQ(ouro_loop_advance(loop, 1), 0);
	look_up("one.test", "C");
	run_and_free();
	CHECK_EQ(questions(), 2);
	CHECK_STR(said, "A=192.0.2.1 B=192.0.2.1 C=192.0.2.1");
}

static void forget_all(int err, const ouro_addr *addrs, size_t count, void *arg)
{
	CHECK_EQ(ouro_dns_keep(loop, 0), 0);
	say_addrs(err, addrs, count, arg);
}

TEST(to_keep_for_no_time_is_to_forget)
{
	open_loop(NULL);
	CHECK_EQ(ouro_dns_keep(loop, 60), 0);
	look_up("one.test", "A");
	run();
	ask("one.test", NULL, forget_all, "B");
	run();
	look_up("one.test", "C");
	run_and_free();
	CHECK_EQ(questions(), 2);
	CHECK_STR(said, "A=192.0.2.1 B=192.0.2.1 C=192.0.2.1");
}

TEST(a_failure_is_asked_for_again)
{
	open_loop(NULL);
	CHECK_EQ(ouro_dns_keep(loop, 60), 0);
	look_up("gone.test", "A");
	run();
	look_up("gone.test", "B");
	run_and_free();
	CHECK_EQ(questions(), 2);
}

/* ---- The way back ---- */

static void say_name(int err, const char *host, const char *service, void *arg)
{
	CHECK(err == 0 || (err < 0 && !*host && !*service));
	say("%s=%s:%s", (const char *)arg, err ? ouro_errname(err) : host, service);
}

static ouro_op reverse(const char *text, unsigned port, ouro_dns_name_fn *fn, const char *w)
{
	ouro_addr addr;
	ouro_op op;

	CHECK_EQ(ouro_addr_parse(text, (uint16_t)port, &addr), 0);
	op = ouro_dns_reverse(loop, &addr, fn, word(w));
	CHECK(op.id != 0);
	memset(&addr, 0x5a, sizeof(addr)); /* it was copied */
	return op;
}

TEST(an_address_has_a_name_and_a_service)
{
	ouro_op op;

	open_loop(NULL);
	op = reverse("2001:db8::1", 1080, say_name, "A");
	CHECK_STR(ouro_op_call(loop, op), "getnameinfo");
	CHECK_STR(ouro_op_path(loop, op), "2001:db8::1");
	CHECK_STR(said, "");
	run_and_free();
	CHECK_STR(said, "A=host.test:1080");
}

TEST(each_of_getnameinfos_errors_has_ours)
{
	char wanted[64];

	open_loop(NULL);
	for (unsigned i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		if (!hosts[i].code)
			continue;
		said[0] = 0;
		reverse("192.0.2.1", 2000 + i, say_name, "A");
		run();
		errno = hosts[i].error;
		snprintf(wanted, sizeof(wanted), "A=%s:", ouro_errname(ouro__eai(hosts[i].code)));
		CHECK_STR(said, wanted);
	}
	ouro_loop_free(loop);
}

TEST(the_real_resolver_says_numbers_when_there_are_no_names)
{
	ouro_addr wrong = { .len = sizeof(wrong.sa.v4), .sa.any.sa_family = AF_PACKET };

	be_impatient();
	open_loop(NULL);
	CHECK(ouro_dns_reverse(loop, &wrong, say_name, word("A")).id != 0);
	run();
	CHECK_STR(said, "A=OURO_EAI_FAMILY:");
	said[0] = 0;
	reverse("127.0.0.1", 0, say_name, "B");
	run_and_free();
	if (!strcmp(said, "B=OURO_EAI_AGAIN:"))
		SKIP("no name server answers");
	CHECK(strncmp(said, "B=", 2) == 0 && strcmp(said + strlen(said) - 2, ":0") == 0);
}

static void say_name_and_let_through(int err, const char *host, const char *service, void *arg)
{
	say_name(err, host, service, arg);
	let_through(100);
}

TEST(a_name_that_is_not_yet_being_found_can_be_cancelled)
{
	ouro_op op;

	open_loop(NULL);
	fill_the_lane();
	op = reverse("192.0.2.1", 1080, say_name_and_let_through, "C");
	CHECK(ouro_op_cancel(loop, op));
	run_and_free();
	CHECK(strstr(said, "C=OURO_ECANCELED:") == said);
	CHECK_EQ(questions(), 2);
}

TEST(a_name_that_comes_too_late_is_dropped)
{
	ouro_op op;

	open_loop(NULL);
	op = reverse("192.0.2.1", 1999, say_name, "A");
	until_waiting(1);
	CHECK(!ouro_op_cancel(loop, op));
	CHECK(ouro_op_timeout(loop, op, 1));
	run();
	CHECK_STR(said, "A=OURO_ETIMEOUT:");
	let_through(1);
	until_nothing_is_stuck();
	run_and_free();
	CHECK_STR(said, "A=OURO_ETIMEOUT:");
}

/* ---- Names are slow, and nobody else's trouble ---- */

static void say_stat(int err, const struct stat *st, void *arg)
{
	CHECK_EQ(err, 0);
	CHECK(S_ISDIR(st->st_mode));
	say("%s", (const char *)arg);
	let_through(100);
}

TEST(a_hundred_names_that_hang_do_not_keep_a_file_waiting)
{
	char name[100][16];

	open_loop(NULL);
	for (int i = 0; i < 100; i++) {
		snprintf(name[i], sizeof(name[i]), "slow%d.here", i);
		ask(name[i], NULL, say_and_stop, name[i]);
	}
	until_waiting(2);
	CHECK(ouro_fs_stat(loop, "/", say_stat, word("stat")).id != 0);
	run();
	CHECK(strstr(said, "stat ") == said);
	ouro_loop_free(loop);
}

/* ---- Memory that runs out ---- */

static int result;

static void take_result(int err, const ouro_addr *addrs, size_t count, void *arg)
{
	(void)addrs, (void)count, (void)arg;
	result = result ? result : err;
}

static void take_name_result(int err, const char *host, const char *service, void *arg)
{
	(void)host, (void)service, (void)arg;
	result = result ? result : err;
}

static void ask_or_fail(const char *name, const ouro_dns_opts *opts)
{
	ouro_op op = ouro_dns_lookup(loop, name, opts, take_result, NULL);

	if (!op.id && !result)
		result = -errno;
}

static int with_a_loop(void (*attempt)(void))
{
	result = 0;
	loop = ouro_loop_new(NULL);
	if (!loop)
		return -errno;
	attempt();
	run_and_free();
	return result;
}

static void ask_in_every_way(void)
{
	static const ouro_dns_opts long_time = { .timeout_ms = 1000000 };
	int err = ouro_dns_keep(loop, 60);

	if (err)
		result = err;
	ask_or_fail("one.test", NULL);
	ask_or_fail("one.test", &long_time);
	ask_or_fail("both.test", &long_time);
	ask_or_fail("::1", NULL);
	ask_or_fail("", NULL);
	run();
	ask_or_fail("one.test", NULL);
}

static int ask_without_memory(void)
{
	return with_a_loop(ask_in_every_way);
}

TEST(a_lookup_without_memory_is_refused_or_told_so)
{
	CHECK(for_each_failing_allocation(ask_without_memory) > 8);
}

/* The asker has the last record there is, so that its question needs memory for more. */
static void ask_with_the_last_record(void)
{
	for (int i = 2; i < SLAB_CHUNK; i++)
		ask_or_fail("slow.test", NULL);
	ask_or_fail("one.test", NULL);
	let_through(1);
}

static int ask_without_a_record(void)
{
	return with_a_loop(ask_with_the_last_record);
}

TEST(a_question_without_memory_is_refused_with_its_lookup)
{
	CHECK(for_each_failing_allocation(ask_without_a_record) > 5);
}

static void find_the_name(void)
{
	ouro_addr addr;

	CHECK_EQ(ouro_addr_parse("192.0.2.1", 1080, &addr), 0);
	if (!ouro_dns_reverse(loop, &addr, take_name_result, NULL).id)
		result = -errno;
}

static int find_without_memory(void)
{
	return with_a_loop(find_the_name);
}

TEST(a_name_without_memory_is_refused)
{
	CHECK(for_each_failing_allocation(find_without_memory) > 3);
}
