/* frame.c -- the two ends of a pair of pipes: made, read from, closed. See frame.h, wire.h for the
 * bytes, and frame_send.c for the way out.
 *
 * Pipes and not sockets, because they are a third faster each way; a socket lies beside them for
 * descriptors, and is used for nothing else. A descriptor is passed before the first byte of its
 * message is written, so it is there when the message is.
 *
 * Between threads a pipe carries addresses, and whoever closes first cannot know what the other
 * will still send. So the reading ends belong to both, and who closes second empties both pipes.
 * That, too, is why no write of theirs can meet a pipe without a reader.
 *
 * Each pipe's rest, that is half a message taken in, lies with its reading end in a box, so that
 * who closes second can go on where the first has stopped. */
#include "sys/frame.h"

#include "base/alloc.h"
#include "ouro/error.h"
#include "sys/both.h"
#include "sys/fd.h"
#include "sys/kept.h"
#include "sys/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

#define FIRST_ROOM ((size_t)4 * 1024)
#define MOST_ROOM  ((size_t)64 * 1024) /* of a box: holds any message that is inline */

static struct frame_inbox *box_of(struct frame_end *end)
{
	return end->both ? &end->both->box[end->which] : &end->own;
}

/* Making. */

static void end_init(struct frame_end *end, enum frame_between between)
{
	*end = (struct frame_end){ .between = between, .out = -1, .side = -1, .keep = -1 };
	end->max = SIZE_MAX;
	end->own.fd = -1;
}

