/* question.c -- the table of questions, by name. See question.h.
 *
 * A chain is walked to its end: with 64 of them and 256 names kept that is four at a time, and
 * whoever has thousands of names under way has other things to wait for. What is too old to be used
 * is found out when somebody asks for it, or pushed out by newer ones. */
#include "offload/question.h"
#include "base/alloc.h"
#include "ouro/str.h"
#include <errno.h>

struct question *ouro__question_new(const char *name, int family, int flags)
{
	size_t len = strnlen(name, NAME_MOST + 1);
	struct question *question = ouro__alloc(sizeof(*question) + len + 1);

	if (!question)
		return NULL;
	atomic_init(&question->holders, 1);
	list_init(&question->link);
	list_init(&question->age);
	list_init(&question->askers);
	question->family = family;
	question->flags = flags;
	memcpy(question->name, name, len);
	return question;
}

struct question *ouro__question_hold(struct question *question)
{
	atomic_fetch_add_explicit(&question->holders, 1, memory_order_relaxed);
	return question;
}

void ouro__question_drop(struct question *question)
{
	if (!question || atomic_fetch_sub(&question->holders, 1) > 1)
		return;
	ouro__free(question->answer);
	ouro__free(question);
}

/* The table. */

static const char names_kind;

static void end(struct attachment *attachment)
{
	struct names *names = list_of(attachment, struct names, attachment);

	ouro__names_keep(names, 0);
	ouro__free(names);
}

static struct names *names_new(struct ouro_loop *loop)
{
	struct names *names = ouro__alloc(sizeof(*names));

	if (!names)
		return NULL;
	names->loop = loop;
	for (int i = 0; i < NAME_BUCKETS; i++)
		list_init(&names->bucket[i]);
	list_init(&names->kept);
	names->attachment.kind = &names_kind;
	names->attachment.end = end;
	list_push(&loop->attachments, &names->attachment.link);
	return names;
}

struct names *ouro__names_of(struct ouro_loop *loop)
{
	struct attachment *attachment = ouro__loop_attached(loop, &names_kind);

	return attachment ? list_of(attachment, struct names, attachment) : names_new(loop);
}

/* FNV-1a over the letters without what makes ASCII's large or small. */
static struct list *bucket_of(struct names *names, const char *name)
{
	uint32_t hash = 2166136261u;

	for (const char *at = name; *at; at++)
		hash = (hash ^ ((unsigned char)*at | 0x20)) * 16777619u;
	return &names->bucket[hash % NAME_BUCKETS];
}

static bool is_same(const struct question *question, const char *name, int family, int flags)
{
	return question->family == family && question->flags == flags &&
	       ouro_str_caseeq(ouro_str_z(question->name), name);
}

static bool is_stale(const struct names *names, const struct question *question)
{
	return question->answered && ouro_loop_now(names->loop) - question->since >= names->keep_ns;
}

struct question *ouro__names_find(struct names *names, const char *name, int family, int flags)
{
	struct list *bucket = bucket_of(names, name);

	list_each (at, bucket) {
		struct question *question = list_of(at, struct question, link);

		if (!is_same(question, name, family, flags))
			continue;
		if (!is_stale(names, question))
			return question;
		ouro__names_unlist(question);
		break;
	}
	return NULL;
}

void ouro__names_list(struct names *names, struct question *question)
{
	question->names = names;
	list_push(bucket_of(names, question->name), &question->link);
}

void ouro__names_unlist(struct question *question)
{
	struct names *names = question->names;
	bool kept = !list_empty(&question->age);

	list_remove(&question->link);
	list_remove(&question->age);
	question->names = NULL;
	if (kept) {
		names->kept_count--;
		ouro__question_drop(question);
	}
}

/* One that was unlisted while it ran is nobody's to keep. */
void ouro__names_settle(struct question *question)
{
	struct names *names = question->names;

	if (!names)
		return;
	if (question->err < 0 || !names->keep_ns) {
		ouro__names_unlist(question);
		return;
	}
	question->since = ouro_loop_now(names->loop);
	list_push(&names->kept, &ouro__question_hold(question)->age);
	if (++names->kept_count > NAMES_KEPT)
		ouro__names_unlist(list_of(names->kept.next, struct question, age));
}

void ouro__names_keep(struct names *names, uint64_t ns)
{
	names->keep_ns = ns;
	while (!ns && names->kept_count)
		ouro__names_unlist(list_of(names->kept.next, struct question, age));
}
