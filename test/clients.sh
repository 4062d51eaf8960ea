#!/bin/sh
# test/clients.sh -- the examples, visited by clients that others have written. What is not
# installed is skipped. Speaks TAP.
#
# make calls it, with BUILD set.
. "$(dirname "$0")/tap.sh"
server=
trap '[ -z "$server" ] || kill $server 2>/dev/null; rm -rf "$tmp"' EXIT

# begin EXAMPLE: starts it in a folder of its own, and has its address in $url. Or another program,
# begin NAME PROGRAM.
build=$(cd "$BUILD" && pwd) peers=$(pwd)/test/clients
begin() {
	mkdir "$tmp/$1" && mkfifo "$tmp/$1.address" || exit 2
	(cd "$tmp/$1" && exec "${2:-$build/examples/$1}" -p 0) \
		>"$tmp/$1.address" 2>"$tmp/$1.words" &
	server=$!
	read -r _ _ url <"$tmp/$1.address"
}

# end EXAMPLE: by SIGTERM, which is no error.
served() {
	cat "$tmp/$1.words"
	[ "$status" = 0 ] && grep -q "requests answered" "$tmp/$1.words"
}
end() {
	kill "$server" && wait "$server"
	status=$? server=
	check "$1 ends well" served "$1"
	rm -rf "$tmp/$1" "$tmp/$1.address"
}

has() {
	for command; do
		command -v "$command" >/dev/null && return
	done
	return 1
}

# is WANTED GOT
is() {
	[ "$1" = "$2" ] || { echo "it is: $2"; return 1; }
}

head -c 3000000 /dev/urandom >"$tmp/bytes"
awk 'BEGIN { for (i = 99999; i >= 0; i--) printf "%015d\n", i }' >"$tmp/lines"

# ---- curl ----

reuses() {
	curl -sv "$1" "$1" 2>&1 | grep -qi 're-using existing connection'
}
curl_visits() {
	begin hello
	check "curl: hello" is hello "$(curl -s "$url")"
	check "curl: two requests on one connection" reuses "$url"
	check "curl: HEAD" is 200 "$(curl -sI -o /dev/null -w '%{http_code}' "$url")"
	check "curl: HTTP/1.0" is hello "$(curl -s0 "$url")"
	check "curl: fifty at once" is 50 \
		"$(curl -sZ --parallel-max 50 "$url?[1-50]" 2>/dev/null | grep -c hello)"
	end hello
	begin routes
	check "curl: a redirection" is 'the page ""' "$(curl -sL "${url}docs")"
	check "curl: a method that is not there" is 405 \
		"$(curl -s -X POST -o /dev/null -w '%{http_code}' "${url}users/7")"
	end routes
	begin json
	check "curl: a body" is '{"a": 1}' \
		"$(curl -s "${url}echo" -H 'Content-Type: application/json' -d '{"a": 1}')"
	check "curl: a body that is too long, and the answer arrives" is 413 \
		"$(curl -s -o /dev/null -w '%{http_code}' -T "$tmp/bytes" -X POST "${url}echo")"
	end json
	begin upload
	check "curl: 3 MB, after 100 Continue" is '3000000 bytes' \
		"$(curl -s -H 'Expect: 100-continue' -T "$tmp/bytes" "${url}files/a")"
	check "curl: 3 MB in chunks" is '3000000 bytes' \
		"$(curl -s -T - "${url}files/b" <"$tmp/bytes")"
	check "curl: they are what was sent" cmp "$tmp/upload/upload-a" "$tmp/bytes"
	check "curl: in chunks too" cmp "$tmp/upload/upload-b" "$tmp/bytes"
	end upload
	begin form
	check "curl: a form with a file of 3 MB" is 'it is in form-file' \
		"$(curl -s -F note=x -F "file=@$tmp/bytes;filename=\"a \\\"b\\\".txt\"" "$url")"
	check "curl: it is what was sent" cmp "$tmp/form/form-file" "$tmp/bytes"
	end form
	begin long
	curl -s "$url?lines=100000" >"$tmp/got"
	check "curl: a long answer" cmp "$tmp/lines" "$tmp/got"
	curl -s0 "$url?lines=100000" >"$tmp/got"
	check "curl: the same for HTTP/1.0" cmp "$tmp/lines" "$tmp/got"
	end long
}
if has curl; then curl_visits; else skip "curl" "needs the package curl"; fi

