/* multipart.c -- forms with files: what comes of them, and what is refused; whole, and cut at every
 * byte. */
#include "http/multipart.h"
#include "exact.h"
#include "test.h"

#define TYPE       "multipart/form-data; boundary=b"
#define PART(name) "--b\r\nContent-Disposition: form-data; name=" name "\r\n\r\n"
#define LAST       "\r\n--b--\r\n"

static char told[4096];

static void note(const char *bytes, size_t len)
{
	size_t used = strlen(told);

	CHECK(used + len < sizeof(told));
	memcpy(told + used, bytes, len);
	told[used + len] = '\0';
}

static void note_event(const struct multipart *form, int event, ouro_str piece)
{
	if (event == MULTIPART_PIECE) {
		CHECK(piece.len > 0);
		note(piece.ptr, piece.len);
	} else if (event == MULTIPART_END) {
		note("]", 1);
	} else if (event == MULTIPART_BEGIN) {
		CHECK_EQ(form->name.len, strlen(form->name.ptr));
		note(form->name.ptr, form->name.len);
		if (form->filename.ptr)
			note("|", 1);
		note(form->filename.ptr ? form->filename.ptr : "", form->filename.len);
		note(form->type.ptr ? ";" : "", form->type.ptr != NULL);
		note(form->type.ptr ? form->type.ptr : "", form->type.len);
		note("[", 1);
	}
}

static int feed(struct multipart *form, const char *bytes, size_t len)
{
	ouro_str copy = exactly_n(bytes, len), piece;
	const char *at = copy.ptr, *end = copy.ptr + len;
	int event;

	while ((event = ouro__multipart_next(form, &at, end, &piece)) > 0)
		note_event(form, event, piece);
	CHECK(event < 0 || at == end);
	drop(copy);
	return event;
}

static int read_in(const char *type, const char *body, size_t len, size_t first, size_t then)
{
	struct multipart form;
	int err = ouro__multipart_start(&form, ouro_str_z(type), 3, 64);

	told[0] = '\0';
	for (size_t at = 0, n = first; !err && at < len; at += n, n = then)
		err = feed(&form, body + at, len - at < n ? len - at : n);
	CHECK(!err || ouro__multipart_end(&form) == err);
	return ouro__multipart_end(&form);
}

/* "name|filename;type[content]" for each part; or the refusal. However it is cut, the same. */
static const char *form_of(const char *type, const char *body, size_t len)
{
	static char whole[4096], refusal[8];
	int err = read_in(type, body, len, len, len);

	strcpy(whole, told);
	for (size_t cut = 1; cut < len; cut++) {
		CHECK_EQ(read_in(type, body, len, cut, len), err);
		CHECK(err || !strcmp(told, whole));
	}
	CHECK_EQ(read_in(type, body, len, 1, 1), err);
	CHECK(err || !strcmp(told, whole));
	snprintf(refusal, sizeof(refusal), "%d", err);
	return err ? refusal : whole;
}

static const char *form(const char *body)
{
	return form_of(TYPE, body, strlen(body));
}

static const char *typed(const char *type)
{
	return form_of(type, PART("a") "x" LAST, strlen(PART("a") "x" LAST));
}

static const char *part(const char *fields)
{
	char body[8192];

	snprintf(body, sizeof(body), "--b\r\n%s\r\n\r\nx" LAST, fields);
	return form(body);
}

static const char *disposed(const char *value)
{
	char fields[4096];

	snprintf(fields, sizeof(fields), "Content-Disposition: %s", value);
	return part(fields);
}

TEST(parts_come_in_their_order_with_what_they_say)
{
	CHECK_STR(form(PART("a") "1\r\n" PART("b") LAST), "a[1]b[]");
	CHECK_STR(form("--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a b.txt\"\r\n"
		       "Content-Type: text/plain; charset=utf-8\r\n\r\nline\r\nline\r\n" LAST),
		  "f|a b.txt;text/plain; charset=utf-8[line\r\nline\r\n]");
	CHECK_STR(form("--b--\r\n"), "");
	CHECK_STR(form("--b--"), "");
}

