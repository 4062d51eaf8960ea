/* tail.c -- follows a file that grows, and the next of its name, until interrupted.  ★★★
 *
 * A watch says that there is more, a reader brings it. Try `date >>log`, `mv log old`, `date >log`.
 *
 *     cc tail.c $(pkg-config --cflags --libs ouro) && ./a.out log */
#include <ouro.h>
#include <stdio.h>

static ouro_loop *loop;
static uint64_t at;         /* the next byte to show */
static ouro_reader *reader; /* NULL: none is at work */
static bool more;           /* there is more than it may have seen */
static ouro_reader_fn on_piece;

static void show_more(void *path)
{
	ouro_reader_opts opts = { .from = at };

	more = reader != NULL;
	if (!reader)
		ouro_reader_open(loop, path, &opts, on_piece, path, &reader);
}

static void on_piece(ouro_reader *self, int err, ouro_str piece, void *path)
{
	fwrite(piece.ptr, 1, piece.len, stdout);
	fflush(stdout);
	at += piece.len;
	reader = err ? NULL : self;
	if (err && more)
		show_more(path);
}

static void on_change(ouro_watch *watch, unsigned changes, const char *name, void *path)
{
	(void)watch, (void)name;
	if (changes & OURO_CHANGE_MADE) { /* another file has that name now */
		ouro_reader_close(reader);
		reader = NULL;
		at = 0;
	}
	show_more(path);
}

static void on_ready(int err, void *path)
{
	if (err)
		ouro_loop_stop(loop, ouro_die("watch it", err));
	show_more(path);
}

int main(int argc, char **argv)
{
	char *path = argv[argc - 1];

	loop = ouro_loop_or_die(NULL);
	if (ouro_watch_open(loop, path, false, on_ready, on_change, path, NULL))
		return 1;
	return ouro_loop_main(loop);
}
