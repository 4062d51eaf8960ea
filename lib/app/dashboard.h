/* dashboard.h -- what the files of the dashboard share: see ouro/dashboard.h.
 *
 *     dashboard.c         the handle, its viewers, its answers
 *     dashboard_listen.c  an address of its own
 *     dashboard_page.c    the page, as it lies in dashboard/
 *     dashboard_lanes.c   what the runners of crews did lately
 *     dashboard_state.c   what the loop is at, as JSON */
#ifndef OURO__DASHBOARD_H
#define OURO__DASHBOARD_H
#include "base/list.h"
#include "loop/handle.h"
#include "ouro/dashboard.h"
#include "ouro/timer.h"
#include <sys/types.h>

#define LANES      32 /* runners, of all crews; more are not shown */
#define LANE_BOXES 32 /* of each, the newest */

struct lane_box {
	char job[24];
	uint64_t began, ended; /* in the loop's time; ended 0: it runs */
	bool failed;
};

struct lane {
	pid_t id;
	uint64_t starts;
	unsigned count; /* of boxes so far */
	struct lane_box box[LANE_BOXES];
};

struct ouro_dashboard {
	struct handle base;
	char *title;
	unsigned period_ms, viewers_max, count;
	struct list viewers;
	ouro_timer timer; /* {0}: nobody looks */
	uint64_t began;
	uint64_t shown;      /* when the last picture was sent */
	uint64_t resident;   /* bytes of memory that the process held */
	uint64_t weighed;    /* then; 0: never */
	struct lane *lanes;  /* LANES of them */
	ouro_buf *text;      /* of the last picture; used again for the next */
	ouro_server *server; /* NULL: it is among others' routes */
};

/* The page's files, by name; absent: there is no such one. Borrowed for ever. */
ouro_str ouro__dashboard_file(ouro_str name, const char **ret_type);

/* Looks at every runner of every crew. */
void ouro__dashboard_look(ouro_dashboard *dashboard);

/* Writes what the loop is at, as one line of JSON. 0 or -ENOMEM. */
int ouro__dashboard_state(const ouro_dashboard *dashboard, ouro_buf *out);
#endif