TEST(a_line_end_may_come_first_and_nothing_else)
{
	CHECK_STR(form("\r\n" PART("a") "1" LAST), "a[1]");
	CHECK_STR(form("\r\n\r\n" PART("a") "1" LAST), "-400");
	CHECK_STR(form("\n" PART("a") "1" LAST), "-400");
	CHECK_STR(form("words\r\n" PART("a") "1" LAST), "-400");
	CHECK_STR(form(""), "-400");
	CHECK_STR(form("\r\n"), "-400");
}

TEST(nothing_follows_the_last_delimiter_but_a_line_end)
{
	CHECK_STR(form(PART("a") "1\r\n--b--"), "a[1]");
	CHECK_STR(form(PART("a") "1\r\n--b--\r"), "-400");
	CHECK_STR(form(PART("a") "1\r\n--b--\n"), "-400");
	CHECK_STR(form(PART("a") "1\r\n--b--\r\n\r\n"), "-400");
	CHECK_STR(form(PART("a") "1\r\n--b--\r\nwords"), "-400");
	CHECK_STR(form(PART("a") "1\r\n--b--\r\n" PART("c") "1" LAST), "-400");
}

TEST(a_form_that_breaks_off_is_none)
{
	const char *whole = PART("a") "1\r\n" PART("b") "2\r\n--b--";

	for (size_t n = 0; n < strlen(whole); n++)
		CHECK_EQ(read_in(TYPE, whole, n, n, n), -400);
	CHECK_EQ(read_in(TYPE, whole, strlen(whole), 7, 7), 0);
}

TEST(what_only_begins_like_a_delimiter_is_content)
{
	CHECK_STR(form(PART("a") "\r\n--\r\n-\r\r\n\r\n--c\r\n" LAST),
		  "a[\r\n--\r\n-\r\r\n\r\n--c\r\n]");
	CHECK_STR(form(PART("a") "x--b\r--b\n-b" LAST), "a[x--b\r--b\n-b]");
	CHECK_STR(form(PART("a") "\r" LAST), "a[\r]");
	CHECK_STR(form(PART("a") "\r\n" LAST), "a[\r\n]");
	CHECK_STR(form(PART("a") "\r\n--\r\n--b" LAST), "-400");
}

TEST(zeros_and_all_other_octets_are_content)
{
	char body[512] = PART("a"), *content = body + strlen(body);
	struct multipart form;
	const char *at = body;
	ouro_str piece;

	for (int c = 255; c >= 0; c--)
		content[255 - c] = (char)c;
	memcpy(content + 256, LAST, strlen(LAST));
	CHECK_EQ(ouro__multipart_start(&form, ouro_str_z(TYPE), 1, 1), 0);
	CHECK_EQ(ouro__multipart_next(&form, &at, body + sizeof(body), &piece), MULTIPART_BEGIN);
	CHECK_EQ(ouro__multipart_next(&form, &at, body + sizeof(body), &piece), MULTIPART_PIECE);
	CHECK(piece.ptr == content && piece.len == 256);
	CHECK_EQ(ouro__multipart_next(&form, &at, body + sizeof(body), &piece), MULTIPART_END);
	CHECK_EQ(read_in(TYPE, body, (size_t)(content - body) + 256 + strlen(LAST), 1, 1), 0);
}

TEST(what_some_reader_would_take_for_a_delimiter_is_refused)
{
	CHECK_STR(form(PART("a") "1\n--b\r\n"), "-400");
	CHECK_STR(form(PART("a") "1\n--b" LAST), "-400");
	CHECK_STR(form(PART("a") "1\r\n--b " LAST), "-400");
	CHECK_STR(form(PART("a") "1\r\n--b \r\n" PART("c") LAST), "-400");
	CHECK_STR(form(PART("a") "1\r\n--bc" LAST), "-400");
	CHECK_STR(form(PART("a") "1\r\n--b\n" LAST), "-400");
	CHECK_STR(form(PART("a") "1\r\n--b-" LAST), "-400");
	CHECK_STR(form(PART("a") "--b" LAST), "-400");
	CHECK_STR(form("--b\r\nContent-Disposition: form-data; name=a\r\n--b--\r\n"), "-400");
	CHECK_STR(part("Content-Disposition: form-data; name=a\r\n--b: form-data"), "-400");
}

