/* static_type.c -- what a file holds, by its name. See static.h.
 *
 * The names are those that a web site is made of, in one table; media types of other files are for
 * the programs that have them. Text is said to be UTF-8, for that is what it is. */
#include "app/static.h"

#define UTF8 "; charset=utf-8"

#define TYPES(X)                                                   \
	X("html", "text/html" UTF8)                                \
	X("htm", "text/html" UTF8)                                 \
	X("css", "text/css" UTF8)                                  \
	X("js", "text/javascript" UTF8)                            \
	X("mjs", "text/javascript" UTF8)                           \
	X("json", "application/json")                              \
	X("map", "application/json")                               \
	X("svg", "image/svg+xml")                                  \
	X("png", "image/png")                                      \
	X("jpg", "image/jpeg")                                     \
	X("jpeg", "image/jpeg")                                    \
	X("gif", "image/gif")                                      \
	X("webp", "image/webp")                                    \
	X("avif", "image/avif")                                    \
	X("ico", "image/vnd.microsoft.icon")                       \
	X("bmp", "image/bmp")                                      \
	X("tif", "image/tiff")                                     \
	X("tiff", "image/tiff")                                    \
	X("woff2", "font/woff2")                                   \
	X("woff", "font/woff")                                     \
	X("ttf", "font/ttf")                                       \
	X("otf", "font/otf")                                       \
	X("txt", "text/plain" UTF8)                                \
	X("md", "text/markdown" UTF8)                              \
	X("csv", "text/csv" UTF8)                                  \
	X("ics", "text/calendar" UTF8)                             \
	X("vtt", "text/vtt" UTF8)                                  \
	X("c", "text/plain" UTF8)                                  \
	X("h", "text/plain" UTF8)                                  \
	X("log", "text/plain" UTF8)                                \
	X("xml", "application/xml")                                \
	X("xhtml", "application/xhtml+xml")                        \
	X("rss", "application/rss+xml")                            \
	X("atom", "application/atom+xml")                          \
	X("webmanifest", "application/manifest+json")              \
	X("jsonld", "application/ld+json")                         \
	X("wasm", "application/wasm")                              \
	X("pdf", "application/pdf")                                \
	X("rtf", "application/rtf")                                \
	X("epub", "application/epub+zip")                          \
	X("mp3", "audio/mpeg")                                     \
	X("m4a", "audio/mp4")                                      \
	X("ogg", "audio/ogg")                                      \
	X("oga", "audio/ogg")                                      \
	X("opus", "audio/ogg")                                     \
	X("flac", "audio/flac")                                    \
	X("wav", "audio/wav")                                      \
	X("mp4", "video/mp4")                                      \
	X("m4v", "video/mp4")                                      \
	X("webm", "video/webm")                                    \
	X("ogv", "video/ogg")                                      \
	X("mov", "video/quicktime")                                \
	X("avi", "video/x-msvideo")                                \
	X("mkv", "video/matroska")                                 \
	X("zip", "application/zip")                                \
	X("gz", "application/gzip")                                \
	X("tgz", "application/gzip")                               \
	X("bz2", "application/x-bzip2")                            \
	X("xz", "application/x-xz")                                \
	X("zst", "application/zstd")                               \
	X("7z", "application/x-7z-compressed")                     \
	X("tar", "application/x-tar")                              \
	X("deb", "application/vnd.debian.binary-package")          \
	X("jar", "application/java-archive")                       \
	X("doc", "application/msword")                             \
	X("docx", OPEN_XML "wordprocessingml.document")            \
	X("xlsx", OPEN_XML "spreadsheetml.sheet")                  \
	X("pptx", OPEN_XML "presentationml.presentation")          \
	X("odt", "application/vnd.oasis.opendocument.text")        \
	X("ods", "application/vnd.oasis.opendocument.spreadsheet") \
	X("sh", "application/x-sh")                                \
	X("bin", "application/octet-stream")

#define OPEN_XML "application/vnd.openxmlformats-officedocument."

const char *ouro__static_type(const char *path)
{
	static const char *const table[][2] = {
#define X(ending, type) { ending, type },
		TYPES(X)
#undef X
	};
	const char *name = strrchr(path, '/'), *dot = strrchr(name ? name : path, '.');

	for (size_t i = 0; dot && i < sizeof(table) / sizeof(*table); i++)
		if (ouro_str_caseeq(ouro_str_z(dot + 1), table[i][0]))
			return table[i][1];
	return "application/octet-stream";
}
