/* arrive.c -- a connection begins. See conn.h. */
#include "http/conn.h"
#include "http/serve.h"
#include "sys/sock.h"
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* One client too many from one place: told so, if it listens at once, and closed. */
static void refuse_crowd(struct conn *conn)
{
	static const char text[] = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
				   "Content-Length: 0\r\n\r\n";
	struct http *http = conn->server->http;

	conn->server->stats.refused++;
	ouro__sock_send(conn->watch.fd, text, sizeof(text) - 1);
	close(conn->watch.fd);
	ouro__slab_give(&http->conns, conn);
}

/* What the client has to say is often there already: then the kernel need not be asked to watch a
 * connection that ends with its one answer. */
int ouro__conn_open(struct ouro_server *server, int fd, const ouro_addr *peer, bool now)
{
	struct conn *conn = ouro__slab_take(&server->http->conns);

	if (!conn)
		return -ENOMEM;
	memset((char *)conn + sizeof(conn->record), 0, sizeof(*conn) - sizeof(conn->record));
	conn->server = server;
	conn->watch.fd = fd;
	conn->due_kind = DUE_COUNT;
	due_init(&conn->due);
	(void)ouro__origin_note(&conn->origin, peer);
	if (!ouro__server_conn_began(server, conn, peer)) {
		refuse_crowd(conn);
		return 0;
	}
	if (!now) {
		ouro__conn_wait(conn);
		return 0;
	}
	conn->working = true;
	ouro__conn_read(conn);
	conn->working = false;
	ouro__conn_work(conn);
	return 0;
}
