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

/* The most that an event takes: each byte of a text may be three. A job has arrows and a lane
 * besides, which have no text and take less than another one. */
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

static const char *const cats[] = { [TRACE_REQUEST] = "request",
				    [TRACE_FETCH] = "fetch",
				    [TRACE_POOL] = "pool",
				    [TRACE_CREW] = "crew" };

static void put_edge(struct piece *piece, const struct trace_record *record, const char *ph,
		     uint64_t at)
{
	put(piece, ",\n{\"name\":\"");
	put_text(piece, (const char *)(record + 1), record->len);
	put(piece,
	    "\",\"cat\":\"%s\",\"ph\":\"%s\",\"id\":\"0x%" PRIx64 "\",\"ts\":%" PRIu64
	    ".%03u,\"pid\":%d,\"tid\":%d",
	    cats[record->kind], ph, piece->file->span, US(at), (int)piece->file->pid,
	    (int)piece->file->tid);
}

static void put_outcome(struct piece *piece, const struct trace_record *record)
{
	const char *err = record->number < 0 ? ouro_errname(record->number) : "";

	if (record->kind == TRACE_REQUEST || (record->kind == TRACE_FETCH && record->number >= 0))
		put(piece, "\"status\":%" PRId32 ",\"bytes\":%" PRIu64, record->number,
		    record->amount);
	else if (record->kind == TRACE_FETCH)
		put(piece, "\"err\":\"%s\",\"bytes\":%" PRIu64, err, record->amount);
	else
		put(piece, "\"err\":\"%s\",\"thread_us\":%" PRIu64 ".%03u", err,
		    US(record->amount));
}

static void put_span(struct piece *piece, const struct trace_record *record)
{
	piece->file->span++;
	put_edge(piece, record, "b", record->at);
	put(piece, "}");
	put_edge(piece, record, "e", record->at + record->ns);
	put(piece, ",\"args\":{");
	put_outcome(piece, record);
	put(piece, "%s}}", record->phase ? ",\"unfinished\":true" : "");
}

/* ---- Jobs ---- */

static void put_lane(struct piece *piece, uint32_t tid, const char *name)
{
	put(piece,
	    "{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":%d,\"tid\":%" PRIu32
	    ",\"args\":{\"name\":\"",
	    (int)piece->file->pid, tid);
	put_name(piece, name);
	put(piece, "\"}}");
}

/* Said once; or again, when there are more than are remembered. */
static void name_lane(struct piece *piece, const struct trace_job *job)
{
	uint32_t *known = &piece->file->lanes[job->tid % TRACE_LANES];

	if (*known == job->tid)
		return;
	*known = job->tid;
	put(piece, ",\n");
	put_lane(piece, job->tid, job->lane);
}

static bool has_callback(const struct trace_file *file, uint64_t began)
{
	return began && began >= file->since && began > file->hole;
}

static void put_arrow(struct piece *piece, const struct trace_record *record, const char *ph,
		      uint64_t at, uint32_t tid)
{
	put(piece,
	    ",\n{\"name\":\"job\",\"cat\":\"%s\",\"ph\":\"%s\",\"bp\":\"e\",\"id\":\"0x%" PRIx64
	    "\",\"ts\":%" PRIu64 ".%03u,\"pid\":%d,\"tid\":%" PRIu32 "}",
	    cats[record->phase], ph, piece->file->span, US(at), (int)piece->file->pid, tid);
}

/* From the callback that asked to the job, and from there to its own callback. An arrow's end must lie
 * in a slice of its lane, or viewers complain. A callback begins, here, when the one before has ended,
 * which may be before the job has; but its function was called after that. */
static void put_arrows(struct piece *piece, const struct trace_record *record,
		       const struct trace_job *job)
{
	uint64_t over = record->at + record->ns;
	uint64_t back = over > job->called ? over : job->called;
	bool from, to;

	back = back < job->until ? back : job->until - 1;
	from = has_callback(piece->file, job->asked) && job->asked <= record->at;
	to = has_callback(piece->file, job->called) && back >= job->called && back > record->at;
	if (!from && !to)
		return;
	piece->file->span++;
	if (from)
		put_arrow(piece, record, "s", job->asked, (uint32_t)piece->file->tid);
	put_arrow(piece, record, from ? to ? "t" : "f" : "s", record->at, job->tid);
	if (to)
		put_arrow(piece, record, "f", back, (uint32_t)piece->file->tid);
}

static void put_job(struct piece *piece, const struct trace_record *record)
{
	const struct trace_job *job = (const struct trace_job *)(const void *)(record + 1);

	name_lane(piece, job);
	put(piece, ",\n{\"name\":\"");
	put_text(piece, (const char *)(job + 1), record->len - sizeof(*job));
	put(piece,
	    "\",\"cat\":\"%s\",\"ph\":\"X\",\"ts\":%" PRIu64 ".%03u,\"dur\":%" PRIu64
	    ".%03u,\"pid\":%d,\"tid\":%" PRIu32,
	    cats[record->phase], US(record->at), US(record->ns), (int)piece->file->pid, job->tid);
	if (record->number < 0)
		put(piece, ",\"args\":{\"err\":\"%s\"}", ouro_errname(record->number));
	put(piece, "}");
	put_arrows(piece, record, job);
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
	case TRACE_FETCH:
	case TRACE_POOL:
	case TRACE_CREW:
		put_span(piece, record);
		break;
	case TRACE_JOB:
		put_job(piece, record);
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
	put(piece, "\"}},\n");
	put_lane(piece, (uint32_t)tid, "loop");
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
		file->hole = file->now;
		memset(file->lanes, 0, sizeof(file->lanes));
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