TEST(a_boundary_is_what_rfc_2046_says)
{
	CHECK_STR(typed("Multipart/Form-Data; charset=utf-8; BOUNDARY=\"b\""), "a[x]");
	CHECK_STR(typed("multipart/form-data"), "-400");
	CHECK_STR(typed("multipart/form-data; boundary="), "-400");
	CHECK_STR(typed("multipart/form-data; boundary=\"\""), "-400");
	CHECK_STR(typed("multipart/form-data; boundary=b; boundary=b"), "-400");
	CHECK_STR(typed("multipart/form-data; boundary=b; boundary=c"), "-400");
	CHECK_STR(typed("multipart/form-data; boundary=b;"), "-400");
	CHECK_STR(typed("multipart/form-data; boundary=b, boundary=c"), "-400");
	CHECK_STR(typed("multipart/form-data; boundary=\"b"), "-400");
	CHECK_STR(typed("multipart/form-data; boundary=\"b \""), "-400");
	CHECK_STR(typed("multipart/form-data; boundary=\"\\b\""), "-400");
	CHECK_STR(typed("multipart/form-data; boundary=b=c"), "-400");
	CHECK_STR(typed("multipart/mixed; boundary=b"), "-415");
	CHECK_STR(typed("application/x-www-form-urlencoded"), "-415");
	CHECK_STR(typed(""), "-415");
}

TEST(a_boundary_has_seventy_letters_at_most)
{
	char type[128] = "multipart/form-data; boundary=", body[512];
	size_t n = strlen(type);

	memset(type + n, '-', 70);
	snprintf(body, sizeof(body),
		 "--%s\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--%s--", type + n,
		 type + n);
	CHECK_STR(form_of(type, body, strlen(body)), "a[x]");
	type[n + 70] = '-';
	CHECK_STR(typed(type), "-400");
}

TEST(names_are_what_browsers_send)
{
	CHECK_STR(disposed("form-data; name=\"a\""), "a[x]");
	CHECK_STR(disposed("Form-Data;NAME=a ; other=\"\";filename=\"\""), "a|[x]");
	CHECK_STR(disposed("form-data; name=\"\""), "[x]");
	CHECK_STR(disposed("form-data; name=\"say %22hi%22\"; filename=\"%22%0D%0A%25.txt\""),
		  "say \"hi\"|\"%0D%0A%25.txt[x]");
	CHECK_STR(disposed("form-data; name=\"a;b=c, \xc3\xa4\t\xff\""),
		  "a;b=c, \xc3\xa4\t\xff[x]");
	CHECK_STR(disposed("form-data; name=a; filename=\"C:\\dir\\a.txt\""),
		  "a|C:\\dir\\a.txt[x]");
	CHECK_STR(disposed("form-data; name=a; filename=\"../../etc/passwd\""),
		  "a|../../etc/passwd[x]");
}

TEST(a_name_that_two_readers_would_read_in_two_ways_is_refused)
{
	CHECK_STR(disposed("form-data; name=\"a\\\"; filename=\"b\""), "-400");
	CHECK_STR(disposed("form-data; name=\"a\\\\\""), "-400");
	CHECK_STR(disposed("form-data; name=a; name=b"), "-400");
	CHECK_STR(disposed("form-data; name=a; name=\"\""), "-400");
	CHECK_STR(disposed("form-data; name=\"\"; name=a"), "-400");
	CHECK_STR(disposed("form-data; name=a; filename=a; filename=b"), "-400");
	CHECK_STR(disposed("form-data; name=a; filename*=utf-8''b"), "-400");
	CHECK_STR(disposed("form-data; name*=utf-8''b"), "-400");
	CHECK_STR(disposed("form-data; name=\"a"), "-400");
	CHECK_STR(disposed("form-data; name=\"a\"b"), "-400");
	CHECK_STR(disposed("form-data; name=a b"), "-400");
	CHECK_STR(disposed("form-data; name ="), "-400");
	CHECK_STR(disposed("form-data; name= a"), "-400");
	CHECK_STR(disposed("form-data; name=\"a\x01\""), "-400");
	CHECK_STR(disposed("form-data; name=a;"), "-400");
	CHECK_STR(disposed("form-data name=a"), "-400");
	CHECK_STR(disposed("form-data, name=a"), "-400");
}

