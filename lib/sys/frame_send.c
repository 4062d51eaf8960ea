/* frame_send.c -- the way out of an end: messages line up, and leave many in one write. See frame.h.
 *
 * What stands in line begins at the start of a message, always, although the pipe may have taken
 * half of it: whoever closes must find in whole messages what nobody will ever read.
 *
 * A large message between processes is copied into a segment. There are some of those each way,
 * used again and again, because a page that is already there costs a tenth of a new one; when all
 * are being read, or the message is huge, it gets one for itself. */
#include "base/alloc.h"
#include "ouro/error.h"
#include "sys/both.h"
#include "sys/fd.h"
#include "sys/frame.h"
#include "sys/kept.h"
#include "sys/wire.h"

#include <errno.h>
#include <unistd.h>

#define FIRST_ROOM ((size_t)4 * 1024)
#define MOVE_ROOM  ((size_t)64 * 1024) /* so much written is worth moving the rest for */

/* From here on a message does not travel in the pipe. A segment is worth its while later. */
#define LARGE_FOR_THREADS   ((size_t)4 * 1024)
#define LARGE_FOR_PROCESSES WIRE_INLINE_MOST

struct frame_line {
	size_t at;
	int fd[FRAME_FDS];
	unsigned count;
};

/* Everything before the message that is being written has gone; what is left moves to the front. */
static void forget_written(struct frame_end *end)
{
	struct wire wire;
	size_t gone = 0, size;

	while (gone < end->sent) {
		memcpy(&wire, end->bytes + gone, sizeof(wire));
		size = wire_size(&wire, end->between);
		if (gone + size > end->sent)
			break;
		gone += size;
	}
	memmove(end->bytes, end->bytes + gone, end->used - gone);
	end->used -= gone;
	end->sent -= gone;
	for (unsigned i = end->line_sent; i < end->line_used; i++)
		end->line[i].at -= gone;
}

/* Room for n more bytes and two more lines. */
static int reserve(struct frame_end *end, size_t n)
{
	size_t room = end->room ? end->room : FIRST_ROOM;
	struct frame_line *line;
	char *bytes;

	if (end->sent > MOVE_ROOM && end->used + n > end->room)
		forget_written(end);
	while (room - end->used < n)
		room *= 2;
	if (room > end->room) {
		bytes = ouro__realloc(end->bytes, room);
		if (!bytes)
			return -ENOMEM;
		end->bytes = bytes;
		end->room = room;
	}
	if (end->side < 0 || end->line_used + 2 <= end->line_room)
		return 0;
	line = ouro__realloc(end->line, (end->line_room * 2 + 4) * sizeof(*line));
	if (!line)
		return -ENOMEM;
	end->line = line;
	end->line_room = end->line_room * 2 + 4;
	return 0;
}

static void put(struct frame_end *end, const void *bytes, size_t n)
{
	if (n)
		memcpy(end->bytes + end->used, bytes, n);
	end->used += n;
}

static void line_up(struct frame_end *end, size_t at, const int *fds, unsigned count)
{
	struct frame_line *line = &end->line[end->line_used++];

	line->at = at;
	line->count = count;
	memcpy(line->fd, fds, count * sizeof(*fds));
}

/* Copies the bytes of a large message; *ret_fd: the descriptor of a new segment, or -1. */
static int copy_to_segment(struct frame_end *end, ouro_str bytes, struct wire *wire,
			   uint32_t *ret_index, int *ret_fd)
{
	struct segment *segment = ouro__kept_choose(end, bytes.len);
	struct segment fresh = { 0 };
	int err = 0;

	*ret_fd = -1;
	*ret_index = segment ? (uint32_t)(segment - end->kept->made) : FRAME_SEGMENTS;
	wire->fresh = !segment || ouro__segment_room(segment) < bytes.len;
	if (wire->fresh)
		err = ouro__segment_make(&fresh, bytes.len, ret_fd);
	if (err)
		return err;
	if (wire->fresh)
		ouro__segment_take(&fresh);
	memcpy(ouro__segment_bytes(wire->fresh ? &fresh : segment), bytes.ptr, bytes.len);
	if (wire->fresh && segment)
		ouro__kept_replace(end, segment, &fresh);
	else if (wire->fresh)
		ouro__segment_drop(&fresh);
	return 0;
}

static int send_by_segment(struct frame_end *end, struct wire *wire, const struct frame *frame)
{
	size_t at = end->used;
	uint32_t index;
	int fd, err = copy_to_segment(end, frame->bytes, wire, &index, &fd);

	if (err)
		return err;
	put(end, wire, sizeof(*wire));
	put(end, &index, sizeof(index));
	if (fd >= 0)
		line_up(end, at, &fd, 1);
	return 0;
}

/* Into memory that came back from an earlier one, if there is any. NULL: no memory. */
static char *copy_to_memory(struct frame_end *end, ouro_str bytes)
{
	char *copy = spare_take(&end->both->spares[!end->which], bytes.len);

	if (!copy)
		copy = ouro__realloc(NULL, bytes.len);
	if (copy)
		memcpy(copy, bytes.ptr, bytes.len);
	return copy;
}

