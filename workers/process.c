/* process.c -- the nursery, and the runners it forks. See process.h.
 *
 * It waits for three things at once: its pipe, the program that started it, and its children; each
 * is a descriptor. The program is watched beside the pipe, because a child that the program forks
 * for a purpose of its own may hold the pipe open for longer than the program lives. */
#include "workers/process.h"

#include "base/alloc.h"
#include "sys/fd.h"
#include "sys/limit.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <unistd.h>

struct child {
	struct proc proc;
	uint64_t life;
};

struct nursery {
	const struct host_plan *plan;
	struct board *boards;
	unsigned count;
	int fds[FRAME_ENDS]; /* of the pipe to the loop */
	int program;         /* readable: it has ended */

	struct frame_end end;
	struct child *children;
	struct pollfd *polls;
};

/* What it waits for; those of its children that live follow. */
enum { AWAIT_ORDERS, AWAIT_ROOM, AWAIT_PROGRAM, AWAIT_CHILDREN };

/* Shared memory. */

struct board *ouro__boards_new(unsigned count)
{
	void *boards = mmap(NULL, (size_t)count * BOARD_PAGE, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return boards == MAP_FAILED ? NULL : boards;
}

void ouro__boards_drop(struct board *boards, unsigned count)
{
	if (boards)
		munmap(boards, (size_t)count * BOARD_PAGE);
}

/* A runner. */

struct birth {
	const struct nursery *nursery;
	unsigned which;
	int fds[FRAME_ENDS];
	pid_t parent;
};

/* Its own board is all it has of them. */
static struct board *keep_board(const struct nursery *nursery, unsigned which)
{
	struct board *own = boards_nth(nursery->boards, which);
	struct board *next = boards_nth(nursery->boards, which + 1);

