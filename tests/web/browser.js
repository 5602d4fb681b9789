// SPDX-License-Identifier: Apache-2.0
// browser.js - what the browser's tests share: TAP, a shell that sets the scene, Debian's Chromium by Playwright
//
// A test file is a Node program:  browserTest(async ({ page, sh, ok, … }) => { … });  It says what a page has to show as Playwright does
// (locators, which wait and act as a user would). The market, its sellers and its users are made in one bash that has tests/lib.sh and
// scene.sh, so that all tests set their scenes alike; sh() hands it a command. That bash ends what it started when its input ends.
const { spawn } = require('node:child_process');
const { mkdirSync, readFileSync, existsSync } = require('node:fs');
const path = require('node:path');

const TOP = path.resolve(__dirname, '../..');
const SHOTS = path.join(process.env.CPUSHARE_BUILD ?? path.join(TOP, 'build'), 'web');
const CHROMIUM = '/usr/bin/chromium';

// ---- a shell ----
// Each command is read up to a NUL; what it prints is sent back, with its status, between NULs. A daemon has no use for the shell's input.
const LOOP = `. "$0/tests/lib.sh"; . "$0/tests/web/scene.sh"
while IFS= read -r -d '' command; do eval "$command" </dev/null; printf '\\0%s\\0' $?; done`;

class Shell {
	constructor() {
		this.waiting = [];
		this.said = '';
		this.process = spawn('bash', ['-c', LOOP, TOP], { stdio: ['pipe', 'pipe', 'inherit'] });
		this.ended = new Promise((resolve) => this.process.on('close', resolve));
		this.ended.then(() => this.waiting.forEach(({ reject }) => reject(new Error(`the scene is over: ${this.said}`))));
		this.process.stdin.on('error', () => {}); // it is gone: its end tells
		this.process.stdout.setEncoding('utf8').on('data', (data) => this.#hear(data));
	}
	#hear(data) {
		this.said += data;
		for (let parts; (parts = this.said.split('\0')).length > 2; this.said = parts.slice(2).join('\0'))
			this.waiting.shift().resolve({ output: parts[0].replace(/\n$/, ''), status: Number(parts[1]) });
	}
	run(command) {
		return new Promise((resolve, reject) => {
			if (this.process.exitCode !== null)
				reject(new Error('the scene is over'));
			this.waiting.push({ resolve, reject });
			this.process.stdin.write(`${command}\0`);
		});
	}
	end() {
		this.process.stdin.end();
		return this.ended;
	}
}

// A word as bash reads it.
const quoted = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;

// ---- TAP ----
class Claims {
	constructor() {
		this.count = this.failed = 0;
	}
	ok(passed, name, ...why) {
		console.log(`${passed ? 'ok' : 'not ok'} ${++this.count} - ${name}`);
		if (!passed) {
			this.failed++;
			this.note(why.join('\n'));
		}
		return Boolean(passed);
	}
	is(got, want, name) {
		return this.ok(got === want, name, `got  ${JSON.stringify(got)}`, `want ${JSON.stringify(want)}`);
	}
	isnt(got, refused, name) {
		return this.ok(got !== refused, name, `got  ${JSON.stringify(got)}`);
	}
	like(got, pattern, name) {
		return this.ok(pattern.test(got), name, `got  ${JSON.stringify(got)}`, `is not like ${pattern}`);
	}
	note(text) {
		if (text)
			console.log(text.replace(/^/gm, '# '));
	}
	done() {
		console.log(`1..${this.count}`);
		return this.failed ? 1 : 0;
	}
}

// within SECONDS: asks until the answer is true; says whether it came to be. What throws (a page between two addresses) is asked again.
async function within(seconds, ask) {
	for (const end = Date.now() + seconds * 1000; ;) {
		if (await Promise.resolve().then(ask).catch(() => false))
			return true;
		if (Date.now() > end)
			return false;
		await new Promise((resolve) => setTimeout(resolve, 100));
	}
}

