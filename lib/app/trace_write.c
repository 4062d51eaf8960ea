/* trace_write.c -- the file of a trace, as the thread that has it sees it. See trace.h.
 *
 * The file always ends with a tail: the event with the counts, and the bracket. It has the same length
 * whatever the numbers, so each piece of text is written over it, with a new tail behind. When the
 * disk is full that may fail half-way; but where the old tail was there is room for a tail, so it is
 * put back there, and the piece is missed: the file is whole JSON at all times. */
#include "app/trace.h"
#include "ouro/error.h"
#include "sys/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_TAIL 320

/* ---- Text ---- */

/* What is written next. */
struct piece {
	struct trace_file *file;
	size_t len;
	uint64_t events;
};

OURO_PRINTF(2, 3) static void put(struct piece *piece, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	piece->len += (size_t)vsnprintf(piece->file->text + piece->len, TRACE_PAGE - piece->len,
					fmt, args);
	va_end(args);
}

/* Between quotes: as an address has it what is no printable ASCII. */
static void put_text(struct piece *piece, const char *text, size_t n)
{
	for (; n; n--, text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c >= 0x7f)
			put(piece, "%%%02X", c);
		else if (c == '"' || c == '\\')
			put(piece, "\\%c", c);
		else
			piece->file->text[piece->len++] = (char)c;
	}
}

static void put_name(struct piece *piece, const char *name)
{
	put_text(piece, name, strlen(name));
}

/* The most that an event takes: each byte of a text may be three. */
#define MOST_EVENT (3 * TRACE_TEXT + 512)

#define US(ns) (ns) / 1000, (unsigned)((ns) % 1000)

static void put_slice(struct piece *piece, const struct trace_record *record, const char *cat,
		      const char *name)
{
	put(piece, ",\n{\"name\":\"");
	put_name(piece, name);
	put(piece,
	    "\",\"cat\":\"%s\",\"ph\":\"X\",\"ts\":%" PRIu64 ".%03u,\"dur\":%" PRIu64
	    ".%03u,\"pid\":%d,\"tid\":%d",
	    cat, US(record->at), US(record->ns), (int)piece->file->pid, (int)piece->file->tid);
	if (record->kind == TRACE_CALL && record->number != 1)
		put(piece, ",\"args\":{\"calls\":%" PRId32 "}", record->number);
	put(piece, "}");
}

static void put_edge(struct piece *piece, const struct trace_record *record, const char *ph,
		     uint64_t at)
{
	put(piece, ",\n{\"name\":\"");
	put_text(piece, (const char *)(record + 1), record->len);
	put(piece,
	    "\",\"cat\":\"%s\",\"ph\":\"%s\",\"id\":\"0x%" PRIx64 "\",\"ts\":%" PRIu64
	    ".%03u,\"pid\":%d,\"tid\":%d",
	    record->kind == TRACE_REQUEST ? "request" : "pool", ph, piece->file->span, US(at),
	    (int)piece->file->pid, (int)piece->file->tid);
}

static void put_span(struct piece *piece, const struct trace_record *record)
{
	piece->file->span++;
	put_edge(piece, record, "b", record->at);
	put(piece, "}");
	put_edge(piece, record, "e", record->at + record->ns);
	if (record->kind == TRACE_REQUEST)
		put(piece, ",\"args\":{\"status\":%" PRId32 ",\"bytes\":%" PRIu64, record->number,
		    record->amount);
	else
		put(piece, ",\"args\":{\"err\":\"%s\",\"thread_us\":%" PRIu64 ".%03u",
		    record->number ? ouro_errname(record->number) : "", US(record->amount));
	put(piece, "%s}}", record->phase ? ",\"unfinished\":true" : "");
}

static void put_record(struct piece *piece, const struct trace_record *record)
{
	const char *phase = ouro_phase_name((enum ouro_phase)record->phase);

	piece->events++;
	switch ((enum trace_kind)record->kind) {
	case TRACE_TURN:
		put_slice(piece, record, "loop", "turn");
		break;
	case TRACE_PHASE:
		put_slice(piece, record, "phase", phase);
		break;
	case TRACE_CALL:
		put_slice(piece, record, phase,
			  record->fn ? ouro__namebook_find(piece->file->names, record->fn)
				     : "callback");
		break;
	case TRACE_REQUEST:
	case TRACE_OP:
		put_span(piece, record);
		break;
	}
}

