/* poll.c -- inside a loop made by hand of poll(2).  ★★
 *
 * All of ouro is behind one descriptor: timers, posts, sockets. When it reads ready, take a turn.
 *
 *     cc poll.c $(pkg-config --cflags --libs ouro) && ./a.out
 *     curl http://127.0.0.1:8080/ && curl -X POST http://127.0.0.1:8080/leave */
#include "house.h"
#include <poll.h>
#include <time.h>

enum { CLIENT, GUEST, COUNT };
static struct pollfd watched[COUNT] = { [CLIENT] = { .fd = STDIN_FILENO, .events = POLLIN } };

static void gone(struct guest *leaving)
{
	(void)leaving;
	watched[GUEST].fd = -1; /* poll() leaves out what is below 0 */
	puts("the guest has left");
}

static int ms_to_tick(void)
{
	static uint64_t next;
	struct timespec t;
	uint64_t now;

	clock_gettime(CLOCK_MONOTONIC, &t);
	now = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
	if (now >= next) {
		house_ticks();
		next = now + TICK_MS;
	}
	return (int)(next - now);
}

int main(int argc, char **argv)
{
	int fd = house_opens(argc, argv, NULL, gone);

	if (fd < 0)
		return 1;
	watched[GUEST] = (struct pollfd){ .fd = fd, .events = POLLIN };
	while (poll(watched, COUNT, ms_to_tick()) >= 0) {
		if (watched[GUEST].revents)
			ouro_loop_turn(guest.loop);
		if (watched[CLIENT].revents && !house_reads())
			break;
	}
	guest_end(&guest);
	return 0;
}
