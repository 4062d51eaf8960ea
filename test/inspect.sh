#!/bin/sh
# test/inspect.sh -- libouro-inspect.so in daemons that others have built: each does the same, word for
# word and to its exit status, with it and without, and meanwhile tells about itself. Speaks TAP.
#
# make calls it, with BUILD, CC and SAN set.
. "$(dirname "$0")/tap.sh"
BUILD=$(cd "$BUILD" && pwd)
library=$BUILD/libouro-inspect.so
pids=
trap '[ -z "$pids" ] || kill $pids 2>/dev/null; rm -rf "$tmp"' EXIT

[ -z "$SAN" ] || skip_all "the daemons have no sanitizer in them"
command -v curl >/dev/null || skip_all "needs the package curl"

has() { command -v "$1" >/dev/null; }

# json NAME: what the daemon with the socket of that name tells.
json() {
	curl -s --max-time 20 --unix-socket "$tmp/$1" http://localhost/json
}
# tells NAME PATTERN...: its JSON has all of these.
tells() {
	json "$1" >"$tmp/$1.json" || { echo "no answer"; return 1; }
	name=$1
	shift
	for pattern; do
		grep -qE "$pattern" "$tmp/$name.json" || { cat "$tmp/$name.json"; return 1; }
	done
}

# start NAME COMMAND...: with the library when $with is set; its pid is $pid.
start() {
	name=$1
	shift
	if [ -n "$with" ]; then
		LD_PRELOAD=$library OURO_INSPECT=$tmp/$name "$@" >"$tmp/$name.out" 2>&1 &
	else
		"$@" >"$tmp/$name.out" 2>&1 &
	fi
	pid=$! pids="$pids $!"
}
# end SIGNAL: and its status
end() {
	kill "-$1" "$pid"
	wait "$pid"
	echo "status $?"
}

# same NAME: exchange_NAME prints the same with and without, and leaves no file behind.
same() {
	with= && "exchange_$1" >"$tmp/without" 2>&1
	with=1 && "exchange_$1" >"$tmp/with" 2>&1
	diff "$tmp/without" "$tmp/with" && nothing "$(find "$tmp" -type s)"
}

backend=$tmp/backend
mkfifo "$backend"
"$BUILD/examples/hello" -p 0 >"$backend" 2>&1 &
pids=$!
read -r _ _ url <"$backend"
port=$(echo "$url" | tr -dc '0-9:' | sed 's/.*://')
free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# ---- A program whose functions have names ----

cat >"$tmp/own.c" <<'END'
#include <ev.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static ev_timer once, twice;
static ev_io client;

void slow_callback(struct ev_loop *loop, ev_timer *w, int events)
{
	struct timespec t = { 0, 80000000 };

	(void)loop, (void)events;
	puts(ev_cb(w) == slow_callback && !ev_is_active(w) ? "once" : "not its own");
	nanosleep(&t, NULL);
}

void second_callback(struct ev_loop *loop, ev_timer *w, int events)
{
	static int calls;

	(void)events;
	if (++calls < 3)
		return;
	ev_timer_stop(loop, w);
	puts(ev_cb(w) == second_callback ? "thrice" : "not its own");
	fflush(stdout);
}

void on_line(struct ev_loop *loop, ev_io *w, int events)
{
	char line[64];
	ssize_t n = read(0, line, sizeof(line));

	(void)events;
	if (n == 5 && !memcmp(line, "fork\n", 5) && fork() == 0) {
		ev_loop_fork(loop);
	} else if (n == 5) {
		printf("child %d\n", wait(NULL) > 0);
		ev_io_stop(loop, w);
	} else {
		ev_io_stop(loop, w);
	}
}

