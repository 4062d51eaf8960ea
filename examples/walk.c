/* walk.c -- all names of a tree, many folders at a time, but never more than a few.  ★★
 *
 * Whoever asks for all at once has all in memory at once; whoever asks for one after the other
 * waits for each. So what was found waits in a list of our own, and each that ends starts the next.
 *
 *     cc walk.c $(pkg-config --cflags --libs ouro) && ./a.out /etc */
#include <errno.h>
#include <ouro.h>
#include <stdio.h>
#include <stdlib.h>

#define AT_ONCE 8

struct folder {
	struct folder *next;
	char path[];
};

static ouro_loop *loop;
static struct folder *found; /* and not asked about yet */
static unsigned asked = 1;

static void find(const char *parent, const char *slash, const char *name)
{
	size_t size = strlen(parent) + strlen(slash) + strlen(name) + 1;
	struct folder *folder = malloc(sizeof(*folder) + size);

	if (!folder)
		exit(ouro_die("remember a folder", -ENOMEM));
	snprintf(folder->path, size, "%s%s%s", parent, slash, name);
	folder->next = found;
	found = folder;
}

static void on_entries(int err, const ouro_entry *entries, size_t count, void *arg)
{
	struct folder *folder = arg;

	if (err)
		fprintf(stderr, "%s: %s\n", folder->path, ouro_strerror(err));
	for (size_t i = 0; i < count; i++) {
		printf("%s/%s\n", folder->path, entries[i].name);
		if (S_ISDIR(entries[i].type))
			find(folder->path, "/", entries[i].name);
	}
	free(folder);
	for (asked--; (folder = found) && asked < AT_ONCE; asked++) {
		found = folder->next;
		if (!ouro_fs_readdir(loop, folder->path, on_entries, folder).id)
			exit(ouro_die("ask the pool", -errno));
	}
}

int main(int argc, char **argv)
{
	loop = ouro_loop_or_die(NULL);
	find("", "", argc > 1 ? argv[1] : ".");
	on_entries(0, NULL, 0, NULL); /* as if one had ended */
	return ouro_loop_main(loop);
}
