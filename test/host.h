/* host.h -- the host that a test of order runs in, whichever it is: a program includes host_own.h,
 * host_libev.h or host_poll.h, and then what is the same in every host. (Programs of test/hosts/ know
 * more kinds, and have ordering.h.) */
#ifndef HOST_H
#define HOST_H
#include "kit.h"

/* A loop in the host at hand; opts NULL: all defaults. */
static ouro_loop *loop_for_test(const ouro_loop_opts *opts);

/* Turns it until nothing is left, or once without waiting. */
static void drive(ouro_loop *loop);
static void drive_once(ouro_loop *loop);

/* Frees it with its host. NULL: the test has freed the loop. */
static void done(ouro_loop *loop);
#endif