# ---- Load ----

# Somebody always answers, and nobody with an error.
wrk_is_pleased() {
	wrk -t 1 -c 16 -d 1 "$url" >"$tmp/wrk" || return 1
	! grep -E 'Socket errors|Non-2xx' "$tmp/wrk" && grep -q 'requests in' "$tmp/wrk"
}
wrk_visits() {
	begin hello
	check "wrk: 16 connections, a second" wrk_is_pleased
	end hello
}
if has wrk; then wrk_visits; else skip "wrk" "needs the package wrk"; fi

h2load_is_pleased() {
	h2load --h1 -n 2000 -c 20 -m "$1" "$url" >"$tmp/h2load" || return 1
	grep 'requests:' "$tmp/h2load" | grep -q '2000 succeeded, 0 failed, 0 errored, 0 timeout'
}
h2load_visits() {
	begin hello
	check "h2load: 2,000 requests" h2load_is_pleased 1
	check "h2load: 16 at a time in a pipeline" h2load_is_pleased 16
	end hello
}
if has h2load; then h2load_visits; else skip "h2load" "needs the package nghttp2-client"; fi

ab_is_pleased() {
	ab -q -n 1000 -c 10 $1 "$url" >"$tmp/ab" 2>&1 || { cat "$tmp/ab"; return 1; }
	grep -q 'Failed requests: *0$' "$tmp/ab"
}
ab_visits() {
	begin hello
	check "ab: HTTP/1.0" ab_is_pleased
	check "ab: HTTP/1.0 with keep-alive" ab_is_pleased -k
	end hello
}
if has ab; then ab_visits; else skip "ab" "needs the package apache2-utils"; fi

# ---- Node ----

cat >"$tmp/visit.mjs" <<'JS'
import { createReadStream } from 'node:fs';
const [url, what, file] = process.argv.slice(2);
const visits = {
	async hello() {
		const all = await Promise.all(Array.from({ length: 20 }, () => fetch(url)));
		return (await Promise.all(all.map((answer) => answer.text()))).join('');
	},
	async json() {
		const answer = await fetch(url + 'echo', { method: 'POST', body: '{"a": [1]}',
			headers: { 'Content-Type': 'application/json' } });
		return (await answer.json()).a[0];
	},
	async upload() {
		const answer = await fetch(url + 'files/node', { method: 'PUT', duplex: 'half',
			body: createReadStream(file) });
		return answer.status + ' ' + await answer.text();
	},
	async long() {
		let bytes = 0;
		for await (const piece of (await fetch(url + '?lines=100000')).body)
			bytes += piece.length;
		return bytes;
	},
};
console.log(await visits[what]());
JS
node_visits() {
	begin hello
	check "fetch of Node: twenty at once" is 20 \
		"$(node "$tmp/visit.mjs" "$url" hello | grep -c hello)"
	end hello
	begin json
	check "fetch of Node: JSON" is 1 "$(node "$tmp/visit.mjs" "$url" json)"
	end json
	begin upload
	check "fetch of Node: a stream of 3 MB" is '201 3000000 bytes' \
		"$(node "$tmp/visit.mjs" "$url" upload "$tmp/bytes")"
	check "fetch of Node: they are what was sent" cmp "$tmp/upload/upload-node" "$tmp/bytes"
	end upload
	begin long
	check "fetch of Node: a long answer" is 1600000 "$(node "$tmp/visit.mjs" "$url" long)"
	end long
}
if has node; then node_visits; else skip "fetch of Node" "needs the package nodejs"; fi

# ---- Python ----

cat >"$tmp/visit.py" <<'PY'
import http.client, sys, urllib.parse
url, what = urllib.parse.urlsplit(sys.argv[1]), sys.argv[2]
connection = http.client.HTTPConnection(url.hostname, url.port, timeout=20)
def ask(*args, **more):
    connection.request(*args, **more)
    answer = connection.getresponse()
    return answer.status, answer.read()
if what == "hello":
    print([ask("GET", "/") for _ in range(3)] == [(200, b"hello\n")] * 3)
elif what == "json":
    kind = {"Content-Type": "application/json"}
    print(ask("POST", "/echo", b'{}', kind), ask("POST", "/echo", iter([b"[", b"]"]), kind))
