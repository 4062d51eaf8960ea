/* embed_poll.c -- inside any loop that can watch one descriptor; here a poll() by hand.  ★★
 *
 * All of ouro is behind that descriptor: timers, posts, sockets. When it reads ready, take a turn.
 * The same two lines go into epoll, GLib, libuv, libevent, sd-event, or a game's main loop.
 *
 *     cc embed_poll.c $(pkg-config --cflags --libs ouro) */
#include <ouro.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

static void tick(ouro_loop *loop, void *arg)
{
	int *left = arg;

	printf("ouro ticks, %d to go\n", --*left);
	if (*left == 0)
		ouro_loop_stop(loop, 0);
}

static void host_reads(struct pollfd *input)
{
	char bytes[256];
	ssize_t n = read(input->fd, bytes, sizeof(bytes));

	printf("the host reads %zd bytes\n", n);
	if (n <= 0)
		input->fd = -1; /* poll() leaves out what is below 0 */
}

int main(void)
{
	ouro_loop *loop = ouro_loop_new(NULL);
	struct pollfd host[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = ouro_loop_fd(loop), .events = POLLIN },
	};
	bool more = true;
	int left = 3;

	if (host[1].fd < 0)
		return ouro_die("be embedded", host[1].fd);
	ouro_timer_every(loop, 500, tick, &left);
	while (more && poll(host, 2, -1) >= 0) {
		if (host[0].revents)
			host_reads(&host[0]);
		if (host[1].revents)
			more = ouro_loop_turn(loop);
	}
	ouro_loop_free(loop);
	return 0;
}
