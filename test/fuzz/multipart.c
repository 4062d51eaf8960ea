/* Forms with files: the same events however the bytes are cut, and no content that some reader would
 * end earlier. The first line of the input is the Content-Type. */
#include "http/multipart.h"
#include "fuzz.h"
#include "http/encoded.h"

/* All events in a row: what they say, with a mark before each that depends on the kind. */
struct heard {
	char *text;
	size_t len;
	int err;
	unsigned parts;
};

static void add(struct heard *heard, ouro_str s)
{
	if (!s.len)
		return;
	heard->text = realloc(heard->text, heard->len + s.len);
	PROMISE(heard->text != NULL);
	memcpy(heard->text + heard->len, s.ptr, s.len);
	heard->len += s.len;
}

static void add_name(struct heard *heard, ouro_str name)
{
	PROMISE(!name.ptr || (name.ptr[name.len] == '\0' && ouro__is_field_value(name)));
	add(heard, ouro_str_z(name.ptr ? "\x01" : "\x02"));
	add(heard, name);
}

static void note(struct heard *heard, const struct multipart *form, int event, ouro_str piece)
{
	if (event == MULTIPART_BEGIN) {
		heard->parts++;
		PROMISE(form->name.ptr && form->name.len <= 100 && form->filename.len <= 100);
		add_name(heard, form->name);
		add_name(heard, form->filename);
		add_name(heard, form->type);
		add(heard, ouro_str_z("\x03"));
	} else if (event == MULTIPART_PIECE) {
		PROMISE(piece.len > 0);
		add(heard, piece);
	} else {
		add(heard, ouro_str_z("\x04"));
	}
}

/* One whole content: what somebody who is content with a bare line feed would end earlier. */
static void check_content(const struct multipart *form, ouro_str content)
{
	ouro_str line = ouro_str_n(form->delimiter + 1, form->length - 1u);

	PROMISE(!content.len || !memmem(content.ptr, content.len, line.ptr, line.len));
	PROMISE(content.len < line.len - 1 || memcmp(content.ptr, line.ptr + 1, line.len - 1) != 0);
}

static void feed(struct heard *heard, struct multipart *form, ouro_str bytes, bool whole)
{
	char *copy = exactly(bytes.ptr, bytes.len);
	const char *at = copy, *end = copy + bytes.len;
	ouro_str piece;
	int event;

	while ((event = ouro__multipart_next(form, &at, end, &piece)) > 0) {
		PROMISE(at >= copy && at <= end);
		if (event == MULTIPART_PIECE && whole)
			check_content(form, piece);
		note(heard, form, event, piece);
	}
	PROMISE(event < 0 || at == end);
	free(copy);
}

static struct heard hear(ouro_str type, ouro_str body, size_t first, size_t then)
{
	struct heard heard = { 0 };
	struct multipart form;
	int err = ouro__multipart_start(&form, type, 5, 100);

	PROMISE(err == 0 || err == -400 || err == -415);
	for (size_t at = 0, n = first; at < body.len; at += n, n = then)
		feed(&heard, &form,
		     ouro_str_n(body.ptr + at, body.len - at < n ? body.len - at : n),
		     first > body.len);
	heard.err = ouro__multipart_end(&form);
	PROMISE(!err || heard.err == err);
	PROMISE(heard.err == 0 || heard.err == -400 || heard.err == -413 || heard.err == -415);
	PROMISE(heard.parts <= 5);
	return heard;
}

static void check_cut(const struct heard *whole, ouro_str type, ouro_str body, size_t first,
		      size_t then)
{
	struct heard cut = hear(type, body, first, then);

	PROMISE(cut.err == whole->err);
	PROMISE(cut.err ||
		same_bytes(ouro_str_n(cut.text, cut.len), ouro_str_n(whole->text, whole->len)));
	free(cut.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const uint8_t *feed_at = len ? memchr(bytes, '\n', len) : NULL;
	ouro_str type, body;
	struct heard whole;

	if (!feed_at)
		return 0;
	type = ouro_str_n(bytes, (size_t)(feed_at - bytes));
	body = ouro_str_n(feed_at + 1, len - type.len - 1);
	whole = hear(type, body, body.len + 1, 1);
	for (size_t cut = 1; cut < body.len && cut < 200; cut++)
		check_cut(&whole, type, body, cut, body.len);
	check_cut(&whole, type, body, 1, 1);
	check_cut(&whole, type, body, 3, 5);
	free(whole.text);
	return 0;
}
