/* table.c -- the jobs by their names. See jobs.h. */
#include "workers/jobs/jobs.h"

#define USEFUL                                                                      \
	{ .name = "fib", .run = job_fib }, { .name = "sha256", .run = job_sha256 }, \
		{ .name = "sort", .run = job_sort },                                \
		{ .name = "mandelbrot", .run = job_mandelbrot },                    \
		{ .name = "json", .run = job_json },                                \
	{                                                                           \
		.name = "echo", .run = job_echo                                     \
	}

#define HOSTILE(name_)                                                    \
	{                                                                 \
		.name = #name_, .run = job_##name_, .needs_process = true \
	}

const ouro_job jobs_useful[] = { USEFUL, { .name = NULL } };

const ouro_job jobs_all[] = { USEFUL,        HOSTILE(segv),     HOSTILE(abort),
			      HOSTILE(spin), HOSTILE(leak),     HOSTILE(garbage),
			      HOSTILE(exit), HOSTILE(overflow), { .name = NULL } };
