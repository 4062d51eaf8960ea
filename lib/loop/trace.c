/* trace.c -- records of what happens. See trace.h. */
#include "loop/trace.h"
#include "loop/loop.h"

/* Its place, with room behind for record.len bytes; NULL: there is none. */
static struct trace_record *add(struct trace *trace, struct trace_record record)
{
	size_t size = trace_size(&record);
	char *at = trace->bytes + trace->len;

	if (trace->stopped)
		return NULL;
	if (size > trace->room - trace->len) {
		trace->lost++;
		trace->hole = record.at + record.ns;
		return NULL;
	}
	memset(at + size - 8, 0, 8);
	trace->len += size;
	return memcpy(at, &record, sizeof(record));
}

static size_t reserve(struct trace *trace, struct trace_record record)
{
	size_t at = trace->len;

	return add(trace, record) ? at : TRACE_NONE;
}

static void complete(struct trace *trace, size_t *at, uint64_t now)
{
	struct trace_record *record;

	if (*at == TRACE_NONE)
		return;
	record = (struct trace_record *)(void *)(trace->bytes + *at);
	if (trace->len == *at + sizeof(*record))
		trace->len = *at;
	else
		record->ns = now - record->at;
	*at = TRACE_NONE;
}

void ouro__trace_call(struct ouro_loop *loop, uint64_t ns, uint64_t calls)
{
	const struct call *call = &loop->lag.call;

	add(loop->trace, (struct trace_record){ .at = loop->lag.stamp - ns,
						.ns = ns,
						.fn = call->fn,
						.kind = TRACE_CALL,
						.phase = (uint8_t)call->phase,
						.number = (int32_t)calls });
}

void ouro__trace_open_turn(struct ouro_loop *loop)
{
	loop->trace->turn = reserve(
		loop->trace, (struct trace_record){ .at = loop->lag.stamp, .kind = TRACE_TURN });
}

void ouro__trace_open_phase(struct ouro_loop *loop, enum ouro_phase phase)
{
	loop->trace->phase = reserve(loop->trace, (struct trace_record){ .at = loop->lag.stamp,
									 .kind = TRACE_PHASE,
									 .phase = (uint8_t)phase });
}

void ouro__trace_close_phase(struct ouro_loop *loop)
{
	complete(loop->trace, &loop->trace->phase, loop->lag.stamp);
}

void ouro__trace_close_turn(struct ouro_loop *loop)
{
	complete(loop->trace, &loop->trace->turn, loop->lag.stamp);
	loop->trace->turn_done(loop->trace);
}

static size_t least(size_t one, size_t other)
{
	return one < other ? one : other;
}

/* Behind it what is before the text, if anything, and the text. */
static void add_text(struct trace *trace, struct trace_record record, const void *before, size_t k,
		     ouro_str first, ouro_str second)
{
	size_t n = least(first.len, TRACE_TEXT / 2), m = least(second.len, TRACE_TEXT / 2 - 1);
	struct trace_record *place;
	char *text;

	record.len = (uint16_t)(k + n + (m ? 1 + m : 0));
	place = add(trace, record);
	if (!place)
		return;
	text = (char *)(place + 1);
	if (k)
		memcpy(text, before, k);
	memcpy(text + k, first.ptr, n);
	if (!m)
		return;
	text[k + n] = ' ';
	memcpy(text + k + n + 1, second.ptr, m);
}

void ouro__trace_span(struct trace *trace, struct trace_record record, const char *first, size_t n,
		      const char *second, size_t m)
{
	add_text(trace, record, NULL, 0, ouro_str_n(first, n), ouro_str_n(second, m));
}

void ouro__trace_job(struct trace *trace, struct trace_record record, const struct trace_job *job,
		     const char *first, size_t n, const char *second, size_t m)
{
	record.kind = TRACE_JOB;
	add_text(trace, record, job, sizeof(*job), ouro_str_n(first, n), ouro_str_n(second, m));
}

void ouro__trace_finish(struct ouro_loop *loop)
{
	struct trace *trace = loop->trace;
	uint64_t now = loop_clock(loop);

	if (loop->turning && loop->lag.call.fn)
		add(trace, (struct trace_record){ .at = loop->lag.stamp,
						  .ns = now - loop->lag.stamp,
						  .fn = loop->lag.call.fn,
						  .kind = TRACE_CALL,
						  .phase = (uint8_t)loop->lag.call.phase,
						  .number = 1 });
	complete(trace, &trace->phase, now);
	complete(trace, &trace->turn, now);
	trace->stopped = true;
}