// ---- a page, and what a user does with it ----
// What the page complains of is kept in .complaints.
function pageActions(page, claims, name) {
	const complaints = [];
	page.on('console', (message) => complaints.push(`${message.text()} ${message.location().url}`));
	page.on('pageerror', (error) => complaints.push(error.stack ?? error.message));
	page.setDefaultTimeout(20000);
	const shot = (as, fullPage = true) => page.screenshot({ path: path.join(SHOTS, `${as}.jpg`), type: 'jpeg', quality: 60, fullPage });
	const says = async (selector) => (await page.locator(selector).evaluateAll((all) => all.map((e) => e.innerText ?? e.textContent))).join(' ').replace(/\s+/g, ' ').trim();
	// holds NAME SECONDS ask: becomes true; where it does not, a picture of the page is kept.
	const holds = async (what, seconds, ask, why = () => says('main')) => {
		const came = await within(seconds, ask);
		claims.ok(came, what, came ? '' : await Promise.resolve().then(why).catch(String));
		if (!came)
			await shot(`failed-${name}-${claims.count}`).catch(() => {});
		return came;
	};
	return {
		complaints, shot, says, holds,
		// see NAME SELECTOR PATTERN: its text comes to be like that
		see: (what, selector, pattern, seconds = 15) => holds(what, seconds, async () => pattern.test(await says(selector))),
		at: (pathname) => new URL(page.url()).pathname === pathname,
		// Until the page has said how its first refresh went, where it has a status line.
		visit: async (url) => {
			await page.goto(url);
			await page.waitForFunction(() => document.getElementById('status')?.textContent !== 'Loading…');
		},
		screen: async (width, height, colorScheme = 'light') => {
			await page.setViewportSize({ width, height });
			await page.emulateMedia({ colorScheme });
		},
		// The button or link of that name in the open dialog, else in the page.
		click: async (label) => {
			const dialog = page.locator('dialog[open]');
			const scope = (await dialog.count()) ? dialog : page.locator('main');
			await scope.getByRole('button', { name: label, exact: true }).or(scope.getByRole('link', { name: label, exact: true })).first().click();
		},
		fill: (id, text) => page.locator(`#${id}`).fill(text),
		// What axe-core finds serious or critical on the page that is shown.
		axe: async () => {
			if (!(await page.evaluate(() => 'axe' in window)))
				await page.evaluate(`${readFileSync(path.join(TOP, 'tests/web/vendor/axe.min.js'), 'utf8')}; 0`);
			return page.evaluate(async () => {
				const { violations } = await window.axe.run(document, { resultTypes: ['violations'] });
				return violations.filter((v) => ['serious', 'critical'].includes(v.impact))
					.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(' ')} ${n.failureSummary.split('\n')[1].trim()}`)).join('\n');
			});
		},
		// No wider than the screen: nothing has to be scrolled sideways.
		fits: () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
	};
}

// scene: a shell command that starts the market. play gets page, context and api (requests without the page's cookies) of Playwright, url (the
// market's), sh(command) (what it prints), shell.run(command) (its status, too), the claims of TAP, and what a user does.
async function browserTest(scene, play) {
	const name = path.basename(process.argv[1], '.t');
	const claims = new Claims();
	if (!existsSync(CHROMIUM)) {
		console.log('1..0 # SKIP chromium is not installed');
		return;
	}
	const { chromium, request } = require('playwright-core');
	mkdirSync(SHOTS, { recursive: true });
	const shell = new Shell();
	const sh = async (command) => (await shell.run(command)).output;
	let browser;
	const stop = async () => {
		await browser?.close().catch(() => {});
		await shell.end();
	};
	for (const [signal, number] of [['SIGINT', 2], ['SIGTERM', 15]])
		process.once(signal, () => stop().then(() => process.exit(128 + number)));
	try {
		await sh(scene);
		const url = await sh('echo "$URL"');
		browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--disable-quic'], handleSIGINT: false, handleSIGTERM: false });
		const context = await browser.newContext({ ignoreHTTPSErrors: true });
		const page = await context.newPage();
		const api = await request.newContext({ baseURL: url, ignoreHTTPSErrors: true });
		const claim = Object.fromEntries(['ok', 'is', 'isnt', 'like', 'note'].map((key) => [key, claims[key].bind(claims)]));
		await play({ page, context, api, url, sh, shell, within, quoted, TOP, ...claim, ...pageActions(page, claims, name) });
		await api.dispose();
	} catch (error) {
		claims.ok(false, 'the test runs to its end', error.stack);
		await browser?.contexts()[0]?.pages()[0]?.screenshot({ path: path.join(SHOTS, `failed-${name}.jpg`), type: 'jpeg' }).catch(() => {});
	}
	await stop();
	process.exit(claims.done());
}

module.exports = { browserTest };
