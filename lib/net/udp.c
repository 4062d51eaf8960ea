/* udp.c -- datagrams. See ouro/net.h.
 *
 * A datagram is handed to the kernel at once: waiting for the end of the turn would gain nothing,
 * as each is a system call of its own. Only when the kernel has no room do some wait here, in
 * order. */
#include "base/alloc.h"
#include "base/check.h"
#include "loop/call.h"
#include "loop/handle.h"
#include "loop/poll.h"
#include "net/bind.h"
#include "net/pages.h"
#include "sys/fd.h"
#include "sys/sock.h"
#include <errno.h>

#define BATCH         16 /* datagrams a turn, each way */
#define DEFAULT_QUEUE ((size_t)256 << 10)

struct datagram {
	struct list link;
	ouro_addr to; /* len 0: where the socket is connected to */
	size_t len;
	char bytes[];
};

struct ouro_udp {
	struct handle base;
	struct watch watch;
	struct net *net;
	ouro_udp_fn *fn;
	struct list queue;
	size_t queued, most, room;
	bool paused;
};

static const void *udp_callee(const struct handle *handle)
{
	return CALL_FN(((const struct ouro_udp *)handle)->fn);
}

static int udp_number(const struct handle *handle)
{
	return ((const struct ouro_udp *)handle)->watch.fd;
}

/* What it takes to keep one, so that empty ones are not free either. */
static size_t cost(size_t len)
{
	return sizeof(struct datagram) + len;
}

/* It has left, or never will. */
static void forget(ouro_udp *udp, struct datagram *datagram)
{
	list_remove(&datagram->link);
	udp->queued -= cost(datagram->len);
	ouro__free(datagram);
}

static void udp_stop(struct handle *handle)
{
	ouro_udp *udp = (struct ouro_udp *)handle;

	ouro__watch_stop(&udp->watch);
	ouro__fd_close(&udp->watch.fd);
	while (!list_empty(&udp->queue))
		forget(udp, list_of(udp->queue.next, struct datagram, link));
}

static const struct handle_type udp_type = {
	.kind = "datagrams",
	.magic = 0x75647021u,
	.callee = udp_callee,
	.number = udp_number,
	.stop = udp_stop,
};

static void update(ouro_udp *udp)
{
	unsigned events =
		(udp->paused ? 0u : OURO_READABLE) | (list_empty(&udp->queue) ? 0u : OURO_WRITABLE);

	if (!udp->base.closing && events != udp->watch.wanted)
		(void)ouro__watch_set(&udp->watch, events);
}

/* Receiving. */

static void tell(ouro_udp *udp, int err, ouro_str bytes, const ouro_addr *peer)
{
	ouro_loop *loop = udp->base.loop;

	call_begin(loop, OURO_PHASE_IO, CALL_FN(udp->fn),
		   (struct cause){ "datagrams", udp->watch.fd, NULL }, udp->base.label);
	udp->fn(udp, err, bytes, peer, udp->base.arg);
	call_end(loop);
}

static void tell_error(ouro_udp *udp, int err)
{
	const ouro_addr nobody = { .len = 0 };

	tell(udp, err, (ouro_str){ "", 0 }, &nobody);
}

/* False: there is no more for now. */
static bool receive(ouro_udp *udp)
{
	char *bytes = udp->net->scratch;
	ouro_addr peer;
	ssize_t n = ouro__sock_recv_from(udp->watch.fd, bytes, udp->room, &peer);

	if (n == -EAGAIN)
		return false;
	if (n < 0)
		tell_error(udp, (int)n);
	else if ((size_t)n > udp->room)
		tell(udp, OURO_ETOOBIG, (ouro_str){ bytes, udp->room }, &peer);
	else
		tell(udp, 0, (ouro_str){ bytes, (size_t)n }, &peer);
	return !udp->base.closing && !udp->paused;
}

/* Sending. */

static int send_now(ouro_udp *udp, const ouro_addr *to, const char *bytes, size_t len)
{
	ssize_t n = ouro__sock_send_to(udp->watch.fd, bytes, len, to && to->len ? to : NULL);

	return n < 0 ? (int)n : 0;
}

/* False: the kernel has no room for more. One that cannot leave keeps nobody waiting. */
static bool send_first(ouro_udp *udp)
{
	struct datagram *first = list_of(udp->queue.next, struct datagram, link);
	int err = send_now(udp, &first->to, first->bytes, first->len);

	if (err == -EAGAIN)
		return false;
	forget(udp, first);
	if (err)
		tell_error(udp, err);
	return !udp->base.closing;
}

static void on_ready(struct watch *watch, unsigned ready)
{
	ouro_udp *udp = list_of(watch, ouro_udp, watch);

	if (ready & OURO_READABLE)
		for (int n = 0; n < BATCH && receive(udp); n++)
			;
	if ((ready & OURO_WRITABLE) && !udp->base.closing)
		for (int n = 0; n < BATCH && !list_empty(&udp->queue) && send_first(udp); n++)
			;
	update(udp);
}

static int wait_in_queue(ouro_udp *udp, const ouro_addr *to, ouro_str bytes)
{
	struct datagram *datagram;

	if (bytes.len > udp->most || udp->queued + cost(bytes.len) > udp->most)
		return OURO_EBUSY;
	datagram = ouro__alloc(cost(bytes.len));
	if (!datagram)
		return -ENOMEM;
	if (to)
		datagram->to = *to;
	datagram->len = bytes.len;
	if (bytes.len)
		memcpy(datagram->bytes, bytes.ptr, bytes.len);
	list_push(&udp->queue, &datagram->link);
	udp->queued += cost(bytes.len);
	update(udp);
	return 0;
}

