/* form.c -- a form with a file, and a page that shows how far it is.  ★★
 *
 * When on_form is told, fields are in memory and the file is on the disk under a name of ours, until
 * it is kept or the request is answered. How far it is the browser knows best: the page asks it.
 *
 *     cc form.c $(pkg-config --cflags --libs ouro) && ./a.out
 *     curl -F file=@form.c http://127.0.0.1:8080/      (or go there with a browser) */
#include <ouro.h>

static char page[] =
	"<!doctype html><form><input type=file name=file><button>Send</button></form>\n"
	"<progress id=bar value=0></progress> <output id=said></output><script>\n"
	"document.forms[0].onsubmit = (event, ask = new XMLHttpRequest()) => {\n"
	"	ask.upload.onprogress = (e) => bar.value = e.loaded / e.total;\n"
	"	ask.onload = () => said.textContent = ask.responseText;\n"
	"	ask.open('POST', '/'), ask.send(new FormData(event.target));\n"
	"	return false;\n};</script>\n";

static void show(ouro_req *req, void *arg)
{
	ouro_req_reply_static(req, 200, "text/html", ouro_str_z(arg));
}

static void on_kept(int err, void *req)
{
	if (err)
		ouro_req_fail(req, err);
	else
		ouro_req_reply(req, 201, "text/plain", ouro_str_z("it is in form-file\n"));
}

static void on_form(ouro_req *req, int err, ouro_form *form, void *arg)
{
	const ouro_part *file = err ? NULL : ouro_form_part(form, "file", 0);

	(void)arg;
	if (err)
		ouro_req_fail(req, err);
	else if (!file || ouro_form_keep(form, file, "form-file", on_kept, ouro_req_later(req)))
		ouro_req_status(req, 400);
}

static void take(ouro_req *req, void *arg)
{
	if (ouro_form_read(req, &(ouro_form_opts){ .folder = "." }, on_form, arg))
		ouro_req_status(req, 503);
}

static const ouro_route routes[] = {
	{ .method = "GET", .path = "/", .fn = show, .arg = page },
	{ .method = "POST", .path = "/", .fn = take, .stream = true },
	{ .path = NULL },
};

int main(int argc, char **argv)
{
	ouro_http_opts opts = { .host = "127.0.0.1", .routes = routes };

	return ouro_http_main(argc, argv, &opts);
}
