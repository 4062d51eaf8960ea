// node.js FOLDER -p PORT -- a folder by Node: each file opened, and streamed into the answer.
'use strict';

const fs = require('fs');
const http = require('http');
const path = require('path');
const { pipeline } = require('stream');
const [, , folder, , port] = process.argv;

const server = http.createServer((req, res) => {
	const name = path.join(folder, path.posix.normalize(req.url));

	fs.stat(name, (err, stat) => {
		if (err || !stat.isFile()) {
			res.writeHead(404).end();
			return;
		}
		res.writeHead(200, {
			'Content-Type': 'application/octet-stream',
			'Content-Length': stat.size,
		});
		pipeline(fs.createReadStream(name), res, () => {});
	});
});

server.keepAliveTimeout = 75000;
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });
