/* blocking.c -- a call that waits, and nobody waits for it.  ★★
 *
 * Not everything can be polled: a driver, a database's library, a lock. Such a call goes to the
 * loop's pool; what it returns comes back to a callback. The loop ticks on meanwhile. Each has a
 * second here: the one that takes longer is answered in time by OURO_ETIMEOUT, another thread takes
 * the place of the one that hangs in it, and what it returns at last is dropped.
 *
 * It may still be running then! So it must not write to what is gone: these only read what is
 * static, and return a number.
 *
 *     cc blocking.c $(pkg-config --cflags --libs ouro) */
#include <ouro.h>
#include <stdio.h>
#include <unistd.h>

static struct sensor {
	const char *place;
	unsigned ms; /* how long it takes to say something */
} sensors[] = { { "cellar", 300 }, { "roof", 3000 }, { "kitchen", 400 } };

/* On a thread of the pool. */
static int measure(void *arg)
{
	const struct sensor *sensor = arg;

	usleep(sensor->ms * 1000);
	return 15 + (int)(sensor->ms / 100);
}

/* On the loop. */
static void on_measured(int err, void *arg)
{
	const struct sensor *sensor = arg;

	if (err < 0)
		printf("%s: %s\n", sensor->place, ouro_strerror(err));
	else
		printf("%s: %d degrees\n", sensor->place, err);
}

static void tick(ouro_loop *loop, void *arg)
{
	(void)loop, (void)arg;
	puts("tick");
}

int main(void)
{
	ouro_loop *loop = ouro_loop_or_die(NULL);

	ouro_timer_hold(loop, ouro_timer_every(loop, 200, tick, NULL), false);
	for (size_t i = 0; i < sizeof(sensors) / sizeof(sensors[0]); i++)
		ouro_op_timeout(loop, ouro_pool_run(loop, measure, on_measured, &sensors[i]), 1000);
	return ouro_loop_main(loop);
}
