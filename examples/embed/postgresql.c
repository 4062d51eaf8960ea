/* postgresql.c -- inside PostgreSQL 15, as a background worker: HTTP to SQL to JSON.  ★★★
 *
 * A worker is a process of the server's with a wait of its own, for its latch and now for ouro too.
 * Between two waits it is PostgreSQL's, so queries run in place, by SPI, without a connection; one
 * that takes longer than a second is cancelled, as everybody else waits for it. An error of
 * PostgreSQL is a longjmp(): it must end in the handler, and never pass frames of ouro's. SIGTERM
 * (pg_ctl stop, pg_terminate_backend()) sees ouro out, with what is under way answered.
 *
 *     cc -shared -fPIC -o ouro.so postgresql.c -isystem $(pg_config --includedir-server) \
 *             $(pkg-config --cflags --libs ouro)
 *
 * Put it into `pg_config --pkglibdir`, say shared_preload_libraries = 'ouro' in postgresql.conf,
 * start the server, and `create role ouro login`: what that may read is shown.
 *
 *     curl http://127.0.0.1:8080/tables/pg_database */
#include <postgres.h>

#include "guest.h"
#include <access/xact.h>
#include <executor/spi.h>
#include <miscadmin.h>
#include <postmaster/bgworker.h>
#include <postmaster/interrupt.h>
#include <storage/ipc.h>
#include <storage/latch.h>
#include <utils/builtins.h>
#include <utils/guc.h>
#include <utils/memutils.h>
#include <utils/snapmgr.h>
#include <utils/timeout.h>
#include <utils/wait_event.h>

PG_MODULE_MAGIC;

static int port;
static char *database, *role;

/* PostgreSQL makes the JSON. It is there until the transaction ends. */
static char *query(const char *table)
{
	char *sql = psprintf("select coalesce(json_agg(t), '[]')::text "
			     "from (select * from %s limit 1000) t",
			     quote_identifier(table));

	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_execute(sql, true, 1);
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
}

static int status_of(int error)
{
	switch (error) {
	case ERRCODE_UNDEFINED_TABLE:
		return 404;
	case ERRCODE_INSUFFICIENT_PRIVILEGE:
		return 403;
	case ERRCODE_QUERY_CANCELED:
		return 503;
	default:
		return 500;
	}
}

static void get_table(ouro_req *req, void *arg)
{
	const char *table = ouro_req_param(req, "name").ptr;

	(void)arg;
	StartTransactionCommand();
	enable_timeout_after(STATEMENT_TIMEOUT, 1000);
	PG_TRY();
	{
		ouro_req_reply(req, 200, "application/json", ouro_str_z(query(table)));
		disable_timeout(STATEMENT_TIMEOUT, false);
		SPI_finish();
		PopActiveSnapshot();
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		int status = status_of(geterrcode());

		disable_timeout(STATEMENT_TIMEOUT, false);
		EmitErrorReport();
		FlushErrorState();
		AbortCurrentTransaction();
		ouro_req_status(req, status);
	}
	PG_END_TRY();
}

static const ouro_route routes[] = {
	{ .method = "GET", .path = "/tables/:name", .fn = get_table },
	{ .path = NULL },
};

/* ---- The glue ---- */

static bool left;

static void gone(struct guest *leaving)
{
	(void)leaving;
	left = true;
}

static void serve(struct guest *guest, int fd)
{
	WaitEventSet *set = CreateWaitEventSet(TopMemoryContext, 3);
	WaitEvent event;

	AddWaitEventToSet(set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	AddWaitEventToSet(set, WL_SOCKET_READABLE, fd, NULL, NULL);
	while (!left) {
		WaitEventSetWait(set, -1, &event, 1, PG_WAIT_EXTENSION);
		if (event.events & WL_SOCKET_READABLE)
			ouro_loop_turn(guest->loop);
		else
			ResetLatch(MyLatch);
		if (ShutdownRequestPending)
			guest_leave(guest);
		CHECK_FOR_INTERRUPTS();
	}
	FreeWaitEventSet(set);
}

/* ---- The worker, as PostgreSQL wants it ---- */

PGDLLEXPORT void ouro_background(Datum arg);
void ouro_background(Datum arg)
{
	struct guest guest = { .gone = gone };
	ouro_http_opts what = { .host = "127.0.0.1", .routes = routes, .arg = &guest };
	int fd;

	(void)arg;
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(database, role, 0);
	what.port = (uint16)port;
	fd = guest_open(&guest, NULL, &what);
	if (fd < 0)
		ereport(FATAL, errmsg("no HTTP at port %d: %s", port, ouro_strerror(fd)));
	ereport(LOG, errmsg("listening on %s", ouro_server_url(guest.server)));
	serve(&guest, fd);
	proc_exit(0);
}

PGDLLEXPORT void _PG_init(void);
void _PG_init(void)
{
	BackgroundWorker worker = {
		.bgw_name = "ouro",
		.bgw_type = "ouro",
		.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
		.bgw_start_time = BgWorkerStart_RecoveryFinished,
		.bgw_restart_time = 1, /* s; after a failure, no role "ouro" among them */
		.bgw_library_name = "ouro",
		.bgw_function_name = "ouro_background",
	};

	DefineCustomIntVariable("ouro.port", "Where it listens, at 127.0.0.1.", NULL, &port, 8080,
				0, 65535, PGC_POSTMASTER, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("ouro.database", "Whose tables it shows.", NULL, &database,
				   "postgres", PGC_POSTMASTER, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("ouro.role", "Who reads them.", NULL, &role, "ouro",
				   PGC_POSTMASTER, 0, NULL, NULL, NULL);
	RegisterBackgroundWorker(&worker);
}
