/* signal.h -- what the loop needs to know of its signals. See ouro/signal.h. */
#ifndef OURO__SIGNAL_H
#define OURO__SIGNAL_H
#include "ouro/loop.h"

/* Signals that another loop of this process has read and passed on: after the descriptors. */
void ouro__signals_phase(struct ouro_loop *loop);

/* Are there such? */
bool ouro__signals_wait(const struct ouro_loop *loop);

/* In the child after a fork: a signalfd of its own. 0 or -errno. */
int ouro__signals_after_fork(struct ouro_loop *loop);

/* With the loop; its handles are closed. */
void ouro__signals_end(struct ouro_loop *loop);
#endif
