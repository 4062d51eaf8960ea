/* ouro.h -- all of ouro in one include.
 *
 * THREADS   A loop, and everything made from it, belongs to the thread that turns it. Only
 *           ouro_loop_post(), ouro_wake_send(), and the readings ouro_loop_get_stats(),
 *           ouro_loop_worst(), ouro_loop_blame(), ouro_loop_folded() may be called from another.
 * NULL      Every _close and _free takes NULL. Every other pointer must be real unless its
 *           comment says "NULL:".
 * MEMORY    Arguments are copied or used before the call returns. Results are borrowed until the
 *           callback returns. A name that ends in _take or _static says otherwise.
 * LIFETIME  Handles are opaque and freed by the library, after their close callback. Tokens
 *           (ouro_timer, ouro_op, ouro_fetch, ouro_req_id) are plain values: using one after its
 *           time does nothing.
 * ERRORS    0 or more is good; below 0 is -errno or one of OURO_E*. A call that says no has done
 *           nothing and never calls back; after a yes (0, or a token) all else comes through the
 *           callback, never before the call has returned. While a loop is ending nothing new begins
 *           in it: OURO_ECLOSED, or for a token {0} with errno ECANCELED.
 * CALLBACKS May do anything: close their own handle or another that is ready too, stop the loop,
 *           free it. Object first, then facts, `arg` last. on_close gets the handle's arg; where a
 *           handle has none (feeds, static files, access logs, dashboards) it comes with one.
 * OPTIONS   NULL: all defaults. A 0 is the default of its field, OURO_NEVER lifts a limit. */
#ifndef OURO_H
#define OURO_H
#include "ouro/access.h"
#include "ouro/addr.h"
#include "ouro/base.h"
#include "ouro/crew.h"
#include "ouro/dashboard.h"
#include "ouro/dns.h"
#include "ouro/error.h"
#include "ouro/events.h"
#include "ouro/fetch.h"
#include "ouro/file.h"
#include "ouro/filter.h"
#include "ouro/form.h"
#include "ouro/fs.h"
#include "ouro/health.h"
#include "ouro/hist.h"
#include "ouro/http.h"
#include "ouro/io.h"
#include "ouro/kind.h"
#include "ouro/lag.h"
#include "ouro/log.h"
#include "ouro/loop.h"
#include "ouro/main.h"
#include "ouro/metrics.h"
#include "ouro/net.h"
#include "ouro/pool.h"
#include "ouro/port.h"
#include "ouro/room.h"
#include "ouro/shed.h"
#include "ouro/signal.h"
#include "ouro/slow.h"
#include "ouro/source.h"
#include "ouro/static.h"
#include "ouro/str.h"
#include "ouro/timer.h"
#include "ouro/trace.h"
#include "ouro/wake.h"
#include "ouro/worker.h"
#include "ouro/ws.h"
#endif
