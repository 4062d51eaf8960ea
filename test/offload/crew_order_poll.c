/* crew_order_poll.c -- when answers of a crew come, behind a descriptor that a plain poll(2) loop watches. */
#include "host_poll.h"

#include "crew_order.h"
