/* str.h -- bytes that somebody else owns (ouro_str) and bytes that grow (ouro_buf).
 *
 * Any thread, as long as two do not write to one buf at once. */
#ifndef OURO_STR_H
#define OURO_STR_H
#include "ouro/base.h"
#include <stdarg.h>
OURO_BEGIN

/* A borrowed piece of bytes. Not ended by a zero; ptr may be NULL when len is 0. */
typedef struct ouro_str {
	const char *ptr;
	size_t      len;
} ouro_str;

/* The ouro_str of a C string; NULL: the empty one. */
static inline ouro_str ouro_str_z(const char *z)
{
	ouro_str s;

	s.ptr = z;
	s.len = z ? strlen(z) : 0;
	return s;
}

/* The ouro_str of n bytes at ptr. */
static inline ouro_str ouro_str_n(const void *ptr, size_t n)
{
	ouro_str s;

	s.ptr = (const char *)ptr;
	s.len = n;
	return s;
}

/* Same bytes? The second ignores the case of ASCII letters, and of nothing else. */
OURO_API bool ouro_str_eq(ouro_str a, const char *z);
OURO_API bool ouro_str_caseeq(ouro_str a, const char *z);

/* The decimal number that s is, all of it and in range; `otherwise` for anything else. */
OURO_API uint64_t ouro_str_u64(ouro_str s, uint64_t otherwise);

/* A buffer that grows at its end. The library gives some to you (a job's answer); you may also make
 * your own. There is always a zero behind the last byte, which len does not count. */
typedef struct ouro_buf ouro_buf;

/* An empty one, or NULL: no memory. Free takes NULL. */
OURO_API ouro_buf *ouro_buf_new(void) OURO_MUST_CHECK;
OURO_API void      ouro_buf_free(ouro_buf *buf);

/* Each adds at the end: 0, or -ENOMEM with the buffer as it was. printf as in stdio; -EINVAL for a
 * format it cannot print. */
OURO_API int ouro_buf_append(ouro_buf *buf, const void *bytes, size_t n);
OURO_API int ouro_buf_printf(ouro_buf *buf, const char *fmt, ...) OURO_PRINTF(2, 3);
OURO_API int ouro_buf_vprintf(ouro_buf *buf, const char *fmt, va_list args) OURO_PRINTF(2, 0);

/* What is in it, borrowed until the next call that changes it. */
OURO_API ouro_str ouro_buf_str(const ouro_buf *buf);

/* Forget all but the first n bytes; keeps the memory. More than there are: changes nothing. */
OURO_API void ouro_buf_cut(ouro_buf *buf, size_t n);

/* The bytes leave the buffer and become yours, to be freed by ouro_bytes_free(); the buffer is
 * empty again. *ret_len gets their number; NULL: not wanted. NULL when it never held any. */
OURO_API char *ouro_buf_detach(ouro_buf *buf, size_t *ret_len) OURO_MUST_CHECK;
OURO_API void  ouro_bytes_free(char *bytes);
OURO_END
#endif
