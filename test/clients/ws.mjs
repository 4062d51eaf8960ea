// ws.mjs -- the WebSockets of npm's `ws`, as a peer of ws.c.
//
//	node ws.mjs FOLDER serve      prints "listening on ws://..."; serves until it is killed
//	node ws.mjs FOLDER URL        asks; prints "ok", or what was wrong
//
// FOLDER: where npm has installed it.
import { createRequire } from 'node:module';
import assert from 'node:assert';
import { once } from 'node:events';
const [folder, what] = process.argv.slice(2);
const { WebSocket, WebSocketServer } = createRequire(folder + '/')('ws');

function serve() {
	const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: true,
		handleProtocols: (offered) => offered.has('echo') ? 'echo' : false });
	server.on('listening', () =>
		console.log('listening on ws://127.0.0.1:' + server.address().port + '/'));
	server.on('connection', (ws) => ws.on('message', (bytes, binary) => {
		const asked = !binary && /^close (\d+) (.*)/.exec(bytes.toString());
		if (asked) ws.close(Number(asked[1]), asked[2]);
		else ws.send(bytes, { binary });
	}));
}

const closed = async (ws) => (await once(ws, 'close')).join(' ');

// Everything at a border, in one frame and in two.
async function echoes(ws, bytes, binary) {
	for (const cut of [0, Math.floor(bytes.length / 2)]) {
		const answer = once(ws, 'message');
		if (cut) ws.send(bytes.subarray(0, cut), { binary, fin: false });
		ws.send(bytes.subarray(cut), { binary });
		const [back, was_binary] = await answer;
		assert.equal(was_binary, binary);
		assert.ok(back.equals(bytes), bytes.length + ' bytes came back as ' + back.length);
	}
}
async function ask(url) {
	const ws = new WebSocket(url, ['other', 'echo']);
	await once(ws, 'open');
	assert.equal(ws.protocol, 'echo');
	assert.equal(ws.extensions, '');
	for (const n of [0, 1, 125, 126, 127, 65535, 65536, 1000000]) {
		await echoes(ws, Buffer.alloc(n, 'a\u00e4\u20ac\u{1f40d}').subarray(0, n - n % 10), false);
		await echoes(ws, Buffer.alloc(n, 7), true);
	}
	const pong = once(ws, 'pong');
	ws.ping('are you there?');
	assert.equal(String((await pong)[0]), 'are you there?');
	const end = closed(ws);
	ws.close(4000, 'done');
	assert.match(await end, /^4000 /);
	const second = new WebSocket(url);
	await once(second, 'open');
	assert.equal(second.protocol, '');
	const their_end = closed(second);
	second.send('close 4001 as you like');
	assert.equal(await their_end, '4001 as you like');
	const third = new WebSocket(url);
	await once(third, 'open');
	const refused = closed(third);
	third.send(Buffer.alloc(5 << 20));
	assert.match(await refused, /^1009 /);
	console.log('ok');
}

if (what === 'serve') serve();
else await ask(what);
