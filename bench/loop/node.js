// node.js -- the tasks of bench/loop that Node has a counterpart of, in Node.
//
// The same dice, delays and numbers as bench.h, the same lines printed. CPU time is that of the
// whole process, its compiler and collector threads too, as it is for everybody.
// Restarts among more timers are left out: they take longer than all the rest of the run.
'use strict';

const RESTARTS = 4000000, BATCH = 1000;
const TASKS = 10000000, BURST = 1000;

let x = 2463534242;

function below(n)
{
	x ^= x << 13;
	x ^= x >>> 17;
	x ^= x << 5;
	return Math.floor((x >>> 0) * n / 4294967296);
}

const delay = () => 1 + below(1000);
const timeout = () => 30000 + below(60000);

function check(truth, what)
{
	if (truth)
		return;
	process.stderr.write(`node.js: not so: ${what}\n`);
	process.reallyExit(1);
}

function time()
{
	const { user, system } = process.cpuUsage();

	return { wall: Number(process.hrtime.bigint()), cpu: (user + system) * 1000 };
}

function say(task, figure, unit, value)
{
	console.log([task, figure, unit, Number(value.toPrecision(6))].join('\t'));
}

function done(task, began, n)
{
	const now = time();

	say(task, 'wall', 'ns', (now.wall - began.wall) / n);
	say(task, 'cpu', 'ns', (now.cpu - began.cpu) / n);
}

function timers(task, n)
{
	let count = 0;
	const fired = () => { count++; };
	const began = time();

	for (let i = 0; i < n; i++)
		setTimeout(fired, delay());
	process.on('exit', () => {
		done(task, began, n);
		check(count === n, 'every timer fired');
	});
}

function startTimeouts(n)
{
	const never = () => check(false, 'no time-out that was put off fires');

	return Array.from({ length: n }, () => setTimeout(never, timeout()));
}

function restarts(task, n, spread)
{
	const all = startTimeouts(n);
	let count = 0;
	const began = time();

	setImmediate(function some() {
		for (let i = 0; i < BATCH; i++)
			all[below(spread)].refresh();
		count += BATCH;
		if (count < RESTARTS)
			return setImmediate(some);
		done(task, began, RESTARTS);
		process.reallyExit(0);
	});
}

function bytes(task, n)
{
	const before = process.memoryUsage().rss;
	const all = startTimeouts(n);

	say(task, 'rss', 'bytes', (process.memoryUsage().rss - before) / n);
	check(all.length === n, 'all are live');
	process.reallyExit(0);
}

function macro(task)
{
	let count = 0;
	const began = time();
	const step = () => { count++; };
	const burst = () => {
		for (let i = 0; i < BURST; i++)
			setImmediate(step);
		if (count + BURST < TASKS)
			setImmediate(burst);
	};

	setImmediate(burst);
	process.on('exit', () => {
		done(task, began, TASKS);
		check(count === TASKS, 'every immediate ran');
	});
}

function micro(task)
{
	let count = 0;
	const began = time();

	process.nextTick(function step() {
		if (++count < TASKS)
			process.nextTick(step);
	});
	process.on('exit', () => {
		done(task, began, TASKS);
		check(count === TASKS, 'every tick ran');
	});
}

const tasks = {
	version: (task) => console.log(`${task}\t${process.versions.node}`),
	timers_1m: (task) => timers(task, 1000000),
	restarts_10k: (task) => restarts(task, 10000, 1),
	bytes_a_timer: (task) => bytes(task, 1000000),
	macro,
	micro,
};
const name = process.argv[2];

if (!name)
	console.log(Object.keys(tasks).join("\n"));
else
	tasks[name](name);
