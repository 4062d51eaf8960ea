/* dashboard_page.c -- the page is four files in lib/app/dashboard, put into the library by the
 * assembler: they stay what they are, and can be opened in an editor and in a browser. The
 * compiler is called from the top of the project, where their names begin. */
#include "app/dashboard.h"
#include "ouro/str.h"

#define FILE_IN_LIBRARY(name, path)                  \
	__asm__(".pushsection .rodata\n"             \
		".hidden ouro__page_" #name "\n"     \
		".hidden ouro__page_" #name "_end\n" \
		".globl ouro__page_" #name "\n"      \
		".globl ouro__page_" #name "_end\n"  \
		"ouro__page_" #name ":\n"            \
		".incbin \"" path "\"\n"             \
		"ouro__page_" #name "_end:\n"        \
		".byte 0\n"                          \
		".popsection\n");                    \
	extern const char ouro__page_##name[], ouro__page_##name##_end[]

FILE_IN_LIBRARY(html, "lib/app/dashboard/index.html");
FILE_IN_LIBRARY(css, "lib/app/dashboard/dashboard.css");
FILE_IN_LIBRARY(js, "lib/app/dashboard/dashboard.js");
FILE_IN_LIBRARY(icon, "lib/app/dashboard/icon.svg");

static const struct {
	const char *name, *type, *begin, *end;
} files[] = {
	{ "", "text/html; charset=utf-8", ouro__page_html, ouro__page_html_end },
	{ "dashboard.css", "text/css; charset=utf-8", ouro__page_css, ouro__page_css_end },
	{ "dashboard.js", "text/javascript; charset=utf-8", ouro__page_js, ouro__page_js_end },
	{ "icon.svg", "image/svg+xml", ouro__page_icon, ouro__page_icon_end },
};

ouro_str ouro__dashboard_file(ouro_str name, const char **ret_type)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (ouro_str_eq(name, files[i].name)) {
			*ret_type = files[i].type;
			return ouro_str_n(files[i].begin, (size_t)(files[i].end - files[i].begin));
		}
	return ouro_str_n(NULL, 0);
}
