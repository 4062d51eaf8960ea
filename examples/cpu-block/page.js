// page.js -- pings the server by the clock, draws that, and asks for long work when told to.
'use strict';

(() => {
const EVERY = 100, SECONDS = 20, LATE = 50;
const canvas = document.getElementById('pings');
const caption = document.getElementById('pings-caption');
const results = document.getElementById('results');
const pings = [];

// Whether or not the one before was answered, and counted from when it should have left.
function ping() {
	const p = { sent: performance.now(), took: null };

	pings.push(p);
	while (pings.length && p.sent - pings[0].sent > SECONDS * 1000)
		pings.shift();
	fetch(`ping?${Math.round(p.sent)}`, { cache: 'no-store' })
		.then((answer) => answer.text())
		.then(() => { p.took = performance.now() - p.sent; })
		.catch(() => { p.failed = true; });
}

function draw() {
	const now = performance.now();
	const points = pings.filter((p) => !p.failed).map((p) => {
		const took = p.took === null ? now - p.sent : p.took;

		return { x: 1 - (now - p.sent) / (SECONDS * 1000), y: Math.max(took, 0.3), took };
	});

	window.ouro.drawLog(canvas, points, [[0.3, '0.3 ms'], [1, '1 ms'], [10, '10 ms'],
		[100, '100 ms'], [1000, '1 s'], [5000, '5 s']],
		({ took }) => (took > LATE ? 'bad' : 'io'));
	caption.dataset.worst = Math.max(0, ...points.map(({ took }) => took)).toFixed(1);
	caption.dataset.late = points.filter(({ took }) => took > LATE).length;
	requestAnimationFrame(draw);
}

// The worst ping between asking and answer: that is what this place has cost everybody else.
function worstSince(began) {
	const now = performance.now();

	return Math.max(0, ...pings.filter((p) => p.sent >= began - EVERY)
		.map((p) => (p.took === null ? now - p.sent : p.took)));
}

function tell(place, words, ok) {
	const item = document.createElement('li');

	item.dataset.place = place;
	item.dataset.ok = ok;
	item.textContent = words;
	results.prepend(item);
	while (results.children.length > 4)
		results.lastChild.remove();
}

async function compute(button) {
	const { place } = button.dataset;
	const n = document.getElementById('n').value;
	const began = performance.now();

	button.setAttribute('aria-busy', 'true');
	try {
		const answer = await fetch(`cpu/${place}?n=${n}`, { cache: 'no-store' });
		const text = (await answer.text()).trim();
		const took = Math.round(performance.now() - began).toLocaleString('en');
		const worst = Math.round(worstSince(began)).toLocaleString('en');
		const what = place === 'crash' ? `the job ended so: ${text}` : `fib(${n}) = ${text}`;

		tell(place, `${button.querySelector('b').textContent}: ${what}, after ${took} ms; ` +
			`the slowest ping meanwhile took ${worst} ms`, answer.ok);
	} catch (error) {
		tell(place, `${place}: ${error.message}`, false);
	}
	button.setAttribute('aria-busy', 'false');
}

for (const button of document.querySelectorAll('[data-place]'))
	button.addEventListener('click', () => compute(button));
setInterval(ping, EVERY);
draw();
})();
