/* scripts.h -- a request of each kind that the site knows, and of some that nobody should send. */
#ifndef SCRIPTS_H
#define SCRIPTS_H
#include "http/visit.h"

struct script {
	const char *name, *request;
};

#define CHUNKS "5\r\nhello\r\n5;x=y\r\nworld\r\n0\r\nX-Sum: 1\r\n\r\n"

static const struct script scripts[] = {
	{ "plain", HELLO },
	{ "pipeline", HELLO "GET /later HTTP/1.1\r\nHost: a\r\n\r\n" HELLO },
	{ "later", "GET /later HTTP/1.1\r\nHost: a\r\n\r\n" },
	{ "until gone", "GET /until-gone HTTP/1.1\r\nHost: a\r\n\r\n" },
	{ "never", "GET /never HTTP/1.1\r\nHost: a\r\n\r\n" },
	{ "504", "GET /deadline HTTP/1.1\r\nHost: a\r\n\r\n" },
	{ "forgotten", "GET /forgets HTTP/1.1\r\nHost: a\r\n\r\n" },
	{ "dropped", "GET /drops HTTP/1.1\r\nHost: a\r\n\r\n" },
	{ "twice", "GET /twice HTTP/1.1\r\nHost: a\r\n\r\n" },
	{ "two pieces", "GET /two HTTP/1.1\r\nHost: a\r\n\r\n" HELLO },
	{ "cut in between", "GET /cut HTTP/1.1\r\nHost: a\r\n\r\n" },
	{ "too long", "GET /length?set=3&write=6 HTTP/1.1\r\nHost: a\r\n\r\n" },
	{ "informed", "GET /inform HTTP/1.1\r\nHost: a\r\n\r\n" },
	{ "many pieces", "GET /bytes?n=9000 HTTP/1.1\r\nHost: a\r\n\r\n" },
	{ "body", "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhelloworld" HELLO },
	{ "chunks", "POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" CHUNKS },
	{ "sips", "POST /sip HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" CHUNKS },
	{ "stream",
	  "POST /stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" CHUNKS },
	{ "early", "POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhelloworld" },
	{ "unread", "POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhelloworld" },
	{ "held", "POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhelloworld" },
	{ "too large", "POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world" },
	{ "expects", "POST /sink HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: "
		     "5\r\n\r\nhello" },
	{ "upgrade",
	  "GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhello" },
	{ "refused", "GET / HTTP/1.1\r\nHost : a\r\n\r\n" HELLO },
};

#define SCRIPTS (sizeof(scripts) / sizeof(scripts[0]))
#endif
