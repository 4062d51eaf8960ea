/* dns.c -- names to addresses and back. See ouro/dns.h.
 *
 * A lookup is two operations. The asker's own waits, parked, and can be cancelled and timed out at
 * any time, since nobody works at it. The question's is hidden: it runs getaddrinfo() on the pool,
 * and its done() answers everybody who waits. So a hundred lookups of one name hold one thread, and
 * a lookup whose thread hangs can still be given up.
 *
 *     a literal, or kept    submitted with its answer
 *     else                  joins the question's askers; makes the question if there is none
 *     question is done      its askers are answered, in order
 *     cancelled, too late   leaves the question; the last to leave gives it up
 *
 * To give up a question that runs is to let its time be over: the pool counts its thread as stuck,
 * puts another in its place, and no longer waits for it, not even when the loop ends. */
#include "ouro/dns.h"
#include "base/alloc.h"
#include "offload/op.h"
#include "offload/question.h"
#include <errno.h>
#include <netdb.h>

#define KNOWN_FLAGS (AI_ADDRCONFIG | AI_V4MAPPED | AI_ALL)

/* What is in an asker's operation. */
struct asker {
	struct list link; /* among its question's; alone: has left, or was answered at once */
	struct question *question;
	enum ouro_dns_order order;
	uint16_t port;
};

_Static_assert(sizeof(struct asker) <= OP_ROOM, "an asker fits its operation");

static struct asker *asker_of(struct op *op)
{
	return (struct asker *)(void *)op->room;
}

/* The question, on the pool. */

static int question_work(struct op *op)
{
	struct question *question = op->arg;

	return ouro__answer_ask(question->name, question->family, question->flags,
				&question->answer);
}

static void question_done(struct op *op, int err)
{
	struct question *question = op->arg;
	struct list *link;

	question->answered = true;
	question->err = err;
	ouro__names_settle(question);
	while ((link = list_shift(&question->askers)))
		ouro__op_answer(list_of(link, struct op, room), err);
}

static void question_release(struct op *op)
{
	ouro__question_drop(op->arg);
}

static const struct op_kind question_kind = {
	.call = "getaddrinfo",
	.lane = OURO_LANE_NAMES,
	.work = question_work,
	.done = question_done,
	.release = question_release,
};

static void give_up(ouro_loop *loop, struct question *question)
{
	ouro__names_unlist(question);
	if (!ouro_op_cancel(loop, question->op))
		ouro_op_timeout(loop, question->op, 0);
}

/* The asker. */

static void leave(ouro_loop *loop, struct asker *asker)
{
	if (list_empty(&asker->link))
		return;
	list_remove(&asker->link);
	if (list_empty(&asker->question->askers))
		give_up(loop, asker->question);
}

static void lookup_done(struct op *op, int err)
{
	ouro_dns_fn *fn = (ouro_dns_fn *)(uintptr_t)op->fn;
	struct asker *asker = asker_of(op);
	struct answer *answer;

	leave(ouro__op_loop(op), asker);
	if (err < 0) { /* the thread may still be at it: the answer is not to be looked at */
		fn(err, NULL, 0, op->arg);
		return;
	}
	answer = asker->question->answer;
	fn(0, ouro__answer_view(answer, asker->order, asker->port), answer->count, op->arg);
}

static void lookup_release(struct op *op)
{
	ouro__question_drop(asker_of(op)->question);
}

static const struct op_kind lookup_kind = {
	.call = "getaddrinfo",
	.lane = OURO_LANE_NAMES,
	.done = lookup_done,
	.release = lookup_release,
};

/* Asking. */

static int check(const char *name, const ouro_dns_opts *opts)
{
	if (opts->family && opts->family != AF_INET && opts->family != AF_INET6)
		return OURO_EAI_FAMILY;
	if (opts->flags & ~KNOWN_FLAGS)
		return OURO_EAI_BADFLAGS;
	if ((unsigned)opts->order > OURO_DNS_V6_FIRST)
		return -EINVAL;
	return strnlen(name, NAME_MOST + 1) > NAME_MOST ? OURO_EAI_NONAME : 0;
}

static bool submit(ouro_loop *loop, struct names *names, struct question *question)
{
	struct op *op = ouro__op_new(loop, &question_kind, NULL, question);

	if (!op)
		return false;
	op->path = ouro__question_hold(question)->name;
	ouro__names_list(names, question);
	question->op = ouro__op_submit(op);
	return true;
}

