/* inspect.c -- the functions that stand before libev's, and the guest in the program's loop.
 *
 * OURO_INSPECT says where to listen: "127.0.0.1:7777", "[::1]:7777", "/run/x.sock", or "@name", a
 * Unix socket without a file. Nothing else: who reads the page learns a lot. "%p" is the number of
 * the process, for programs that fork workers; without it the first one to run a loop has the
 * address. Whatever is wrong with it, the program goes on as it would without us. */
#include "inspect.h"
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHOWN __attribute__((visibility("default")))

/* ---- libev's own ---- */

#define WATCHER_CALLS(X)                                                                           \
	X(io_start, ev_io, io)                                                                     \
	X(io_stop, ev_io, io)                                                                      \
	X(timer_start, ev_timer, timer)                                                            \
	X(timer_stop, ev_timer, timer)                                                             \
	X(timer_again, ev_timer, timer) X(periodic_again, ev_periodic, periodic) X(                \
		periodic_start, ev_periodic, periodic) X(periodic_stop, ev_periodic, periodic)     \
		X(signal_start, ev_signal, signal) X(signal_stop, ev_signal, signal) X(            \
			child_start, ev_child, child) X(child_stop, ev_child, child)               \
			X(stat_start, ev_stat, stat) X(stat_stop, ev_stat, stat) X(idle_start,     \
										   ev_idle, idle)  \
				X(idle_stop, ev_idle, idle) X(prepare_start, ev_prepare, prepare)  \
					X(prepare_stop, ev_prepare, prepare)                       \
						X(check_start, ev_check, check) X(check_stop,      \
										  ev_check, check) \
							X(async_start, ev_async, async)            \
								X(async_stop, ev_async, async)

/* What ouro needs besides, and the program does not get from us. */
#define PASSED_ON(X)                                                             \
	X(fork_start, (struct ev_loop * l, ev_fork * w), (l, w))                 \
	X(cleanup_start, (struct ev_loop * l, ev_cleanup * w), (l, w))           \
	X(cleanup_stop, (struct ev_loop * l, ev_cleanup * w), (l, w))            \
	X(embed_start, (struct ev_loop * l, ev_embed * w), (l, w))               \
	X(embed_stop, (struct ev_loop * l, ev_embed * w), (l, w))                \
	X(feed_event, (struct ev_loop * l, void *w, int events), (l, w, events)) \
	X(loop_fork, (struct ev_loop * l), (l))                                  \
	X(ref, (struct ev_loop * l), (l))                                        \
	X(unref, (struct ev_loop * l), (l))

static struct {
#define POINTER(call, type, kind) void (*call)(struct ev_loop *, type *);
	WATCHER_CALLS(POINTER)
#undef POINTER
#define POINTER(call, args, names) void(*call) args;
	PASSED_ON(POINTER)
#undef POINTER
	int (*run)(struct ev_loop *, int);
	void (*loop_destroy)(struct ev_loop *);
	struct ev_loop *(*loop_new)(unsigned);
	unsigned (*backend)(struct ev_loop *);
	unsigned (*iteration)(struct ev_loop *);
	int (*clear_pending)(struct ev_loop *, void *);
} real;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *address; /* NULL: nobody wants to know */

_Thread_local bool inspect_libev_works;
bool inspect_has_forked;

static void is_child(void)
{
	inspect_has_forked = true;
}

static void find(void *library, const char *name, void *ret_fn)
{
	void *fn = dlsym(library, name);

	if (!fn) {
		fprintf(stderr, "libouro-inspect: this libev has no %s\n", name);
		abort();
	}
	memcpy(ret_fn, &fn, sizeof(fn));
}

/* It is there, as somebody calls it; perhaps where only the one who calls it can see it. */
static void learn(void)
{
	void *library = dlopen("libev.so.4", RTLD_LAZY | RTLD_NOLOAD);

	library = library ? library : RTLD_NEXT;
	address = getenv("OURO_INSPECT");
	if (address)
		pthread_atfork(NULL, NULL, is_child);
#define FIND(call, b, c) find(library, "ev_" #call, &real.call);
	WATCHER_CALLS(FIND)
	PASSED_ON(FIND)
	FIND(run, , )
	FIND(loop_destroy, , )
	FIND(loop_new, , )
	FIND(backend, , )
	FIND(iteration, , )
	FIND(clear_pending, , )
}

