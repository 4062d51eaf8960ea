// node.js -- a server that answers what it saw: X-Saw: METHOD TARGET OCTETS-OF-BODY
//
// It listens on descriptor 3, which the test has opened. What is broken is answered when all before
// it that is whole has been, so that the test can count those: Node by itself forgets them.
'use strict';
const http = require('http');

function saw(request, octets) {
	const target = request.url.replace(/[^!-~]/g, (c) => '%' + c.charCodeAt(0).toString(16));
	return `${request.method} ${target} ${octets}`;
}

function refuseWhenItsTurnComes(socket) {
	const waiting = (socket.asked || []).some((request) => request.complete && !request.answered);

	if (socket.broken && !waiting && socket.writable)
		socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
}

const server = http.createServer((request, response) => {
	let octets = 0;

	request.socket.asked = [...(request.socket.asked || []), request];
	request.on('data', (piece) => {
		octets += piece.length;
	});
	request.on('end', () => {
		response.setHeader('X-Saw', saw(request, octets));
		response.end();
	});
	request.on('error', () => {});
	response.on('finish', () => {
		request.answered = true;
		refuseWhenItsTurnComes(request.socket);
	});
});

server.on('connect', (request, socket) => {
	socket.on('error', () => {});
	socket.end(`HTTP/1.1 200 OK\r\nX-Saw: ${saw(request, 0)}\r\n\r\n`);
	socket.resume();
});

// What follows a request that goes is nobody's: it is not even read.
server.on('clientError', (error, socket) => {
	socket.broken = error.code !== 'HPE_CLOSED_CONNECTION';
	refuseWhenItsTurnComes(socket);
});

server.httpAllowHalfOpen = true;
server.maxHeadersCount = 0;
server.listen({ fd: 3 });
