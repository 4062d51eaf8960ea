/* embed_ev.c -- inside a program that has a libev loop already.  ★★
 *
 * Its ev_run() turns ours too. ouro has watchers of its own there and touches nothing else: the
 * host's watchers, signals and ev_break() stay what they were, and ev_run() returns when nothing is
 * left in either.
 *
 *     cc embed_ev.c $(pkg-config --cflags --libs ouro) -lev */
#include <ev.h>
#include <ouro.h>
#include <stdio.h>

static void host_tick(struct ev_loop *host, ev_timer *timer, int events)
{
	(void)host, (void)timer, (void)events;
	puts("the host, by its own timer");
}

static void after_it(ouro_loop *loop, void *arg)
{
	(void)loop, (void)arg;
	puts("ouro, right after its tick");
}

static void tick(ouro_loop *loop, void *arg)
{
	int *left = arg;

	puts("ouro, by a timer");
	ouro_loop_micro(loop, after_it, NULL);
	if (--*left > 0)
		ouro_timer_after(loop, 300, tick, left);
}

int main(void)
{
	struct ev_loop *host = ev_default_loop(0);
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .ev = host });
	ev_timer timer;
	int left = 3;

	if (!loop)
		return ouro_die("join the host's loop", -1);
	ev_timer_init(&timer, host_tick, 0.5, 0.);
	ev_timer_start(host, &timer);
	ouro_timer_after(loop, 300, tick, &left);
	ev_run(host, 0);
	ouro_loop_free(loop);
	return 0;
}