/* ---- What ouro calls ---- */

#define PASS_ON(call, args, names)          \
	void ev_##call args                 \
	{                                   \
		pthread_once(&once, learn); \
		real.call names;            \
	}
PASSED_ON(PASS_ON)

struct ev_loop *ev_loop_new(unsigned flags)
{
	pthread_once(&once, learn);
	return real.loop_new(flags);
}

unsigned ev_backend(struct ev_loop *loop)
{
	return real.backend(loop);
}

/* ---- The guest ---- */

static struct {
	pid_t pid; /* of the process that has one, or has tried */
	struct ev_loop *host;
	ouro_loop *guest;
	char path[108]; /* of its socket; "": no file */
	ev_prepare before_poll;
	ev_check after_poll;
	uint64_t awake;
	unsigned turns; /* of the loop when we came */
} state;
static pthread_mutex_t state_lock = PTHREAD_MUTEX_INITIALIZER;

static void on_awake(struct ev_loop *loop, ev_check *w, int events)
{
	(void)loop, (void)w, (void)events;
	state.awake = inspect_now();
}

static void on_asleep(struct ev_loop *loop, ev_prepare *w, int events)
{
	(void)loop, (void)w, (void)events;
	if (state.awake)
		inspect_pass(inspect_now() - state.awake);
	state.awake = 0;
}

static void show_json(ouro_req *req, void *arg)
{
	(void)arg;
	inspect_json(req, real.iteration(state.host) - state.turns);
}

static const ouro_route routes[] = {
	{ .method = "GET", .path = "/", .fn = inspect_page },
	{ .method = "GET", .path = "/json", .fn = show_json },
	{ .path = NULL },
};

/* OURO_INSPECT with the number of this process. False: it is too long. */
static bool spell(char *text, size_t size)
{
	const char *percent = strstr(address, "%p");
	int n = percent ? snprintf(text, size, "%.*s%d%s", (int)(percent - address), address,
				   (int)getpid(), percent + 2)
			: snprintf(text, size, "%s", address);

	return n > 0 && (size_t)n < size;
}

/* "127.0.0.1:7777", "[::1]:7777", a path or "@name"; and of this machine alone. */
static bool read_address(const char *text, ouro_addr *ret_addr)
{
	const char *colon = strrchr(text, ':');
	uint64_t port = colon ? ouro_str_u64(ouro_str_z(colon + 1), UINT64_MAX) : UINT64_MAX;
	char host[64];

	if (*text == '/' || *text == '@')
		return ouro_addr_unix(text, ret_addr) == 0;
	if (port > UINT16_MAX || colon - text >= (int)sizeof(host))
		return false;
	snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
	if (strcmp(host, "[::1]") && strncmp(host, "127.", 4))
		return false;
	if (*host == '[')
		strcpy(host, "::1");
	return ouro_addr_parse(host, (uint16_t)port, ret_addr) == 0;
}

