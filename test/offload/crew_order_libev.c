/* crew_order_libev.c -- when answers of a crew come, inside a host's libev loop. */
#include "host_libev.h"

#include "crew_order.h"
