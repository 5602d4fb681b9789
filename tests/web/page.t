#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// page.t - the pages in a browser, against a running market: what they show, how they fit, keys, refreshes, outages
const { readFileSync } = require('node:fs');
const https = require('node:https');
const { browserTest } = require('./browser');

// A market with one seller, one machine that reports, and one order that waits.
const MARKET = 'start_market --set timing.sample_interval=1s && new_operator_token';
const MACHINE = `SELLER=$(sign_up seller@example.org '<b>Bench & Lab</b>')
enrol attic "$SELLER"
report 8000 4
BUYER=$(sign_up buyer@example.org buyer)
pay "$BUYER" 50000000
upload "$BUYER"
api POST /v1/orders "$(jq -nc --arg i "$IMAGE" '{image: $i, count: 3, cores: 2, memory_mib: 512, max_price_per_core_hour_micro: 5000,
	max_price_per_gib_hour_micro: 1000, max_price_per_gib_transferred_micro: 5000}')" "$BUYER" "$(key)"
echo $STATUS`;
// Nobody has calibrated it: a row says that somebody has.
const CALIBRATED = `BUYER_ID=$(sql "SELECT id FROM cpushare.account WHERE name = 'buyer'")
sql "INSERT INTO cpushare.calibration (id, machine, buyer, order_id, lease_id, image, cores, memory_mib, claimed, began_at, ended_at, result, score)
	SELECT gen_random_uuid(), id, '$BUYER_ID', gen_random_uuid(), gen_random_uuid(), decode(repeat('00', 32), 'hex'), 2, 700, 430, now(), now(), 'good', 412
	FROM cpushare.machine;
	INSERT INTO cpushare.standing (account, side) VALUES ('$BUYER_ID', 'buyer')"
echo $BUYER_ID`;

// The answer's headers and bytes as they come over the line: browsers and their like unpack, and do not tell.
const raw = (address, method, headers = {}) => new Promise((resolve, reject) => {
	https.request(address, { method, headers, rejectUnauthorized: false }, (answer) => {
		const parts = [];
		answer.on('data', (part) => parts.push(part)).on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts) }));
	}).on('error', reject).end();
});

browserTest(MARKET, async (scene) => {
	await emptyMarket(scene);
	await onePage(scene);
	await offers(scene);
	await pictures(scene);
	await others(scene);
	await widthsAndColours(scene);
	await keys(scene);
	await oneSeller(scene);
	await documents(scene);
	await files(scene);
	await outage(scene);
});

const texts = ({ page }) => ({
	row: async (box) => {
		const rows = page.locator(`#${box} tbody tr`);
		return (await rows.count()) ? (await rows.first().innerText()).replace(/\s+/g, ' ').trim() : '';
	},
	offerRows: page.locator('#offers-box tbody tr'),
	status: page.locator('#status'),
});

async function emptyMarket({ page, url, screen, visit, like, is, holds }) {
	await screen(1200, 1600);
	await visit(`${url}/market`);
	like(await page.locator('#status').textContent(), /^Live/, 'the page is live');
	await holds('an empty book says so', 10, async () => (await page.locator('#depth').textContent()).includes('The book is empty'));
	await holds('and so do its tables', 10, async () => (await page.locator(':is(#asks-box, #bids-box, #offers-box) .empty').count()) === 3);
	is(await page.locator('nav [aria-current]').textContent(), 'Market', 'the menu says where one is');
}

async function onePage(scene) {
	const { page, sh, is, like, holds } = scene;
	const { row, offerRows } = texts(scene);
	is(await sh(MACHINE), '201', 'an order below the only ask waits');
	await sh('report 8000 4');
	await holds('the page shows the machine without being loaded again', 15, async () => (await offerRows.count()) === 1);
	like(await row('offers-box'), /^<b>Bench & Lab<\/b> attic DE KVM 4 of 4 4 GiB of 4 GiB 412 0\.008 0\.001 0\.005 0\.000 \(0\)/, 'its offer, a hostile name as text');
	await holds('its ask', 15, async () => (await row('asks-box')) === '0.008 4 1');
	await holds("the order's bid", 15, async () => (await row('bids-box')) === '0.005 6 1');
	await holds('both sides of the depth', 10, async () => (await page.locator('#depth polygon').count()) === 2);
	like(await page.locator('#depth-text').textContent(), /4 cores offered from 0\.008 [A-Z]+; 6 cores wanted at up to 0\.005 [A-Z]+/, 'the picture in words');
	is((await row('trades-box')) + (await page.locator('#trades-box .empty').textContent()), 'No lease was made yet.', 'no trade yet');
	await holds('its country', 15, async () => (await row('countries-box')) === 'DE 1 1 4 of 4 0.008');
}

