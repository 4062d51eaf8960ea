/* worker_own.c -- a loop and its workers, in a loop of our own. */
#include "host_own.h"

#include "worker_order.h"
