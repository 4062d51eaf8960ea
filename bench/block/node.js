// node.js -- Node's http server, and three places for its long work.
//
//	node node.js inline -p PORT     in the handler
//	node node.js workers -p PORT    on two worker_threads
//	node node.js cluster -p PORT    in the handler, of two processes of node:cluster
//	node node.js                    the version
'use strict';

const { Worker, isMainThread, parentPort } = require('worker_threads');
const cluster = require('cluster');
const http = require('http');

function spin(steps) {
	let x = 2463534242;

	while (steps--) {
		x ^= x << 13;
		x ^= x >>> 17;
		x ^= x << 5;
	}
	return x >>> 0;
}

// Two workers. A job goes to who is free, or waits for who is free first.
function crew() {
	const idle = [], waiting = [];

	function next(worker) {
		const job = waiting.shift();

		if (!job)
			return idle.push(worker);
		worker.once('message', (x) => {
			job.done(x);
			next(worker);
		});
		worker.postMessage(job.steps);
	}
	for (let i = 0; i < 2; i++)
		next(new Worker(__filename));
	return (steps, done) => {
		waiting.push({ steps, done });
		if (idle.length)
			next(idle.pop());
	};
}

function serve(how, port) {
	const compute = how === 'workers' ? crew() : (steps, done) => done(spin(steps));
	const server = http.createServer((req, res) => {
		const url = new URL(req.url, 'http://localhost');
		const answer = (body) => {
			res.writeHead(200, { 'Content-Type': 'text/plain',
				'Content-Length': Buffer.byteLength(body) });
			res.end(body);
		};

		if (url.pathname === '/cpu')
			compute(Number(url.searchParams.get('n')), (x) => answer(`${x}\n`));
		else
			answer('pong');
	});

	server.keepAliveTimeout = 75000;
	server.listen({ port, host: '127.0.0.1', backlog: 4096 });
}

const [how, , port] = process.argv.slice(2);

if (!isMainThread) {
	parentPort.on('message', (steps) => parentPort.postMessage(spin(steps)));
} else if (!how) {
	console.log(process.versions.node);
} else if (how === 'cluster' && cluster.isPrimary) {
	cluster.fork();
	cluster.fork();
} else {
	serve(how, Number(port));
}
