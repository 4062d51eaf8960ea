/* sendfile.c -- sendfile(2), and what goes before it. See sendfile.h.
 *
 * sendfile() has no flag against SIGPIPE, and what that does to the process is its host's business.
 * So the signal is held back from this thread for the length of the call, and taken away when the
 * call has raised it: two cheap system calls beside one that moves many pages. It may have been
 * raised although some bytes were sent before, and their number is the answer. */
#include "sys/sendfile.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

/* Does a SIGPIPE wait already that is not ours to take? It can only where it was held back. */
static bool waits_already(const sigset_t *held_before)
{
	sigset_t pending;

	return sigismember(held_before, SIGPIPE) == 1 && !sigpending(&pending) &&
	       sigismember(&pending, SIGPIPE) == 1;
}

static void take_away(const sigset_t *pipe_signal)
{
	const struct timespec at_once = { 0, 0 };

	TEMP_FAILURE_RETRY(sigtimedwait(pipe_signal, NULL, &at_once));
}

ssize_t ouro__sendfile(int socket, int file, off_t *at, size_t n)
{
	sigset_t pipe_signal, before;
	bool waits;
	ssize_t sent;

	sigemptyset(&pipe_signal);
	sigaddset(&pipe_signal, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
	waits = waits_already(&before);
	sent = TEMP_FAILURE_RETRY(sendfile(socket, file, at, n));
	if (sent < 0)
		sent = -errno;
	if (sent != (ssize_t)n && sent != -EAGAIN && !waits)
		take_away(&pipe_signal);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return sent;
}

ssize_t ouro__sock_sendv_more(int fd, const struct iovec *iov, size_t count)
{
	const struct msghdr msg = { .msg_iov = (struct iovec *)(uintptr_t)iov,
				    .msg_iovlen = count };
	ssize_t sent =
		TEMP_FAILURE_RETRY(sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE));

	return sent < 0 ? -errno : sent;
}
