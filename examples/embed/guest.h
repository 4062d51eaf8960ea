/* guest.h -- ouro as a guest in somebody else's loop: what is the same in every house.
 *
 * The host opens a guest, watches the descriptor it is given, and calls ouro_loop_turn(guest.loop)
 * when that reads ready. (A libev host hands over its loop instead, and watches nothing.)
 * guest_leave() from anywhere: it takes nothing new, answers what is under way, within a second;
 * then gone() is called, where the host stops watching. guest_end() from anywhere: at once. */
#ifndef GUEST_H
#define GUEST_H
#include <errno.h>
#include <ouro.h>

struct guest {
	void (*gone)(struct guest *guest);
	ouro_loop *loop; /* NULL: there is no guest */
	ouro_server *server;
};

static inline void guest_end(struct guest *guest)
{
	ouro_loop *loop = guest->loop;

	guest->loop = NULL;
	if (loop)
		guest->gone(guest);
	ouro_loop_free(loop); /* from its own callback: when the turn is over */
}

static inline void guest_closed(const ouro_server_report *report, void *guest)
{
	(void)report;
	guest_end(guest);
}

static inline void guest_leave(struct guest *guest)
{
	if (guest->loop)
		ouro_server_close(guest->server, 1000);
}

/* The descriptor to watch, or 0 inside libev; below 0: -errno. what->arg must be the guest. */
static inline int guest_open(struct guest *guest, const ouro_loop_opts *how,
			     const ouro_http_opts *what)
{
	int fd;

	guest->loop = ouro_loop_new(how);
	if (!guest->loop)
		return -errno;
	fd = ouro_http_listen(guest->loop, what, &guest->server);
	if (!fd && !(how && how->ev))
		fd = ouro_loop_fd(guest->loop);
	if (fd >= 0) {
		ouro_server_on_close(guest->server, guest_closed);
	} else {
		ouro_loop_free(guest->loop);
		guest->loop = NULL;
	}
	return fd;
}
#endif
