/* crew_order_own.c -- when answers of a crew come, in a loop of our own. */
#include "host_own.h"

#include "crew_order.h"
