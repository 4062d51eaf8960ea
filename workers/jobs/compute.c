/* compute.c -- jobs that do what they should. See jobs.h. Each asks now and then whether anybody
 * still waits for it. */
#include "workers/jobs/jobs.h"

#include "ouro/error.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

int job_echo(ouro_str in, ouro_buf *out)
{
	return ouro_buf_append(out, in.ptr, in.len);
}

static uint64_t fib(uint64_t n)
{
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

int job_fib(ouro_str in, ouro_buf *out)
{
	uint64_t n = ouro_str_u64(in, UINT64_MAX);

	return n > 60 ? -EINVAL : ouro_buf_printf(out, "%" PRIu64, fib(n));
}

static int by_value(const void *a, const void *b)
{
	int32_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

int job_sort(ouro_str in, ouro_buf *out)
{
	size_t n = in.len / sizeof(int32_t);
	int err = in.len % sizeof(int32_t) ? -EINVAL : ouro_buf_append(out, in.ptr, in.len);

	/* The buffer is ours and stays where it is. */
	if (!err && n)
		qsort((char *)(uintptr_t)ouro_buf_str(out).ptr, n, sizeof(int32_t), by_value);
	return err;
}

static uint16_t escape(double x, double y, uint32_t most)
{
	double a = 0, b = 0;
	uint32_t n = 0;

	for (; n < most && a * a + b * b <= 4; n++) {
		double next = a * a - b * b + x;

		b = 2 * a * b + y;
		a = next;
	}
	return (uint16_t)n;
}

int job_mandelbrot(ouro_str in, ouro_buf *out)
{
	struct mandelbrot_tile tile;
	int err = 0;

	if (in.len != sizeof(tile))
		return -EINVAL;
	memcpy(&tile, in.ptr, sizeof(tile));
	for (uint32_t row = 0; row < tile.height && !err; row++) {
		double y = tile.top + row * tile.step;

		if (ouro_job_cancelled())
			return OURO_ECANCELED;
		for (uint32_t column = 0; column < tile.width && !err; column++) {
			uint16_t n = escape(tile.left + column * tile.step, y, tile.most);

			err = ouro_buf_append(out, &n, sizeof(n));
		}
	}
	return err;
}

struct json_count {
	unsigned objects, arrays, strings, numbers, others;
};

/* The end of a string whose first quote is at `at`. */
static size_t end_of_string(ouro_str s, size_t at)
{
	for (at++; at < s.len && s.ptr[at] != '"'; at++)
		at += s.ptr[at] == '\\';
	return at;
}

static size_t end_of_word(ouro_str s, size_t at)
{
	while (at + 1 < s.len && !strchr(",:]} \t\r\n", s.ptr[at + 1]))
		at++;
	return at;
}

int job_json(ouro_str in, ouro_buf *out)
{
	struct json_count count = { 0 };

	for (size_t at = 0; at < in.len; at++) {
		char c = in.ptr[at];

		if (c == '"')
			at = end_of_string(in, at);
		else if (c == '-' || isalnum((unsigned char)c))
			at = end_of_word(in, at);
		count.objects += c == '{';
		count.arrays += c == '[';
		count.strings += c == '"';
		count.numbers += c == '-' || isdigit((unsigned char)c);
		count.others += isalpha((unsigned char)c) != 0;
	}
	return ouro_buf_printf(out, "objects %u arrays %u strings %u numbers %u others %u",
			       count.objects, count.arrays, count.strings, count.numbers,
			       count.others);
}
