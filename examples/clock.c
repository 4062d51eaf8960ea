/* clock.c -- one thread that does two things: it tells the time, and it listens to you.  ★
 *
 * Nothing here waits. The loop sleeps until a second is over or a line is typed, whatever comes
 * first, and calls the function that was asked for. Type while it ticks. Then type "block": this
 * one function keeps the loop, the clock stands still, and the loop says who did that.
 *
 *     cc clock.c $(pkg-config --cflags --libs ouro) */
#include <ouro.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void tick(ouro_loop *loop, void *arg)
{
	time_t now = time(NULL);
	char text[16];

	(void)loop, (void)arg;
	strftime(text, sizeof(text), "%H:%M:%S", localtime(&now));
	puts(text);
}

static void obey(ouro_loop *loop, const char *line)
{
	if (!strcmp(line, "block"))
		usleep(1500000); /* what nobody must ever do in a callback */
	else if (!strcmp(line, "quit"))
		ouro_loop_stop(loop, 0);
	else
		printf("you said \"%s\"; I know block and quit\n", line);
}

/* Called when read() will not wait. From a terminal a line comes as a whole. */
static void listen_to(ouro_io *io, unsigned ready, void *arg)
{
	char line[256];
	ssize_t n = read(ouro_io_fd(io), line, sizeof(line) - 1);

	(void)ready, (void)arg;
	if (n <= 0) {
		ouro_io_close(io);
		return;
	}
	line[n] = '\0';
	for (char *at = strtok(line, "\n"); at; at = strtok(NULL, "\n"))
		obey(ouro_io_loop(io), at);
}

int main(void)
{
	ouro_loop *loop = ouro_loop_or_die(NULL);

	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("type block, or quit");
	ouro_timer_every(loop, 1000, tick, NULL);
	if (ouro_io_open(loop, STDIN_FILENO, OURO_READABLE, listen_to, NULL, NULL))
		puts("(nobody can type here: the input is a file)");
	return ouro_loop_main(loop);
}
