#!/bin/sh
# test/redis.sh -- ouro inside redis-server, as a module: each answers its own clients, before a fork
# and after, alone and beside two more copies of ouro; and Redis goes on when they are unloaded.
# Speaks TAP.
#
# make calls it, with BUILD, CC and SAN set.
. "$(dirname "$0")/tap.sh"
BUILD=$(cd "$BUILD" && pwd)
module=$BUILD/examples/embed/redis.so
server=
trap '[ -z "$server" ] || kill $server 2>/dev/null; wait; rm -rf "$tmp"' EXIT

[ -z "$SAN" ] || skip_all "redis-server has no sanitizer in it"
command -v redis-server >/dev/null || skip_all "needs the package redis-server"
command -v curl >/dev/null || skip_all "needs the package curl"

redis() {
	redis-cli -s "$tmp/socket" "$@"
}

# The address of the module of that name, from the log.
url_of() {
	sed -n "s/.*<$1> listening on //p" "$tmp/log" | tail -n 1
}
get() {
	curl -s --max-time 20 "$(url_of "${2-ouro}")$1"
}
status() {
	curl -s --max-time 20 -o /dev/null -w '%{http_code}' "$(url_of ouro)$1"
}
info() {
	redis info | tr -d '\r' | grep -q "^$1"
}

redis-server --port 0 --unixsocket "$tmp/socket" --dir "$tmp" --save '' --hz 100 \
	--enable-module-command local --loadmodule "$module" 0 >"$tmp/log" 2>&1 &
server=$!
is_up() { [ "$(redis ping 2>/dev/null)" = PONG ]; }
check "redis-server starts with the module" until_ is_up

redis set greeting hello >"$tmp/said"
redis set "a b/c" there >"$tmp/said"
redis rpush list 1 >"$tmp/said"
redis set empty "" >"$tmp/said"
check "a key by HTTP" prints hello get keys/greeting
check "one whose name has a blank and a slash" prints there get keys/a%20b%2Fc
check "one without a byte" prints 200 status keys/empty
check "one that is not there" prints 404 status keys/none
check "one that is no string" prints 409 status keys/list
has_metrics() { get metrics | grep -qx 'redis_keys 4'; }
check "figures" has_metrics

# Its own timer: what nobody asks for goes by itself.
expire_all() {
	for i in 0 1 2 3 4 5 6 7 8 9; do redis set "short$i" x px 1; done >"$tmp/said"
	until_ info 'expired_keys:10'
}
check "keys expire by the timer of Redis" expire_all
both() {
	for i in 1 2 3; do
		prints hello get keys/greeting && prints hello redis get greeting || return 1
	done
}
check "both answer, in turn" both
crowd() {
	curl -sZ --parallel-max 100 "$(url_of ouro)keys/greeting?[1-200]" 2>/dev/null >"$tmp/crowd" &
	prints hello redis get greeting && wait $! && prints 1000 wc -c <"$tmp/crowd"
}
check "both answer, with a hundred connections" crowd

# The child of the fork holds copies of every descriptor, and sleeps as long as we like.
start_saving() {
	redis bgsave >"$tmp/said"
	child=$(sed -n 's/.*saving started by pid //p' "$tmp/log" | tail -n 1)
	kill -STOP "$child" && info rdb_bgsave_in_progress:1
}
save() {
	redis config set rdb-key-save-delay 100000 >"$tmp/said"
	until_ start_saving && both && info rdb_bgsave_in_progress:1 && kill -CONT "$child" &&
		until_ info rdb_bgsave_in_progress:0 && info rdb_last_bgsave_status:ok && both
}
check "a BGSAVE: both answer while the child saves, and after" save

# A copy of the file is a copy of all that is in it; the third has ouro in a library of its own.
cp "$module" "$tmp/twin.so"
load() {
	prints OK redis module load "$1" 0 "$2"
}
check "a second module with its own ouro" load "$tmp/twin.so" twin
check "a third one compiled as in its head" ${CC:-cc} -shared -fPIC -Iinclude -o "$tmp/third.so" \
	examples/embed/redis.c -L"$BUILD" -louro -Wl,-rpath,"$BUILD"
check "and loaded" load "$tmp/third.so" third
all() {
	for name; do prints hello get keys/greeting "$name" || return 1; done
}
check "all three answer" all ouro twin third
check "and none has counted for another" prints 'http_requests_total 1' \
	sh -c "curl -s $(url_of twin)metrics | grep ^http_requests"

unload() {
	prints OK redis module unload "$1" && ! get keys/greeting "$1" && prints hello redis get greeting
}
check "one is unloaded" unload twin
check "the others stay" all ouro third
unload_in_the_midst() {
	curl -sZ --parallel-max 100 "$(url_of ouro)keys/greeting?[1-2000]" >"$tmp/crowd" 2>/dev/null &
	until_ [ -s "$tmp/crowd" ] && unload ouro || return 1
	wait $!
	prints 0 echo $(($(wc -c <"$tmp/crowd") % 5))
}
check "one is unloaded in the midst of its clients, none of whom gets half an answer" \
	unload_in_the_midst
port_is_taken() {
	port=$(url_of third | tr -dc '0-9:' | sed 's/.*://')
	redis module load "$module" "$port" ouro | grep -q '^ERR' &&
		grep -q "<ouro> no HTTP at port $port: Address already in use" "$tmp/log"
}
check "a port that is taken is told, and Redis goes on" port_is_taken
check "it is loaded again" load "$module" ouro
check "and answers" all ouro third
check "Redis ends as it should" redis shutdown nosave
wait $server
check "with status 0" [ $? = 0 ]
server=
check "and had nothing odd to say" nothing \
	"$(grep -E '# |crash|BUG|assert' "$tmp/log" | grep -vE 'Redis (is |version)|overcommit|Configuration|Server init|User requested|no HTTP at|initialization failed')"
echo "1..$n"
