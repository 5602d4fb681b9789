#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// own.t - a buyer's, an operator's and a seller's pages in a browser, up to a VM that really runs and is marked
const { browserTest } = require('./browser');

const MARKET = `start_market --set limits.signups_burst=100 --set fees.deposit_bp=250 --set timing.busy_interval=500ms --set timing.settle_interval=1s --set mail.server=smtp://127.0.0.1:1 --set mail.from=market@example.org --set mail.confirm_signup=no
new_operator_token`;
const SELLER = 'new_seller desk --price-core 1 --price-memory 1 --price-transfer 1 && start_seller desk';

browserTest(MARKET, async (scene) => {
	const { page, shell, screen, ok, sh } = scene;
	await screen(1200, 1000);
	ok((await shell.run(SELLER)).status === 0, "a seller's machine runs");
	scene.password = await sh('echo "$PASSWORD"');
	scene.fillAll = async (form, values) => {
		for (const [name, text] of Object.entries(values))
			await page.locator(`#${form}-${name}`).fill(text);
	};
	await nobody(scene);
	await signUp(scene);
	await addFunds(scene);
	await confirmFunds(scene);
	await upload(scene);
	await order(scene);
	await watch(scene);
	await cancelAndRate(scene);
	await selling(scene);
	await forgottenPassword(scene);
	await account(scene);
	await narrow(scene);
});

async function logIn({ fillAll, click, password }, email, word = password) {
	await fillAll('login', { email, password: word });
	await click('Log in');
}
async function logOut({ url, visit, click, holds, at }) {
	await visit(`${url}/account`);
	await click('Log out');
	return holds('log out', 10, () => at('/login'));
}

async function nobody(scene) {
	const { page, url, note, visit, holds, at, is, says, see } = scene;
	note('who is nobody');
	await visit(`${url}/orders`);
	await holds('is led to the log-in', 10, () => at('/login'));
	is(new URL(page.url()).searchParams.get('to'), '/orders', 'which knows where they wanted to go');
	is(await says('.top .own'), 'Log in Sign up', 'and the menu offers it');
	await visit(`${url}/login?to=https://evil.example/`);
	await logIn(scene, 'operator@example.org', 'wrong-password');
	await see('a wrong password is said to be wrong', '#login [role=alert]', /email address or the password is wrong/);
}

async function signUp({ page, url, note, visit, fillAll, click, see, is, holds, at, says, password }) {
	note('sign up');
	await visit(`${url}/signup`);
	await fillAll('signup', { email: 'buyer@example.org', name: '<i>Buyer</i>', password: 'short' });
	await click('Sign up');
	await see('a short password is named at its field', '#signup-password-error', /At least 8/);
	const focused = page.locator(':focus');
	is(`${await focused.getAttribute('id')} ${await focused.getAttribute('aria-invalid')}`, 'signup-password true', 'which has the focus');
	await focused.fill(password);
	await page.keyboard.press('Enter');
	await holds('Enter signs up', 20, () => at('/orders'));
	await see('and the way to begin is shown', 'main', /Add funds Upload a bootable image Order machines/);
	is(await page.evaluate(() => document.cookie), '', 'no script can read the session');
	is(await says('.top .own'), 'Orders Images Money Selling Account', 'the menu has what is theirs');
}

async function addFunds({ url, note, visit, fill, click, see }) {
	note('add funds, which an operator confirms');
	await visit(`${url}/money`);
	await fill('deposit-amount_micro', '40');
	await see('the commission is shown before', '#commission', /You pay 40\.00 EUR; the market keeps 1\.00 EUR \(2\.5 %\); your balance gets 39\.00 EUR/);
	await fill('deposit-amount_micro', 'forty');
	await click('Add funds');
	await see('what is no amount is named', '#deposit-amount_micro-error', /An amount such as/);
	await fill('deposit-amount_micro', '40');
	await click('Add funds');
	await see('the deposit waits', '.cards tbody', /manual pending 40\.00 1\.00 39\.00/);
}

async function confirmFunds(scene) {
	const { page, url, visit, see, shot, axe, is, holds, at } = scene;
	await logOut(scene);
	await visit(`${url}/login?to=/operator`);
	await logIn(scene, 'operator@example.org');
	await holds('the operator is led where they wanted to go', 20, () => at('/operator'));
	await see("sees the ledger's check", '#ledger', /The ledger holds/);
	await see('and the deposit', 'main', /40\.00 EUR manual/);
	await shot('operator');
	is(await axe(), '', 'axe finds nothing serious there');
	await page.getByRole('button', { name: /^Confirm deposit/ }).click();
	await see('confirms it', 'main', /Deposits to confirm 0 None waits/);
	await see('sees the users, names as texts', 'main', /<i>Buyer<\/i> buyer@example\.org 39\.00/);
	await logOut(scene);
	await logIn(scene, 'buyer@example.org');
	await holds('the buyer is back', 20, () => at('/orders'));
}

