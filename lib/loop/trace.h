/* trace.h -- what happens on a loop, as records in memory, for app/trace.c to write.
 *
 * Nothing here allocates, waits, or asks for the time: a callback's record is made of the two stamps
 * that its accounting has anyway (call.h). So callbacks follow one another without a gap or an
 * overlap, and lie in the phase that lies in its turn.
 *
 * A viewer wants who encloses before who is enclosed. So a turn and a phase have their records when
 * they begin, and are completed when they end; those in which nothing happened are taken back. The
 * memory changes places with what is being written between two turns only. */
#ifndef OURO__LOOP_TRACE_H
#define OURO__LOOP_TRACE_H
#include "ouro/lag.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum trace_kind {
	TRACE_TURN,
	TRACE_PHASE,
	TRACE_CALL,
	TRACE_REQUEST,
	TRACE_FETCH,
	TRACE_POOL,
	TRACE_CREW,
	TRACE_JOB
};

/* Behind it are `len` bytes of text, and then zeros up to the next multiple of 8. */
struct trace_record {
	uint64_t at, ns; /* when it began, and how long it took */
	union {
		const void *fn; /* TRACE_CALL; NULL: one in which another one ran */
		uint64_t
			amount; /* of a request or a fetch: bytes; of an operation: ns on threads */
	};
	uint8_t kind;
	uint8_t phase; /* of a span: 1: it had not ended; TRACE_JOB: what its span is */
	uint16_t len;
	int32_t number; /* TRACE_CALL: how many; of a request or a fetch: status; or else err */
};

#define TRACE_LANE 44

/* Between a TRACE_JOB and its text: whose lane it was on, and what it has to do with the loop. */
struct trace_job {
	uint64_t asked;  /* the beginning of the callback that asked for it; 0: none did */
	uint64_t called; /* the beginning of its callback; 0: it had none */
	uint64_t until;  /* the end of that */
	uint32_t tid;    /* of a thread, or a number above all of those */
	char lane[TRACE_LANE];
};

#define TRACE_TEXT 512 /* at most so much of a target, or a path */
#define TRACE_NONE SIZE_MAX

struct trace {
	char *bytes; /* records so far: [0..len) of room */
	size_t len, room;
	size_t turn, phase; /* where the records of those are that are open; TRACE_NONE */
	uint64_t lost;      /* records that had no room */
	uint64_t hole;      /* there may be no callback that began by then */
	bool stopped;       /* no record more */
	void (*turn_done)(struct trace *trace); /* nothing is open; may take the records away */
};

/* A callback, or `calls` in a row, that ended at the last stamp and took ns. */
void ouro__trace_call(struct ouro_loop *loop, uint64_t ns, uint64_t calls);

/* At the last stamp. */
void ouro__trace_open_turn(struct ouro_loop *loop);
void ouro__trace_open_phase(struct ouro_loop *loop, enum ouro_phase phase);
void ouro__trace_close_phase(struct ouro_loop *loop);
void ouro__trace_close_turn(struct ouro_loop *loop);

/* Anything with text, which is cut if it is long: two pieces with a space between, if both are there;
 * record.len is filled in. */
void ouro__trace_span(struct trace *trace, struct trace_record record, const char *first, size_t n,
		      const char *second, size_t m);

/* The same of a job, that was done elsewhere. */
void ouro__trace_job(struct trace *trace, struct trace_record record, const struct trace_job *job,
		     const char *first, size_t n, const char *second, size_t m);

/* Nothing more, from this moment on: what is open is closed. */
void ouro__trace_finish(struct ouro_loop *loop);

static inline size_t trace_size(const struct trace_record *record)
{
	return sizeof(*record) + ((record->len + 7u) & ~(size_t)7);
}
#endif
