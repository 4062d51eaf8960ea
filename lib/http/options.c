/* options.c -- a server's options: defaults, and what makes no sense. See ouro/http.h. */
#include "base/log.h"
#include "http/serve.h"
#include "http/shed.h"
#include <errno.h>

/* A field and its default. */
#define SERVER_DEFAULTS(X)          \
	X(body_max, 1 << 20)        \
	X(idle_ms, 75000)           \
	X(head_ms, 10000)           \
	X(body_ms, 20000)           \
	X(body_rate, 500)           \
	X(write_ms, 30000)          \
	X(request_ms, OURO_NEVER)   \
	X(answer_ms, OURO_NEVER)    \
	X(linger_ms, 5000)          \
	X(head_max, 16384)          \
	X(fields_max, PARSE_FIELDS) \
	X(unread_max, 256 << 10)    \
	X(high, 64 << 10)           \
	X(pipeline_max, 64)

/* Unless the whole head may not be as long. */
#define TARGET_MAX 8192

static void fill_in(ouro_http_opts *opts)
{
#define X(name, value)   \
	if (!opts->name) \
		opts->name = (value);
	SERVER_DEFAULTS(X)
#undef X
	if (!opts->target_max)
		opts->target_max = opts->head_max < TARGET_MAX ? opts->head_max : TARGET_MAX;
	if (opts->body_max == OURO_NEVER)
		opts->body_max = SIZE_MAX;
	if (opts->unread_max == OURO_NEVER)
		opts->unread_max = SIZE_MAX;
	if (opts->pipeline_max > UINT16_MAX)
		opts->pipeline_max = UINT16_MAX;
}

/* Refuses in words. */
static int check(ouro_loop *loop, const ouro_http_opts *opts)
{
	const char *wrong = NULL;

	if (opts->head_max > UINT16_MAX)
		wrong = "head_max is more than 65535";
	else if (opts->fields_max > PARSE_FIELDS)
		wrong = "fields_max is more than 100";
	else if (opts->target_max > opts->head_max)
		wrong = "target_max is more than head_max";
	else if (opts->shed)
		wrong = ouro__shed_wrong(opts->shed);
	if (wrong)
		ouro__log(&loop->log, OURO_LOG_ERROR, "ouro_http_listen: %s", wrong);
	return wrong ? -EINVAL : 0;
}

int ouro__server_options(ouro_loop *loop, ouro_http_opts *opts)
{
	fill_in(opts);
	return check(loop, opts);
}
