/* thread.c -- an answer that takes a thread its time, while the loop serves everybody else.  ★★
 *
 * A pool thread does it here, as is right for what waits, or is short; what computes for seconds belongs
 * on a crew (fib.c), for it would keep your other calls waiting. In between the request may have ended by another hand (a time-out), so its id is kept: it finds
 * the request or NULL. A thread of your own does the same, with ouro_loop_post().
 *
 *     cc thread.c $(pkg-config --cflags --libs ouro) && ./a.out
 *     curl http://127.0.0.1:8080/?n=1000000007 & curl http://127.0.0.1:8080/?n=91 */
#include <ouro.h>
#include <stdlib.h>

struct job {
	ouro_loop *loop;
	ouro_req_id id;
	unsigned number, divisor;
};

static int work(void *arg)
{
	struct job *job = arg;

	for (job->divisor = 2; job->number % job->divisor; job->divisor++)
		;
	return 0;
}

static void on_worked(int err, void *arg)
{
	struct job *job = arg;
	ouro_req *req = ouro_req_find(job->loop, job->id);

	if (req && !err)
		ouro_req_replyf(req, 200, "text/plain", "%u = %u * %u\n", job->number, job->divisor,
				job->number / job->divisor);
	else if (req)
		ouro_req_fail(req, err);
	free(job);
}

static void answer(ouro_req *req, void *arg)
{
	uint64_t n = ouro_str_u64(ouro_req_query(req, "n"), 91) % UINT32_MAX;
	struct job *job = n > 1 ? malloc(sizeof(*job)) : NULL;

	(void)arg;
	if (job)
		*job = (struct job){ ouro_req_loop(req), ouro_req_get_id(req), (unsigned)n, 0 };
	if (job && ouro_pool_run(job->loop, work, on_worked, job).id) {
		ouro_req_later(req);
		return;
	}
	free(job);
	ouro_req_status(req, n > 1 ? 503 : 400);
}

int main(int argc, char **argv)
{
	ouro_http_opts opts = { .host = "127.0.0.1", .on_request = answer };

	return ouro_http_main(argc, argv, &opts);
}
