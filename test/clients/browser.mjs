// browser.mjs -- somebody who sits before a browser: opens pages, clicks, types, and looks.
//
//	node browser.mjs CHROMIUM FOLDER VISIT URL [ALBUM]    prints what was seen
//
// VISIT is one of those at the end; FOLDER: where the browser may write; ALBUM: where pictures of what
// was seen are put. Chromium is spoken to over
// a pair of pipes, in its own language (DevTools), so that nothing but Node is needed. What a page
// shall come to show is waited for in the page, by an observer, not by looking again and again.
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
const [chromium, folder, visit, url, album] = process.argv.slice(2);

// ---- The browser ----

const browser = spawn(chromium, ['--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run',
	'--disable-dev-shm-usage', '--disable-background-networking', '--remote-debugging-pipe',
	'--user-data-dir=' + folder, 'about:blank'],
{ stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
const [ears, mouth] = browser.stdio.slice(3);
const asked = new Map();
let last = 0, rest = '';

function hear(text) {
	const { id, result, error } = JSON.parse(text);
	const { done, fail } = asked.get(id) ?? {};
	asked.delete(id);
	if (error) fail?.(new Error(error.message));
	else done?.(result);
}
mouth.setEncoding('utf8').on('data', (piece) => {
	const texts = (rest + piece).split('\0');
	rest = texts.pop();
	texts.forEach(hear);
});
browser.on('exit', (code) => {
	for (const { fail } of asked.values()) fail(new Error('the browser has left: ' + code));
});

function say(method, params = {}, sessionId = undefined) {
	const id = ++last;
	ears.write(JSON.stringify({ id, method, params, sessionId }) + '\0');
	return new Promise((done, fail) => asked.set(id, { done, fail }));
}

// ---- A page ----

class Page {
	static async open(address) {
		const { targetId } = await say('Target.createTarget', { url: 'about:blank' });
		const page = new Page();
		page.session = (await say('Target.attachToTarget', { targetId, flatten: true })).sessionId;
		await say('Page.navigate', { url: address }, page.session);
		await page.does(`new Promise((done) =>
			document.readyState === 'complete' ? done() : addEventListener('load', done))`);
		return page;
	}
	async does(expression) {
		const { result, exceptionDetails } = await say('Runtime.evaluate',
			{ expression, awaitPromise: true, returnByValue: true }, this.session);
		if (exceptionDetails)
			throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
		return result.value;
	}
	// Until the expression is true, and then what it is.
	until(expression) {
		return this.does(`new Promise((done) => {
			const look = () => { const seen = ${expression}; if (seen) done(seen); return seen; };
			if (!look()) new MutationObserver((_, self) => look() && self.disconnect())
				.observe(document, { subtree: true, childList: true, characterData: true });
		})`);
	}
	async click(selector) {
		const [x, y] = await this.does(`(() => { const at =
			document.querySelector('${selector}').getBoundingClientRect();
			return [at.x + at.width / 2, at.y + at.height / 2]; })()`);
		for (const type of ['mousePressed', 'mouseReleased'])
			await say('Input.dispatchMouseEvent', { type, x, y, button: 'left', clickCount: 1 },
				this.session);
	}
	// As wide as that, in a theme; true: all of it fits.
	async shape(width, theme) {
		await say('Emulation.setDeviceMetricsOverride',
			{ width, height: 900, deviceScaleFactor: 1, mobile: false }, this.session);
		await say('Emulation.setEmulatedMedia',
			{ features: [{ name: 'prefers-color-scheme', value: theme }] }, this.session);
		return this.does(`new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(
			() => done(document.documentElement.scrollWidth <= ${width}))))`);
	}
	async shoot(name) {
		const { data } = await say('Page.captureScreenshot',
			{ format: 'png', captureBeyondViewport: true }, this.session);
		mkdirSync(album, { recursive: true });
		writeFileSync(`${album}/${name}.png`, Buffer.from(data, 'base64'));
	}
	async type(text) {
		await say('Input.insertText', { text }, this.session);
		for (const type of ['keyDown', 'keyUp'])
			await say('Input.dispatchKeyEvent', { type, key: 'Enter', code: 'Enter', text:
				type === 'keyDown' ? '\r' : undefined, windowsVirtualKeyCode: 13 }, this.session);
	}
}

// ---- Visits ----

const heard = (n) => `(document.querySelectorAll('li').length >= ${n}) &&
	[...document.querySelectorAll('li')].map((li) => li.textContent).join(', ')`;
const visits = {
	async hello() {
		const page = await Page.open(url);
		return page.does('document.body.textContent.trim()');
	},
	// Two who talk; one leaves and comes back, and hears only what is said then.
	async chat() {
		const [ann, bob] = [await Page.open(url), await Page.open(url)];
		for (const page of [ann, bob])
			await page.does(`ws.readyState === 1 || new Promise((done) => ws.onopen = done)`);
		await ann.click('#text');
		await ann.type('gr\u00fc\u00df dich');
		await bob.until(heard(1));
		await bob.click('#text');
		await bob.type('<b>hello</b>');
		const both = [await ann.until(heard(2)), await bob.until(heard(2))];
		const carl = await Page.open(url);
		await carl.does(`ws.readyState === 1 || new Promise((done) => ws.onopen = done)`);
		await ann.type('three');
		return [...both, await carl.until(heard(1))].join(' | ');
	},
	// A file with a name that needs care is chosen, and the button pressed.
	async form() {
		const page = await Page.open(url);
		await page.does(`const chosen = new DataTransfer();
			chosen.items.add(new File(['x'.repeat(300000)], 'a "b"\\\\.txt'));
			document.querySelector('input').files = chosen.files; 0`);
		await page.click('button');
		return page.until(`said.textContent && bar.value + ': ' + said.textContent.trim()`);
	},
	// Two ticks that differ, by the same stream.
	async ticker() {
		const page = await Page.open(url);
		const tick = (other) => page.until(`/^\\d\\d:\\d\\d:\\d\\d$/.test(now.textContent) &&
			now.textContent !== '${other}' && now.textContent`);
		const first = await tick('');
		return first !== await tick(first);
	},
	// One computation in six places: what each button does to the pictures, by the data behind them.
	// No picture has a word across another's border, on a phone nor on a desk, by day nor by night.
	async block() {
		const page = await Page.open(url);
		const seen = [];
		const note = (what, is) => { if (!is) seen.push(what); };
		const state = `ouro.samples[ouro.samples.length - 1]`;
		const press = async (place) => {
			await page.click(`[data-place=${place}]`);
			const words = await page.until(
				`document.querySelector('#results [data-place=${place}]')?.textContent`);
			await page.shoot(place);
			return words;
		};
		await page.shape(1400, 'light');
		await page.until(`window.ouro && ouro.samples.length > 1`);
		await page.does(`document.getElementById('n').value = 38`);
		for (const place of ['inline', 'sliced', 'pool', 'threads', 'processes'])
			note(`${place} computes`, /fib\(38\) = 39088169,/.test(await press(place)));
		note('crash is told', /killed by SIGABRT/.test(await press('crash')));
		note('it is known who held the loop, and for whom', await page.until(
			`ouro.held.some((h) => h.who === 'fib_inline' && h.doing === 'GET /cpu/inline?n=38') &&
			document.querySelector('#held li')`));
		note('the pool has had a call', await page.until(
			`${state}.pool.lanes.find((lane) => lane.name === 'user').done === 1`));
		note('each crew has had its job', await page.until(
			`${state}.crews.length === 2 && ${state}.crews.every((crew) => crew.done === 1)`));
		note('a crash is counted', await page.until(
			`${state}.crews.find((crew) => crew.kind === 'process').crashed === 1`));
		note('the lanes have their boxes', await page.until(`document.querySelector('#crew canvas') &&
			[...ouro.lanes.values()].flat().some((box) => box.job === 'fib')`));
		note('pings are answered as before', await page.does(
			`fetch('ping').then((answer) => answer.text()).then((text) => text === 'pong\\n')`));
		for (const [width, theme] of [[400, 'dark'], [400, 'light'], [1400, 'dark'], [1400, 'light']]) {
			note(`${width} wide`, await page.shape(width, theme));
			await page.shoot(`${width}-${theme}`);
		}
		await page.does(`document.querySelector('[data-place=pool]').focus()`);
		await page.type('');
		note('a key presses a button', await page.until(
			`${state}.pool.lanes.find((lane) => lane.name === 'user').done === 2`));
		return seen.join(', ') || 'all is well';
	},
	// What a page's own WebSocket makes of ours: test/clients/ws.c.
	// From a page of the same address: at times the browser keeps others from this machine's own.
	async socket() {
		const page = await Page.open(url);
		return page.does(`(async () => {
			const once = (ws, what) => new Promise((done, fail) => {
				ws['on' + what] = done; ws.onerror = fail; });
			const ws = new WebSocket('${url.replace('http', 'ws')}', ['other', 'echo']);
			ws.binaryType = 'arraybuffer';
			await once(ws, 'open');
			const seen = [ws.protocol, ws.extensions || 'none'];
			for (const n of [0, 1, 125, 126, 127, 65535, 65536, 1000000]) {
				const text = 'a\\u00e4\\u20ac\\u{1f40d}'.repeat(n / 10);
				ws.send(text);
				if ((await once(ws, 'message')).data !== text) throw new Error('text of ' + n);
				const bytes = new Uint8Array(n).map((_, i) => i * 7);
				ws.send(bytes);
				const back = new Uint8Array((await once(ws, 'message')).data);
				if (back.length !== n || !back.every((byte, i) => byte === bytes[i]))
					throw new Error('bytes: ' + n);
			}
			ws.send('close 4001 as you like');
			const end = await once(ws, 'close');
			return [...seen, end.code, end.reason, end.wasClean].join(' ');
		})()`);
	},
};

try {
	console.log(await visits[visit]());
} catch (error) {
	console.log(error.message);
}
await say('Browser.close').catch(() => {});
