/* libev.c -- the rules of order inside a host's libev loop, which ev_run() turns. */
#include "host_libev.h"

#include "ordering.h"
