/* file.c -- a file, read and printed piece by piece, and nobody waits for the disk.  ★
 *
 * A disk can keep a thread waiting, and no poll tells when it will not. So each call goes to a
 * thread of the loop's pool and is answered by a callback, which asks for the next. When one goes
 * wrong, the loop knows which it was and what it was about.
 *
 *     cc file.c $(pkg-config --cflags --libs ouro)
 *     ./a.out /etc/hostname */
#include <fcntl.h>
#include <ouro.h>
#include <ouro/fs.h>
#include <stdio.h>

static ouro_loop *loop;
static int file;
static char piece[65536];

static void fail(int err)
{
	ouro_op op = ouro_op_now(loop);

	fprintf(stderr, "%s(%s): %s\n", ouro_op_call(loop, op), ouro_op_path(loop, op),
		ouro_strerror(err));
	ouro_loop_stop(loop, 1);
}

static void on_close(int err, void *arg)
{
	(void)arg;
	if (err)
		fail(err);
}

static void on_piece(int err, size_t n, void *arg)
{
	fwrite(piece, 1, n, stdout);
	if (n)
		ouro_fs_read(loop, file, piece, sizeof(piece), on_piece, arg);
	else
		ouro_fs_close(loop, file, on_close, arg);
	if (err)
		fail(err);
}

static void on_open(int err, int fd, void *arg)
{
	file = fd;
	if (err)
		fail(err);
	else
		ouro_fs_read(loop, file, piece, sizeof(piece), on_piece, arg);
}

int main(int argc, char **argv)
{
	loop = ouro_loop_or_die(NULL);
	ouro_fs_open(loop, argc > 1 ? argv[1] : "/etc/hostname", O_RDONLY, 0, on_open, NULL);
	return ouro_loop_main(loop);
}