async function upload({ page, url, sh, note, visit, click, fill, see, is }) {
	note('upload');
	await visit(`${url}/images`);
	await click('Upload');
	await see('a file is asked for', '#upload [role=alert], #upload-file-error', /Choose a file/);
	await page.locator('#upload-file').setInputFiles(await sh('echo "$TINY"'));
	await fill('upload-name', 'tiny');
	await click('Upload');
	await see('the image is sent in pieces, hashed here', 'main', /tiny is ready/, 60);
	is(await sh(`sql "SELECT count(*) FROM cpushare.image WHERE name = 'tiny' AND missing_count = 0"`), '1', 'and whole at the market');
}

async function order({ page, url, api, sh, note, visit, fill, fillAll, click, see, is, holds, within, says, at, shot }) {
	note('order');
	const cost = () => click('See the cost');
	await holds('the machine is online', 30, async () => (await (await api.get('/v1/offers')).json()).items.length === 1);
	await visit(`${url}/orders/new`);
	await fill('order-count', '2000');
	await cost();
	await see('too many machines are named at their field', '#order-count-error', /from 1 to/);
	await fillAll('order', { count: '1', name: 'job', memory_mib: '160', duration_s: '30min', min_rating_ppm: '0.9', max_price_per_core_hour_micro: '2',
		max_price_per_gib_hour_micro: '2', max_price_per_gib_transferred_micro: '2' });
	await cost();
	await see('nobody is left', '#quote-fits', /^0 of 1$/);
	await see('and the rule that took them out is named', '.quote', /1 have a lower rating/);
	await fillAll('order', { min_rating_ppm: '', scratch_mib: '99' });
	await cost();
	await see('so is a disk that nobody has room for', '.quote', /1 have no room for the scratch disk/);
	await fillAll('order', { scratch_mib: '', max_freeze_s: '3x' });
	await cost();
	await see('what is no time is named', '#order-max_freeze_s-error', /A time such as/);
	await fill('order-max_freeze_s', '5min');
	await page.locator('#order-display').check();
	await page.locator('#order-warm').check();
	await cost();
	await see('a warm start with a display is refused, where it was asked for', '#order-warm-error', /goes with neither/);
	await page.locator('#order-warm').uncheck();
	await fill('order-user_data', '#!/bin/sh\nprintf "\\033[44m%2000s" "" >/dev/tty1\n(while :; do echo hello from the guest; sleep 1; done) &');
	await cost();
	await see('the most that it can cost', '#quote-worst', /^1\.15625 EUR$/);
	await see('who is left', '#quote-fits', /^1 of 1$/);
	await shot('order-form');
	await page.locator('#order-trusted').check();
	await see('the switch tells at once what trust leaves', '#trust', /leaves 0 machines of 1 that fit, of 0 sellers of 1\. Nobody who is trusted offers/);
	await page.locator('#order-trusted').uncheck();
	await fill('order-count', '2');
	await click('Order now');
	await see('what was changed since is not ordered', '#order [role=alert]', /see the cost first/);
	is(await sh('sql "SELECT count(*) FROM cpushare.order"'), '0', 'nothing was');
	await fill('order-count', '1');
	await cost();
	await within(10, async () => (await says('#quote-worst')).startsWith('1.15'));
	await click('Order now');
	await holds('ordered', 15, () => /^\/orders\/[0-9a-f-]{36}$/.test(new URL(page.url()).pathname));
	await see('the order fills by itself', '#order-state', /filled/);
	await see('and its machine runs', '.list .state', /running/, 90);
	is(await sh(`sql "SELECT constraints->>'display' || ' ' || (constraints->>'max_freeze_s') FROM cpushare.order"`), 'vga 300', 'as it was asked for');
}

// A picture's width, and whether it is as blue as the guest has made its screen.
const drawn = (image) => {
	const canvas = Object.assign(document.createElement('canvas'), { width: image.naturalWidth, height: image.naturalHeight });
	const context = canvas.getContext('2d');
	context.drawImage(image, 0, 0);
	const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
	let blue = 0;
	for (let n = 0; n < data.length; n += 4)
		blue += data[n] < 60 && data[n + 1] < 60 && data[n + 2] > 130;
	return `${image.naturalWidth} ${blue > data.length / 8 ? 'blue' : blue}`;
};

