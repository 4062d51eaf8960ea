/* runner.h -- what the files of a runner share.
 *
 *   runner.c       its lives: started, killed, dead, due by the clock, and the end
 *   runner_send.c  the way out: what is handed over, and taken back
 *   runner_hear.c  the way in: answers, progress, and what makes no sense
 *
 * What others may ask of a runner is in crew.h. */
#ifndef OURO__RUNNER_H
#define OURO__RUNNER_H
#include "offload/crew.h"

/* What stands on the board of a process may be anything: it counts only as far as it can be. */
static inline uint64_t between(uint64_t least, uint64_t value, uint64_t most)
{
	if (value < least)
		return least;
	return value > most ? most : value;
}

/* It is being killed, by our order. */
static inline bool runner_is_doomed(const struct runner *runner)
{
	return runner->reason == REASON_KILLED || runner->reason == REASON_GARBAGE;
}

/* runner.c */
void ouro__runner_kill(struct runner *runner, enum runner_reason why);
void ouro__runner_thread_ended(struct runner *runner);

/* runner_send.c: a new life, to which nothing is handed yet; no more calls: it ends when it has read
 * that; and nothing more leaves. */
void ouro__runner_open(struct runner *runner);
void ouro__runner_tell_end(struct runner *runner);
void ouro__runner_hush(struct runner *runner);
void ouro__runner_flush(struct runner *runner);

/* Off the runner's hands; numbers that are through are forgotten. */
void ouro__runner_take_off(struct runner *runner, struct errand *call);

/* Walks what it was handed, from the last to the first, so that what goes back into the queue goes
 * there in its order. The call at hand may be taken off. Begins with *number at runner->next. */
struct errand *ouro__runner_last_before(struct runner *runner, uint64_t *number);

/* Into the queue, as far as it has not begun. */
void ouro__runner_take_all_back(struct runner *runner);

/* runner_hear.c: the pipe is readable. What it still had to say is in the pipe: a dying one's is
 * heard; a closing one's is dropped, and true: its last word was there. */
void ouro__runner_readable(struct watch *watch, unsigned ready);
void ouro__runner_hear_out(struct runner *runner);
bool ouro__runner_drop_messages(struct runner *runner);
#endif
