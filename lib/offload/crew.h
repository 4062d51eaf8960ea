/* crew.h -- a crew as its loop sees it: calls, the queue, runners, the nursery. See ouro/crew.h.
 *
 *   crew.c        beginning and end
 *   crew_call.c   asking, and what an answer is to who asked
 *   crew_queue.c  which call goes to which runner, and when
 *   runner.c      one runner: how it is started, and how it dies
 *   runner_send.c what it is handed, and what is taken back
 *   runner_hear.c what it answers
 *   nursery.c     the process that starts and ends runners that are processes
 *   crew_stats.c  figures
 *   crew_trace.c  jobs, for a trace
 *
 * A call (here: an errand; a call is what the loop times) waits in the queue, then belongs to a
 * runner, and ends when it is answered. Its op may end
 * before that, by a cancel or the clock: then the call has no op any more, and lives on until its
 * runner has answered or died. Everything here is the loop's thread alone. */
#ifndef OURO__CREW_H
#define OURO__CREW_H
#include "loop/flush.h"
#include "loop/handle.h"
#include "loop/loop.h"
#include "offload/op.h"
#include "ouro/crew.h"
#include "sys/frame.h"
#include "sys/proc.h"
#include "workers/board.h"
#include "workers/process.h"
#include "workers/thread.h"

/* What is larger is handed to an idle runner only, and moves there; what is smaller is kept until it
 * is answered, so that it can be taken back and handed to another. */
#define CALL_SMALL 4096
#define CALL_ROOM  128 /* bytes of an input that need no memory of their own */

struct errand {
	struct list link;      /* in the queue */
	struct errand *next;   /* among the free ones */
	struct op *op;         /* NULL: nobody waits for it any more */
	struct runner *runner; /* NULL: it is in the queue */
	uint64_t number;       /* on that runner's board */
	unsigned job;
	int priority;
	unsigned tries_left;
	bool is_quick;          /* as far as is known; said when it is handed to a runner */
	bool given_up;          /* cancelled or too late, before its crew was closed */
	uint64_t timeout;       /* ns from its start; 0: none */
	uint64_t asked, handed; /* ns */
	ouro_job_progress_fn *on_progress;
	ouro_str in;
	char *memory; /* that `in` lies in, when it is large; NULL: in room */
	char room[CALL_ROOM];
};

#define RESULT_ROOM 192 /* bytes of a result that need none either */

/* In the room of an op. */
struct crew_op {
	struct ouro_crew *crew;
	struct errand *call; /* NULL: it was refused, or has ended */
	struct frame result;
	ouro_death death;
	char small[RESULT_ROOM]; /* a small result, or in words how its process died */
};

static inline struct crew_op *crew_op_of(const struct op *op)
{
	return (struct crew_op *)(uintptr_t)op->room;
}

enum runner_state {
	RUNNER_GONE,   /* until it is started, at `due` */
	RUNNER_COMING, /* asked for: what it is handed waits in its pipe */
	RUNNER_UP,
	RUNNER_GOING, /* takes nothing new: it is killed, or was told to end */
};

/* Why it goes: what its end means. */
enum runner_reason { REASON_NONE, REASON_KILLED, REASON_RECYCLED, REASON_GARBAGE };

struct runner {
	struct ouro_crew *crew;
	unsigned which;
	enum runner_state state;
	enum runner_reason reason;
	uint64_t life;   /* the number of it */
	uint64_t born;   /* ns */
	uint64_t due;    /* ns: when it is to be started */
	unsigned deaths; /* in a row */

	struct frame_end end;
	struct watch in, out;
	struct flush flush;
	bool out_is_watched;
	struct host_thread *thread;
	struct board *board;

	struct errand *handed[BOARD_PLACES];
	uint64_t first, next; /* numbers: the oldest that may be out, and the next one's */
	unsigned out_count;   /* how many are, */
	unsigned slow_count;  /* and of those not quick, as far as is known */
	uint64_t jobs_of_life;