/* Who this is: what a viewer writes beside the lane. */
static void put_head(struct piece *piece)
{
	int pid = (int)piece->file->pid, tid = (int)piece->file->tid;

	put(piece,
	    "[\n{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":%d,\"tid\":%d,\"args\":{\"name\":"
	    "\"",
	    pid, tid);
	put_text(piece, program_invocation_short_name,
		 strnlen(program_invocation_short_name, TRACE_TEXT));
	put(piece,
	    "\"}},\n{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":%d,\"tid\":%d,\"args\":{"
	    "\"name\":"
	    "\"loop\"}}",
	    pid, tid);
}

/* As long as ever: numbers have spaces before them. */
static void put_tail(struct piece *piece, uint64_t events)
{
	const struct trace_file *file = piece->file;

	put(piece,
	    ",\n{\"name\":\"ouro "
	    "trace\",\"cat\":\"ouro\",\"ph\":\"i\",\"s\":\"p\",\"ts\":%17" PRIu64
	    ".%03u,\"pid\":%d,\"tid\":%d,\"args\":{\"events\":%20" PRIu64 ",\"lost\":%20" PRIu64
	    "}}\n]\n",
	    US(file->now), (int)file->pid, (int)file->tid, events, file->before + file->missed);
}

/* ---- The file ---- */

static int failed(struct trace_file *file, const char *call)
{
	file->call = call;
	file->err = -errno;
	return file->err;
}

static int write_at(struct trace_file *file, uint64_t at, const char *bytes, size_t n)
{
	while (n) {
		ssize_t wrote = TEMP_FAILURE_RETRY(pwrite(file->fd, bytes, n, (off_t)at));

		if (wrote <= 0) {
			errno = wrote ? errno : ENOSPC;
			return failed(file, "write");
		}
		bytes += wrote;
		at += (uint64_t)wrote;
		n -= (size_t)wrote;
	}
	return 0;
}

/* The old tail's place takes the new one. */
static void write_tail(struct trace_file *file)
{
	struct piece tail = { .file = file };

	put_tail(&tail, file->events);
	if (!write_at(file, file->end, file->text, tail.len) &&
	    ftruncate(file->fd, (off_t)(file->end + tail.len)))
		failed(file, "ftruncate");
}

/* Behind it comes a tail; or, without room for both, the old one stays. */
static void write_piece(struct piece *piece)
{
	struct trace_file *file = piece->file;
	size_t len = piece->len;

	put_tail(piece, file->events + piece->events);
	file->tail = piece->len - len;
	if (!write_at(file, file->end, file->text, piece->len)) {
		file->end += len;
		file->events += piece->events;
	} else {
		file->missed += piece->events;
		if (file->end)
			write_tail(file);
	}
	piece->len = 0;
	piece->events = 0;
}

static void begin(struct trace_file *file)
{
	const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	struct piece head = { .file = file };

	file->fd = TEMP_FAILURE_RETRY(open(file->path, flags, (mode_t)file->mode));
	file->broken = file->fd < 0;
	if (file->broken) {
		failed(file, "open");
		return;
	}
	put_head(&head);
	write_piece(&head);
	if (!file->end) {
		file->broken = true;
		ouro__fd_close(&file->fd);
	}
}

/* There is no file. */
static void miss_records(struct trace_file *file)
{
	const char *at = file->record, *end = at + file->len;

	for (; at < end; at += trace_size((const struct trace_record *)(const void *)at))
		file->missed++;
}

static void write_records(struct trace_file *file)
{
	struct piece piece = { .file = file };
	const char *at = file->record, *end = at + file->len;

	ouro__namebook_refresh(file->names);
	while (at < end) {
		const struct trace_record *record = (const struct trace_record *)(const void *)at;

		put_record(&piece, record);
		if (piece.len > TRACE_PAGE - MOST_TAIL - 2 * MOST_EVENT)
			write_piece(&piece);
		at += trace_size(record);
	}
	if (piece.len || file->last)
		write_piece(&piece);
}

void ouro__trace_write(struct trace_file *file)
{
	if (file->pid != getpid())
		file->broken = true; /* nor is the descriptor ours */
	if (file->fd < 0 && !file->broken)
		begin(file);
	if (file->broken)
		miss_records(file);
	else
		write_records(file);
	if (file->last)
		ouro__fd_close(&file->fd);
	file->len = 0;
}