elif what == "upload":
    with open(sys.argv[3], "rb") as file:
        print(ask("PUT", "/files/python", file, encode_chunked=True))
elif what == "long":
    print(len(ask("GET", "/?lines=100000")[1]))
PY
python_visits() {
	begin hello
	check "http.client of Python: three on one connection" is True \
		"$(python3 "$tmp/visit.py" "$url" hello)"
	end hello
	begin json
	check "http.client of Python: bodies, one of them in chunks" \
		is "(200, b'{}') (200, b'[]')" "$(python3 "$tmp/visit.py" "$url" json)"
	end json
	begin upload
	check "http.client of Python: 3 MB" is "(201, b'3000000 bytes\\n')" \
		"$(python3 "$tmp/visit.py" "$url" upload "$tmp/bytes")"
	end upload
	begin long
	check "http.client of Python: a long answer" is 1600000 \
		"$(python3 "$tmp/visit.py" "$url" long)"
	end long
}
if has python3; then
	python_visits
else
	skip "http.client of Python" "needs the package python3"
fi

# ---- WebSockets, both ways ----

# peer COMMAND...: a server that others have written.
peer() {
	mkfifo "$tmp/peer" || exit 2
	"$@" >"$tmp/peer" &
	server=$!
	read -r _ _ url <"$tmp/peer"
}
end_peer() {
	kill "$server" && wait "$server" 2>/dev/null
	server=
	rm "$tmp/peer"
}
# meets WHO COMMAND...: it asks a server when it is given an address, and serves for "serve".
meets() {
	who=$1
	shift
	begin ws "$build/test/clients/ws"
	check "$who asks our WebSocket" is ok "$(timeout 60 "$@" "ws${url#http}" 2>&1)"
	end ws
	peer "$@" serve
	check "our WebSocket asks $who" is ok "$(timeout 60 "$build/test/clients/ws" "$url" 2>&1)"
	end_peer
}

# It is no part of this tree, and lies where what is built lies.
get_ws() {
	[ -d "$build/npm/node_modules/ws" ] || timeout 60 npm install --silent --no-audit --no-fund \
		--no-save --no-package-lock --ignore-scripts --fetch-retries=0 --prefix "$build/npm" \
		ws@8 >/dev/null 2>&1
}
if has node npm && get_ws; then
	meets "ws of npm" node "$peers/ws.mjs" "$build/npm"
else
	skip "ws of npm" "needs nodejs, and npm that can fetch it"
fi
if python=$(.ci/deps --python websockets); then
	meets "websockets of Python" "$python" "$peers/ws.py"
else
	skip "websockets of Python" "needs the package python3-websockets"
fi

# ---- Our own client of event streams ----

follow_hears() {
	timeout 20 "$build/examples/follow" "${url}ticks" | head -n 2 | tee "$tmp/heard"
	[ "$(grep -c '^message: ..:..:..$' "$tmp/heard")" = 2 ]
}
begin ticker
check "follow hears two ticks" follow_hears
end ticker

# ---- A browser ----

sees() {
	is "$1" "$(timeout 100 node "$peers/browser.mjs" "$browser" "$tmp/browser" $2 "$url" \
		"$build/screens" 2>&1)"
}
browser_visits() {
	begin hello
	check "a browser: hello" sees hello hello
	end hello
	begin chat
	check "a browser: two talk, and a third hears what comes" \
		sees "grüß dich, <b>hello</b> | grüß dich, <b>hello</b> | three" chat
	end chat
	begin ticker
	check "a browser: a clock that ticks" sees true ticker
	end ticker
	begin ws "$build/test/clients/ws"
	check "a browser: its own WebSocket" sees "echo none 4001 as you like true" socket
	end ws
	begin form
	check "a browser: a form with a file, and its progress" sees "1: it is in form-file" form
	check "a browser: all of the file has come" is 300000 "$(wc -c <"$tmp/form/form-file")"
	end form
	begin block "$build/examples/cpu-block/cpu-block"
	check "a browser: one long computation, in six places" sees "all is well" block
	end block
}
if browser=$(.ci/deps --browser) && has node; then
	browser_visits
else
	skip "a browser" "needs the packages chromium and nodejs"
fi
echo "1..$n"
