#!/bin/sh
# test/layers.sh -- the floors of this tree are in order, and layers.awk can tell when they are not.
# Speaks TAP.
cd "$(dirname "$0")/.." || exit 2
here=$PWD
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
n=0

layers() {
	awk -f "$here/test/layers.awk" $(find include lib workers -name '*.[ch]' 2>/dev/null)
}

result() {
	n=$((n + 1))
	[ "$1" = 0 ] && echo "ok $n - $2" || echo "not ok $n - $2"
}

said=$(layers)
result $? "no include of this tree points up"
[ -z "$said" ] || echo "$said" | sed 's/^/# /'

# plant PATH LINE [SENTENCE]: a tree of one file with one line in it gets that sentence, or none.
plant() {
	rm -rf "$tmp/tree" && mkdir -p "$tmp/tree/$(dirname "$1")"
	echo "$2" >"$tmp/tree/$1"
	said=$(cd "$tmp/tree" && layers)
	if [ -z "$3" ]; then
		[ -z "$said" ]
		result $? "$1 may: $2"
	else
		[ "$said" = "$1:1: $3" ]
		result $? "$1 may not: $2"
	fi
	[ "${said:+$1:1: $3}" = "$said" ] || echo "# it said: $said"
}

plant lib/loop/x.c '#include "base/list.h"'
plant lib/loop/x.c '#include "loop/turn.h"'
plant lib/loop/x.c '#include <ev.h>'
plant lib/base/x.c '#include <sys/uio.h>'
plant lib/http/x.c '#include <http_parser.h>'
plant lib/base/x.c '#include "ouro/loop.h"'
plant workers/x.c '#include "sys/frame.h"'
plant include/ouro/x.h '#include <stdint.h>'
plant include/ouro/x.h '#include "ouro/base.h"'
plant lib/base/x.c '#include "loop/turn.h"' \
	'lib/base is floor 0, so it may not include loop/turn.h of floor 2'
plant lib/sys/x.h ' #  include "app/main.h" /* sly */' \
	'lib/sys is floor 1, so it may not include app/main.h of floor 6'
plant lib/base/x.c '#include "../loop/turn.h"' '"../loop/turn.h" should be written from lib/'
plant lib/base/x.c '#include <loop/turn.h>' '<loop/turn.h> is ours, and should be written with quotes'
plant lib/app/x.c '#include <ev.h>' 'only lib/loop may include <ev.h>'
plant lib/net/x.c '#include <http_parser.h>' 'only lib/http may include <http_parser.h>'
plant lib/cellar/x.c '#include <stdio.h>' \
	'lib/cellar is no floor; the floors are base sys loop offload net http app'
plant workers/jobs/x.c '#include "loop/turn.h"' \
	'workers/ stands on base and sys, so it may not include loop/turn.h'
plant workers/x.c '#include <ev.h>' 'only lib/loop may include <ev.h>'
plant include/ouro/x.h '#include <ev.h>' \
	'a public header may include ouro/*.h and libc, not ev.h'
plant include/ouro/x.h '#include "loop/turn.h"' \
	'a public header may include ouro/*.h and libc, not loop/turn.h'
echo "1..$n"
