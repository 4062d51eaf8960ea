/* echo.c -- says everything back, and keeps no more than its peer takes.  ★★
 *
 * What is read is written. When more waits than a peer cares to read, nothing more is read from it
 * until that has left: so a peer that only talks costs a bounded piece of memory, however fast.
 *
 *     cc echo.c $(pkg-config --cflags --libs ouro) && ./a.out -p 8080 */
#include <ouro.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void on_drain(ouro_stream *stream, void *arg)
{
	(void)arg;
	ouro_stream_resume(stream);
}

static void on_bytes(ouro_stream *stream, int err, ouro_str bytes, void *arg)
{
	(void)arg;
	if (err == OURO_EOF)
		ouro_stream_end(stream); /* when the rest has left */
	else if (err || ouro_stream_write(stream, bytes) < 0)
		ouro_stream_close(stream);
	else if (ouro_stream_is_full(stream))
		ouro_stream_pause(stream);
}

static void on_accept(ouro_listener *listener, ouro_stream *stream, const ouro_addr *peer,
		      void *arg)
{
	(void)listener, (void)peer, (void)arg;
	ouro_stream_on_drain(stream, on_drain);
	ouro_stream_read(stream, on_bytes, NULL);
}

int main(int argc, char **argv)
{
	ouro_listen_opts opts = { .host = "127.0.0.1", .port = 8080 };
	ouro_loop *loop = ouro_loop_or_die(NULL);
	ouro_listener *listener;
	int option, err;

	while ((option = getopt(argc, argv, "p:")) == 'p')
		opts.port = (uint16_t)atoi(optarg);
	err = ouro_listen(loop, &opts, on_accept, NULL, &listener);
	if (err)
		return ouro_die("listen", err);
	printf("listening on 127.0.0.1:%u\n", ouro_listener_port(listener));
	fflush(stdout);
	return ouro_loop_main(loop);
}
