/* buf.c -- bytes that grow at their end.
 *
 * Room doubles, so a million small appends copy each byte about once. `room` counts the zero behind
 * the last byte: while there are bytes at all, len < room. A buffer that never held anything has no
 * memory, and shows a static "" in its place, so that what ouro_buf_str() answers always ends in a
 * zero. */
#include "ouro/str.h"

#include "base/alloc.h"

#include <errno.h>
#include <stdio.h>

#define FIRST_ROOM 64

struct ouro_buf {
	char *bytes; /* NULL: room is 0 */
	size_t len;
	size_t room;
};

ouro_buf *ouro_buf_new(void)
{
	return ouro__alloc(sizeof(ouro_buf));
}

void ouro_buf_free(ouro_buf *buf)
{
	if (!buf)
		return;
	ouro__free(buf->bytes);
	ouro__free(buf);
}

/* The room for `need` bytes: doubled while that is enough and can be counted. */
static size_t room_for(size_t room, size_t need)
{
	size_t doubled = room > SIZE_MAX / 2 ? need : room * 2;

	if (doubled < FIRST_ROOM)
		doubled = FIRST_ROOM;
	return doubled < need ? need : doubled;
}

/* Room for n more bytes and the zero. */
static int reserve(ouro_buf *buf, size_t n)
{
	size_t room;
	char *bytes;

	if (n >= SIZE_MAX - buf->len)
		return -ENOMEM;
	if (buf->len + n < buf->room)
		return 0;
	room = room_for(buf->room, buf->len + n + 1);
	bytes = ouro__realloc(buf->bytes, room);
	if (!bytes)
		return -ENOMEM;
	buf->bytes = bytes;
	buf->room = room;
	return 0;
}

static void set_len(ouro_buf *buf, size_t len)
{
	buf->len = len;
	buf->bytes[len] = 0;
}

/* The bytes may be the buffer's own, and then they move when it grows. */
int ouro_buf_append(ouro_buf *buf, const void *bytes, size_t n)
{
	uintptr_t offset = (uintptr_t)bytes - (uintptr_t)buf->bytes;
	bool own = offset < buf->room;

	if (n == 0)
		return 0;
	if (reserve(buf, n))
		return -ENOMEM;
	memmove(buf->bytes + buf->len, own ? buf->bytes + offset : bytes, n);
	set_len(buf, buf->len + n);
	return 0;
}

int ouro_buf_printf(ouro_buf *buf, const char *fmt, ...)
{
	va_list args;
	int err;

	va_start(args, fmt);
	err = ouro_buf_vprintf(buf, fmt, args);
	va_end(args);
	return err;
}

/* Prints behind the last byte, as much as there is room for; answers how long all of it is. */
static OURO_PRINTF(2, 0) int print(ouro_buf *buf, const char *fmt, va_list args)
{
	if (!buf->bytes)
		return vsnprintf(NULL, 0, fmt, args);
	return vsnprintf(buf->bytes + buf->len, buf->room - buf->len, fmt, args);
}

/* The first attempt measures, and mostly it was enough. Len grows only after the last one, and
 * until then a zero at len undoes whatever was printed behind it. */
int ouro_buf_vprintf(ouro_buf *buf, const char *fmt, va_list args)
{
	va_list again;
	int n, err = 0;

	va_copy(again, args);
	n = print(buf, fmt, args);
	if (n < 0) {
		err = -EINVAL;
	} else if (n > 0 && (size_t)n >= buf->room - buf->len) {
		err = reserve(buf, (size_t)n);
		if (!err && print(buf, fmt, again) != n)
			err = -EINVAL;
	}
	va_end(again);
	if (buf->bytes)
		set_len(buf, err ? buf->len : buf->len + (size_t)n);
	return err;
}

ouro_str ouro_buf_str(const ouro_buf *buf)
{
	return ouro_str_n(buf->bytes ? buf->bytes : "", buf->len);
}

void ouro_buf_cut(ouro_buf *buf, size_t n)
{
	if (n < buf->len)
		set_len(buf, n);
}

char *ouro_buf_detach(ouro_buf *buf, size_t *ret_len)
{
	char *bytes = buf->bytes;

	if (ret_len)
		*ret_len = buf->len;
	*buf = (ouro_buf){ 0 };
	return bytes;
}

void ouro_bytes_free(char *bytes)
{
	ouro__free(bytes);
}
