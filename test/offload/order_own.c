/* order_own.c -- when answers of the pool come, in a loop of our own. */
#include "host_own.h"

#include "pool_order.h"
