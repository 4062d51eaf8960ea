/* soak.h -- what the processes of the soak share: figures, and numbers that only look random. */
#ifndef SOAK_H
#define SOAK_H
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* In memory that all processes see. */
struct soak {
	atomic_ullong answers, visits, aborts; /* by the clients */
	atomic_llong held;                     /* bytes that ouro has in the server */
	atomic_ullong connections, waiting;    /* as the server sees it */
	atomic_ullong beats;                   /* how often it has looked */
	atomic_uint port;                      /* 0: not yet */
	atomic_bool leave;                     /* clients: no new visits */
	atomic_bool stop;                      /* the server: end */
};

/* The pieces that /back is sent and /bytes sends are told apart by a sum over bytes and places. */
#define SUM_FIRST 2166136261u

static inline uint32_t sum_bytes(uint32_t sum, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum = (sum ^ (unsigned char)bytes[i]) * 16777619u;
	return sum;
}

static inline uint32_t chance(uint32_t *seed, uint32_t below)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed % below;
}

/* What /bytes sends at place i. */
static inline char byte_at(size_t i)
{
	return (char)('a' + i % 26);
}

/* A process that ends with 0, or says why not. */
int soak_serve(struct soak *soak);

/* A process of clients, until they are told to leave. */
int soak_visit(struct soak *soak, uint32_t seed);
#endif
