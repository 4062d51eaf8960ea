/* worker_poll.c -- a loop and its workers, behind a descriptor that a plain poll(2) loop watches. */
#include "host_poll.h"

#include "worker_order.h"
