/* posts.c -- work on another thread, results on the loop's.  ★★
 *
 * ouro_loop_post() is for any thread: what it is given runs on the loop's, and neither needs a lock.
 * That somebody will post, the loop cannot know: a hold keeps it waiting.
 *
 *     cc posts.c $(pkg-config --cflags --libs ouro) -lpthread */
#include <ouro.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static void on_found(ouro_loop *loop, void *arg)
{
	(void)loop;
	printf("found %llu\n", *(unsigned long long *)arg);
	free(arg);
}

static void on_done(ouro_loop *loop, void *arg)
{
	(void)arg;
	ouro_loop_hold(loop, false);
}

static bool is_prime(unsigned long long n)
{
	for (unsigned long long i = 2; i * i <= n; i++)
		if (n % i == 0)
			return false;
	return true;
}

static void *search(void *loop)
{
	for (unsigned long long n = 1000000000000; n < 1000000000200; n++) {
		unsigned long long *prime = is_prime(n) ? malloc(sizeof(n)) : NULL;

		if (prime)
			*prime = n;
		if (prime && ouro_loop_post(loop, on_found, prime))
			free(prime);
	}
	ouro_loop_post(loop, on_done, NULL);
	return NULL;
}

int main(void)
{
	ouro_loop *loop = ouro_loop_or_die(NULL);
	pthread_t thread;

	ouro_loop_hold(loop, true);
	if (pthread_create(&thread, NULL, search, loop))
		return 1;
	ouro_loop_run(loop);
	pthread_join(thread, NULL); /* before the free: it may be in ouro_loop_post() still */
	ouro_loop_free(loop);
	return 0;
}
