/* order_libev.c -- when answers of the pool come, inside a host's libev loop. */
#include "host_libev.h"

#include "pool_order.h"
