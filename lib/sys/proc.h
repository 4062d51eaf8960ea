/* proc.h -- a process of ours: a fork of this one that owns nothing but its memory.
 *
 * It is forked and not spawned because what it is to run is a function of this program. From its
 * parent it has the standard descriptors and those it was given; every handler is back at its
 * default, no signal is blocked, and what a terminal or a service manager sends to everybody (INT,
 * TERM, HUP, QUIT) is ignored, for it has to stay while its parent ends in peace; PIPE too. What
 * stood unwritten in the parent's stdio stays the parent's.
 *
 * It is watched by a descriptor that reads ready when it has ended, never by SIGCHLD: that, and who
 * waits for what, is the host's business. A host that reaps every child there is costs us the
 * status, nothing else. Forked from a program with several threads it has one, and may use malloc
 * but no lock that another thread may have held. */
#ifndef OURO__PROC_H
#define OURO__PROC_H
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct proc {
	pid_t pid;
	int fd; /* readable: it has ended; -1: there is none */
};

/* How one has ended: by a signal, or else with a status. Not known: the host took it. */
struct proc_end {
	bool known;
	int signal;
	int status;
};

/* What it does, in the child; it then ends with what this returns, as by _exit(). */
typedef int ouro__proc_fn(void *arg);

/* Starts fn(arg) in a process that keeps these descriptors, by their numbers. 0; -EAGAIN, -ENOMEM,
 * -EMFILE. */
int ouro__proc_start(struct proc *ret_proc, const char *name, ouro__proc_fn *fn, void *arg,
		     const int *keep, unsigned count);

/* In the child: when the thread that forked it ends, it is killed. False: that has ended already.
 * So it is for children of a process with one thread. */
bool ouro__proc_end_with(pid_t parent);

/* By its descriptor: nobody else can be hit. */
void ouro__proc_signal(const struct proc *proc, int signal);

/* Has it ended? If so it is reaped, its descriptor closed and *ret_end filled; NULL: not wanted.
 * The second waits for that. */
bool ouro__proc_reap(struct proc *proc, struct proc_end *ret_end);
void ouro__proc_wait(struct proc *proc, struct proc_end *ret_end);

/* "killed by SIGSEGV (Segmentation fault)", "ended with status 3". */
void ouro__proc_words(const struct proc_end *end, char *ret_words, size_t room);
#define PROC_WORDS 80
#endif
