/* frame.h -- messages over a pair of pipes, one each way, between threads or between processes.
 *
 *     struct frame_end near, far;
 *     ouro__frame_pair(&near, &far, FRAME_THREADS);
 *     ouro__frame_send(&near, &(struct frame){ .kind = 1, .bytes = hello }, NULL);
 *     ouro__frame_flush(&near);
 *                                          while ((got = ouro__frame_read(&far)) > 0)
 *                                                  while (ouro__frame_next(&far, &frame) > 0) {
 *                                                          ... frame.bytes ...
 *                                                          ouro__frame_release(&frame);
 *                                                  }
 *
 * A small message travels in the pipe itself. A large one does not: between threads its address
 * does, and with it its memory; between processes it is copied into memory that both share. Sending
 * only lines up; flush writes what stands in line, many messages in one write. Descriptors travel
 * with a message: between threads as numbers, between processes through a socket beside the pipes.
 *
 * An end belongs to one thread. What comes from the other end is believed only after it was looked
 * at: a length, a pointer between processes, a segment that could shrink, half a message and then
 * the end are errors (OURO_EPROTO, OURO_ETOOBIG), which stay: the end answers with the same for
 * ever after. Writing never raises SIGPIPE: whoever writes holds the reading end too, and hears of
 * the other side's end by reading. (A process made for this may ignore that signal instead.)
 *
 * No loop here: in, out and side are for whoever polls. */
#ifndef OURO__FRAME_H
#define OURO__FRAME_H
#include "ouro/str.h"
#include "sys/pass.h"
#include "sys/segment.h"

enum frame_between { FRAME_THREADS, FRAME_PROCESSES };

#define FRAME_FDS      PASS_MOST
#define FRAME_SEGMENTS 64 /* kept each way; when all are in use a message has one of its own */

struct frame_end;

struct frame {
	uint64_t id; /* these three mean what the two sides say they mean */
	int32_t value;
	uint8_t kind;
	uint8_t fd_count;
	int fd[FRAME_FDS];
	ouro_str bytes;

	/* Received: */
	char *taken; /* between threads: a large one's memory, to be kept or freed */
	bool copied; /* into that, by ouro__frame_send() */
	struct frame_shared *segment; /* between processes: where the bytes of a large one are */
	bool fds_lost;                /* they were sent, and this process had no room for them */
	int bytes_lost; /* -ENOMEM, -EMFILE: likewise, for those of a large one; or 0 */
};

/* Between threads: the bytes of a message may name things that somebody must let go of when nobody
 * takes it in. */
typedef void frame_drop_fn(struct frame *frame);

/* What has come and was not taken yet. */
struct frame_inbox {
	int fd;
	char *bytes;
	size_t room, used, read;
};

struct frame_line;   /* a descriptor that waits for its turn, by its place in the outbox */
struct frame_both;   /* what two threads' ends have in common */
struct frame_shared; /* a segment that is mapped, for as long as its end or a message needs it */
struct frame_kept;   /* the segments that are kept */

struct frame_end {
	enum frame_between between;
	int out;  /* -1: closed */
	int side; /* -1: threads */
	int keep; /* the reading end of `out`; -1: this side need not fear SIGPIPE */
	bool side_is_full;
	int error;               /* what was wrong with what came; it stays */
	size_t max;              /* of a message that comes; none unless set */
	struct frame_inbox own;  /* between processes */
	struct frame_both *both; /* between threads, */
	int which;               /* and which of the two is ours */
	frame_drop_fn *drop; /* there: called before one is released; the same in both, or NULL */

	char *bytes; /* to be written; begins at the start of a message */
	size_t room, used, sent;
	struct frame_line *line;
	unsigned line_room, line_used, line_sent;

	struct frame_kept *kept; /* NULL: there was no large message yet */
};

/* Both ends, no descriptor of which blocks. 0, -EMFILE, -ENOMEM. */
int ouro__frame_pair(struct frame_end *near, struct frame_end *far, enum frame_between between);

/* Between processes: the three descriptors by which the far end is to be made anew over there, by
 * ouro__frame_adopt(). They stay the end's. */
#define FRAME_ENDS 3
void ouro__frame_descriptors(struct frame_end *far, int ret_fds[FRAME_ENDS]);
void ouro__frame_detach(struct frame_end *far, int ret_fds[FRAME_ENDS]); /* they are the caller's */
void ouro__frame_adopt(struct frame_end *end, const int fds[FRAME_ENDS]);

/* From now on reading and writing wait (reading: in ouro__frame_read()). For a far side without a
 * loop. 0 or -errno. */
int ouro__frame_block(struct frame_end *end);

/* Lines it up. `take` NULL: the bytes are copied. Else it is memory of ouro's (ouro_bytes_free())
 * that bytes lie in, and on 0 it has gone, as the descriptors have. On an error everything is
 * still the caller's: -ENOMEM, -EMFILE; OURO_ECLOSED after the end's close. */
int ouro__frame_send(struct frame_end *end, const struct frame *frame, char *take);

/* Writes what stands in line. 0: all of it. 1: the pipe is full; go on when the descriptor that
 * ouro__frame_blocker() names is writable. -errno: the other side is gone for good. */
int ouro__frame_flush(struct frame_end *end);
int ouro__frame_blocker(const struct frame_end *end);

/* What is readable when something came. */
int ouro__frame_reader(struct frame_end *end);

/* Bytes lined up and not yet written: for whoever sets a limit. What goes by reference or through
 * shared memory counts a few bytes. */
static inline size_t frame_unsent(const struct frame_end *end)
{
	return end->used - end->sent;
}

/* Takes in what is there, once. 1: something came; OURO_EOF: nothing will any more; -EAGAIN; -ENOMEM:
 * no room to take it in, it stays where it is; else an error. What was borrowed from frames before is gone. */
int ouro__frame_read(struct frame_end *end);

/* The next whole message of those taken in: 1 and *ret_frame, 0: there is none, or an error. Its
 * bytes are borrowed until the next ouro__frame_read(), or, when large, until it is released, which
 * may be after the end is closed. Its descriptors and `taken` are the caller's if he sets them to -1 and NULL before he releases it. */
int ouro__frame_next(struct frame_end *end, struct frame *ret_frame);
void ouro__frame_release(struct frame *frame);

/* The same for one that came to this end: what it was copied into serves the other end's next copy. */
void ouro__frame_give_back(struct frame_end *end, struct frame *frame);

/* Closes it: the other side reads what was written, then the end. What was lined up and not written
 * is dropped, what was sent here and not taken in is freed. Twice does nothing. */
void ouro__frame_close(struct frame_end *end);

/* Half of that: nothing more goes out, what comes can still be read. */
void ouro__frame_hang_up(struct frame_end *end);

/* In the child after a fork: closes this process's descriptors and frees its memory, and takes
 * nothing out of pipes that are the parent's. What two ends of threads share goes with the second. */
void ouro__frame_forget(struct frame_end *end);

/* For close: what was not written whole, which is the caller's to free; its descriptors are closed. */
struct frame_outbox {
	char *bytes;
	size_t used;
};
struct frame_outbox ouro__frame_unsent(struct frame_end *end);
#endif