int main(void)
{
	struct ev_loop *loop = ev_default_loop(0);

	ev_timer_init(&once, slow_callback, 0.01, 0.);
	ev_timer_start(loop, &once);
	ev_timer_init(&twice, second_callback, 0.01, 0.01);
	ev_timer_start(loop, &twice);
	ev_io_init(&client, on_line, 0, EV_READ);
	ev_io_start(loop, &client);
	ev_run(loop, 0); /* ends when nothing is left */
	puts("end");
	ev_loop_destroy(loop);
	return 7;
}
END
check "a program of our own" ${CC:-cc} -rdynamic -o "$tmp/program" "$tmp/own.c" -lev
mkfifo "$tmp/keyboard"
is_done() { grep -q thrice "$tmp/own.out"; }
exchange_own() {
	start own sh -c 'exec "$0" <"$1"' "$tmp/program" "$tmp/keyboard"
	exec 5>"$tmp/keyboard"
	until_ is_done
	[ -z "$with" ] || tells own '"program":"program"' '"name":"slow_callback","calls":1,' \
		'"name":"second_callback","calls":3,' '"blocked":1,"blocks":\[\{"name":"slow_callback","ns":' \
		'"watchers":\{"io":1,"timer":0,"periodic":0' '"lag":\{"count":[1-9]'
	exec 5>&-
	wait "$pid"
	echo "status $?"
	cat "$tmp/own.out"
}
check "it does the same, tells its functions by name, and ends by itself" same own
check "it ended as it should" grep -q 'status 7' "$tmp/with"
page() {
	with=1
	start own sh -c 'exec "$0" <"$1"' "$tmp/program" "$tmp/keyboard"
	exec 5>"$tmp/keyboard"
	until_ is_done
	curl -s --unix-socket "$tmp/own" http://localhost/ | grep -q '<title>ouro-inspect</title>'
	found=$?
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	exec 5>&-
	[ $found = 0 ] && [ -S "$tmp/own" ]
}
check "it has a page" page
check "what a killed one has left is no hindrance" same own
for address in 0.0.0.0:1 "$tmp/none/such" "$tmp/own.c" 127.0.0.1:x nonsense "@$(printf '%0200d' 0)"; do
	refused() {
		[ "$(LD_PRELOAD=$library OURO_INSPECT=$address "$tmp/program" </dev/zero | tail -n 1)" = end ]
	}
	check "with an address of \"$(echo "$address" | cut -c -20 | sed 's|/tmp.*|/tmp...|')\" it does the same" refused
done
check "and a file that is no socket is still there" [ -s "$tmp/own.c" ]
forked() {
	LD_PRELOAD=$library OURO_INSPECT=$tmp/%p "$tmp/program" <"$tmp/keyboard" >"$tmp/own.out" 2>&1 &
	parent=$!
	exec 5>"$tmp/keyboard"
	until_ is_done && until_ [ -S "$tmp/$parent" ] && echo fork >&5 || return 1
	two() { [ "$(find "$tmp" -type s | wc -l)" = 2 ]; }
	until_ two || return 1
	child=$(basename "$(find "$tmp" -type s ! -name $parent)")
	tells "$child" "\"pid\":$child,"
	told=$?
	exec 5>&-
	wait $parent
	[ $? = 7 ] && [ $told = 0 ] && grep -q 'child 1' "$tmp/own.out" &&
		nothing "$(find "$tmp" -type s)"
}
check "a child that runs the loop on has a page of its own" forked

# ---- One that has an ouro of its own already ----

with_ouro() {
	LD_PRELOAD=$library OURO_INSPECT=$tmp/guest "$BUILD/examples/embed/libev" 0 \
		<"$tmp/keyboard" >"$tmp/guest.out" &
	pid=$!
	exec 5>"$tmp/keyboard"
	listens() { grep -q listening "$tmp/guest.out"; }
	until_ listens || return 1
	curl -s "$(sed -n 's/listening on //p' "$tmp/guest.out")" | grep -q 'has ticked' || return 1
	until_ tells guest '"program":"libev"' '"name":"libev\+0x'
	told=$?
	exec 5>&-
	wait $pid && [ $told = 0 ]
}
check "two copies of ouro in one libev loop" with_ouro

# ---- sniproxy ----

exchange_sniproxy() {
	cat >"$tmp/sniproxy.conf" <<-END
		user $(id -un)
		error_log { filename $tmp/sniproxy.log
		}
		listen 127.0.0.1:$front {
			proto http
			table all
		}
		table all {
			.* 127.0.0.1:$port
		}
	END
	start sniproxy sniproxy -f -c "$tmp/sniproxy.conf"
	until_ curl -s -o "$tmp/first" "http://127.0.0.1:$front/"
	curl -s "http://127.0.0.1:$front/[1-3]"
	[ -z "$with" ] || tells sniproxy '"program":"sniproxy"' '"signal":[1-9]' \
		'"name":"sniproxy\+0x[0-9a-f]+","calls":[1-9]'
	end TERM
}
if has sniproxy; then
	front=$(free_port)
	check "sniproxy does the same, and tells" same sniproxy
	check "it was asked for something" grep -c hello "$tmp/with"