// The offers' query, and the command that gives the same list.
async function offers(scene) {
	const { page, sh, is, holds, quoted } = scene;
	const { offerRows } = texts(scene);
	const query = page.locator('[name=query]');
	const command = page.locator('#command');
	const commanded = async () => sh(`as walker bash -c ${quoted(`${await command.textContent()} -o name`)}`);
	const machine = await sh('new_user walker >/dev/null; report 8000 4; echo $MACHINE');
	is(await command.textContent(), 'cpushare offer list', 'without a query the command has none');
	for (const text of ['cores>=4 country=DE', 'price<=0.008 memory>=4G']) {
		await query.fill(text);
		await holds(`${text} is in the command`, 5, async () => (await command.textContent()) === `cpushare offer list '${text}'`);
		await holds('and leaves the machine', 10, async () => (await offerRows.count()) === 1);
		is(await commanded(), machine, 'as the command does');
	}
	await query.fill('cores>=5');
	await holds('what does not fit is not shown', 10, async () => (await page.locator('#offers-box .empty').textContent()) === 'No machine that is online fits.');
	is(await commanded(), '', 'nor by the command');
	await query.fill('prize<1');
	await holds('what is no query is said to be none, and where', 10, async () => (await page.locator('#query-wrong').textContent()).includes('column 1'));
	await query.fill('');
	await holds('cleared, all are back', 10, async () => (await offerRows.count()) === 1);
}

async function pictures(scene) {
	const { page, sh, is, holds } = scene;
	const plots = page.locator('.plot');
	await holds('the market draws its samples', 40, async () => (await plots.locator('canvas').count()) >= 2);
	await plots.getByRole('button').filter({ hasText: /^Table$/ }).first().click();
	await holds("a picture's numbers are a table", 5, async () => (await plots.locator('table[role] tbody tr').count()) > 0);
	is(await page.evaluate(async () => (await import('/js/table.js')).csvOf([{ label: 'a,b', text: (r) => r }], ['=1+1', '-5', 'say "x"', '@x'])),
		'"a,b"\r\n\'=1+1\r\n-5\r\n"say ""x"""\r\n\'@x\r\n', 'CSV is quoted, and no name is a formula');
	// What the reader holds stays theirs over a refresh.
	await page.locator('#offers-box tbody a').first().focus();
	await sh('report 9000 8');
	await holds('a new price arrives', 15, async () => (await page.locator('#asks-box tbody td').first().textContent()) === '0.009');
	is(await page.locator(':focus').textContent(), '<b>Bench & Lab</b>', 'and the focus stayed on its link');
}

async function others(scene) {
	const { page, url, visit, like, holds, see } = scene;
	const { row } = texts(scene);
	await visit(`${url}/`);
	await holds('the front page has the cores', 15, async () => (await page.locator('.figures dt:text-is("Cores free") + dd').textContent()) === '8');
	like(await row('offers-box'), /<b>Bench & Lab<\/b> attic/, 'and the cheapest offers');
	await visit(`${url}/sellers`);
	await holds("the sellers' page has its seller", 15, async () => /<b>Bench & Lab<\/b> 0\.000 0 0 0 1 of 1 0 0 20/.test(await row('sellers-box')));
	await visit(`${url}/reset`);
	await see('where no mail is sent, a forgotten password is the operator’s matter', 'main', /is set anew by an address that the market’s operator hands out/);
}

async function widthsAndColours({ page, url, sh, is, ok, like, holds, visit, screen, axe, fits, shot }) {
	const buyer = await sh(CALIBRATED);
	const seller = await sh('sql "SELECT account FROM cpushare.machine"');
	// Who finds nothing proves nothing.
	await visit(`${url}/`);
	await page.evaluate(() => document.getElementById('title').append(document.createElement('button')));
	like(await axe(), /^button-name: /, 'axe finds a button without a name');
	for (const at of ['/', '/market', '/sellers', `/sellers/${seller}`, `/buyers/${buyer}`, '/reputation', '/docs/api', '/docs/problems']) {
		await visit(url + at);
		for (const scheme of ['light', 'dark']) {
			await screen(1200, 1200, scheme);
			is(await axe(), '', `${at}: axe finds nothing serious (${scheme})`);
		}
		for (const width of [360, 768, 1200]) {
			await screen(width, 1200);
			await holds(`${at}: no sideways scrolling at ${width} px`, 5, fits);
		}
		await shot(`page${at.replaceAll('/', '-').replace(/-[0-9a-f-]{36}$/, '-one')}`, false); // the reference is long
	}
	// Of text and of what it stands on, 0 to 255.
	const light = () => page.evaluate(() => ['color', 'backgroundColor'].map((which) => {
		const [r, g, b] = getComputedStyle(document.body)[which].match(/\d+/g);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	}));
	await screen(1200, 1200, 'dark');
	const [text, ground] = await light();
	ok(ground < 60 && text > 190, 'light on dark where the system is dark', `${text} on ${ground}`);
	await page.locator('#theme').click();
	const [ink, paper] = await light();
	ok(paper > 190 && ink < 60, 'dark on light once the button said so', `${ink} on ${paper}`);
}

async function keys({ page, url, visit, is }) {
	await visit(`${url}/sellers`);
	await page.keyboard.press('Tab');
	is(await page.locator(':focus').getAttribute('class'), 'skip', 'the first Tab reaches the way to the content');
	await page.keyboard.press('Enter');
	is(await page.locator(':focus').getAttribute('id'), 'main', 'which Enter takes');
	await page.locator('#sellers-box th').getByRole('button', { name: 'Rating', exact: true }).focus();
	await page.keyboard.press('Enter');
	const sorted = page.locator('#sellers-box th[aria-sort]');
	is(`${await sorted.textContent()} ${await sorted.getAttribute('aria-sort')}`, 'Rating ascending', 'a heading sorts by Enter');
}

