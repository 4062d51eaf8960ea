/* wire.h -- what a message looks like in a pipe; bytes in, bytes out. See frame.h.
 *
 *     head     24 bytes, as below, in the machine's own order: both ends are this machine
 *     inline   its bytes
 *     memory   between threads: two addresses, of the memory and of the bytes in it
 *     segment  between processes: which one, 4 bytes
 *     numbers  between threads: its descriptors, 4 bytes each
 *
 * Between processes the descriptors, first that of a new segment, wait in the socket beside. */
#ifndef OURO__WIRE_H
#define OURO__WIRE_H
#include "ouro/error.h"
#include "sys/frame.h"

#define WIRE_MAGIC       0x6f75u
#define WIRE_INLINE_MOST ((size_t)16 * 1024)

enum wire_how { WIRE_INLINE, WIRE_MEMORY, WIRE_SEGMENT };

struct wire {
	uint16_t magic;
	uint8_t how;
	uint8_t kind;
	int32_t value;
	uint64_t id;
	uint32_t len_low;
	uint16_t len_high;
	uint8_t fd_count;
	uint8_t fresh; /* a segment that the reader has not seen yet; memory made for a copy */
};

struct wire_memory {
	uint64_t taken, bytes;
};

static inline uint64_t wire_len(const struct wire *wire)
{
	return (uint64_t)wire->len_high << 32 | wire->len_low;
}

static inline void wire_set_len(struct wire *wire, uint64_t len)
{
	wire->len_low = (uint32_t)len;
	wire->len_high = (uint16_t)(len >> 32);
}

/* All of the message that is in the pipe. */
static inline size_t wire_size(const struct wire *wire, enum frame_between between)
{
	size_t size = sizeof(*wire);

	if (wire->how == WIRE_INLINE)
		size += (size_t)wire_len(wire);
	else
		size += wire->how == WIRE_MEMORY ? sizeof(struct wire_memory) : sizeof(uint32_t);
	return between == FRAME_THREADS ? size + wire->fd_count * sizeof(int) : size;
}

/* 0 when a head can be one. */
static inline int wire_check(const struct wire *wire, enum frame_between between, size_t max)
{
	uint8_t other = between == FRAME_THREADS ? WIRE_SEGMENT : WIRE_MEMORY;

	if (wire->magic != WIRE_MAGIC || wire->how > WIRE_SEGMENT || wire->how == other ||
	    wire->fd_count > FRAME_FDS || wire->fresh > (wire->how != WIRE_INLINE))
		return OURO_EPROTO;
	if (wire->how == WIRE_INLINE && wire_len(wire) > WIRE_INLINE_MOST)
		return OURO_EPROTO;
	return wire_len(wire) > max ? OURO_ETOOBIG : 0;
}

/* The size of the whole message at the start of n bytes; 0: it is not all there; or an error. */
static inline int wire_look(const char *bytes, size_t n, enum frame_between between, size_t max,
			    struct wire *ret_wire)
{
	int err;

	if (n < sizeof(*ret_wire))
		return 0;
	memcpy(ret_wire, bytes, sizeof(*ret_wire));
	err = wire_check(ret_wire, between, max);
	if (err)
		return err;
	return n < wire_size(ret_wire, between) ? 0 : (int)wire_size(ret_wire, between);
}
#endif
