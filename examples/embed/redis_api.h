/* redis_api.h -- the few functions of Redis 7 that redis.c needs. Debian packages no header for
 * modules, and none is needed: a module finds each function by its name, through a pointer that
 * lies first in the context that Redis hands it. */
#ifndef REDIS_API_H
#define REDIS_API_H
#include <stddef.h>

typedef struct redis_ctx redis_ctx;
typedef struct redis_string redis_string;
typedef struct redis_reply redis_reply;
typedef void redis_ready_fn(int fd, void *arg, int mask);

enum { REDIS_OK, REDIS_ERR };
enum { REDIS_READABLE = 1 };
enum { REDIS_REPLY_STRING, REDIS_REPLY_ERROR, REDIS_REPLY_INTEGER, REDIS_REPLY_ARRAY };

#define REDIS_API(X)                                                                         \
	X(void, SetModuleAttribs, (redis_ctx * ctx, const char *name, int ver, int api))     \
	X(redis_ctx *, GetDetachedThreadSafeContext, (redis_ctx * ctx))                      \
	X(void, FreeThreadSafeContext, (redis_ctx * ctx))                                    \
	X(void, Log, (redis_ctx * ctx, const char *level, const char *fmt, ...))             \
	X(int, EventLoopAdd, (int fd, int mask, redis_ready_fn *fn, void *arg))              \
	X(int, EventLoopDel, (int fd, int mask))                                             \
	X(const char *, StringPtrLen, (const redis_string *string, size_t *len))             \
	X(redis_reply *, Call, (redis_ctx * ctx, const char *command, const char *fmt, ...)) \
	X(int, CallReplyType, (redis_reply * reply))                                         \
	X(long long, CallReplyInteger, (redis_reply * reply))                                \
	X(const char *, CallReplyStringPtr, (redis_reply * reply, size_t * len))             \
	X(void, FreeCallReply, (redis_reply * reply))

#define REDIS_POINTER(type, name, args) static type(*redis_##name) args;
REDIS_API(REDIS_POINTER)

/* What Redis calls, by these names. */
int RedisModule_OnLoad(redis_ctx *ctx, redis_string **argv, int argc);
int RedisModule_OnUnload(redis_ctx *ctx);

/* REDIS_ERR: this Redis is older than 7. */
static inline int redis_find_api(redis_ctx *ctx)
{
	int (*find)(const char *name, void *ret_fn) = *(int (**)(const char *, void *))(void *)ctx;

#define REDIS_FIND(type, name, args)                               \
	if (find("RedisModule_" #name, &redis_##name) != REDIS_OK) \
		return REDIS_ERR;
	REDIS_API(REDIS_FIND)
	return REDIS_OK;
}
#endif