async function oneSeller(scene) {
	const { page, url, sh, is, like, holds, screen, visit, fits } = scene;
	const { row, status } = texts(scene);
	await sh('report 9000 8');
	await page.locator('#sellers-box tbody a').first().click();
	await holds("the link leads to the seller's page", 15, async () => (await page.locator('#title').textContent()) === '<b>Bench & Lab</b>');
	like(await page.locator('#sum').textContent(), /No marks yet. A rating of 0/, 'which says that nothing is known');
	like(await row('offers-box'), /^attic online DE KVM 8 of 8 4 GiB of 4 GiB 412 0\.009 0\.001 0\.005/, 'and has its offer');
	await holds('and what the market measured', 15, async () => /^attic .* good 412 430 2 700 MiB$/.test(await row('calibrations-box')));
	await screen(360, 1200);
	await holds('it fits 360 px', 5, fits);
	await visit(`${url}/sellers/${await sh('uuid')}`);
	like(await status.textContent(), /no such thing/, 'an unknown seller is said to be unknown');
	await visit(`${url}/sellers/no-uuid`);
	like(await status.textContent(), /names no seller/, 'what is no id is not asked for');
}

async function documents({ page, url, api, is, like, holds, visit, fits, TOP }) {
	await visit(`${url}/nowhere/at-all`);
	like(await page.locator('h1').textContent(), /no such page/, 'a browser gets a page that says so');
	const nowhere = await api.get('/nowhere/at-all', { headers: { Accept: 'application/json' } });
	is(`${nowhere.status()} ${(await nowhere.json()).code}`, '404 no_route', 'a program gets a problem');
	const { version } = await (await api.get('/v1/reputation')).json();
	is(/version \d+ of the formula/.exec(readFileSync(`${TOP}/web/reputation.html`, 'utf8'))?.[0], `version ${version} of the formula`,
		"the page tells this version's formula"); // the formula that is published is the one that is used
	const { type } = await (await api.get('/v1/nowhere')).json();
	await visit(url + type);
	is(await page.locator(':target').getAttribute('id'), 'no_route', "a problem's type leads to its explanation");
	await holds('and fits 360 px', 5, fits);
	await visit(`${url}/docs/api`);
	const { paths } = JSON.parse(readFileSync(`${TOP}/web/openapi.json`, 'utf8'));
	is(await page.locator('article.operation[id]:not([id^=schema-])').count(), Object.values(paths).flatMap(Object.keys).length, 'the reference has every operation');
	is(await page.locator('main a[href^="#"]').evaluateAll((links) => links.filter((a) => !document.getElementById(a.hash.slice(1))).length), 0,
		'its links lead somewhere');
}

// What the market serves beside.
async function files({ url, api, is, like, complaints, TOP }) {
	const description = await api.get('/v1/openapi.json');
	is(`${description.status()} ${(await description.body()).equals(readFileSync(`${TOP}/web/openapi.json`))}`, '200 true', 'the description is served as it is');
	const front = (await raw(`${url}/`, 'HEAD')).headers;
	for (const [name, want] of [['content-security-policy', "default-src 'none'; script-src 'self'; style-src 'self'"], ['x-content-type-options', 'nosniff'],
		['referrer-policy', 'no-referrer']])
		is((front[name] ?? '').slice(0, want.length), want, `header ${name}: ${want}`);
	const file = `${url}/js/table.js`;
	const whole = readFileSync(`${TOP}/web/js/table.js`);
	const packed = (headers = {}) => raw(file, 'GET', { 'Accept-Encoding': 'gzip', ...headers });
	const { headers, body } = await packed();
	is(headers['content-encoding'], 'gzip', 'a browser gets files compressed');
	const plain = await raw(file, 'GET');
	is(`${require('node:zlib').gunzipSync(body).equals(whole)} ${plain.body.equals(whole)}`, 'true true', 'which are the same then, and without');
	is((await packed({ 'If-None-Match': headers.etag })).status, 304, 'what is known is not sent again');
	is(plain.headers['content-encoding'], undefined, 'who does not ask for it gets no compressed file');
	is(complaints.filter((c) => !/status of 404|status of 422.*prize|ERR_CONNECTION/i.test(c)).join('\n'), '', 'the browser complained of nothing');
}

async function outage(scene) {
	const { page, url, sh, isnt, holds, screen, visit } = scene;
	const { row, status } = texts(scene);
	await screen(1200, 1200);
	await visit(`${url}/sellers`);
	await sh('end "$MARKET_PID" KILL');
	await holds('a market that is gone is said to be gone', 20, async () => (await status.textContent()) === 'The market cannot be reached. Trying again.');
	isnt(await row('sellers-box'), '', 'what was known stays on the page');
	await sh('restart_market');
	await holds('and its return is noticed', 20, async () => (await status.getAttribute('class')) === 'status');
}
