/* libev_poll.c -- as libev.c, in a host that chose poll(2): we must not need its epoll. */
#define BACKEND EVBACKEND_POLL
#include "libev.c"
