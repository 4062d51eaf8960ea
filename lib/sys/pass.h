/* pass.h -- descriptors from one process to another, through a socket of their own. */
#ifndef OURO__PASS_H
#define OURO__PASS_H

#define PASS_MOST 4 /* at once */

/* Two ends, or -errno. A packet is one pass; both are closed on exec and never block. */
int ouro__pass_pair(int ret_end[2]);

/* The descriptors stay the caller's. 0; -EAGAIN: the other end has many that it has not taken;
 * -errno (EPIPE: there is no other end). No signal comes of it. */
int ouro__pass_send(int side, const int *fds, unsigned count);

/* Takes the next packet, which must hold `count` of them, closed on exec. 0; OURO_EPROTO: another
 * number, or none waits; -EMFILE: there was no room for all of them. Then no descriptor is left. */
int ouro__pass_receive(int side, int *ret_fds, unsigned count);
#endif
