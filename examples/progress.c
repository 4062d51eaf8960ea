/* progress.c -- a job that says how far it is, and can be stopped.  ★★
 *
 * It asks whether anybody still waits: a thread cannot be killed, it has to stop by itself.
 *
 *     cc progress.c $(pkg-config --cflags --libs ouro) && ./a.out 3000000; ./a.out 300000000 5000 */
#include <ouro.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_prime(uint64_t n)
{
	uint64_t d = 2;

	while (d * d <= n && n % d)
		d++;
	return n > 1 && d * d > n;
}

static int count_primes(ouro_str in, ouro_buf *out)
{
	uint64_t below = ouro_str_u64(in, 0), step = below / 10 + 1, found = 0;
	char word[32];

	for (uint64_t n = 0; n < below; n++) {
		found += is_prime(n);
		if (n % 1024 == 0 && ouro_job_cancelled())
			return OURO_ECANCELED;
		snprintf(word, sizeof(word), "%d %%", (int)(n * 100 / below));
		if ((n + 1) % step == 0)
			ouro_job_progress(ouro_str_z(word));
	}
	return ouro_buf_printf(out, "%llu primes", (unsigned long long)found);
}

static void on_progress(ouro_str word, void *arg)
{
	(void)arg;
	printf("%.*s\n", (int)word.len, word.ptr);
}

static void on_count(int err, ouro_str out, void *arg)
{
	(void)arg;
	printf("%.*s\n", err ? 99 : (int)out.len, err ? ouro_strerror(err) : out.ptr);
}

int main(int argc, char **argv)
{
	static const ouro_job jobs[] = { { "primes", count_primes, false }, { .name = NULL } };
	ouro_call_opts opts = { .on_progress = on_progress };
	ouro_loop *loop = ouro_loop_or_die(NULL);
	ouro_crew *crew = NULL;

	opts.timeout_ms = argc > 2 ? (unsigned)atoi(argv[2]) : 0; /* how long it may take */
	if (ouro_crew_start(loop, &(ouro_crew_opts){ .jobs = jobs, .count = 1 }, &crew))
		return 1;
	ouro_crew_call_with(crew, "primes", ouro_str_z(argc > 1 ? argv[1] : "3000000"), &opts,
			    on_count, NULL);
	return ouro_loop_main(loop);
}
