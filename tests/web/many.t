#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// many.t - a hundred thousand sellers: each question reads a bounded number of rows, and the page shows a bounded list
const { browserTest } = require('./browser');

// No sample: nothing else reads what is counted here.
const SELLERS = `start_market --set timing.sample_interval=1h
sql "SET search_path = cpushare, pg_temp;
	ALTER TABLE machine DISABLE TRIGGER machine_tally;
	INSERT INTO account (id, email, name, password_hash) SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid,
		'u' || n || '@example.org', (CASE WHEN n % 10 = 0 THEN 'Farm ' ELSE 'seller ' END) || n, 'x' FROM generate_series(1, 100000) n;
	INSERT INTO machine (id, account, name, public_key, state) SELECT ('00000000-0000-7000-9000-' || lpad(n::text, 12, '0'))::uuid,
		('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'box', sha256(n::text::bytea), 'offline' FROM generate_series(1, 100000) n;
	INSERT INTO standing (account, side, good, bad, rating_ppm) SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'seller',
		n % 50, n % 3, (n * 7919::bigint) % 990000 FROM generate_series(1, 100000) n;
	INSERT INTO mark_day SELECT account, 'seller', current_date, 1, 0 FROM standing WHERE good > 40;
	ALTER TABLE machine ENABLE TRIGGER machine_tally;
	ANALYZE account, machine, standing, mark_day" || bail "no sellers"`;
const READ = `SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relname IN ('standing', 'machine', 'account') ORDER BY relname DESC`;

browserTest(SELLERS, async ({ page, api, url, sh, ok, is, holds, within, visit, screen }) => {
	// Rows that were read so far of standing, machine, account, by any plan.
	const reads = async () => (await sh(`sql "${READ}"`)).split('\n').map(Number);
	// The server's processes tell what they read a second later, or at their next statement.
	const settled = async () => {
		const before = await reads();
		await page.waitForTimeout(2200);
		return String(await reads()) === String(before);
	};
	await within(30, settled);
	let was = await reads();
	// The answer is made of at most so many rows of each.
	const bounded = async (path, ...most) => {
		const answer = await api.get(path);
		await within(10, async () => String(await reads()) !== String(was));
		await within(30, settled);
		const now = await reads();
		const read = now.map((n, i) => n - was[i]);
		was = now;
		ok(answer.status() === 200 && read[0] > 0 && read.every((n, i) => n <= most[i]),
			`${path} reads at most ${most[0]} standings, ${most[1]} machines, ${most[2]} accounts`, `${answer.status()}: ${read}`);
		return answer.json();
	};
	const first = await bounded('/v1/sellers?limit=100', 210, 210, 210);
	const ratings = first.items.map((s) => s.rating_ppm);
	is(`${ratings.every((r, i) => i === 0 || r <= ratings[i - 1])} ${ratings.length}`, 'true 100', 'the best rated come first');
	const second = await bounded(`/v1/sellers?limit=100&cursor=${first.next}`, 210, 210, 210);
	const seen = new Set(first.items.map((s) => s.id));
	is(`${second.items.filter((s) => !seen.has(s.id)).length} ${second.items.every((s) => s.rating_ppm <= ratings.at(-1))}`, '100 true',
		'and the next page goes on behind them');
	const farms = await bounded('/v1/sellers?limit=20&name=FARM', 2100, 100, 3100);
	is(`${farms.items.every((s) => s.name.startsWith('Farm '))} ${farms.items.length}`, 'true 20', 'those of a name');
	await bounded('/v1/sellers/00000000-0000-7000-8000-000000000007/history', 10, 10, 10);
	const outcomes = await (await api.get('/v1/outcomes')).text();
	const { outcomes: { sellers }, improved } = JSON.parse(outcomes);
	is(`${sellers} ${improved.length}`, '100000 10', "the network's page counts all of them");
	ok(outcomes.length < 20000, 'in an answer of a few KB', `${outcomes.length} bytes`);

	await screen(1200, 1000);
	await visit(`${url}/sellers`);
	const rows = page.locator('#sellers-box tbody tr');
	const names = page.locator('#sellers-box tbody a');
	const turn = (way) => page.locator('.pages').getByRole('button', { name: way, exact: true });
	is(await rows.count(), 50, 'the page shows one page');
	const best = await names.first().textContent();
	await turn('Next').click();
	await holds('Next leads on', 10, async () => (await names.first().textContent()) !== best);
	await turn('Previous').click();
	await holds('Previous leads back', 10, async () => (await names.first().textContent()) === best);
	await page.locator('[name=name]').fill('farm 1000');
	await holds('the search asks the market', 10, async () => String((await names.allTextContents()).sort()) === 'Farm 1000,Farm 10000,Farm 100000');
	ok(await turn('Next').isDisabled() && await turn('Previous').isDisabled(), 'one page has no other');
});