static int pipe_between(int *ret_reads, int *ret_writes)
{
	int fd[2];

	if (pipe2(fd, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	*ret_reads = fd[0];
	*ret_writes = fd[1];
	return 0;
}

static int share(struct frame_end *near, struct frame_end *far)
{
	struct frame_both *both = ouro__alloc(sizeof(*both));

	if (!both)
		return -ENOMEM;
	both->box[0].fd = near->own.fd;
	both->box[1].fd = far->own.fd;
	near->own.fd = far->own.fd = -1;
	atomic_init(&both->open, 2);
	near->both = far->both = both;
	far->which = 1;
	return 0;
}

static int keep_reader(struct frame_end *near, struct frame_end *far)
{
	int side[2], err = ouro__pass_pair(side);

	if (err)
		return err;
	near->side = side[0];
	far->side = side[1];
	near->keep = fcntl(far->own.fd, F_DUPFD_CLOEXEC, 3);
	return near->keep < 0 ? -errno : 0;
}

int ouro__frame_pair(struct frame_end *near, struct frame_end *far, enum frame_between between)
{
	int err;

	end_init(near, between);
	end_init(far, between);
	err = pipe_between(&far->own.fd, &near->out);
	if (!err)
		err = pipe_between(&near->own.fd, &far->out);
	if (!err)
		err = between == FRAME_THREADS ? share(near, far) : keep_reader(near, far);
	if (err) {
		ouro__frame_close(near);
		ouro__frame_close(far);
	}
	return err;
}

void ouro__frame_descriptors(struct frame_end *far, int ret_fds[FRAME_ENDS])
{
	ret_fds[0] = box_of(far)->fd;
	ret_fds[1] = far->out;
	ret_fds[2] = far->side;
}

void ouro__frame_detach(struct frame_end *far, int ret_fds[FRAME_ENDS])
{
	ouro__frame_descriptors(far, ret_fds);
	far->own.fd = far->out = far->side = -1;
	ouro__frame_close(far);
}

void ouro__frame_adopt(struct frame_end *end, const int fds[FRAME_ENDS])
{
	end_init(end, FRAME_PROCESSES);
	end->own.fd = fds[0];
	end->out = fds[1];
	end->side = fds[2];
}

static int block(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) ? -errno : 0;
}

static void unblock(int fd)
{
	fcntl(fd, F_SETFL, O_NONBLOCK);
}

int ouro__frame_block(struct frame_end *end)
{
	int err = block(box_of(end)->fd);

	return err ? err : block(end->out);
}

/* Receiving. */

static int box_grow(struct frame_inbox *box)
{
	size_t room = box->room ? box->room * 2 : FIRST_ROOM;
	char *bytes = ouro__realloc(box->bytes, room);

	if (!bytes)
		return -ENOMEM;
	box->bytes = bytes;
	box->room = room;
	return 0;
}

/* Room at the end. What was not taken moves to the front only when there is none. */
static int box_make_room(struct frame_inbox *box)
{
	bool was_full = box->used == box->room;

	if (box->read == box->used)
		box->read = box->used = 0;
	if (was_full && box->room < MOST_ROOM && box_grow(box) && box->used == box->room &&
	    !box->read)
		return -ENOMEM;
	if (box->used == box->room && box->read) {
		memmove(box->bytes, box->bytes + box->read, box->used - box->read);
		box->used -= box->read;
		box->read = 0;
	}
	return box->used < box->room ? 0 : -EAGAIN; /* whole messages are in it: take them */
}

static bool is_empty(const struct frame_inbox *box)
{
	return box->read == box->used;
}

/* 1; OURO_EOF; -errno. */
static int box_read(struct frame_inbox *box)
{
	int err = box_make_room(box);
	ssize_t n;

	if (err)
		return err;
	do
		n = read(box->fd, box->bytes + box->used, box->room - box->used);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : OURO_EOF;
	box->used += (size_t)n;
	return 1;
}

static int look(struct frame_end *end, size_t max, struct wire *ret_wire)
{
	const struct frame_inbox *box = box_of(end);

	if (is_empty(box))
		return 0;
	return wire_look(box->bytes + box->read, box->used - box->read, end->between, max,
			 ret_wire);
}

int ouro__frame_reader(struct frame_end *end)
{
	return box_of(end)->fd;
}

int ouro__frame_read(struct frame_end *end)
{
	struct wire wire;
	int got;

	if (end->error)
		return end->error;
	got = box_of(end)->fd < 0 ? OURO_ECLOSED : box_read(box_of(end));
	if (got != OURO_EOF)
		return got;
	if (!is_empty(box_of(end)) && look(end, SIZE_MAX, &wire) <= 0)
		end->error = OURO_EPROTO; /* cut short */
	return end->error ? end->error : OURO_EOF;
}

/* The segment that comes with this message, for it alone or to stay. */
static int map_fresh(struct frame_end *end, size_t len, struct frame_shared **ret_shared)
{
	struct frame_shared *shared;
	int fd, err = ouro__pass_receive(end->side, &fd, 1);

	if (err)
		return err;
	shared = ouro__alloc(sizeof(*shared));
	err = shared ? ouro__segment_map(&shared->segment, fd, len) : -ENOMEM;
	ouro__fd_close(&fd);
	if (err) {
		ouro__free(shared);
		return err;
	}
	shared->holders = 1;
	shared->pid = getpid();
	*ret_shared = shared;
	return 0;
}

/* Can the message be in this one? Where another message is there cannot be a second. */
static bool is_possible(const struct frame_end *end, uint32_t index, bool fresh)
{
	const struct frame_shared *there;

	if (index >= FRAME_SEGMENTS)
		return index == FRAME_SEGMENTS && fresh;
	there = end->kept ? end->kept->mapped[index] : NULL;
	return there ? there->holders == 1 : fresh;
}

/* It is mapped from now on, instead of the one that was there. */
static int keep_mapped(struct frame_end *end, uint32_t index, struct frame_shared *fresh)
{
	struct frame_kept *kept = ouro__kept(end);
	struct frame_shared *old = kept ? kept->mapped[index] : NULL;
	size_t bytes = fresh->segment.size - (old ? old->segment.size : 0);
	int err = kept ? 0 : -ENOMEM;

	if (kept && kept->mapped_bytes + bytes > KEPT_MOST)
		err = OURO_EPROTO;
	if (err) {
		ouro__shared_drop(fresh);
		return err;
	}
	kept->mapped_bytes += bytes;
	ouro__shared_drop(old);
	kept->mapped[index] = fresh;
	return 0;
}

/* Where the message says that its bytes are. */
static int find_segment(struct frame_end *end, const struct wire *wire, uint32_t index,
			struct frame_shared **ret_shared)
{
	bool alone = index == FRAME_SEGMENTS;
	struct frame_shared *shared;
	int err = 0;

	if (!is_possible(end, index, wire->fresh))
		return OURO_EPROTO;
	if (wire->fresh)
		err = map_fresh(end, (size_t)wire_len(wire), &shared);
	if (!err && wire->fresh && !alone)
		err = keep_mapped(end, index, shared);
	if (err)
		return err;
	if (!alone)
		shared = end->kept->mapped[index];
	if (ouro__segment_room(&shared->segment) < wire_len(wire))
		return OURO_EPROTO;
	shared->holders += !alone;
	*ret_shared = shared;
	return 0;
}

static int open_segment(struct frame_end *end, const struct wire *wire, uint32_t index,
			struct frame *frame)
{
	int err = find_segment(end, wire, index, &frame->segment);

	if (err == -ENOMEM || err == -EMFILE) {
		frame->bytes_lost = err;
		err = 0;
	} else if (!err) {
		frame->bytes = ouro_str_n(ouro__segment_bytes(&frame->segment->segment),
					  (size_t)wire_len(wire));
	}
	return err;
}

static int open_bytes(struct frame_end *end, const struct wire *wire, const char *at,
		      struct frame *frame)
{
	struct wire_memory memory;
	uint32_t index;

	switch (wire->how) {
	case WIRE_MEMORY:
		memcpy(&memory, at, sizeof(memory));
		frame->taken = (char *)(uintptr_t)memory.taken;
		frame->copied = wire->fresh;
		frame->bytes = ouro_str_n((void *)(uintptr_t)memory.bytes, (size_t)wire_len(wire));
		return 0;
	case WIRE_SEGMENT:
		memcpy(&index, at, sizeof(index));
		return open_segment(end, wire, index, frame);
	default:
		frame->bytes = ouro_str_n(at, (size_t)wire_len(wire));
		return 0;
	}
}

static int open_fds(struct frame_end *end, const struct wire *wire, const char *after,
		    struct frame *frame)
{
	size_t size = wire->fd_count * sizeof(int);
	int err = 0;

	if (!wire->fd_count)
		return 0;
	if (end->between == FRAME_THREADS)
		memcpy(frame->fd, after - size, size);
	else
		err = ouro__pass_receive(end->side, frame->fd, wire->fd_count);
	if (err == -EMFILE) {
		frame->fds_lost = true;
		err = 0;
	} else if (!err) {
		frame->fd_count = wire->fd_count;
	}
	return err;
}

static int take_message(struct frame_end *end, const struct wire *wire, struct frame *frame)
{
	struct frame_inbox *box = box_of(end);
	const char *at = box->bytes + box->read;
	size_t size = wire_size(wire, end->between);
	int err;

	*frame = (struct frame){
		.id = wire->id, .value = wire->value, .kind = wire->kind, .fd = { -1, -1, -1, -1 }
	};
	box->read += size;
	err = open_bytes(end, wire, at + sizeof(*wire), frame);
	if (!err)
		err = open_fds(end, wire, at + size, frame);
	if (err)
		ouro__frame_release(frame);
	return err;
}

int ouro__frame_next(struct frame_end *end, struct frame *ret_frame)
{
	struct wire wire;
	int size;

	if (end->error)
		return end->error;
	size = look(end, end->max, &wire);
	if (size > 0)
		end->error = take_message(end, &wire, ret_frame);
	else
		end->error = size;
	return end->error ? end->error : size > 0;
}

void ouro__frame_release(struct frame *frame)
{
	for (int i = 0; i < frame->fd_count; i++)
		ouro__fd_close(&frame->fd[i]);
	ouro__free(frame->taken);
	frame->taken = NULL;
	if (frame->segment && frame->segment->pid == getpid())
		ouro__segment_free(&frame->segment->segment);
	ouro__shared_drop(frame->segment);
	frame->segment = NULL;
	frame->bytes = (ouro_str){ NULL, 0 };
}

void ouro__frame_give_back(struct frame_end *end, struct frame *frame)
{
	if (frame->copied && frame->taken && end->both) {
		spare_give(&end->both->spares[end->which], frame->taken, frame->bytes.len);
		frame->taken = NULL;
	}
	ouro__frame_release(frame);
}

/* Closing. */

static void box_close(struct frame_inbox *box)
{
	ouro__fd_close(&box->fd);
	ouro__free(box->bytes);
	*box = (struct frame_inbox){ .fd = -1 };
}

/* Between threads: frees what the whole messages at the start of these bytes hold; answers how many
 * bytes they are. */
static size_t free_messages(char *bytes, size_t n, frame_drop_fn *drop)
{
	struct frame_end end = { .between = FRAME_THREADS };
	struct frame frame;
	struct wire wire;

	end.own = (struct frame_inbox){ .fd = -1, .bytes = bytes, .used = n };
	while (look(&end, SIZE_MAX, &wire) > 0) {
		take_message(&end, &wire, &frame);
		if (drop)
			drop(&frame);
		ouro__frame_release(&frame);
	}
	return end.own.read;
}

/* Nobody here writes any more, so all there is lies in the pipe. Its end may not be there: a child
 * that the program has forked may hold it. */
static void empty(struct frame_inbox *box, frame_drop_fn *drop)
{
	int got;

	if (box->fd >= 0)
		unblock(box->fd);
	do {
		box->read += free_messages(box->bytes + box->read, box->used - box->read, drop);
		got = box_read(box);
	} while (got > 0);
	box_close(box);
}

/* Who is second empties what was sent to either. A box that a signal or no memory keeps from being
 * emptied is closed all the same. */
typedef void leave_fn(struct frame_inbox *box, frame_drop_fn *drop);

static void leave_both(struct frame_end *end, leave_fn *leave)
{
	struct frame_both *both = end->both;

	end->both = NULL;
	if (!both || atomic_fetch_sub_explicit(&both->open, 1, memory_order_acq_rel) > 1)
		return;
	leave(&both->box[0], end->drop);
	leave(&both->box[1], end->drop);
	spares_free(&both->spares[0]);
	spares_free(&both->spares[1]);
	ouro__free(both);
}

void ouro__frame_hang_up(struct frame_end *end)
{
	struct frame_outbox out = ouro__frame_unsent(end);

	if (end->between == FRAME_THREADS && out.used)
		free_messages(out.bytes, out.used, end->drop);
	ouro__free(out.bytes);
	ouro__fd_close(&end->out);
}

static void close_end(struct frame_end *end, leave_fn *leave)
{
	ouro__frame_hang_up(end);
	ouro__fd_close(&end->side);
	ouro__fd_close(&end->keep);
	ouro__kept_drop(end);
	leave_both(end, leave);
	box_close(&end->own);
}

void ouro__frame_close(struct frame_end *end)
{
	close_end(end, empty);
}

/* What is in the pipe is the parent's. */
static void abandon(struct frame_inbox *box, frame_drop_fn *drop)
{
	(void)drop;
	box_close(box);
}

void ouro__frame_forget(struct frame_end *end)
{
	close_end(end, abandon);
}
