// node.js -- messages by Node's worker_threads. See run. 64 B are copied; larger buffers are moved,
// to and fro. Prints the wall time only; Node cannot be told which core a thread is to be on.
'use strict';
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');

const tasks = {
	trip_64: [20000, 64], trip_64k: [20000, 65536], trip_16m: [2000, 16 << 20],
	way_64: [500000, 64], way_64k: [50000, 65536], way_16m: [50, 16 << 20],
};

if (!isMainThread) {
	let got = 0;
	parentPort.on('message', (m) => {
		if (workerData.echo)
			parentPort.postMessage(m, m.length > 64 ? [m.buffer] : []);
		else if (++got === workerData.n)
			parentPort.postMessage('all');
	});
} else if (!process.argv[2]) {
	console.log(Object.keys(tasks).join('\n'));
} else {
	const name = process.argv[2], [n, size] = tasks[name], echo = name.startsWith('trip');
	const worker = new Worker(__filename, { workerData: { echo, n } });
	let came = 0, began;
	worker.on('online', () => {
		began = process.hrtime.bigint();
		for (let i = 0; i < (echo ? 1 : n); i++)
			worker.postMessage(new Uint8Array(size));
	});
	worker.on('message', (m) => {
		if (echo && ++came < n)
			return worker.postMessage(m, size > 64 ? [m.buffer] : []);
		const ns = Number(process.hrtime.bigint() - began) / n;
		console.log(`${name}\twall\tns\t${ns}`);
		worker.terminate();
	});
}