static int open_socket(const ouro_addr *addr)
{
	return socket(addr->sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* The file of a socket, and nobody listens at it any more. */
static bool is_left_over(const char *path, const ouro_addr *addr)
{
	int fd = open_socket(addr);
	bool dead = fd >= 0 && connect(fd, &addr->sa.any, addr->len) && errno == ECONNREFUSED;
	struct stat file;

	close(fd);
	return dead && !lstat(path, &file) && S_ISSOCK(file.st_mode);
}

/* Our own, and not the server's: after a fork the file is still the parent's. */
static int listen_at(const ouro_addr *addr, const char *path)
{
	int fd = open_socket(addr), on = 1, err;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	err = bind(fd, &addr->sa.any, addr->len);
	if (err && errno == EADDRINUSE && *path == '/' && is_left_over(path, addr) && !unlink(path))
		err = bind(fd, &addr->sa.any, addr->len);
	if (!err && *path == '/') {
		snprintf(state.path, sizeof(state.path), "%s", path);
		err = chmod(path, 0600);
	}
	if (!err && !listen(fd, 16))
		return fd;
	close(fd);
	return -1;
}

/* After a fork: what we inherited is of the parent's loop. */
static void forget_parent(void)
{
	if (state.guest && ouro_loop_after_fork(state.guest) == 0)
		ouro_loop_free(state.guest);
	state.guest = NULL;
	state.path[0] = 0;
}

static void serve(int fd)
{
	ouro_http_opts what = { .fd = fd, .routes = routes };

	state.guest = ouro_loop_new(
		&(ouro_loop_opts){ .ev = state.host, .lag_ms = OURO_NEVER, .pool_threads = 1 });
	if (!state.guest || ouro_http_listen(state.guest, &what, NULL)) {
		ouro_loop_free(state.guest);
		state.guest = NULL;
		close(fd);
		return;
	}
	ouro_loop_stop(state.guest, 0); /* the program's ev_run() ends as it would without us */
}

/* First after the poll and last before it, and neither counts. */
static void time_passes(void)
{
	ev_prepare_init(&state.before_poll, on_asleep);
	ev_set_priority(&state.before_poll, EV_MINPRI);
	ev_check_init(&state.after_poll, on_awake);
	ev_set_priority(&state.after_poll, EV_MAXPRI);
	real.prepare_start(state.host, &state.before_poll);
	real.check_start(state.host, &state.after_poll);
	real.unref(state.host);
	real.unref(state.host);
}

static void attach(struct ev_loop *host)
{
	char path[108];
	ouro_addr addr;
	int fd = -1;

	forget_parent();
	if (spell(path, sizeof(path)) && read_address(path, &addr))
		fd = listen_at(&addr, path);
	if (fd < 0)
		return;
	state.host = host;
	state.turns = real.iteration(host);
	inspect_begin();
	serve(fd);
	if (state.guest && !ev_is_active(&state.before_poll))
		time_passes();
}

/* In each process: for the first loop that it runs. */
static void attach_once(struct ev_loop *host)
{
	pthread_mutex_lock(&state_lock);
	if (address && state.pid != getpid()) {
		state.pid = getpid();
		attach(host);
	}
	pthread_mutex_unlock(&state_lock);
}

/* A callback of the program's has forked, and its child goes on with the loop. */
void inspect_child_goes_on(struct ev_loop *loop)
{
	inspect_has_forked = false;
	if (loop == state.host)
		attach_once(loop);
}

/* The program's loop goes, or the program. */
static void detach(void)
{
	if (state.path[0])
		unlink(state.path);
	state.path[0] = 0;
	if (!state.guest)
		return;
	real.ref(state.host);
	real.ref(state.host);
	real.prepare_stop(state.host, &state.before_poll);
	real.check_stop(state.host, &state.after_poll);
	ouro_loop_free(state.guest);
	state.guest = NULL;
}

__attribute__((destructor)) static void leave_no_file(void)
{
	if (state.pid == getpid() && state.path[0])
		unlink(state.path);
}

/* ---- What the program calls ---- */

SHOWN int ev_run(struct ev_loop *loop, int flags)
{
	bool worked = inspect_libev_works;
	int left;

	pthread_once(&once, learn);
	attach_once(loop);
	inspect_libev_works = true;
	left = real.run(loop, flags);
	inspect_libev_works = worked;
	return left;
}

SHOWN void ev_loop_destroy(struct ev_loop *loop)
{
	pthread_once(&once, learn);
	if (loop == state.host && state.pid == getpid())
		detach();
	real.loop_destroy(loop);
}

/* A timer that has run out and will not be called after all gets its own callback back. */
SHOWN int ev_clear_pending(struct ev_loop *loop, void *watcher)
{
	int events;

	pthread_once(&once, learn);
	events = real.clear_pending(loop, watcher);
	if (address && !ev_is_active((ev_watcher *)watcher))
		inspect_restore(watcher);
	return events;
}

#define STAND_BEFORE(call, type, kind)                                         \
	SHOWN void ev_##call(struct ev_loop *loop, type *w)                    \
	{                                                                      \
		pthread_once(&once, learn);                                    \
		if (address)                                                   \
			inspect_before(w);                                     \
		real.call(loop, w);                                            \
		if (address)                                                   \
			inspect_after(w, INSPECT_##kind, inspect_libev_works); \
	}
WATCHER_CALLS(STAND_BEFORE)
