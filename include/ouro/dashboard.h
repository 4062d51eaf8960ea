/* dashboard.h -- a page that shows a loop at work: who held it, where its time goes, what waits.
 *
 *     err = ouro_dashboard_listen(loop, "127.0.0.1:9090", NULL, NULL);
 *
 * serves it at an address of its own, http://127.0.0.1:9090/; ouro_loop_main() does so by itself
 * when OURO_DASHBOARD=127.0.0.1:9090 is in the environment. Or among a program's own routes:
 *
 *     err = ouro_dashboard_open(loop, NULL, &dashboard);
 *     { .path = "/dashboard/", .fn = ouro_dashboard_serve, .arg = dashboard }
 *
 * It only shows: nothing can be changed by it. But it names functions, paths and addresses, so it
 * belongs where strangers cannot come. The page asks nobody else for anything, and works under
 * `Content-Security-Policy: default-src 'self'`, which it is served with.
 *
 * While nobody looks it costs nothing: no timer runs. With viewers the loop looks at its crews ten
 * times a second, writes one JSON text every period, and sends it to all. Who holds the loop is known
 * when the loop has a watchdog (lag.h). All of it on the loop's thread. */
#ifndef OURO_DASHBOARD_H
#define OURO_DASHBOARD_H
#include "ouro/http.h"
OURO_BEGIN

typedef struct ouro_dashboard ouro_dashboard;

typedef struct ouro_dashboard_opts {
	const char *title;       /* of the page; copied; NULL: the program's name */
	unsigned    period_ms;   /* from one picture to the next; 0: 1 s; less than 100 is 100 */
	unsigned    viewers_max; /* pages at once; more are 503; 0: 16 */
} ouro_dashboard_opts;

/* It does not keep the loop alive. opts NULL: all defaults. 0, or -ENOMEM; OURO_ECLOSED: the loop
 * is ending. */
OURO_API int ouro_dashboard_open(ouro_loop *loop, const ouro_dashboard_opts *opts,
				 ouro_dashboard **ret_dashboard) OURO_MUST_CHECK;

/* The same with a server of its own, which does not keep the loop alive either and closes with it.
 * address: "9090" (of 127.0.0.1), "127.0.0.1:9090", "[::1]:9090", ":9090" (every address), or
 * "unix:/run/x.sock"; port 0: any free one. ret_dashboard NULL: not wanted, it lives as long as the
 * loop. 0; -EINVAL: no address, which on_log is told in words; or as ouro_http_listen(). */
OURO_API int ouro_dashboard_listen(ouro_loop *loop, const char *address,
				   const ouro_dashboard_opts *opts,
				   ouro_dashboard           **ret_dashboard) OURO_MUST_CHECK;

/* A handler for a tree ("/dashboard/"), with the ouro_dashboard as its arg. Below it: "" is the
 * page, "events" what it listens to, "state" the same figures as JSON, once. */
OURO_API void ouro_dashboard_serve(ouro_req *req, void *arg);

/* "http://127.0.0.1:9090/": where ouro_dashboard_listen() serves it; NULL: among others' routes. */
OURO_API const char *ouro_dashboard_url(const ouro_dashboard *dashboard);

/* Pages that look on now. */
OURO_API unsigned ouro_dashboard_viewers(const ouro_dashboard *dashboard);

/* Its viewers' streams end. A program's own server that has it among its routes is to be closed
 * first, for after on_close the handler may not be called. Takes NULL. */
OURO_API void ouro_dashboard_close(ouro_dashboard *dashboard);
OURO_API void ouro_dashboard_on_close(ouro_dashboard *dashboard, ouro_close_fn *fn, void *arg);

OURO_API ouro_loop *ouro_dashboard_loop(const ouro_dashboard *dashboard);
OURO_END
#endif
