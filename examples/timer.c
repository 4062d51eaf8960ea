/* timer.c -- three ticks and a time-out; then the loop is empty, and run() returns.  ★
 *
 * A timer is a token, a plain value with nothing to free. Its last call makes it history: to stop
 * it then is a harmless false.
 *
 *     cc timer.c $(pkg-config --cflags --libs ouro) */
#include <ouro.h>
#include <stdio.h>

struct countdown {
	ouro_timer ticks;
	ouro_timer timeout;
	int left;
};

static void tick(ouro_loop *loop, void *arg)
{
	struct countdown *c = arg;

	printf("%d\n", c->left);
	ouro_timer_again(loop, c->timeout); /* it has its full time again */
	if (--c->left == 0)
		ouro_timer_stop(loop, c->ticks);
}

static void silence(ouro_loop *loop, void *arg)
{
	struct countdown *c = arg;

	printf("nothing for 0.5 s; stopping the ticks once more: %s\n",
	       ouro_timer_stop(loop, c->ticks) ? "done" : "they had ended");
}

int main(void)
{
	ouro_loop *loop = ouro_loop_or_die(NULL);
	struct countdown c = { .left = 3 };
	int code;

	c.ticks = ouro_timer_every(loop, 300, tick, &c);
	c.timeout = ouro_timer_after(loop, 500, silence, &c);
	code = ouro_loop_run(loop);
	ouro_loop_free(loop);
	return code;
}
