/* hush.h -- no SIGPIPE from what is written in between.
 *
 * Some calls that write have no flag against that signal, and what it does to the process is its
 * host's business. So it is held back from this thread for the length of the call, and taken away
 * when the call has raised it. */
#ifndef OURO__HUSH_H
#define OURO__HUSH_H
#include <signal.h>
#include <stdbool.h>

struct hush {
	sigset_t before;
	bool waits; /* one did already, and is not ours to take */
};

void ouro__hush_begin(struct hush *hush);

/* raised: it may have been. */
void ouro__hush_end(const struct hush *hush, bool raised);
#endif
