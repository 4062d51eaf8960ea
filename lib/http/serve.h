/* serve.h -- what connections and requests ask of their server. */
#ifndef OURO__SERVE_H
#define OURO__SERVE_H
#include "http/core.h"

/* Is it one, and not freed? */
void ouro__server_check(const ouro_server *server);

/* Fills in every default. 0; -EINVAL, said in words. */
int ouro__server_options(ouro_loop *loop, ouro_http_opts *opts);

/* Looks the route up, for a settled head. 0, or the status that says there is none (405 and the
 * answer to OPTIONS with their Allow set). */
int ouro__server_find(ouro_req *req);

/* What its route, else the server, says of its body, and of how long the handler may take. */
bool ouro__server_streams(const ouro_req *req);
size_t ouro__server_body_max(const ouro_req *req);
void ouro__server_time_answer(ouro_req *req);

/* False: too many from its address. */
bool ouro__server_conn_began(struct ouro_server *server, struct conn *conn, const ouro_addr *peer);
void ouro__server_conn_ended(struct ouro_server *server, struct conn *conn);

/* A server has ended: when it was the last of an end of all, whoever asked for that is told. */
void ouro__servers_add_up(struct http *http, const ouro_server_report *report);

/* At once: every connection is closed, every handler told. */
void ouro__server_cut(struct ouro_server *server);
#endif
