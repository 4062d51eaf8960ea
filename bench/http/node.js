// node.js -- Node's own http server. Without arguments: its version.
'use strict';

const http = require('http');
const port = process.argv[3];

if (!port) {
	console.log(process.versions.node);
} else {
	const server = http.createServer((req, res) => {
		res.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': 13 });
		res.end('Hello, world!');
	});

	server.keepAliveTimeout = 75000;
	server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });
}
