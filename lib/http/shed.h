/* shed.h -- whether a server takes one more request, for the files of this floor. See ouro/shed.h.
 *
 * The question that each request asks is one comparison: of the requests that were taken with
 * `room_until`. That is requests_max while all is well; and 0 when shed.c must be asked, because it
 * sheds, or because nobody has asked for a while and nothing was looked at. */
#ifndef OURO__SHED_H
#define OURO__SHED_H
#include "http/core.h"
#include "ouro/shed.h"

/* What may be at its mark. */
enum shed_over { SHED_REQUESTS = 1, SHED_LAG = 2, SHED_POOL = 4, SHED_DEPTHS = 8 };

struct shed {
	uint32_t taken;      /* and not answered */
	uint32_t room_until; /* with fewer another one is taken without a question */
	struct ouro_server *server;
	ouro_shed_opts opts; /* every default filled in */
	unsigned over;   /* enum shed_over, of those that are not below their lower mark again */
	bool told;       /* of the user's: he knows that it sheds */
	ouro_timer look; /* {0}: nobody asks */
	uint64_t looked, due;  /* when it was looked last, and will be */
	uint64_t waits;        /* ouro__lag_waits() then */
	uint64_t shed, served; /* figures then: has anybody asked since? */
	uint64_t shed_before;  /* figures.shed, when it began */
	ouro_shed_state figures;
	struct flush tell;
	struct answer_field retry_after;
	char seconds[12];
};

/* What makes no sense about them, in words; NULL: nothing. */
const char *ouro__shed_wrong(const ouro_shed_opts *opts);

/* For the server's opts.shed. 0 or -ENOMEM. */
int ouro__shed_open(struct ouro_server *server);
void ouro__shed_free(struct shed *shed); /* NULL: nothing */

/* There is something to be decided: is the next one taken? */
bool ouro__shed_decide(struct shed *shed);

/* 503, and when to come back. */
void ouro__shed_answer(ouro_req *req);

/* Is this one taken? Then it is counted until shed_leave(). */
static inline bool shed_takes(struct shed *shed, ouro_req *req)
{
	if (req->match.route && req->match.route->no_shed)
		return true;
	if (shed->taken >= shed->room_until && !ouro__shed_decide(shed))
		return false;
	shed->taken++;
	req->taken = true;
	return true;
}

/* It is answered, or lost, or goes on for ever. Harmless for one that was not taken. */
static inline void shed_leave(ouro_req *req)
{
	if (!req->taken)
		return;
	req->taken = false;
	req->server->shed->taken--;
}
#endif
