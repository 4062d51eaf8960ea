/* upload.c -- a body of any length into a file, in little memory.  ★★
 *
 * The line says `stream`, so the handler is called when the head is there, and asks for the body.
 * It goes to the file piece by piece through the loop's pool; while the disk is busy nothing more
 * is read, and the client waits. The file is whole, or it is not there.
 *
 *     cc upload.c $(pkg-config --cflags --libs ouro) && ./a.out
 *     curl -T upload.c http://127.0.0.1:8080/files/       (N bytes, in upload-upload.c) */
#include <ouro.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

static void on_saved(ouro_req *req, int err, uint64_t bytes, void *arg)
{
	(void)arg;
	if (err)
		ouro_req_fail(req, err);
	else
		ouro_req_replyf(req, 201, "text/plain", "%llu bytes\n", (unsigned long long)bytes);
}

/* A name comes from outside and may be anything, "../../etc/passwd" too: take what is known to be
 * good, and put something before it. */
static void upload(ouro_req *req, void *arg)
{
	ouro_str name = ouro_req_param(req, "name"), path;

	if (!name.ptr || strspn(name.ptr, LETTERS) != name.len) {
		ouro_req_status(req, name.ptr ? 400 : 503); /* NULL: no memory for it */
		return;
	}
	path = ouro_req_printf(req, "upload-%s", name.ptr);
	if (path.ptr)
		ouro_req_save(req, path.ptr, on_saved, arg);
	else
		ouro_req_status(req, 503);
}

static const ouro_route routes[] = {
	{ .method = "PUT", .path = "/files/:name", .fn = upload, .stream = true },
	{ .path = NULL },
};

int main(int argc, char **argv)
{
	ouro_http_opts opts = { .host = "127.0.0.1", .routes = routes };

	return ouro_http_main(argc, argv, &opts);
}
