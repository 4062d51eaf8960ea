/* upgrade.h -- a connection that leaves HTTP as a stream of another kind than the user's own. */
#ifndef OURO__UPGRADE_H
#define OURO__UPGRADE_H
#include "net/stream.h"
#include "ouro/http.h"

/* As ouro_req_upgrade(). */
int ouro__req_upgrade(ouro_req *req, const char *protocol, const ouro_stream_opts *opts,
		      const struct stream_shape *shape, ouro_stream **ret_stream);
#endif
