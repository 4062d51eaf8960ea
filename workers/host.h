/* host.h -- the far end of a crew's pipe: takes calls, runs jobs, answers. In a thread or a process.
 *
 * CALL comes with the number of the call and which job, ANSWER goes with the number and what the job
 * returned, PROGRESS with the number. END is the end of the host, as is that of the pipe, and a
 * thread answers with END. It is said in words because a child that the program has forked may hold
 * the pipe open. */
#ifndef OURO__HOST_H
#define OURO__HOST_H
#include "ouro/crew.h"
#include "sys/frame.h"
#include "sys/glance.h"
#include "workers/board.h"

enum host_message { HOST_CALL = 1, HOST_ANSWER, HOST_PROGRESS, HOST_END };

/* What a crew tells its runners when it starts. Never changes. */
struct host_plan {
	const ouro_job *jobs;
	unsigned job_count;
	size_t out_max;
	int nice; /* as of ouro__limit_rank() */
	size_t memory_max;
	unsigned cpu_s;
	bool cores;
	char name[16];
};

struct host {
	const struct host_plan *plan;
	struct frame_end *end; /* which blocks */
	struct board *board;
	bool is_process;

	/* The host's own. */
	ouro_buf *out;
	uint64_t number; /* of the call at hand */
	uint64_t looked; /* ns: when it last looked how much memory it occupies */
	struct glance glance;
};

/* Until END, or the end of the pipe. */
void ouro__host_run(struct host *host);
#endif
