/* page.c -- the page is three files beside this one, put into the program by the assembler. The
 * compiler is called from the top of the project, where their names begin. */
#include <ouro.h>

#define FILE_IN_PROGRAM(name, path)                                                        \
	__asm__(".pushsection .rodata\n"                                                   \
		".globl " #name ", " #name "_end\n" #name ": .incbin \"" path "\"\n" #name \
		"_end: .byte 0\n"                                                          \
		".popsection\n");                                                          \
	extern const char name[], name##_end[]

FILE_IN_PROGRAM(page_html, "examples/cpu-block/page.html");
FILE_IN_PROGRAM(page_css, "examples/cpu-block/page.css");
FILE_IN_PROGRAM(page_js, "examples/cpu-block/page.js");

static const struct {
	const char *path, *type, *begin, *end;
} files[] = {
	{ "/", "text/html; charset=utf-8", page_html, page_html_end },
	{ "/page.css", "text/css; charset=utf-8", page_css, page_css_end },
	{ "/page.js", "text/javascript; charset=utf-8", page_js, page_js_end },
};

void page(ouro_req *req, void *arg);

void page(ouro_req *req, void *arg)
{
	size_t i = 0;

	(void)arg;
	while (!ouro_str_eq(ouro_req_path(req), files[i].path))
		i++; /* the routes lead here for these paths alone */
	ouro_req_set(req, "Content-Security-Policy", ouro_str_z("default-src 'self'"));
	ouro_req_reply_static(req, 200, files[i].type,
			      ouro_str_n(files[i].begin, (size_t)(files[i].end - files[i].begin)));
}
