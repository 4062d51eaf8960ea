/* own.c -- the same page in a loop of ouro's own, with a tick as the hosts have: what they are
 * compared with. */
#include "house.h"

static void on_tick(ouro_loop *loop, void *arg)
{
	(void)loop, (void)arg;
	house_ticks();
}

int main(int argc, char **argv)
{
	ouro_http_opts what = house_opts(argv);
	ouro_loop *loop = argc > 2 ? ouro_loop_new(NULL) : NULL;

	if (!loop || ouro_http_listen(loop, &what, NULL))
		return 1;
	ouro_timer_every(loop, TICK_MS, on_tick, NULL);
	return ouro_loop_run(loop);
}
