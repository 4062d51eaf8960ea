/* health.c -- alive, and ready. See ouro/health.h.
 *
 * What they say is read when they are asked, from where it is true already: nothing is kept here
 * that could be forgotten to be changed. */
#include "ouro/health.h"
#include "http/server.h"
#include "ouro/shed.h"
#include <stdio.h>

#define WORDS_MAX 200 /* of a user's, in the answer */

/* ---- The answer ---- */

static bool wants_json(const ouro_req *req)
{
	ouro_str accept = ouro_req_header(req, "Accept");

	return accept.ptr && strstr(accept.ptr, "application/json");
}

/* As the inside of a string in JSON; cut before a character that does not fit. */
static void write_json(char *to, const char *words)
{
	char *end = to + WORDS_MAX;

	for (; *words && end - to > 12; words++) {
		unsigned char c = (unsigned char)*words;

		if (c < ' ')
			to += sprintf(to, "\\u%04x", c);
		else if (c == '"' || c == '\\')
			to += sprintf(to, "\\%c", c);
		else
			*to++ = *words;
	}
	while (*words && ((unsigned char)*words & 0xc0) == 0x80 && end - to > 1)
		*to++ = *words++;
	*to = 0;
}

static void answer_json(ouro_req *req, int status, const char *what, const char *why_not)
{
	char why[WORDS_MAX] = "";

	if (why_not)
		write_json(why, why_not);
	if (why_not)
		(void)ouro_req_replyf(req, status, "application/json",
				      "{\"%s\":false,\"why\":\"%s\"}\n", what, why);
	else
		(void)ouro_req_replyf(req, status, "application/json", "{\"%s\":true}\n", what);
}

static void answer(ouro_req *req, const char *what, const char *why_not)
{
	int status = why_not ? 503 : 200;

	(void)ouro_req_set(req, "Cache-Control", ouro_str_z("no-store"));
	if (wants_json(req))
		answer_json(req, status, what, why_not);
	else if (why_not)
		(void)ouro_req_replyf(req, status, "text/plain; charset=utf-8", "not %s: %s\n",
				      what, why_not);
	else
		(void)ouro_req_replyf(req, status, "text/plain; charset=utf-8", "%s\n", what);
}

/* ---- What is asked ---- */

static const char *ending(ouro_loop *loop)
{
	return ouro__servers_any(loop, ouro_server_is_ending) ? "ending" : NULL;
}

void ouro_health_live(ouro_req *req, void *arg)
{
	(void)arg;
	answer(req, "alive", NULL);
}

void ouro_health_ready(ouro_req *req, void *arg)
{
	(void)arg;
	answer(req, "ready", ending(ouro_req_loop(req)));
}

void ouro_health_check(ouro_req *req, void *arg)
{
	const ouro_health *health = arg;
	ouro_loop *loop = ouro_req_loop(req);
	const char *why_not = ending(loop);

	if (!why_not && health->why_not)
		why_not = health->why_not(loop, health->arg);
	if (!why_not && health->shedding && ouro__servers_any(loop, ouro_server_is_shedding))
		why_not = "overloaded";
	answer(req, "ready", why_not);
}
