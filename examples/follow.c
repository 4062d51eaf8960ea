/* follow.c -- hears an event stream, and comes back when it is lost.  ★
 *
 *     cc follow.c $(pkg-config --cflags --libs ouro) && ./a.out http://127.0.0.1:8080/ticks
 *
 * examples/ticker.c is such a server: stop it, start it again, and this one goes on. */
#include <ouro.h>
#include <stdio.h>

static void on_event(ouro_source *source, const ouro_event *event, void *arg)
{
	(void)source, (void)arg;
	printf("%s: %.*s\n", event->event ? event->event : "message", (int)event->data.len,
	       event->data.ptr);
	fflush(stdout);
}

static void on_lost(ouro_source *source, int err, unsigned again_ms, void *arg)
{
	(void)source, (void)arg;
	if (again_ms == OURO_NEVER)
		fprintf(stderr, "%s\n", ouro_strerror(err));
	else
		fprintf(stderr, "%s; again in %u ms\n", ouro_strerror(err), again_ms);
}

int main(int argc, char **argv)
{
	ouro_source_opts opts = { .url = argc == 2 ? argv[1] : "http://127.0.0.1:8080/ticks" };
	ouro_loop *loop = ouro_loop_or_die(NULL);
	ouro_source *source;
	int err = ouro_source_open(loop, &opts, on_event, NULL, &source);

	if (err)
		return ouro_die("ask", err);
	ouro_source_on_lost(source, on_lost);
	return ouro_loop_main(loop);
}
