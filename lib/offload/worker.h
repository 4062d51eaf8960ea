/* worker.h -- what the files of the parent's side share: worker.c, and one for each kind. */
#ifndef OURO__WORKER_H
#define OURO__WORKER_H
#include "loop/call.h"
#include "loop/handle.h"
#include "loop/poll.h"
#include "offload/far.h"
#include "ouro/timer.h"
#include "sys/proc.h"

#define WORKER_STEPS(X)                           \
	X(RUNNING, "its work")                    \
	X(ASKED, "it to end, as it was asked to") \
	X(ENDED, "its last messages to be taken") \
	X(GONE, "nothing")

enum worker_step {
#define WORKER_STEP(step, waits_for) WORKER_##step,
	WORKER_STEPS(WORKER_STEP)
#undef WORKER_STEP
};

struct worker_kind;

struct ouro_worker {
	struct handle base;
	enum worker_step step;
	const struct worker_kind *kind;
	struct far *far; /* NULL: it has ended */
	ouro_port *port; /* NULL: closed */
	ouro_wake *bell; /* "look what has become of it"; NULL: nobody rings any more */
	ouro_worker_exit_fn *on_exit;
	unsigned stop_ms; /* OURO_NEVER */
	ouro_timer patience;
	int code, signal; /* once it has ended */

	pthread_t thread;

	struct proc proc;
	struct watch ended; /* its descriptor */
	int lifeline;       /* closed with this process, however that ends */
};

/* What the kinds do each in their own way. */
struct worker_kind {
	/* Starts what lives far->half's life. 0 or -errno, and nothing has happened. */
	int (*start)(struct ouro_worker *worker, const ouro_worker_opts *opts);

	/* Has it ended? If so all that is left of it is cleared away, and its code is known. */
	bool (*look)(struct ouro_worker *worker);

	/* Waits for that. It has been asked to end. */
	void (*wait)(struct ouro_worker *worker);

	/* At once. 0 or -ENOTSUP. */
	int (*kill)(struct ouro_worker *worker);

	/* It was asked to end, and has had its time. */
	void (*overdue)(struct ouro_worker *worker);
};

extern const struct worker_kind ouro__worker_thread, ouro__worker_process;

/* For reports. */
const char *ouro__worker_name(const struct ouro_worker *worker);

/* It may have ended, or its port: goes on from there. In a callback of the loop's. */
void ouro__worker_advance(struct ouro_worker *worker);
#endif