	if (which > 0)
		munmap(nursery->boards, (size_t)which * BOARD_PAGE);
	if (which + 1 < nursery->count)
		munmap(next, (size_t)(nursery->count - which - 1) * BOARD_PAGE);
	return own;
}

static int run(void *arg)
{
	const struct birth *birth = arg;
	const struct host_plan *plan = birth->nursery->plan;
	struct frame_end end;
	struct host host = { .plan = plan, .end = &end, .is_process = true };

	if (!ouro__proc_end_with(birth->parent))
		return 0;
	host.board = keep_board(birth->nursery, birth->which);
	ouro__frame_adopt(&end, birth->fds);
	if (!plan->cores)
		ouro__limit_no_core();
	if (ouro__frame_block(&end) || (plan->memory_max && ouro__limit_memory(plan->memory_max)))
		return 1;
	ouro__host_run(&host);
	return 0;
}

/* The nursery. */

static void tell(struct nursery *nursery, enum nursery_message kind, unsigned which,
		 const void *what, size_t n)
{
	struct frame frame = { .kind = (uint8_t)kind,
			       .value = (int32_t)which,
			       .id = nursery->children[which].life,
			       .bytes = ouro_str_n(what, n) };

	while (ouro__frame_send(&nursery->end, &frame, NULL) == -ENOMEM)
		poll(NULL, 0, 1);
	ouro__frame_flush(&nursery->end);
}

static void start(struct nursery *nursery, const struct frame *order)
{
	struct child *child = &nursery->children[order->value];
	struct birth birth = { .nursery = nursery,
			       .which = (unsigned)order->value,
			       .parent = getpid() };
	char name[16];
	int err = order->fd_count == FRAME_ENDS ? 0 : -EMFILE;

	memcpy(birth.fds, order->fd, sizeof(birth.fds));
	snprintf(name, sizeof(name), "ouro-%.6s-%u", nursery->plan->name, (birth.which + 1) % 1000);
	if (!err)
		err = ouro__proc_start(&child->proc, name, run, &birth, birth.fds, FRAME_ENDS);
	child->life = order->id;
	if (err)
		tell(nursery, NURSERY_REFUSED, birth.which, &err, sizeof(err));
	else
		tell(nursery, NURSERY_STARTED, birth.which, &child->proc.pid, sizeof(pid_t));
}

static void obey(struct nursery *nursery, const struct frame *order)
{
	struct child *child;

	if (order->value < 0 || (unsigned)order->value >= nursery->count)
		return;
	child = &nursery->children[order->value];
	if (order->kind == NURSERY_START)
		start(nursery, order);
	else if (child->life == order->id)
		ouro__proc_signal(&child->proc, SIGKILL);
}

/* False: it is to end. */
static bool take_orders(struct nursery *nursery)
{
	int got = ouro__frame_read(&nursery->end);
	struct frame order;
	bool is_end = false;

	while (!is_end && ouro__frame_next(&nursery->end, &order) > 0) {
		is_end = order.kind == NURSERY_END;
		if (!is_end)
			obey(nursery, &order);
		ouro__frame_release(&order);
	}
	if (is_end)
		return false;
	return got > 0 || got == -EAGAIN || got == -ENOMEM;
}

static void reap(struct nursery *nursery, unsigned which)
{
	struct proc_end end;

	if (ouro__proc_reap(&nursery->children[which].proc, &end))
		tell(nursery, NURSERY_ENDED, which, &end, sizeof(end));
}

/* How many there are. None without a descriptor: poll() refuses more than may be open, and so many
 * children there may never be. */
static nfds_t fill_polls(struct nursery *nursery)
{
	nfds_t n = AWAIT_CHILDREN;
	struct pollfd *polls = nursery->polls;
	bool unsent = frame_unsent(&nursery->end) > 0;

	polls[AWAIT_ORDERS] = (struct pollfd){ .fd = nursery->fds[0], .events = POLLIN };
	polls[AWAIT_ROOM] =
		(struct pollfd){ .fd = unsent ? nursery->fds[1] : -1, .events = POLLOUT };
	polls[AWAIT_PROGRAM] = (struct pollfd){ .fd = nursery->program, .events = POLLIN };
	for (unsigned i = 0; i < nursery->count; i++)
		if (nursery->children[i].proc.fd >= 0)
			polls[n++] = (struct pollfd){ .fd = nursery->children[i].proc.fd,
						      .events = POLLIN };
	return n;
}

/* Of those that were waited for. */
static void reap_all(struct nursery *nursery)
{
	const struct pollfd *next = &nursery->polls[AWAIT_CHILDREN];

	for (unsigned i = 0; i < nursery->count; i++)
		if (nursery->children[i].proc.fd >= 0 && next++->revents)
			reap(nursery, i);
}

/* Until it is to end; or cannot go on, since somebody has set a limit below what it has open. */
static void attend(struct nursery *nursery)
{
	bool go_on = true;

	while (go_on) {
		if (poll(nursery->polls, fill_polls(nursery), -1) < 0) {
			go_on = errno == EINTR || errno == ENOMEM;
			continue;
		}
		reap_all(nursery);
		if (nursery->polls[AWAIT_ROOM].revents)
			ouro__frame_flush(&nursery->end);
		if (nursery->polls[AWAIT_ORDERS].revents)
			go_on = take_orders(nursery);
		go_on &= !nursery->polls[AWAIT_PROGRAM].revents;
	}
}

static void end_children(struct nursery *nursery)
{
	for (unsigned i = 0; i < nursery->count; i++)
		ouro__proc_signal(&nursery->children[i].proc, SIGKILL);
	for (unsigned i = 0; i < nursery->count; i++)
		ouro__proc_wait(&nursery->children[i].proc, NULL);
}

/* Its memory goes with it. A crew that starts without the program that it is for ends at once. */
static int live(void *arg)
{
	struct nursery *nursery = arg;

	nursery->children = ouro__alloc(nursery->count * sizeof(*nursery->children));
	nursery->polls = ouro__alloc((nursery->count + AWAIT_CHILDREN) * sizeof(*nursery->polls));
	if (!nursery->children || !nursery->polls)
		return 1;
	for (unsigned i = 0; i < nursery->count; i++)
		nursery->children[i].proc.fd = -1;
	ouro__frame_adopt(&nursery->end, nursery->fds);
	attend(nursery);
	end_children(nursery);
	return 0;
}

int ouro__nursery_start(struct proc *ret_proc, const struct host_plan *plan, struct board *boards,
			unsigned count, struct frame_end *near)
{
	struct nursery nursery = { .plan = plan, .boards = boards, .count = count };
	int keep[FRAME_ENDS + 1];
	struct frame_end far;
	char name[16];
	int err = ouro__frame_pair(near, &far, FRAME_PROCESSES);

	if (err)
		return err;
	nursery.program = pidfd_open(getpid(), 0);
	if (nursery.program < 0)
		err = -errno;
	ouro__frame_descriptors(&far, nursery.fds);
	memcpy(keep, nursery.fds, sizeof(nursery.fds));
	keep[FRAME_ENDS] = nursery.program;
	snprintf(name, sizeof(name), "ouro-%.10s", plan->name);
	if (!err)
		err = ouro__proc_start(ret_proc, name, live, &nursery, keep, FRAME_ENDS + 1);
	ouro__fd_close(&nursery.program);
	ouro__frame_close(&far);
	if (err)
		ouro__frame_close(near);
	return err;
}
