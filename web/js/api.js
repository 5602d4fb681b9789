// SPDX-License-Identifier: Apache-2.0
// api.js - what the market says, and a clock that asks again
const PAGE = 200;
const MOST = 1000;
const TIMEOUT_MS = 8000;
const RETRY_MS = 5000;

export class Refusal extends Error {
	constructor(status, problem) {
		super(problem.detail || problem.title || `HTTP ${status}`);
		this.status = status;
		this.code = problem.code || '';
		this.field = problem.errors?.[0]?.field || '';
	}
}

export async function get(path) {
	const answer = await fetch(path, { headers: { Accept: 'application/json' }, signal: AbortSignal.timeout(TIMEOUT_MS) });
	const json = await answer.json().catch(() => ({}));
	if (!answer.ok)
		throw new Refusal(answer.status, json);
	return json;
}

// All items of a list, page by page; {items, more} where more says that there are others still.
export async function getList(path) {
	const items = [];
	let next = null;
	do {
		const page = await get(`${path}${path.includes('?') ? '&' : '?'}limit=${PAGE}${next ? `&cursor=${encodeURIComponent(next)}` : ''}`);
		items.push(...page.items);
		next = page.next;
	} while (next && items.length < MOST);
	return { items, more: Boolean(next) };
}

// Runs refresh() now and then every period (0: once), not while nobody looks, and tells in the status line (or null) how it went.
// Returns what ends it.
export function keepFresh(refresh, status, periodMs = 5000) {
	let timer = 0;
	let running = false;
	let ended = false;

	const say = (text, failed) => {
		if (ended || !status)
			return;
		if (status.textContent !== text)
			status.textContent = text;
		status.classList.toggle('failed', failed);
	};
	const turn = async () => {
		let failed = false;
		clearTimeout(timer);
		if (running)
			return;
		running = true;
		try {
			await refresh();
			say(periodMs ? `Live: refreshed every ${periodMs / 1000} seconds.` : 'Up to date.', false);
		} catch (error) {
			failed = true;
			say(error instanceof Refusal ? error.message : 'The market cannot be reached. Trying again.', true);
		}
		running = false;
		if (!document.hidden && !ended && (periodMs || failed))
			timer = setTimeout(turn, periodMs || RETRY_MS);
	};
	const onSight = () => (document.hidden ? clearTimeout(timer) : periodMs && turn());
	document.addEventListener('visibilitychange', onSight);
	turn();
	return () => {
		ended = true;
		clearTimeout(timer);
		document.removeEventListener('visibilitychange', onSight);
	};
}
