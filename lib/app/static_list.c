/* static_list.c -- a folder as a page of links. On the pool.
 *
 * Plain HTML, no style, nothing taken for granted of the names in it: in the link every octet is
 * escaped that a URL might read otherwise, in the text those that HTML would. Names that begin with
 * a dot are not told, for they cannot be had. */
#include "app/static.h"
#include "base/alloc.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define NAMES_MAX 10000 /* of a folder; a page with more is of no use to anybody */

struct names {
	char **name;
	size_t count, room;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A folder's name ends in a slash, a device has none. */
static const char *ending_of(int folder, const struct dirent *entry)
{
	struct stat stat;
	unsigned char type = entry->d_type;

	if (type == DT_DIR)
		return "/";
	if (type == DT_REG)
		return "";
	if (type != DT_UNKNOWN && type != DT_LNK)
		return NULL;
	if (fstatat(folder, entry->d_name, &stat, 0))
		return NULL;
	return S_ISDIR(stat.st_mode) ? "/" : S_ISREG(stat.st_mode) ? "" : NULL;
}

static int keep(struct names *names, const char *name, const char *ending)
{
	size_t len = strlen(name) + strlen(ending) + 1;
	char *copy;

	if (names->count == names->room) {
		size_t room = names->room ? names->room * 2 : 64;
		char **wider = ouro__realloc(names->name, room * sizeof(*wider));

		if (!wider)
			return -ENOMEM;
		names->name = wider;
		names->room = room;
	}
	copy = ouro__realloc(NULL, len);
	if (!copy)
		return -ENOMEM;
	stpcpy(stpcpy(copy, name), ending);
	names->name[names->count++] = copy;
	return 0;
}

static int read_names(DIR *dir, struct names *names)
{
	const struct dirent *entry;
	int err = 0;

	while (!err && names->count < NAMES_MAX && (entry = readdir(dir))) {
		const char *ending = entry->d_name[0] == '.' ? NULL : ending_of(dirfd(dir), entry);

		if (ending)
			err = keep(names, entry->d_name, ending);
	}
	if (names->count)
		qsort(names->name, names->count, sizeof(*names->name), by_name);
	return err;
}

/* ---- The page ---- */

static int write_link(ouro_buf *page, const char *name)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~/";
	int err = 0;

	for (; !err && *name; name++)
		err = strchr(plain, *name)
			      ? ouro_buf_append(page, name, 1)
			      : ouro_buf_printf(page, "%%%02X", (unsigned)(unsigned char)*name);
	return err;
}

static int write_text(ouro_buf *page, const char *name)
{
	int err = 0;

	for (; !err && *name; name++) {
		if (strchr("<>&\"'", *name))
			err = ouro_buf_printf(page, "&#%d;", *name);
		else
			err = ouro_buf_append(page, name, 1);
	}
	return err;
}

static int write_name(ouro_buf *page, const char *name)
{
	int err = ouro_buf_printf(page, "<li><a href=\"./");

	if (!err)
		err = write_link(page, name);
	if (!err)
		err = ouro_buf_printf(page, "\">");
	if (!err)
		err = write_text(page, name);
	return err ? err : ouro_buf_printf(page, "</a>\n");
}

static int write_page(ouro_buf *page, const struct names *names)
{
	int err = ouro_buf_printf(page, "<!DOCTYPE html>\n<html lang=\"en\">\n"
					"<meta charset=\"utf-8\">\n<title>Files</title>\n<ul>\n");

	for (size_t i = 0; !err && i < names->count; i++)
		err = write_name(page, names->name[i]);
	return err ? err : ouro_buf_printf(page, "</ul>\n</html>\n");
}

int ouro__static_list(int folder, char **ret_bytes, size_t *ret_len)
{
	DIR *dir = fdopendir(folder);
	struct names names = { NULL, 0, 0 };
	ouro_buf *page = ouro_buf_new();
	int err = dir ? page ? read_names(dir, &names) : -ENOMEM : -errno;

	if (dir)
		closedir(dir);
	else
		close(folder);
	if (!err)
		err = write_page(page, &names);
	if (!err)
		*ret_bytes = ouro_buf_detach(page, ret_len);
	while (names.count)
		ouro__free(names.name[--names.count]);
	ouro__free(names.name);
	ouro_buf_free(page);
	return err;
}
