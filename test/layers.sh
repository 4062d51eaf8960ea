#!/bin/sh
# test/layers.sh -- the floors of this tree are in order, and layers.awk can tell when they are not.
# Speaks TAP.
. "$(dirname "$0")/tap.sh"
awk=$PWD/test/layers.awk

layers() {
	awk -f "$awk" $(find include lib workers inspect -name '*.[ch]' 2>/dev/null)
}
check "no include of this tree points up" layers

# planted PATH LINE SENTENCE: a tree of one file with that line in it gets that sentence.
planted() {
	rm -rf "$tmp/tree" && mkdir -p "$tmp/tree/$(dirname "$1")"
	echo "$2" >"$tmp/tree/$1"
	told=$(cd "$tmp/tree" && layers)
	[ "$told" = "${3:+$1:1: $3}" ] || { echo "it said: $told"; return 1; }
}

may() {
	check "$1 may $2" planted "$1" "$2" ""
}

may_not() {
	check "$1 may not $2" planted "$1" "$2" "$3"
}

may lib/loop/x.c '#include "base/list.h"'
may lib/loop/x.c '#include "loop/turn.h"'
may lib/loop/x.c '#include <ev.h>'
may lib/http/x.c '#include <http_parser.h>'
may lib/base/x.c '#include <sys/uio.h>'
may lib/base/x.c '#include "ouro/loop.h"'
may workers/x.c '#include "sys/frame.h"'
may include/ouro/x.h '#include <stdint.h>'
may include/ouro/x.h '#include "ouro/base.h"'
may_not lib/base/x.c '#include "loop/turn.h"' \
	'lib/base is floor 0, so it may not include loop/turn.h of floor 2'
may_not lib/sys/x.h ' #  include "app/main.h" /* sly */' \
	'lib/sys is floor 1, so it may not include app/main.h of floor 6'
may_not lib/base/x.c '#include "../loop/turn.h"' '"../loop/turn.h" should be written from lib/'
may_not lib/base/x.c '#include <loop/turn.h>' \
	'<loop/turn.h> is ours, and should be written with quotes'
may_not lib/app/x.c '#include <ev.h>' 'only lib/loop may include <ev.h>'
may_not lib/net/x.c '#include <http_parser.h>' 'only lib/http may include <http_parser.h>'
may_not lib/cellar/x.c '#include <stdio.h>' \
	'lib/cellar is no floor; the floors are base sys loop offload net http app'
may_not workers/jobs/x.c '#include "loop/turn.h"' \
	'workers/ stands on base and sys, so it may not include loop/turn.h'
may_not workers/x.c '#include <ev.h>' 'only lib/loop may include <ev.h>'
may workers/x.c '#include "workers/host.h"'
may lib/offload/x.c '#include "workers/host.h"'
may_not lib/http/x.c '#include "workers/host.h"' 'only lib/offload may include workers/host.h'
may_not lib/sys/x.h '#include "workers/board.h"' 'only lib/offload may include workers/board.h'
may_not include/ouro/x.h '#include "workers/host.h"' \
	'a public header may include ouro/*.h and libc, not workers/host.h'
may_not inspect/x.c '#include "workers/host.h"' \
	'inspect/ stands on ouro.h and ev.h, so it may not include workers/host.h'
may_not lib/gzip/x.c '#include "workers/host.h"' \
	'lib/gzip is a module, so it may include ouro/*.h and its own, not workers/host.h'
may workers/jobs/x.c '#include "workers/jobs/jobs.h"'
may_not workers/x.c '#include "workers/jobs/jobs.h"' \
	'the library has no jobs, so it may not include workers/jobs/jobs.h'
may_not lib/offload/x.c '#include "workers/jobs/jobs.h"' \
	'the library has no jobs, so it may not include workers/jobs/jobs.h'
may_not include/ouro/x.h '#include <ev.h>' \
	'a public header may include ouro/*.h and libc, not ev.h'
may_not include/ouro/x.h '#include "loop/turn.h"' \
	'a public header may include ouro/*.h and libc, not loop/turn.h'
may inspect/x.c '#include <ev.h>'
may inspect/x.c '#include <ouro.h>'
may_not inspect/x.c '#include "loop/turn.h"' \
	'inspect/ stands on ouro.h and ev.h, so it may not include loop/turn.h'
may_not inspect/x.c '#include <http_parser.h>' \
	'inspect/ stands on ouro.h and ev.h, so it may not include http_parser.h'
may lib/gzip/x.c '#include <zlib.h>'
may lib/gzip/x.c '#include "gzip/accept.h"'
may lib/gzip/x.c '#include "ouro/filter.h"'
may lib/gzip/x.c '#include "ouro-gzip.h"'
may_not lib/gzip/x.c '#include "base/alloc.h"' \
	'lib/gzip is a module, so it may include ouro/*.h and its own, not base/alloc.h'
may_not lib/app/x.c '#include <zlib.h>' 'only lib/gzip may include <zlib.h>'
may_not lib/app/x.c '#include "gzip/accept.h"' \
	'nothing stands on a module, such as gzip/accept.h'
may_not include/ouro-gzip.h '#include <zlib.h>' \
	'a public header may include ouro/*.h and libc, not zlib.h'
echo "1..$n"
