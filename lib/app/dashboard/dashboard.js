// dashboard.js -- draws what a loop says of itself, once a second.
//
// Put <main data-ouro="PATH/"> into a page, where PATH/ is the tree that ouro_dashboard_serve()
// answers ("": the page is in it), and this behind it. The figures are sums since the start; what
// is drawn is the difference of two. Everything that is drawn can be read from window.ouro too.
'use strict';

(() => {
const KEEP = 120; // pictures, two minutes
const LANE_SECONDS = 20;
const PHASES = ['io', 'check', 'close', 'timers', 'micro', 'other'];
const PHASE_WORDS = {
	idle: 'asleep', io: 'I/O', check: 'check', close: 'close', timers: 'timers',
	micro: 'micro', other: 'between',
};

const host = document.querySelector('[data-ouro]');
const base = host.dataset.ouro;
const ouro = window.ouro = { samples: [], held: [], lanes: new Map(), last: 0, listeners: [] };

// ---- Making elements ----

function make(tag, attributes = {}, ...children) {
	const element = document.createElement(tag);

	for (const [name, value] of Object.entries(attributes))
		element.setAttribute(name, value);
	element.append(...children);
	return element;
}

function card(id, title, ...children) {
	return make('section', { class: 'card', id, 'aria-labelledby': `${id}-title` },
		make('h2', { id: `${id}-title` }, title), ...children);
}

function facts(...names) {
	const list = make('dl', { class: 'facts' });
	const values = {};

	for (const name of names) {
		values[name] = make('dd', {}, '–');
		list.append(make('div', {}, make('dt', {}, name), values[name]));
	}
	return { list, set: (name, text) => { values[name].textContent = text; } };
}

function picture(height, label) {
	const canvas = make('canvas', { role: 'img', 'aria-label': label });

	canvas.style.height = `${height}px`;
	return canvas;
}

// ---- Words for figures ----

function ms(ns) {
	const t = ns / 1e6;

	if (t >= 1000)
		return `${Math.round(t).toLocaleString('en')} ms`;
	if (t >= 10)
		return `${Math.round(t)} ms`;
	return t >= 0.1 ? `${t.toFixed(1)} ms` : `${Math.round(ns / 1e3)} µs`;
}

function bytes(n) {
	for (const unit of ['B', 'KiB', 'MiB', 'GiB']) {
		if (n < 1024 || unit === 'GiB')
			return `${n < 10 && unit !== 'B' ? n.toFixed(1) : Math.round(n)} ${unit}`;
		n /= 1024;
	}
}

const many = (n, one, more = `${one}s`) => `${n.toLocaleString('en')} ${n === 1 ? one : more}`;
const rate = (n) => (n >= 10 ? Math.round(n).toLocaleString('en') : n.toFixed(1));

// What the watchdog said: who, for what, how long, who waited, and what to do.
function sentence(held) {
	const holds = held.ongoing ? 'is held, so far' : 'was held';
	const waited = held.waiting ? `; ${many(held.waiting, 'descriptor')} waited` : '';
	const advice = held.ns >= 1e8 ? '; move it to a crew' : '';

	return `The loop ${holds} ${ms(held.ns)} by ${held.who} for ${held.doing}${waited}${advice}.`;
}

// ---- Drawing ----

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`);

// A canvas as large as its place, in the pixels of the screen; null: it is not to be seen.
function pen(canvas) {
	const scale = window.devicePixelRatio || 1;
	const { clientWidth: width, clientHeight: height } = canvas;

	if (!width || !height)
		return null;
	canvas.width = width * scale;
	canvas.height = height * scale;
	const at = canvas.getContext('2d');
	at.scale(scale, scale);
	at.font = '12px system-ui, "DejaVu Sans", sans-serif';
	at.textBaseline = 'middle';
	return { at, width, height };
}

// A grid of lines with a word each; returns where a value is.
function axis({ at, width, height }, marks, place) {
	const left = 4 + Math.max(...marks.map(([, word]) => at.measureText(word).width));

	for (const [value, word] of marks) {
		const y = place(value);

		at.fillStyle = color('soft');
		at.textAlign = 'right';
		at.fillText(word, left, Math.min(Math.max(y, 7), height - 7));
		at.strokeStyle = color('line');
		at.beginPath();
		at.moveTo(left + 6, y + 0.5);
		at.lineTo(width, y + 0.5);
		at.stroke();
	}
	return left + 6;
}

// Points {x: 0 to 1, y} as a line over marks [[value, word]...], by logarithm.
function drawLog(canvas, points, marks, pick) {
	const p = pen(canvas);

	if (!p)
		return;
	const low = Math.log(marks[0][0]), high = Math.log(marks[marks.length - 1][0]);
	const place = (v) => p.height - 6 - (p.height - 12) *
		Math.min(1, Math.max(0, (Math.log(Math.max(v, 1e-9)) - low) / (high - low)));
	const left = axis(p, marks, place);
	let before = null;

	for (const point of points) {
		const x = left + point.x * (p.width - left - 4), y = place(point.y);

		p.at.strokeStyle = p.at.fillStyle = color(pick(point));
		p.at.lineWidth = 1.5;
		if (before) {
			p.at.beginPath();
			p.at.moveTo(before.x, before.y);
			p.at.lineTo(x, y);
			p.at.stroke();
		}
		p.at.beginPath();
		p.at.arc(x, y, 1.8, 0, 7);
		p.at.fill();
		before = { x, y };
	}
}

// Columns of parts, each part [color, share]; the newest at the right.
function drawColumns(canvas, columns) {
	const p = pen(canvas);

	if (!p)
		return;
	const left = axis(p, [[0, '0'], [0.5, '50 %'], [1, '100 %']],
		(v) => p.height - 6 - (p.height - 12) * v);
	const step = (p.width - left) / KEEP;

	columns.forEach((parts, i) => {
		const x = p.width - (columns.length - i) * step;
		let y = p.height - 6;

		for (const [name, share] of parts) {
			const tall = share * (p.height - 12);

			p.at.fillStyle = color(name);
			p.at.fillRect(x, y - tall, Math.max(step - 1, 1), tall);
			y -= tall;
		}
	});
}

// Bars [[word, count]...], by logarithm of the count, so that a single one can be seen.
function drawBars(canvas, bars, pick) {
	const p = pen(canvas);

	if (!p || !bars.length)
		return;
	const tallest = Math.max(...bars.map(([, n]) => Math.log2(n + 1)), 1);
	const step = p.width / bars.length;
	const every = Math.ceil(52 / step);

	bars.forEach(([word, n], i) => {
		const tall = n ? 3 + (p.height - 36) * Math.log2(n + 1) / tallest : 0;

		p.at.fillStyle = color(pick(i));
		p.at.fillRect(i * step + 1, p.height - 18 - tall, step - 2, tall);
		if (i % every === 0 && i * step + p.at.measureText(word).width < p.width) {
			p.at.fillStyle = color('soft');
			p.at.textAlign = 'left';
			p.at.fillText(word, i * step + 1, p.height - 8);
		}
	});
}

// Lanes [{name, boxes: [{from, to, word, bad}]}...]; times in seconds before now.
function drawLanes(canvas, lanes) {
	const tall = 26;

	canvas.style.height = `${lanes.length * tall + 20}px`;
	const p = pen(canvas);

	if (!p)
		return;
	const left = 8 + Math.max(...lanes.map(({ name }) => p.at.measureText(name).width));
	const place = (seconds) =>
		left + (p.width - left) * (1 - Math.min(1, Math.max(0, seconds / LANE_SECONDS)));

	lanes.forEach((lane, i) => {
		const y = i * tall + 3;

		p.at.fillStyle = color('soft');
		p.at.textAlign = 'left';
		p.at.fillText(lane.name, 0, y + 10);
		p.at.fillStyle = color('page');
		p.at.fillRect(left, y, p.width - left, 20);
		for (const box of lane.boxes) {
			const x = place(box.from), wide = Math.max(place(box.to) - x, 2);

			p.at.fillStyle = color(box.bad ? 'bad' : 'check');
			p.at.fillRect(x, y, wide, 20);
			if (p.at.measureText(box.word).width < wide - 8) {
				p.at.fillStyle = color('card');
				p.at.fillText(box.word, x + 4, y + 10);
			}
		}
	});
	p.at.fillStyle = color('soft');
	p.at.textAlign = 'left';
	p.at.fillText(`${LANE_SECONDS} s ago`, left, lanes.length * tall + 10);
	p.at.textAlign = 'right';
	p.at.fillText('now', p.width, lanes.length * tall + 10);
}

Object.assign(ouro, { make, card, facts, picture, drawLog, ms, many, sentence });

// ---- The cards ----

const title = make('h1', {}, 'ouro');
const status = make('span', { class: 'status', role: 'status' }, 'connecting');
const about = make('span', { class: 'soft' });
const cards = make('div', { class: 'cards' });

const turnFacts = facts('turns / s', 'busy', 'longest', 'resident');
const bar = make('div', { class: 'bar', role: 'img', 'aria-label': 'where the last second went' });
const legend = make('ul', { class: 'legend' });
const turnPicture = picture(120, 'share of each phase in each of the last 120 seconds');
const latePicture = picture(150, 'how long turns took, since the start');
const heldList = make('ol', { class: 'held' });
const nobody = make('p', { class: 'soft' }, 'Nobody has held the loop.');
const requestFacts = facts('requests / s', 'connected', 'in work', 'refused');
const requestPicture = picture(120, 'requests a second, in the last 120 seconds');
const poolTable = make('tbody');
const crewCard = card('crew', 'Crews');
const activeTable = make('tbody');

function scrolled(head, body) {
	return make('div', { class: 'scroll' }, make('table', {},
		make('thead', {}, make('tr', {}, ...head.map((word) => make('th', {}, word)))), body));
}

function row(...cells) {
	return make('tr', {}, ...cells.map((cell) => make('td', {}, String(cell))));
}

function layOut() {
	for (const name of ['idle', ...PHASES]) {
		const dot = make('i');

		dot.style.background = `var(--${name})`;
		legend.append(make('li', {}, dot, PHASE_WORDS[name]));
	}
	crewCard.hidden = true;
	cards.append(
		card('turn', 'The turn', turnFacts.list, bar, legend, turnPicture),
		card('held', 'Who held the loop', nobody, heldList),
		card('requests', 'Requests', requestFacts.list, requestPicture),
		card('late', 'How long turns took', latePicture, make('p', { class: 'soft' },
			'Whoever came in meanwhile has waited so long. Bars grow by powers of two.')),
		crewCard,
		card('pool', 'The pool', scrolled(
			['lane', 'waiting', 'running', 'done', 'waited, p99', 'ran, p99'], poolTable)),
		card('active', 'What keeps the loop alive', scrolled(['kind', 'how many'], activeTable)));
	host.prepend(make('header', { class: 'ouro' }, title, status, about));
	host.append(cards);
}

// ---- From figures to pictures ----

// Where the time between two samples went: [[phase, share]...], and what is left was sleep.
function shares(a, b) {
	const spent = Math.max(b.idle_ns + b.busy_ns - a.idle_ns - a.busy_ns, 1);
	let rest = b.busy_ns - a.busy_ns;
	const parts = PHASES.slice(0, -1).map((name) => {
		const ns = b.phases[name] - a.phases[name];

		rest -= ns;
		return [name, Math.min(1, Math.max(0, ns / spent))];
	});

	parts.push(['other', Math.max(0, Math.min(1, rest / spent))]);
	return parts;
}

const total = (sample, figure) =>
	sample.servers.reduce((sum, server) => sum + server[figure], 0);

function showTurn(a, b) {
	const parts = shares(a, b);
	const busy = parts.reduce((sum, [, share]) => sum + share, 0);

	turnFacts.set('turns / s', rate((b.turns - a.turns) / (b.seconds - a.seconds)));
	turnFacts.set('busy', `${Math.round(100 * Math.min(1, busy))} %`);
	turnFacts.set('longest', ms(b.turn.max));
	turnFacts.set('resident', b.resident ? bytes(b.resident) : '–');
	bar.replaceChildren(...parts.map(([name, share]) => {
		const part = make('span', { title: `${PHASE_WORDS[name]}: ${(100 * share).toFixed(1)} %` });

		part.style.width = `${100 * share}%`;
		part.style.background = `var(--${name})`;
		return part;
	}));
	drawColumns(turnPicture, ouro.samples.slice(1).map((s, i) => shares(ouro.samples[i], s)));
}

function showLate(b) {
	const first = 14, last = 35; // 8 µs to 17 s

	drawBars(latePicture, b.turn.buckets.slice(first, last).map((n, i) =>
		[ms(2 ** (first + i - 1)).replace(' ', '\u00a0'), n]), (i) => {
		const from = 2 ** (first + i - 1);

		return from >= 5e7 ? 'bad' : from >= 5e6 ? 'timers' : 'io';
	});
}

function heldItem(held) {
	const item = make('li', held.ongoing ? {} : { class: 'over' }, sentence(held));

	if (held.stack.length)
		item.append(make('details', {}, make('summary', {}, 'the stack'),
			make('pre', {}, held.stack.join('\n'))));
	return item;
}

// The list is replaced only when it has changed: somebody may be reading a stack.
function showHeld(b) {
	const newest = [...b.worst].sort((x, y) => y.began - x.began);
	const key = JSON.stringify(newest);

	if (key === ouro.heldKey)
		return;
	ouro.heldKey = key;
	ouro.held = newest;
	nobody.hidden = newest.length > 0;
	heldList.replaceChildren(...newest.map(heldItem));
}

function showRequests(a, b) {
	const perSecond = (x, y) =>
		Math.max(0, (total(y, 'requests') - total(x, 'requests')) / (y.seconds - x.seconds));
	const points = ouro.samples.slice(1).map((s, i, all) => ({
		x: 1 - (all.length - 1 - i) / KEEP, y: Math.max(perSecond(ouro.samples[i], s), 0.1),
	}));
	const most = Math.max(100, ...points.map(({ y }) => y));
	const marks = [[0.1, '0'], [1, '1'], [10, '10'], [100, '100'], [1e3, '1k'], [1e4, '10k'],
		[1e5, '100k'], [1e6, '1M']].filter(([n]) => n < most * 10);

	requestFacts.set('requests / s', rate(perSecond(a, b)));
	requestFacts.set('connected', total(b, 'connections').toLocaleString('en'));
	requestFacts.set('in work', total(b, 'waiting').toLocaleString('en'));
	requestFacts.set('refused', total(b, 'refused').toLocaleString('en'));
	drawLog(requestPicture, points, marks, () => 'io');
}

function showPool(b) {
	poolTable.replaceChildren(...b.pool.lanes.map((lane) => row(lane.name, lane.waiting,
		lane.running, lane.done.toLocaleString('en'), ms(lane.wait_p99), ms(lane.run_p99))));
}

function showActive(b) {
	activeTable.replaceChildren(...Object.entries(b.active)
		.sort(([, x], [, y]) => y - x).map(([kind, n]) => row(kind, n.toLocaleString('en'))));
}

// A crew tells of each runner what it does now and what it did last; the boxes are kept here.
function keepBoxes(crew, i, b) {
	crew.runners.forEach((runner, k) => {
		const lane = `${i} ${k}`;
		const boxes = ouro.lanes.get(lane) || [];

		for (const job of runner.jobs) {
			const same = boxes.find((box) => box.began === job.began);

			if (same)
				Object.assign(same, job);
			else
				boxes.push({ ...job });
		}
		ouro.lanes.set(lane, boxes.filter((box) =>
			(b.now - (box.ended || b.now)) / 1e9 < LANE_SECONDS));
	});
}

function crewPart(crew, i) {
	const part = make('div');
	const words = facts('waiting', 'running', 'done', 'failed', 'crashed');
	const canvas = picture(60, `what each runner of ${crew.name} did in the last ${LANE_SECONDS} s`);

	part.append(make('p', {}, `${crew.name}, ${many(crew.runners.length,
		crew.kind === 'process' ? 'process' : 'thread',
		crew.kind === 'process' ? 'processes' : 'threads')}`), words.list, canvas);
	return { part, words, canvas };
}

function showCrews(b) {
	if (!b.crews.length)
		return;
	crewCard.hidden = false;
	if (!ouro.crewParts || ouro.crewParts.length !== b.crews.length) {
		ouro.crewParts = b.crews.map(crewPart);
		crewCard.replaceChildren(crewCard.firstChild, ...ouro.crewParts.map(({ part }) => part));
	}
	b.crews.forEach((crew, i) => {
		const { words, canvas } = ouro.crewParts[i];

		for (const figure of ['waiting', 'running', 'done', 'failed', 'crashed'])
			words.set(figure, crew[figure].toLocaleString('en'));
		keepBoxes(crew, i, b);
		drawLanes(canvas, crew.runners.map((runner, k) => ({
			name: runner.name,
			boxes: ouro.lanes.get(`${i} ${k}`).map((box) => ({
				from: (b.now - box.began) / 1e9,
				to: (b.now - (box.ended || b.now)) / 1e9,
				word: box.job, bad: box.failed,
			})),
		})));
	});
}

function show() {
	const n = ouro.samples.length;
	const b = ouro.samples[n - 1], a = ouro.samples[Math.max(n - 2, 0)];

	if (!b)
		return;
	title.textContent = b.title;
	document.title = b.title;
	about.textContent = `ouro ${b.version}, process ${b.pid}, up ${Math.round(b.seconds)} s`;
	if (a !== b) {
		showTurn(a, b);
		showRequests(a, b);
	}
	showLate(b);
	showHeld(b);
	showPool(b);
	showActive(b);
	showCrews(b);
}

// ---- Listening ----

function hear(text) {
	const state = JSON.parse(text);
	const before = ouro.samples[ouro.samples.length - 1];

	if (before && (before.pid !== state.pid || state.seconds < before.seconds))
		ouro.samples.length = 0; // another process: it has been started again
	ouro.samples.push(state);
	ouro.samples.splice(0, ouro.samples.length - KEEP);
	ouro.last = performance.now();
	show();
	for (const listener of ouro.listeners)
		listener(state);
}

// The loop cannot say that it is held: that nothing comes is how it is seen from here.
function look() {
	const b = ouro.samples[ouro.samples.length - 1];
	const silent = performance.now() - ouro.last;
	const late = b && silent > 1.8 * b.period_ms;

	status.classList.toggle('late', !!late || ouro.lost);
	status.textContent = ouro.lost ? 'connection lost' :
		!b ? 'connecting' : late ? `silent for ${(silent / 1000).toFixed(1)} s` : 'live';
}

layOut();
ouro.source = new EventSource(`${base}events`);
ouro.source.onmessage = (event) => hear(event.data);
ouro.source.onopen = () => { ouro.lost = false; };
ouro.source.onerror = () => { ouro.lost = true; };
setInterval(look, 200);
addEventListener('resize', show);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', show);
})();
