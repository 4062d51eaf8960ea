/* multipart.h -- a form with files, multipart/form-data (RFC 7578), out of the bytes of a body.
 *
 *     ouro__multipart_start   the boundary, from the Content-Type
 *     ouro__multipart_next    the next event: a part begins, a piece of it, its end
 *     ouro__multipart_end     the body has ended: was the form whole?
 *
 * Bytes in, events out: nothing is allocated, pieces are slices of what was given. What comes of a
 * form does not depend on how its bytes were cut, but for where its pieces begin and end. */
#ifndef OURO__MULTIPART_H
#define OURO__MULTIPART_H
#include "ouro/str.h"

#define MULTIPART_HEAD   4096 /* bytes of a part's fields, line ends among them */
#define MULTIPART_FIELDS 16   /* of a part */

#define MULTIPART_BOUNDARY  70
#define MULTIPART_DELIMITER (4 + MULTIPART_BOUNDARY)

enum multipart_event {
	MULTIPART_MORE,  /* all there was is taken */
	MULTIPART_BEGIN, /* a part: name, filename and type are known */
	MULTIPART_PIECE, /* of it, never empty */
	MULTIPART_END    /* of it */
};

/* Where it stands. */
enum multipart_step {
	MULTIPART_FIRST,  /* before the first delimiter, which nothing precedes */
	MULTIPART_BEHIND, /* a delimiter: what follows says whether a part does */
	MULTIPART_BEHIND_CR,
	MULTIPART_CLOSING, /* behind the first '-' of the last delimiter */
	MULTIPART_FIELDS_OF_PART,
	MULTIPART_CONTENT,
	MULTIPART_CLOSED,
	MULTIPART_CLOSED_CR,
	MULTIPART_DONE,
	MULTIPART_REFUSED
};

struct multipart {
	enum multipart_step step;
	int refusal; /* why */
	unsigned parts, parts_max;
	size_t name_max;
	uint8_t fields; /* of this part so far */
	bool has_type;  /* and which of them */
	bool has_coding;
	uint8_t matched;         /* octets of the delimiter that have been seen, from `from` on */
	uint8_t from;            /* 0: with its CR; 1: without; 2: at the beginning of a content */
	uint8_t length;          /* of the delimiter */
	uint16_t head_len, line; /* of this part's fields; where the last line begins */
	char delimiter[MULTIPART_DELIMITER];

	/* The part at hand, until the next one begins, with a zero behind each. filename and type
	 * are absent when there is none. A name has no control in it but tabs. */
	ouro_str name, filename, type;
	char head[MULTIPART_HEAD];
};

/* type: the value of Content-Type. 0; -415: it is no form with files; -400: without a boundary that
 * can be one, or with two. */
int ouro__multipart_start(struct multipart *form, ouro_str type, unsigned parts_max,
			  size_t name_max);

/* An event, *at moved behind it; or -400: no form that can be read in one way only, -413: more
 * parts, or a longer name, than there may be. What is refused stays refused. */
int ouro__multipart_next(struct multipart *form, const char **at, const char *end,
			 ouro_str *ret_piece);

/* 0; -400, or why it was refused: it is not whole. */
int ouro__multipart_end(const struct multipart *form);
#endif