async function watch({ page, note, holds, click, see, shot, axe, is, within, says }) {
	note('watch it run');
	const pictured = (name, selector, seconds, want) =>
		holds(name, seconds, async () => (await page.locator(selector).evaluate(drawn, null, { timeout: 1000 })) === want,
			() => page.locator(selector).evaluate(drawn, null, { timeout: 1000 }));
	await pictured('a thumbnail of its screen shows what the guest draws', '.screen img', 120, '320 blue');
	await click('Screen of vm1, larger');
	await pictured('a larger one is as wide as the screen', 'dialog[open] img', 30, '720 blue');
	await shot('screen');
	await click('Back');
	await holds('and is put away', 10, async () => (await page.locator('dialog.large').count()) === 0);
	await click('Console of vm1');
	await see('its console talks', '.console pre', /hello from the guest/, 120);
	await click('Type into it');
	await within(20, async () => /hello from the guest/.test(await says('.terminal')));
	await page.keyboard.insertText('echo $((6*7))typed');
	await page.keyboard.press('Enter');
	await see('what is typed reaches its shell', '.terminal', /42typed/, 60);
	await shot('terminal');
	await see('its events are told', '.events', /lease running/);
	await see('cycles delivered are shown beside those reserved', '.list .panel', /[1-9][0-9.]* vCPU s delivered in .* charged/, 30);
	await see('the network has its member', '.network', /vm1/, 30);
	await shot('order');
	is(await axe(), '', 'axe finds nothing serious beside a machine that runs');
}

async function cancelAndRate({ page, url, visit, see, click, shot, ok }) {
	await visit(`${url}/money`);
	await see('what runs costs so much an hour', '#burn', /costs (up to )?1\.15625 EUR an hour/);
	await visit(`${url}/orders`);
	await click('job');
	await page.locator('#order-state', { hasText: 'filled' }).waitFor();
	await click('Cancel the order');
	await click('Cancel the order'); // in the dialog
	await see('cancelled', 'main', /Ended: cancelled/, 60);
	await click('Show the receipt');
	await see('the receipt', 'main', /Total 0.[0-9]+ EUR/);
	await page.emulateMedia({ media: 'print' });
	ok(await page.locator('button:visible, form:visible, nav:visible').count() === 0 && await page.locator('main table:visible', { hasText: 'vm1' }).count() > 0,
		'printed, the page has its tables and nothing to click');
	await page.emulateMedia({ media: 'screen' });
	await click('vm1 was good');
	await see('marked', 'main', /You marked it good/);
	await shot('rated');
	await visit(`${url}/sellers`);
	await see("and the seller's reputation has changed", '#sellers-box tbody', /desk 0[.]0[0-9]+ 1 1 0/);
	await shot('sellers');
	await visit(`${url}/money`);
	await see('the statement has the charge', 'main', /charge −0\.0/);
}

async function selling(scene) {
	const { context, url, sh, note, visit, see, click, fill, shot, password } = scene;
	note('selling');
	// As who is logged in elsewhere: the context has one store of cookies.
	await context.request.post(`${url}/v1/sessions`, {
		data: { email: 'desk@example.org', password, cookie: true }, headers: { 'X-CPUShare': 'web', 'Sec-Fetch-Site': 'same-origin' },
	});
	await visit(`${url}/selling`);
	await see('the machine, and what it earned', 'main', /desk online .* Today 0\.0[0-9]+ EUR/);
	await click('Why not rented? desk');
	for (const answer of [/as soon as it is online and has room/, /asked for within the last day/]) {
		await click('Measure desk');
		await click('Measure'); // in the dialog
		await see('the market is asked to measure it, once a day', 'main', answer);
	}
	await fill('install-name', 'attic');
	await click('Make the line');
	const pin = (await sh('echo "$PIN"')).replace(/[+]/g, '\\+');
	await see('a line that sets a machine up', 'pre',
		new RegExp(`echo cpu_pat_[0-9A-Za-z]{36} \\| cpushare-seller setup --market ${url} --pin ${pin} --token-file - --name attic`));
	await shot('selling');
	await fill('energy-watts', '100');
	await fill('energy-kwh', '0.5');
	await see('the energy of a core hour is reckoned', '#suggestion', /costs 0[.]05 EUR. Suggested: 1.00 EUR/);
	await see('and stands beside what was earned', 'main', /Energy, at most 0[.]0/);
	await fill('energy-kwh', '50');
	await see('a price below it is named', '#suggestion', /Suggested: 5.00 EUR a core hour. desk asks less than the energy costs/);
}

