#!/bin/sh
# test/postgresql.sh -- ouro inside PostgreSQL, as a background worker of a server of its own, in a
# folder of its own, at a port of its own: HTTP reads tables, SQL goes on beside it, an error or a
# query without an end harms nobody, and either can end first. Speaks TAP.
#
# make calls it, with BUILD and SAN set.
. "$(dirname "$0")/tap.sh"
module=$BUILD/examples/embed/postgresql.so
bin=$(pg_config --bindir 2>/dev/null)
started=
trap '[ -z "$started" ] || pg pg_ctl stop -m immediate >/dev/null 2>&1; rm -rf "$tmp"' EXIT

[ -z "$SAN" ] || skip_all "postgres has no sanitizer in it"
[ -e "$module" ] || skip_all "needs the package $(.ci/deps --package postgresql)"
[ -x "$bin/initdb" ] || skip_all "needs the package postgresql-15"
command -v curl >/dev/null || skip_all "needs the package curl"

# PostgreSQL does not run as root.
pg() {
	program=$bin/$1
	shift
	if [ "$(id -u)" = 0 ]; then
		(cd / && setpriv --reuid=postgres --regid=postgres --clear-groups \
			env PGDATA="$tmp/data" "$program" "$@")
	else
		PGDATA=$tmp/data "$program" "$@"
	fi
}
sql() {
	psql -h "$tmp" -U postgres -XAtc "$1" postgres
}

# The worker's address, when it has come up for the nth time.
listens() {
	[ "$(grep -c 'listening on http' "$tmp/log")" -ge "$1" ] &&
		url=$(sed -n 's/.*listening on \(http.*\)/\1/p' "$tmp/log" | tail -n 1)
}
get() {
	curl -s --max-time 20 "${url}tables/$1"
}
status() {
	curl -s --max-time 20 -o /dev/null -w '%{http_code}' "${url}tables/$1"
}
worker() {
	sql "select pid from pg_stat_activity where backend_type = 'ouro'"
}

chmod 755 "$tmp"
mkdir "$tmp/data"
cp "$module" "$tmp/ouro.so"
: >"$tmp/log"
[ "$(id -u)" != 0 ] || chown postgres "$tmp" "$tmp/data" "$tmp/log"
check "a cluster" pg initdb -A trust -U postgres -N
cat >>"$tmp/data/postgresql.conf" <<-END
	listen_addresses = ''
	unix_socket_directories = '$tmp'
	fsync = off
	shared_buffers = 16MB
	dynamic_library_path = '$tmp:\$libdir'
	shared_preload_libraries = 'ouro'
	ouro.port = 0
END
check "postgres starts with the worker" pg pg_ctl start -w -l "$tmp/log"
[ -e "$tmp/data/postmaster.pid" ] || { cat "$tmp/log"; echo "1..$n"; exit 1; }
started=1
sql "create role ouro login; create table cats (name text, age int);
	insert into cats values ('Tom', 7), ('Eve', 3); grant select on cats to ouro;
	create table empty (x int); grant select on empty to ouro;
	create table secret (x int);
	create view slow as select pg_sleep(3600)::text; grant select on slow to ouro" >"$tmp/said" || exit 2
check "the worker listens as soon as it has a role" until_ listens 1
listens 1

check "rows, as JSON" prints '[{"name":"Tom","age":7}, {"name":"Eve","age":3}]' \
	sh -c "curl -s ${url}tables/cats | tr -d '\n' | sed 's/, *{/, {/g'"
check "a table without any" prints '[]' get empty
check "one that is not there" prints 404 status dogs
check "one whose name means to be more" prints 404 status 'cats%22;drop%20table%20cats'
check "one that is not for everybody" prints 403 status secret
check "PostgreSQL has its own clients" prints 2 sql "select count(*) from cats"
both() {
	sql "insert into cats values ('Ann', 1)" >/dev/null && get cats | grep -q Ann &&
		sql "delete from cats where name = 'Ann'" >/dev/null && ! get cats | grep -q Ann
}
check "each sees what the other does, in turn" both
crowd() {
	curl -sZ --parallel-max 50 "${url}tables/empty?[1-100]" 2>/dev/null >"$tmp/crowd" &
	prints 2 sql "select count(*) from cats" && wait $! && prints 200 sh -c "wc -c <$tmp/crowd"
}
check "both answer, with fifty connections" crowd
check "a query without an end is cut off" prints 503 status slow
check "and nobody has suffered" prints '[]' get empty

# It ends by itself, in peace; by the hand of somebody else it is started again.
leave() {
	prints t sql "select pg_terminate_backend($(worker), 20000)" && ! get empty &&
		prints 2 sql "select count(*) from cats"
}
crash() {
	kill -KILL "$(worker)" && until_ listens 2 && listens 2 && prints '[]' get empty
}
check "the worker is killed, and PostgreSQL starts another" crash
listens 2
check "the worker leaves when it is asked to, and PostgreSQL goes on" leave
restart() {
	pg pg_ctl restart -w -m fast -l "$tmp/log" && until_ listens 3 && listens 3 && prints '[]' get empty
}
check "a restart of both" restart
listens 3
check "PostgreSQL ends as it should, with the worker inside" pg pg_ctl stop -w -m fast
started=
check "and had nothing odd to say" nothing \
	"$(grep -E 'PANIC|WARNING|LOG:  .*ouro.*exit code|exited with' "$tmp/log" | grep -v 'exit code 1$')"
echo "1..$n"
