/* channel.c -- two workers and a channel: each gets a task and answers, then they talk alone.  ★★★
 *
 *     cc channel.c $(pkg-config --cflags --libs ouro) && ./a.out */
#include <ouro.h>
#include <stdio.h>

static void on_greeting(ouro_port *channel, ouro_str greeting, void *parent)
{
	ouro_port_send(parent, greeting);
	ouro_port_close(channel);
	ouro_port_on_message(parent, NULL, NULL); /* and its loop ends */
}

static void on_task(ouro_port *parent, ouro_str task, void *arg)
{
	int n = (int)ouro_str_u64(task, 0);
	ouro_port *channel;
	char text[64];

	(void)arg;
	if (!ouro_port_take_port(parent, &channel)) {
		ouro_port_on_message(channel, on_greeting, parent);
		ouro_port_send(channel, task);
		return;
	}
	snprintf(text, sizeof(text), "%d squared is %d", n, n * n);
	ouro_port_send(parent, ouro_str_z(text));
}

static void work(ouro_loop *loop, ouro_port *parent, void *arg)
{
	(void)loop;
	ouro_port_on_message(parent, on_task, arg);
}

static void on_answer(ouro_port *port, ouro_str answer, void *name)
{
	(void)port;
	printf("%s: %.*s\n", (char *)name, (int)answer.len, answer.ptr);
}

int main(void)
{
	static char names[2][4] = { "one", "two" }, tasks[2][3] = { "12", "30" };
	ouro_worker_opts opts = { .main = work, .kind = OURO_THREADS }; /* or OURO_PROCESSES */
	ouro_loop *loop = ouro_loop_or_die(NULL);
	ouro_worker *worker;
	ouro_port *end[2];

	if (ouro_port_pair(loop, opts.kind, NULL, &end[0], &end[1]))
		return 1;
	for (int i = 0; i < 2; i++) {
		if (ouro_worker_start(loop, &opts, NULL, NULL, &worker))
			return 1;
		ouro_port_on_message(ouro_worker_port(worker), on_answer, names[i]);
		ouro_port_send(ouro_worker_port(worker), ouro_str_z(tasks[i]));
		ouro_port_send_port(ouro_worker_port(worker), ouro_str_z("hello there"), end[i]);
	}
	return ouro_loop_main(loop);
}
