/* messages.c -- messages to a worker and back, and one way. See run.
 *
 * Compiled twice, with KIND for threads and for processes. The parent is on the first core, the
 * worker on the second, or, in tasks that end in _one, on the same. In a round trip between threads
 * the same large message goes to and fro; all others are copied where they are sent. */
#include "../bench.h"
#include <ouro.h>

struct setup {
	size_t size;
	unsigned n;
	bool echo, together;
};

static struct setup setup;
static const struct bench_task *task_now;
static struct bench_time began;
static unsigned came, sent;
static ouro_worker *worker;
static char *payload;

static void pass_on(ouro_port *port, ouro_str message)
{
	size_t len = message.len;

	bench_check(len == setup.size);
	if (KIND == OURO_THREADS && len > 4096)
		bench_check(!ouro_port_send_take(port, ouro_port_detach(port, NULL), len));
	else
		bench_check(!ouro_port_send(port, message));
}

/* The far side. */

static void far_message(ouro_port *parent, ouro_str message, void *arg)
{
	static unsigned received;

	(void)arg;
	if (setup.echo) {
		pass_on(parent, message);
		return;
	}
	bench_check(message.len == setup.size && message.ptr[message.len - 1] == 'x');
	if (++received == setup.n)
		bench_check(!ouro_port_send(parent, ouro_str_z("all")));
}

static void far_main(ouro_loop *loop, ouro_port *parent, void *arg)
{
	(void)loop, (void)arg;
	bench_pin(setup.together ? 0 : 1);
	ouro_port_on_message(parent, far_message, NULL);
}

/* The parent. */

static void on_message(ouro_port *port, ouro_str message, void *arg)
{
	(void)arg;
	if (setup.echo && ++came < setup.n) {
		pass_on(port, message);
		return;
	}
	bench_check(setup.echo || ouro_str_eq(message, "all"));
	bench_done(task_now, began, setup.n);
	ouro_worker_stop(worker);
}

static void send_more(ouro_port *port, void *arg)
{
	(void)arg;
	while (sent < (setup.echo ? 1 : setup.n)) {
		if (ouro_port_send(port, ouro_str_n(payload, setup.size)))
			return; /* on_drain goes on */
		sent++;
	}
}

static void run(const struct bench_task *task)
{
	ouro_loop *loop = ouro_loop_new(NULL);
	ouro_worker_opts opts = {
		.main = far_main,
		.kind = KIND,
		.port = { .high = task->spread > 1 << 20 ? 4 * (size_t)task->spread : 0 }
	};
	ouro_port *port;

	task_now = task;
	setup = (struct setup){ .size = task->spread,
				.n = task->n,
				.echo = strncmp(task->name, "trip", 4) == 0,
				.together = strstr(task->name, "_one") != NULL };
	payload = bench_alloc(1, setup.size);
	memset(payload, 'x', setup.size);
	bench_pin(0);
	bench_check(!ouro_worker_start(loop, &opts, NULL, NULL, &worker));
	port = ouro_worker_port(worker);
	ouro_port_on_message(port, on_message, NULL);
	ouro_port_on_drain(port, send_more);
	began = bench_time();
	send_more(port, NULL);
	bench_check(ouro_loop_run(loop) == 0);
	ouro_loop_free(loop);
}

int main(int argc, char **argv)
{
	static const struct bench_task tasks[] = {
		{ "trip_64", run, 100000, 64 },
		{ "trip_64_one", run, 100000, 64 },
		{ "trip_64k", run, 20000, 65536 },
		{ "trip_16m", run, LARGE_TRIPS, 16 << 20 },
		{ "way_64", run, 3000000, 64 },
		{ "way_64k", run, 50000, 65536 },
		{ "way_16m", run, KIND == OURO_THREADS ? 50 : 200, 16 << 20 },
	};

	return bench_main(argc, argv, tasks, sizeof(tasks) / sizeof(tasks[0]));
}