async function forgottenPassword(scene) {
	const { page, url, sh, note, visit, see, holds, is, fill, click, within, at } = scene;
	note('a forgotten password');
	await visit(`${url}/reset`);
	await fill('forgot-email', 'buyer@example.org');
	await click('Mail me a link');
	await see('a link is asked for', 'main', /If somebody has this address here, a link is on its way/);
	await visit(await sh('cpushare-market user reset desk@example.org --data "$MARKET_DATA" | head -n 1'));
	await holds('its field is there, where the page stood open, too', 15, () => page.locator('#reset-new_password').isVisible());
	is(new URL(page.url()).hash, '', 'the token does not stay in the address bar');
	await fill('reset-new_password', 'another-password');
	await click('Set it');
	await see('a new one is set', 'main', /Changed\. All sessions have ended\./, 20);
	await visit(`${url}/login?to=/account`);
	await logIn(scene, 'desk@example.org', 'another-password');
	await within(20, () => at('/account'));
}

async function account({ page, api, url, sh, note, visit, click, see, holds, is, fill }) {
	note('the account');
	await visit(`${url}/account`);
	await click('Set up an authenticator app');
	await see('a QR code', 'main', /Scan this with an authenticator app, or type [A-Z2-7]{32}/);
	is(await page.locator('.qr path').count(), 1, 'is drawn');
	await see('its address is not confirmed', 'main', /desk@example.org is not confirmed: nothing but links is sent there/);
	await page.locator('#mail-orders').click();
	await click('Tell me of these');
	await fill('address-email', 'desk@example.net');
	await fill('address-password', 'another-password');
	await click('Change the address');
	await see('a link for another address is on its way', 'main', /A link goes to desk@example.net, unless/);
	const { token } = await (await api.post('/v1/sessions', { data: { email: 'desk@example.org', password: 'another-password' } })).json();
	const told = async () => (await (await api.get('/v1/account/mail', { headers: { Authorization: `Bearer ${token}` } })).json()).kinds.join();
	await holds('what is mailed is chosen', 10, async () => (await told()) === 'funds,orders,payouts,disputes,logins');
	const confirm = `cpu_cnf_${'b'.repeat(36)}`;
	await sh(`sql "INSERT INTO cpushare.address_confirmation SELECT id, sha256('${confirm}'), now() + interval '1 hour' FROM cpushare.account
		WHERE email = 'desk@example.org' ON CONFLICT (account) DO UPDATE SET hash = excluded.hash, email = NULL"`);
	await visit(`${url}/confirm#${confirm}`);
	await click('Confirm it');
	await see('an address is confirmed by its link', 'main', /Confirmed. The account/);
	await visit(`${url}/account`);
	await fill('token-name', 'nightly');
	await click('Make a token');
	await see('a token is shown once', 'main', /Shown this once: cpu_pat_/);
	const device = await (await api.post('/v1/device', { data: { client: 'a program' } })).json();
	await visit(`${url}/device?code=${device.user_code}`);
	await click('Go on');
	await see('a program asks', 'main', /calls itself a program wants to log in/);
	await click('Let it in');
	await see('and is let in', 'main', /It is in/);
	const answer = await api.post('/v1/device/token', { data: { device_code: device.device_code } });
	is(`${answer.status()} ${(await answer.json()).email}`, '201 desk@example.org', 'with a session');
}

async function narrow({ page, url, note, screen, visit, holds, fits, is, axe, shot, complaints }) {
	note('every page at 360 px, dark');
	await screen(360, 800, 'dark');
	for (const at of ['/orders', '/images', '/orders/new', '/money', '/selling', '/account', '/login', '/signup', '/device', '/reset', '/confirm']) {
		await visit(url + at);
		await holds(at, 10, async () => (await fits()) && page.locator('main :is(input:not([hidden]), select, textarea)')
			.evaluateAll((fields) => fields.every((e) => e.labels.length === 1)));
		is(await axe(), '', `${at}: axe finds nothing serious`);
		await shot(`narrow${at.replaceAll('/', '-')}`);
	}
	is(complaints.filter((c) => !/status of (401|402|404|422|429)/.test(c)).join('\n'), '', 'the browser complained of nothing else');
}