static int send_by_memory(struct frame_end *end, struct wire *wire, const struct frame *frame,
			  char *take)
{
	struct wire_memory memory = { (uintptr_t)take, (uintptr_t)frame->bytes.ptr };

	if (!take) {
		take = copy_to_memory(end, frame->bytes);
		if (!take)
			return -ENOMEM;
		memory.taken = memory.bytes = (uintptr_t)take;
		wire->fresh = true;
	}
	put(end, wire, sizeof(*wire));
	put(end, &memory, sizeof(memory));
	return 0;
}

static int send_inline(struct frame_end *end, const struct wire *wire, const struct frame *frame)
{
	put(end, wire, sizeof(*wire));
	put(end, frame->bytes.ptr, frame->bytes.len);
	return 0;
}

static enum wire_how how_to_send(const struct frame_end *end, size_t len)
{
	if (end->between == FRAME_THREADS)
		return len > LARGE_FOR_THREADS ? WIRE_MEMORY : WIRE_INLINE;
	return len > LARGE_FOR_PROCESSES ? WIRE_SEGMENT : WIRE_INLINE;
}

static int send_bytes(struct frame_end *end, struct wire *wire, const struct frame *frame,
		      char *take)
{
	switch (wire->how) {
	case WIRE_MEMORY:
		return send_by_memory(end, wire, frame, take);
	case WIRE_SEGMENT:
		return send_by_segment(end, wire, frame);
	default:
		return send_inline(end, wire, frame);
	}
}

int ouro__frame_send(struct frame_end *end, const struct frame *frame, char *take)
{
	struct wire wire = { .magic = WIRE_MAGIC,
			     .how = (uint8_t)how_to_send(end, frame->bytes.len),
			     .kind = frame->kind,
			     .value = frame->value,
			     .id = frame->id,
			     .fd_count = frame->fd_count };
	size_t at = end->used;
	int err;

	if (end->out < 0)
		return OURO_ECLOSED;
	wire_set_len(&wire, frame->bytes.len);
	err = reserve(end, sizeof(wire) + sizeof(struct wire_memory) + sizeof(frame->fd) +
				   (wire.how == WIRE_INLINE ? frame->bytes.len : 0));
	if (err)
		return err;
	at = end->used;
	err = send_bytes(end, &wire, frame, take);
	if (err)
		return err;
	if (wire.how != WIRE_MEMORY)
		ouro__free(take);
	if (frame->fd_count && end->between == FRAME_THREADS)
		put(end, frame->fd, frame->fd_count * sizeof(int));
	else if (frame->fd_count)
		line_up(end, at, frame->fd, frame->fd_count);
	return 0;
}

/* Passes the descriptors whose message comes next. 0; -EAGAIN; -errno. */
static int pass_due(struct frame_end *end)
{
	while (end->line_sent < end->line_used && end->line[end->line_sent].at == end->sent) {
		struct frame_line *line = &end->line[end->line_sent];
		int err = ouro__pass_send(end->side, line->fd, line->count);

		if (err)
			return err;
		for (unsigned i = 0; i < line->count; i++)
			ouro__fd_close(&line->fd[i]);
		end->line_sent++;
	}
	return 0;
}

/* Up to the next message that has descriptors. */
static size_t stretch(const struct frame_end *end)
{
	bool more = end->line_sent < end->line_used;

	return (more ? end->line[end->line_sent].at : end->used) - end->sent;
}

int ouro__frame_flush(struct frame_end *end)
{
	ssize_t n;
	int err;

	end->side_is_full = false;
	while (end->sent < end->used) {
		err = pass_due(end);
		end->side_is_full = err == -EAGAIN;
		if (err)
			return err == -EAGAIN ? 1 : err;
		n = write(end->out, end->bytes + end->sent, stretch(end));
		if (n < 0 && errno == EAGAIN)
			return 1;
		if (n < 0 && errno != EINTR)
			return -errno;
		end->sent += n > 0 ? (size_t)n : 0;
	}
	end->used = end->sent = 0;
	end->line_used = end->line_sent = 0;
	return 0;
}

int ouro__frame_blocker(const struct frame_end *end)
{
	return end->side_is_full ? end->side : end->out;
}

struct frame_outbox ouro__frame_unsent(struct frame_end *end)
{
	struct frame_outbox out;

	for (unsigned i = end->line_sent; i < end->line_used; i++)
		for (unsigned k = 0; k < end->line[i].count; k++)
			ouro__fd_close(&end->line[i].fd[k]);
	ouro__free(end->line);
	end->line = NULL;
	end->line_room = end->line_used = end->line_sent = 0;
	if (end->sent < end->used)
		forget_written(end);
	else
		end->used = 0;
	out = (struct frame_outbox){ end->bytes, end->used };
	end->bytes = NULL;
	end->room = end->used = end->sent = 0;
	return out;
}
