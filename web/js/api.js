// SPDX-License-Identifier: Apache-2.0
// api.js - what the market says, and a clock that asks again
const PAGE = 200;
const MOST = 1000;
const TIMEOUT_MS = 8000;

export class Refusal extends Error {
	constructor(status, problem) {
		super(problem.detail || problem.title || `HTTP ${status}`);
		this.status = status;
		this.code = problem.code || '';
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
		const page = await get(`${path}?limit=${PAGE}${next ? `&cursor=${encodeURIComponent(next)}` : ''}`);
		items.push(...page.items);
		next = page.next;
	} while (next && items.length < MOST);
	return { items, more: Boolean(next) };
}

// Runs refresh() now and then every period, not while nobody looks, and tells in the status line how it went.
export function keepFresh(refresh, status, periodMs = 5000) {
	let timer = 0;
	let running = false;

	const say = (text, failed) => {
		if (status.textContent !== text)
			status.textContent = text;
		status.classList.toggle('failed', failed);
	};
	const turn = async () => {
		clearTimeout(timer);
		if (running)
			return;
		running = true;
		try {
			await refresh();
			say('Live: refreshed every 5 seconds.', false);
		} catch (error) {
			say(error instanceof Refusal ? error.message : 'The market cannot be reached. Trying again.', true);
		}
		running = false;
		if (!document.hidden)
			timer = setTimeout(turn, periodMs);
	};
	document.addEventListener('visibilitychange', () => (document.hidden ? clearTimeout(timer) : turn()));
	turn();
}