int ouro_udp_send(ouro_udp *udp, const ouro_addr *to, ouro_str bytes)
{
	int err = -EAGAIN;

	handle_check(udp, udp_type);
	if (udp->base.closing)
		return OURO_ECLOSED;
	if (list_empty(&udp->queue))
		err = send_now(udp, to, bytes.ptr, bytes.len);
	return err == -EAGAIN ? wait_in_queue(udp, to, bytes) : err;
}

/* Opening. */

/* A socket for both families has a number of routers for each. */
static int set_ttl(int fd, int family, unsigned ttl)
{
	int value = ttl < 255 ? (int)ttl : 255, err = 0;

	if (family == AF_INET6)
		err = ouro__sock_set(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, value);
	return err ? err : ouro__sock_set(fd, IPPROTO_IP, IP_MULTICAST_TTL, value);
}

static int open_socket(const ouro_addr *addr, bool v6_only, const void *arg)
{
	const ouro_udp_opts *opts = arg;
	int family = addr->sa.any.sa_family;
	int fd = ouro__sock_open(family, SOCK_DGRAM), err = 0;

	if (fd < 0)
		return fd;
	if (family == AF_INET6)
		err = ouro__sock_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, v6_only);
	if (!err && opts->reuse_port)
		err = ouro__sock_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (!err && opts->broadcast)
		err = ouro__sock_set(fd, SOL_SOCKET, SO_BROADCAST, 1);
	if (!err && opts->ttl)
		err = set_ttl(fd, family, opts->ttl);
	if (!err)
		err = ouro__sock_bind(fd, addr);
	if (!err)
		return fd;
	ouro__fd_close(&fd);
	return err;
}

static int open_udp(ouro_udp *udp, const ouro_udp_opts *opts)
{
	int fds[BIND_SOCKETS], n, err;

	if (opts->host && !strcmp(opts->host, "localhost"))
		return -EINVAL;
	n = ouro__bind_host(opts->host, opts->port, opts->v6_only, open_socket, opts, fds);
	if (n < 0)
		return n;
	err = ouro__watch_start(&udp->watch, udp->base.loop, fds[0], OURO_READABLE, on_ready);
	if (err)
		ouro__fd_close(&fds[0]);
	return err;
}

int ouro_udp_open(ouro_loop *loop, const ouro_udp_opts *opts, ouro_udp_fn *fn, void *arg,
		  ouro_udp **ret_udp)
{
	static const ouro_udp_opts defaults;
	ouro_udp *udp;
	int err;

	opts = opts ? opts : &defaults;
	udp = ouro__handle_new(loop, &udp_type, sizeof(*udp), arg, &err);
	if (!udp)
		return err;
	list_init(&udp->queue);
	udp->fn = fn;
	udp->most = opts->queue ? opts->queue : DEFAULT_QUEUE;
	udp->room = opts->room && opts->room < SCRATCH_ROOM ? opts->room : SCRATCH_ROOM;
	udp->net = ouro__net_of(loop);
	err = udp->net ? open_udp(udp, opts) : -ENOMEM;
	if (err) {
		ouro__handle_drop(&udp->base);
		return err;
	}
	if (ret_udp)
		*ret_udp = udp;
	return 0;
}

int ouro_udp_connect(ouro_udp *udp, const ouro_addr *peer)
{
	handle_check(udp, udp_type);
	return udp->base.closing ? OURO_ECLOSED : ouro__sock_connect(udp->watch.fd, peer);
}

void ouro_udp_pause(ouro_udp *udp)
{
	handle_check(udp, udp_type);
	udp->paused = true;
	update(udp);
}

void ouro_udp_resume(ouro_udp *udp)
{
	handle_check(udp, udp_type);
	udp->paused = false;
	update(udp);
}

size_t ouro_udp_queued(const ouro_udp *udp)
{
	handle_check(udp, udp_type);
	return udp->queued;
}

int ouro_udp_local(const ouro_udp *udp, ouro_addr *ret_addr)
{
	handle_check(udp, udp_type);
	return ouro__sock_local(udp->watch.fd, ret_addr);
}

uint16_t ouro_udp_port(const ouro_udp *udp)
{
	ouro_addr addr;

	return ouro_udp_local(udp, &addr) ? 0 : ouro_addr_port(&addr);
}

int ouro_udp_fd(const ouro_udp *udp)
{
	handle_check(udp, udp_type);
	return udp->watch.fd;
}

void ouro_udp_close(ouro_udp *udp)
{
	if (!udp)
		return;
	handle_check(udp, udp_type);
	ouro__handle_close(&udp->base);
}

void ouro_udp_on_close(ouro_udp *udp, ouro_close_fn *fn)
{
	handle_check(udp, udp_type);
	udp->base.on_close = fn;
}

ouro_loop *ouro_udp_loop(const ouro_udp *udp)
{
	handle_check(udp, udp_type);
	return udp->base.loop;
}

void ouro_udp_hold(ouro_udp *udp, bool hold)
{
	handle_check(udp, udp_type);
	ouro__handle_hold(&udp->base, hold);
}

int ouro_udp_set_name(ouro_udp *udp, const char *name)
{
	handle_check(udp, udp_type);
	return ouro__handle_name(&udp->base, name);
}