/* The question that this lookup is, held: answered, or under way. NULL: no memory. */
static struct question *question_for(ouro_loop *loop, const char *name, const ouro_dns_opts *opts)
{
	struct names *names = ouro__names_of(loop);
	int err = check(name, opts);
	struct question *question;

	if (!names)
		return NULL;
	question = err ? NULL : ouro__names_find(names, name, opts->family, opts->flags);
	if (question)
		return ouro__question_hold(question);
	question = ouro__question_new(name, opts->family, opts->flags);
	if (!question)
		return NULL;
	if (!err)
		err = ouro__answer_at_once(name, opts->family, opts->flags, &question->answer);
	question->err = err;
	question->answered = err || question->answer;
	if (question->answered || submit(loop, names, question))
		return question;
	ouro__question_drop(question);
	return NULL;
}

static ouro_op wait_for_answer(ouro_loop *loop, struct op *op, unsigned timeout_ms)
{
	struct asker *asker = asker_of(op);
	ouro_op token;

	list_push(&asker->question->askers, &asker->link);
	token = ouro__op_park(op);
	if (timeout_ms && timeout_ms != OURO_NEVER && !ouro_op_timeout(loop, token, timeout_ms))
		ouro__op_answer(op, -ENOMEM);
	return token;
}

ouro_op ouro_dns_lookup(ouro_loop *loop, const char *name, const ouro_dns_opts *opts,
			ouro_dns_fn *fn, void *arg)
{
	static const ouro_dns_opts defaults;
	struct op *op = ouro__op_new(loop, &lookup_kind, CALL_FN(fn), arg);
	struct asker *asker;

	if (!op)
		return (ouro_op){ 0 };
	opts = opts ? opts : &defaults;
	asker = asker_of(op);
	list_init(&asker->link);
	asker->order = opts->order;
	asker->port = opts->port;
	asker->question = question_for(loop, name ? name : "", opts);
	if (!asker->question)
		return ouro__op_refuse(op);
	op->path = asker->question->name;
	op->err = asker->question->err;
	return asker->question->answered ? ouro__op_submit(op)
					 : wait_for_answer(loop, op, opts->timeout_ms);
}

int ouro_dns_keep(ouro_loop *loop, unsigned seconds)
{
	struct names *names = loop->ending ? NULL : ouro__names_of(loop);

	if (!names)
		return loop->ending ? OURO_ECLOSED : -ENOMEM;
	ouro__names_keep(names, seconds == OURO_NEVER ? UINT64_MAX : seconds * NS_PER_S);
	return 0;
}

/* The way back. */

/* Too large for an operation's room. */
struct reverse {
	ouro_addr addr;
	char text[OURO_ADDR_TEXT];
	char host[NI_MAXHOST];
	char service[NI_MAXSERV];
};

static struct reverse **reverse_of(struct op *op)
{
	return (struct reverse **)(void *)op->room;
}

static int reverse_work(struct op *op)
{
	struct reverse *reverse = *reverse_of(op);

	errno = 0;
	return ouro__eai(getnameinfo(&reverse->addr.sa.any, reverse->addr.len, reverse->host,
				     sizeof(reverse->host), reverse->service,
				     sizeof(reverse->service), 0));
}

static void reverse_done(struct op *op, int err)
{
	ouro_dns_name_fn *fn = (ouro_dns_name_fn *)(uintptr_t)op->fn;
	const struct reverse *reverse = *reverse_of(op);

	if (err < 0)
		fn(err, "", "", op->arg);
	else
		fn(0, reverse->host, reverse->service, op->arg);
}

static void reverse_release(struct op *op)
{
	ouro__free(*reverse_of(op));
}

static const struct op_kind reverse_kind = {
	.call = "getnameinfo",
	.lane = OURO_LANE_NAMES,
	.work = reverse_work,
	.done = reverse_done,
	.release = reverse_release,
};

ouro_op ouro_dns_reverse(ouro_loop *loop, const ouro_addr *addr, ouro_dns_name_fn *fn, void *arg)
{
	struct op *op = ouro__op_new(loop, &reverse_kind, CALL_FN(fn), arg);
	struct reverse *reverse;

	if (!op)
		return (ouro_op){ 0 };
	reverse = *reverse_of(op) = ouro__alloc(sizeof(*reverse));
	if (!reverse)
		return ouro__op_refuse(op);
	reverse->addr = *addr;
	op->path = ouro_addr_text(addr, reverse->text, sizeof(reverse->text));
	return ouro__op_submit(op);
}