	uint64_t jobs, busy_ns;
	uint64_t lane_end; /* on its lane in a trace: when the last job ended */
	pid_t id;
};

/* The loop's side of the nursery. */
struct nursery_link {
	bool up;
	struct proc proc;
	struct frame_end end;
	struct watch in, out, died;
	bool out_is_watched;
	struct board *boards;
	uint64_t born, due;
	unsigned deaths;
};

struct job_figures {
	uint64_t done, failed, crashed, cancelled, timed_out;
	uint64_t usual_ns; /* about as long as it takes lately; 0: never ran */
	ouro_hist wait_ns, run_ns;
};

struct ouro_crew {
	struct handle base;
	struct list link; /* in the loop's crews */
	ouro_crew_opts opts;
	char name[16];
	unsigned twin; /* among those of its name, from 1 */
	uint32_t lane; /* of its first runner; the others' follow */
	struct host_plan *plan;
	struct list queue; /* of the higher priority first */
	unsigned waiting;
	struct errand *free_calls;
	size_t ops_out; /* whose memory still names us */
	struct runner *runners;
	unsigned alive; /* runners that have not gone for good */
	struct nursery_link nursery;
	ouro_timer tick;
	uint64_t tick_at;
	ouro_death death;
	struct job_figures *figures; /* one a job, and one for the names that are none */
	uint64_t killed, retried, recycled;
	bool forked; /* this is a child of the process whose crew it was */
};

#define CREW_JOB_UNKNOWN(crew) ((crew)->plan->job_count)

static inline bool crew_is_of_processes(const struct ouro_crew *crew)
{
	return crew->opts.kind == OURO_PROCESSES;
}

extern const struct handle_type ouro__crew_type;

#define crew_check(crew) handle_check(crew, ouro__crew_type)

/* crew_call.c */
void ouro__call_free(struct ouro_crew *crew, struct errand *call);
void ouro__call_end(struct errand *call, int err); /* its op, and then it */

/* crew.c */
void ouro__crew_settled(struct ouro_crew *crew); /* has all of it gone? */
void ouro__crew_tick_at(struct ouro_crew *crew, uint64_t ns);

/* crew_queue.c */
void ouro__queue_push(struct ouro_crew *crew, struct errand *call);
void ouro__queue_back(struct ouro_crew *crew,
		      struct errand *call); /* before those of its priority */
void ouro__queue_remove(struct ouro_crew *crew, struct errand *call);
void ouro__crew_dispatch(struct ouro_crew *crew);

/* runner.c */
int ouro__runner_start(struct runner *runner);
bool ouro__runner_takes(const struct runner *runner);
int ouro__runner_hand(struct runner *runner, struct errand *call);
bool ouro__runner_take_back(struct runner *runner, struct errand *call);
void ouro__runner_give_up(struct runner *runner, struct errand *call);
void ouro__runner_up(struct runner *runner, pid_t id);
void ouro__runner_died(struct runner *runner, const struct proc_end *end);
void ouro__runner_check(struct runner *runner, uint64_t now); /* what is due by the clock */
void ouro__runner_close(struct runner *runner);
void ouro__runner_await(struct runner *runner); /* closed, a thread: waits for it, or leaves it */
void ouro__runner_forget(struct runner *runner);

/* crew_trace.c; only while there is a trace (loop->trace). The job ran on its runner: for the op, which
 * has not been answered yet; NULL: for nobody any more, with that outcome. */
void ouro__crew_ran(struct runner *runner, const struct errand *call, struct op *op, uint64_t began,
		    uint64_t ended, int err);
void ouro__crew_lane(const struct op *op, char name[TRACE_LANE]);

/* nursery.c */
int ouro__nursery_open(struct ouro_crew *crew);
int ouro__nursery_ask(struct runner *runner, enum nursery_message what, const int *fds);
void ouro__nursery_check(struct ouro_crew *crew, uint64_t now);
void ouro__nursery_close(struct ouro_crew *crew);
void ouro__nursery_await(struct ouro_crew *crew);
void ouro__nursery_forget(struct ouro_crew *crew);
#endif
