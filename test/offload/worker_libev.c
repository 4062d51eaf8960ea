/* worker_libev.c -- a loop and its workers, inside a host's libev loop. */
#include "host_libev.h"

#include "worker_order.h"
