/* own.c -- the rules of order in a loop of our own, which ouro_loop_run() turns. */
#include "host_own.h"

#include "ordering.h"