else
	skip sniproxy "needs the package sniproxy"
fi

# ---- hitch, which has a process for each thing ----

exchange_hitch() {
	[ "$(id -u)" != 0 ] || user=--user=root
	if [ -n "$with" ]; then
		LD_PRELOAD=$library OURO_INSPECT=$tmp/hitch-%p hitch --backend="[127.0.0.1]:$port" \
			--frontend="[127.0.0.1]:$front" --workers=1 $user --quiet "$tmp/both.pem" \
			>"$tmp/hitch.out" 2>&1 &
	else
		hitch --backend="[127.0.0.1]:$port" --frontend="[127.0.0.1]:$front" --workers=1 \
			$user --quiet "$tmp/both.pem" >"$tmp/hitch.out" 2>&1 &
	fi
	pid=$! pids="$pids $!"
	until_ curl -sk -o "$tmp/first" "https://127.0.0.1:$front/"
	curl -sk "https://127.0.0.1:$front/[1-3]"
	[ -z "$with" ] || until_ worker_tells
	end TERM
	gone() { [ -z "$with" ] || nothing "$(find "$tmp" -name 'hitch-*' -type s)"; }
	until_ gone || rm -f "$tmp"/hitch-*
}
worker_tells() {
	for socket in "$tmp"/hitch-*; do
		name=$(basename "$socket")
		tells "$name" '"program":"hitch"' '"io":[1-9]' '"name":"hitch\+0x[0-9a-f]+","calls":[1-9]' \
			>"$tmp/said" && return
	done
	return 1
}
if has hitch && has openssl; then
	front=$(free_port)
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$tmp/key.pem" -out "$tmp/cert.pem" -days 2 \
		-subj /CN=localhost 2>"$tmp/said"
	cat "$tmp/key.pem" "$tmp/cert.pem" >"$tmp/both.pem"
	check "hitch does the same, and its worker tells" same hitch
	check "it was asked for something" grep -c hello "$tmp/with"
else
	skip hitch "needs the packages hitch and openssl"
fi

# ---- multiwatch, whose children inherit the variables ----

exchange_multiwatch() {
	: >"$tmp/children"
	start multiwatch multiwatch -f 2 -- /bin/sh -c "echo \$\$ >>$tmp/children; exec sleep 1000"
	are() { [ "$(wc -l <"$tmp/children")" = "$1" ]; }
	until_ are 2
	kill "$(head -n 1 "$tmp/children")"
	until_ are 3
	[ -z "$with" ] || tells multiwatch '"program":"multiwatch"' '"child":2,' '"calls":1,'
	end TERM
	wc -l <"$tmp/children"
}
if has multiwatch; then
	check "multiwatch does the same, and tells" same multiwatch
	check "it has started three" grep -qx 3 "$tmp/with"
else
	skip multiwatch "needs the package multiwatch"
fi

# ---- gevent, whose libev is a module's of Python ----

cat >"$tmp/server.py" <<'END'
import sys, time
import gevent
from gevent.pywsgi import WSGIServer
def answer(environ, start):
    start("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/block":
        time.sleep(0.1)
    if environ["PATH_INFO"] == "/end":
        gevent.spawn(server.stop)
    return [b"from Python\n"]
server = WSGIServer(("127.0.0.1", int(sys.argv[1])), answer, log=None)
server.serve_forever()
print("end")
END
exchange_gevent() {
	start gevent env GEVENT_LOOP=libev-cext "$python" "$tmp/server.py" "$front"
	until_ curl -s -o "$tmp/first" "http://127.0.0.1:$front/"
	curl -s "http://127.0.0.1:$front/block"
	[ -z "$with" ] || tells gevent '"program":"python3' '"name":"gevent_callback_io","calls":[1-9]' \
		'"blocks":\[\{"name":"gevent_'
	curl -s "http://127.0.0.1:$front/end"
	wait "$pid"
	echo "status $?"
	cat "$tmp/gevent.out"
}
python=
for candidate in python3 /usr/bin/python3; do
	[ -n "$python" ] || ! "$candidate" -c 'import gevent' 2>"$tmp/said" || python=$candidate
done
if [ -n "$python" ]; then
	front=$(free_port)
	check "gevent does the same, and tells who blocked it" same gevent
	check "it was asked for something" grep -c 'from Python' "$tmp/with"
else
	skip gevent "needs the package python3-gevent"
fi
echo "1..$n"
