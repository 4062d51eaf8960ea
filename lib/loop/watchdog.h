/* watchdog.h -- a second thread that says who holds the loop, while it is held. See ouro/lag.h.
 *
 * What the loop does for it is what it does anyway: it stamps the time between any two callbacks and
 * writes down what it calls (lag.h). Besides, it says when a turn begins and ends.
 *
 *     loop        | poll | turn: callback, callback, callback ........... | poll
 *     stamp              ^         ^         ^
 *     watchdog                                 sleeps until stamp + watch_ms: still the same stamp?
 *
 * A loop that turns quickly is looked at once in watch_ms; one that rests is not looked at: after two
 * looks without a turn the watchdog sleeps until it is rung, and the turn that finds it so rings. */
#ifndef OURO__WATCHDOG_H
#define OURO__WATCHDOG_H
#include "loop/lag.h"
#include "loop/loop.h"

struct watchdog;

/* As the options say. 0; -EINVAL, said in words; -ENOMEM, -EMFILE, -EAGAIN. */
int ouro__watchdog_start(struct ouro_loop *loop, const struct watch_wishes *wishes);
void ouro__watchdog_stop(struct ouro_loop *loop);
int ouro__watchdog_after_fork(struct ouro_loop *loop);

/* ---- From the loop's thread; only when there is one (loop->watchdog) ---- */

/* A turn begins, in a host's libev loop its poll is over; and the end of either. */
void ouro__watchdog_awake(struct watchdog *dog);
void ouro__watchdog_asleep(struct watchdog *dog);

/* The descriptor that a host polls, when there is one: a host that does not come is held. */
void ouro__watchdog_behind(struct watchdog *dog, int outer_fd);

/* libev's epoll descriptor, when it is known or another: who is ready there waits. In a host's loop it
 * seeks it once, after the first poll; negative: there is none. */
void ouro__watchdog_backend(struct watchdog *dog, int backend_fd);
bool ouro__watchdog_seeks(const struct watchdog *dog);

/* A callback that held the loop for ns is a block to it. */
bool ouro__watchdog_minds(const struct watchdog *dog, uint64_t ns);

/* Names are asked for: lag.namer is filled in. The reports have what was seen, until more names are
 * asked for. */
void ouro__watchdog_ask(struct watchdog *dog);
const struct block *ouro__watchdog_seen(const struct watchdog *dog, unsigned nth);
#endif
