/* far.h -- the far side of a worker: a loop, a port, and the user's main. See ouro/worker.h.
 *
 * The parent's side (worker.c) makes this struct, and frees it when the worker has ended. A thread
 * shares it; a process has a copy, and shares `news` alone. */
#ifndef OURO__FAR_H
#define OURO__FAR_H
#include "offload/port.h"
#include "ouro/wake.h"
#include "ouro/worker.h"
#include <pthread.h>
#include <stdatomic.h>

#define FAR_NAME_ROOM 16

struct far_news {
	atomic_bool asked;    /* to end */
	atomic_bool returned; /* from ouro__far_live(), with this code: */
	int code;
};

struct far {
	ouro_worker_main_fn *main;
	void *arg;
	bool has_loop_opts;
	ouro_loop_opts loop_opts;
	struct half *half; /* until it is a port */
	struct far_news *news;

	/* The far side's own. */
	ouro_loop *loop;
	ouro_port *port;       /* NULL: closed */
	ouro_port_fn *stop_fn; /* ouro_worker_on_stop() */
	bool told;             /* of being asked to end */

	/* In a thread. */
	struct far_news own_news;
	pthread_mutex_t lock;
	ouro_wake *bell;     /* under the lock: rings for "asked"; NULL: its loop is not there */
	ouro_wake *returned; /* the parent's: rings when it has ended */

	/* In a process. */
	int bell_fd;  /* -1: a thread */
	int lifeline; /* reads the end when the parent does */
	int parent;   /* its pidfd; -1: none could be had */
	size_t memory_max;
	unsigned cpu_s;

	char name[FAR_NAME_ROOM];
	_Alignas(16) char room[]; /* the copy of what arg points at */
};

/* All of a worker's life; answers its code. Called in a thread or a process of its own. */
int ouro__far_live(struct far *far);

/* From the parent's thread: asks it to end. */
void ouro__far_ask(struct far *far);

/* The far side's port is being closed. */
void ouro__far_port_closes(struct far *far);
#endif
