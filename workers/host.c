/* host.c -- a runner's life: read, claim, run, answer. See host.h.
 *
 * An answer is written before the next job begins: it must not wait for one that takes long, nor
 * get lost in one that crashes. What is saved is on the way here: calls come many in one read.
 *
 * A job is a plain function of bytes, so which call it is at has to be found by its thread: `now` is
 * the one global of the library, and every thread has its own. */
#include "workers/host.h"

#include "ouro/error.h"
#include "sys/clock.h"
#include "sys/limit.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define LOOK_NS (100 * NS_PER_MS)

/* An answer larger than this has its buffer to itself. */
#define KEPT_ROOM ((size_t)64 * 1024)

static _Thread_local struct host *now;

static bool is_cancelled(const struct host *host)
{
	return board_read(&host->board->cancelled) == host->number;
}

bool ouro_job_cancelled(void)
{
	return now && is_cancelled(now);
}

static int send_now(struct host *host, const struct frame *frame, char *take)
{
	int err = ouro__frame_send(host->end, frame, take);

	return err ? err : ouro__frame_flush(host->end);
}

int ouro_job_progress(ouro_str bytes)
{
	struct frame frame = { .kind = HOST_PROGRESS, .bytes = bytes };
	int err;

	if (!now)
		return -EINVAL;
	if (is_cancelled(now))
		return OURO_ECANCELED;
	frame.id = now->number;
	err = send_now(now, &frame, NULL);
	return err && err != -ENOMEM ? OURO_ECANCELED : err;
}

/* Answering. */

static void wait_for_memory(void)
{
	struct timespec moment = { .tv_nsec = 1000000 };

	nanosleep(&moment, NULL);
}

/* Between threads a large answer leaves with its memory. */
static int send_result(struct host *host, struct frame *frame)
{
	char *take;
	int err;

	frame->bytes = ouro_buf_str(host->out);
	if (frame->bytes.len <= KEPT_ROOM)
		return send_now(host, frame, NULL);
	take = ouro_buf_detach(host->out, NULL);
	err = ouro__frame_send(host->end, frame, take);
	if (err)
		ouro_bytes_free(take);
	return err ? err : ouro__frame_flush(host->end);
}

/* A number needs no memory to speak of, so sooner or later it can be said. */
static int insist(struct host *host, const struct frame *frame)
{
	int err;

	while ((err = send_now(host, frame, NULL)) == -ENOMEM)
		wait_for_memory();
	return err;
}

static int answer(struct host *host, int result)
{
	struct frame frame = { .kind = HOST_ANSWER, .id = host->number, .value = result };
	int err = 0;

	if (host->out && ouro_buf_str(host->out).len > host->plan->out_max) {
		ouro_buf_free(host->out);
		host->out = NULL;
		frame.value = OURO_ETOOBIG;
	} else if (host->out) {
		err = send_result(host, &frame);
		if (err != -ENOMEM && err != -EMFILE)
			return err;
		frame.bytes = (ouro_str){ NULL, 0 };
		frame.value = err;
	}
	return insist(host, &frame);
}

/* Running. */

static int have_buffer(struct host *host)
{
	if (!host->out)
		host->out = ouro_buf_new();
	if (!host->out)
		return -ENOMEM;
	ouro_buf_cut(host->out, 0);
	return 0;
}

static int run(struct host *host, const struct frame *call)
{
	const struct host_plan *plan = host->plan;
	int err = have_buffer(host);

	if (call->bytes_lost)
		return call->bytes_lost;
	if (err || call->value < 0 || (unsigned)call->value >= plan->job_count)
		return err ? err : OURO_ENOJOB;
	if (plan->cpu_s && host->is_process)
		ouro__limit_cpu(plan->cpu_s);
	return plan->jobs[call->value].run(call->bytes, host->out);
}

/* Only a process has memory of its own to tell of. */
static void look_at_memory(struct host *host, uint64_t time)
{
	if (!host->is_process || (host->looked && time - host->looked < LOOK_NS))
		return;
	host->looked = time;
	board_write(&host->board->resident, ouro__limit_resident());
}

/* 0, or an error when there is nobody to answer. */
static int do_call(struct host *host, const struct frame *call)
{
	struct board *board = host->board;
	struct board_place *place = board_place(board, call->id);
	uint64_t time = clock_ns();
	int result;

	if (call->kind != HOST_CALL || !board_claim(board, call->id, BOARD_TAKEN))
		return 0; /* taken back */
	board_write(&place->began, time);
	host->number = call->id;
	now = host;
	result = run(host, call);
	now = NULL;
	time = clock_ns();
	board_write(&place->ended, time);
	look_at_memory(host, time);
	board_done(board, call->id);
	return answer(host, result);
}

static int do_calls(struct host *host)
{
	struct frame call;
	int err = 0;

	while (!err && ouro__frame_next(host->end, &call) > 0) {
		err = call.kind == HOST_END ? OURO_EOF : do_call(host, &call);
		ouro__frame_release(&call);
	}
	return err;
}

/* Who has got an answer may have the next call ready: see sys/glance.h. */
static void look_for_calls(struct host *host)
{
	struct pollfd p = { .fd = ouro__frame_reader(host->end), .events = POLLIN };
	uint64_t time;
	bool came;

	if (!glance_is_due(&host->glance))
		return;
	glance_begin(&host->glance, clock_ns());
	do {
		came = poll(&p, 1, 0) > 0;
		time = clock_ns();
	} while (!came && glance_again(&host->glance, time));
	glance_over(&host->glance, time, came);
}

static int wait_for_calls(struct host *host)
{
	int got;

	look_for_calls(host);
	while ((got = ouro__frame_read(host->end)) == -ENOMEM)
		wait_for_memory();
	return got;
}

void ouro__host_run(struct host *host)
{
	const struct host_plan *plan = host->plan;

	board_write(&host->board->id, (uint64_t)gettid());
	ouro__limit_rank(plan->nice);
	look_at_memory(host, clock_ns());
	while (wait_for_calls(host) > 0 && !do_calls(host))
		;
	ouro_buf_free(host->out);
	host->out = NULL;
	if (!host->is_process) /* of a process the nursery tells */
		insist(host, &(struct frame){ .kind = HOST_END });
}