TEST(a_part_says_what_it_is_once)
{
	CHECK_STR(disposed("form-data"), "-400");
	CHECK_STR(disposed("attachment; name=a"), "-400");
	CHECK_STR(disposed(""), "-400");
	CHECK_STR(part("Content-Type: text/plain"), "-400");
	CHECK_STR(form("--b\r\n\r\nx" LAST), "-400");
	CHECK_STR(part("Content-Disposition: form-data; name=a\r\n"
		       "content-disposition: form-data; name=a"),
		  "-400");
	CHECK_STR(part("Content-Disposition: form-data; name=a\r\nContent-Type: a/b\r\n"
		       "Content-Type: a/b"),
		  "-400");
	CHECK_STR(part("Content-Disposition: form-data; name=a\r\nContent-Type: nonsense"), "-400");
}

TEST(a_coding_that_must_be_undone_is_refused)
{
	CHECK_STR(part("Content-Disposition: form-data; name=a\r\n"
		       "Content-Transfer-Encoding: binary"),
		  "a[x]");
	CHECK_STR(part("Content-Disposition: form-data; name=a\r\n"
		       "Content-Transfer-Encoding: base64"),
		  "-400");
	CHECK_STR(part("Content-Disposition: form-data; name=a\r\n"
		       "Content-Transfer-Encoding: 8bit\r\nContent-Transfer-Encoding: 8bit"),
		  "-400");
}

TEST(fields_are_as_strict_as_those_of_a_request)
{
	CHECK_STR(part("X-Other:  anything\t \r\nContent-Disposition: form-data; name=a"), "a[x]");
	CHECK_STR(part("Content-Disposition : form-data; name=a"), "-400");
	CHECK_STR(part("Content-Disposition: form-data;\r\n name=a"), "-400");
	CHECK_STR(part("Content-Disposition: form-data; name=a\nX: y"), "-400");
	CHECK_STR(part("Content-Disposition: form-data; name=a\r\rX: y"), "-400");
	CHECK_STR(part("Content-Disposition: form-data; name=a\r\nnonsense"), "-400");
	CHECK_STR(part(" Content-Disposition: form-data; name=a"), "-400");
	CHECK_STR(part("X: \x7f\r\nContent-Disposition: form-data; name=a"), "-400");
}

TEST(more_parts_than_there_may_be_are_413)
{
	CHECK_STR(form(PART("a") "\r\n" PART("b") "\r\n" PART("c") LAST), "a[]b[]c[]");
	CHECK_STR(form(PART("a") "\r\n" PART("b") "\r\n" PART("c") "\r\n" PART("d") LAST), "-413");
}

TEST(a_name_that_is_too_long_is_413)
{
	char value[128], name[66] = { 0 };

	memset(name, 'n', 64);
	snprintf(value, sizeof(value), "form-data; name=%s", name);
	CHECK(strlen(disposed(value)) == 64 + 3);
	name[64] = 'n';
	snprintf(value, sizeof(value), "form-data; name=%s", name);
	CHECK_STR(disposed(value), "-413");
	snprintf(value, sizeof(value), "form-data; name=a; filename=%s", name);
	CHECK_STR(disposed(value), "-413");
}

TEST(more_fields_than_a_part_may_have_are_413)
{
	char fields[8192] = "Content-Disposition: form-data; name=a";

	for (int i = 1; i < MULTIPART_FIELDS; i++)
		strcat(fields, "\r\nX: y");
	CHECK_STR(part(fields), "a[x]");
	strcat(fields, "\r\nX: y");
	CHECK_STR(part(fields), "-413");
	strcpy(fields, "Content-Disposition: form-data; name=a\r\nX: ");
	memset(fields + strlen(fields), 'x', MULTIPART_HEAD);
	CHECK_STR(part(fields), "-413");
}
