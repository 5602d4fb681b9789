#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// signup.t - signing up in a browser where the market mails a link first
const { browserTest } = require('./browser');

const MARKET = 'start_market --set mail.server=smtp://127.0.0.1:1 --set mail.from=market@example.org';

browserTest(MARKET, async ({ page, url, sh, visit, fill, click, see, holds, at, is }) => {
	const token = `cpu_cnf_${'a'.repeat(36)}`, password = await sh('echo "$PASSWORD"');
	await visit(`${url}/signup`);
	await fill('signup-email', 'ann@example.org');
	await fill('signup-name', 'Ann');
	await fill('signup-password', password);
	await click('Sign up');
	await see('the page says where the mail went', 'main', /A mail was sent to ann@example.org\. Open its link within two days, then log in/, 20);
	is(await page.evaluate(() => document.documentElement.classList.contains('signed-in')), false, 'and that nobody is logged in yet');
	// No mail server is there: the link is made when the letter is tried, and is ours from then on.
	const made = async () => (await sh(`sql "UPDATE cpushare.signup SET hash = sha256('${token}') WHERE email = 'ann@example.org' RETURNING 1"`)).startsWith('1');
	await holds('a link is made', 20, made);
	await visit(`${url}/confirm#${token}`);
	await click('Confirm it');
	await see('which is opened', 'main', /Confirmed\. The account/);
	await visit(`${url}/login`);
	await fill('login-email', 'ann@example.org');
	await fill('login-password', password);
	await click('Log in');
	await holds('then a log-in is let in', 20, () => at('/orders'));
});
