/* wake.h -- what the check phase needs to know of a bell. See ouro/wake.h. */
#ifndef OURO__LOOP_WAKE_H
#define OURO__LOOP_WAKE_H
#include "loop/task.h"

/* Answers a ring: the post that arrived is part of an ouro_wake. */
void ouro__wake_run(struct ouro_loop *loop, struct post *post);

/* Does not answer it: the loop is ending. */
void ouro__wake_forget(struct post *post);
#endif
