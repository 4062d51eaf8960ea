/* order_poll.c -- when answers of the pool come, behind a descriptor that a plain poll(2) loop watches. */
#include "host_poll.h"

#include "pool_order.h"
