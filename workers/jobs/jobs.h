/* jobs.h -- jobs for tests and benchmarks: five that compute, and some that misbehave.
 *
 * They are no part of the library, which has no opinion about what people compute.
 *
 *   fib         "30" -> "832040"; the slow way
 *   sha256      bytes -> 64 hexadecimal digits
 *   sort        32-bit integers -> the same, in order
 *   mandelbrot  a struct mandelbrot_tile -> a count for each of its points, 2 bytes each
 *   json        a JSON text -> "objects 1 arrays 2 strings 3 numbers 4 others 5"
 *   echo        bytes -> the same; nothing -> nothing: what a call costs
 *
 * Hostile ones, for processes: segv, abort, spin, leak, garbage, exit, overflow (of the stack). */
#ifndef JOBS_H
#define JOBS_H
#include "ouro/crew.h"

struct mandelbrot_tile {
	double left, top, step;
	uint32_t width, height, most;
};

extern const ouro_job jobs_useful[];
extern const ouro_job jobs_all[]; /* the hostile ones too */

int job_fib(ouro_str in, ouro_buf *out);
int job_sha256(ouro_str in, ouro_buf *out);
int job_sort(ouro_str in, ouro_buf *out);
int job_mandelbrot(ouro_str in, ouro_buf *out);
int job_json(ouro_str in, ouro_buf *out);
int job_echo(ouro_str in, ouro_buf *out);

int job_segv(ouro_str in, ouro_buf *out);
int job_abort(ouro_str in, ouro_buf *out);
int job_spin(ouro_str in, ouro_buf *out);
int job_leak(ouro_str in, ouro_buf *out);
int job_garbage(ouro_str in, ouro_buf *out);
int job_exit(ouro_str in, ouro_buf *out);
int job_overflow(ouro_str in, ouro_buf *out);
#endif
