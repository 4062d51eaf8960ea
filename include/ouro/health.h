/* health.h -- two handlers for who watches over a service: is it alive, is it ready?
 *
 *     static const ouro_route routes[] = {
 *             { .path = "/live", .fn = ouro_health_live },
 *             { .path = "/ready", .fn = ouro_health_ready },
 *             ...
 *
 * Alive means that the loop turns: whoever hears nothing, or nothing in time, ends the process and
 * starts it anew. Ready means that new clients may be sent here. A service that ends, or that is
 * not yet all there, is alive and not ready; to take the one for the other is to be killed while
 * one works.
 *
 * They speak for the loop, not only for the server that is asked, so they may be served at a port
 * of their own. Both answer "ready\n" and the like as text, or {"ready":false,"why":"..."} to who
 * accepts application/json; HEAD the same without a body. They are never shed (shed.h). All of it
 * on the loop's thread. */
#ifndef OURO_HEALTH_H
#define OURO_HEALTH_H
#include "ouro/http.h"
OURO_BEGIN

/* 200 "alive". arg is not looked at. */
OURO_API void ouro_health_live(ouro_req *req, void *arg);

/* 200 "ready"; 503 and why not: "ending", from the moment that the end of any server of the loop
 * has begun or was announced (ouro_loop_main() does that on SIGTERM, ouro_server_close_after() for
 * one). arg is not looked at. */
OURO_API void ouro_health_ready(ouro_req *req, void *arg);

/* Why it is not ready, in a few words of UTF-8; NULL: it is. Asked for each request for
 * ouro_health_check(), so it should know. */
typedef const char *ouro_health_fn(ouro_loop *loop, void *arg);

typedef struct ouro_health {
	ouro_health_fn *why_not;  /* NULL: nothing of yours */
	void           *arg;      /* of it */
	bool            shedding; /* not ready, either, while any server of the loop sheds */
} ouro_health;

/* As ouro_health_ready(), and more: the route's arg is an ouro_health, which must stay as long as
 * the server. */
OURO_API void ouro_health_check(ouro_req *req, void *arg);
OURO_END
#endif
