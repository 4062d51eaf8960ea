/* trace.c -- records of what happens. See trace.h. */
#include "loop/trace.h"
#include "loop/loop.h"

/* Room for a record with that much text behind it; NULL: there is none. */
static struct trace_record *take(struct trace *trace, size_t text)
{
	struct trace_record record = { .len = (uint16_t)text };
	size_t size = trace_size(&record);
	char *at = trace->bytes + trace->len;

	if (trace->stopped)
		return NULL;
	if (size > trace->room - trace->len) {
		trace->lost++;
		return NULL;
	}
	memset(at + size - 8, 0, 8);
	trace->len += size;
	return (struct trace_record *)(void *)at;
}

static void add(struct trace *trace, struct trace_record record)
{
	struct trace_record *place = take(trace, 0);

	if (place)
		*place = record;
}

static size_t reserve(struct trace *trace, struct trace_record record)
{
	size_t at = trace->len;

	add(trace, record);
	return trace->len > at ? at : TRACE_NONE;
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

void ouro__trace_span(struct trace *trace, struct trace_record record, const char *first, size_t n,
		      const char *second, size_t m)
{
	struct trace_record *place;
	char *text;

	n = n < TRACE_TEXT / 2 ? n : TRACE_TEXT / 2;
	m = m < TRACE_TEXT / 2 - 1 ? m : TRACE_TEXT / 2 - 1;
	record.len = (uint16_t)(m ? n + 1 + m : n);
	place = take(trace, record.len);
	if (!place)
		return;
	*place = record;
	text = (char *)(place + 1);
	memcpy(text, first, n);
	if (!m)
		return;
	text[n] = ' ';
	memcpy(text + n + 1, second, m);
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
