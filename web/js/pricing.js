// SPDX-License-Identifier: Apache-2.0
// pricing.js - what a core hour could cost: what others ask and got, and what the energy takes
import { readMoney } from './form.js';
import { money } from './format.js';
import { html, useState } from './html.js';

const KEPT = 'energy';
const DEFAULTS = { watts: '15', kwh: '0.30' };

// What stays on this computer alone: the market has no business with it.
function kept() {
	try {
		return { ...DEFAULTS, ...JSON.parse(localStorage.getItem(KEPT) ?? '{}') };
	} catch {
		return DEFAULTS;
	}
}
function keep(value) {
	try {
		localStorage.setItem(KEPT, JSON.stringify(value));
	} catch {
		// storage is forbidden: it is asked for again next time
	}
}

// An hour of one core at work, in millionths; null where a number is none.
export function energyOf({ watts, kwh }) {
	try {
		return Math.round((readMoney(watts) / 1e6) * (readMoney(kwh) / 1000));
	} catch {
		return null;
	}
}

export function useEnergy() {
	const [value, set] = useState(kept);
	return [value, (change) => {
		const next = { ...value, ...change };
		keep(next);
		set(next);
	}];
}

// The price at which a share of the free cores costs as much or less; asks: the book's levels, cheapest first.
export function priceAt(asks, share) {
	const all = asks.reduce((sum, a) => sum + a.cores, 0);
	let seen = 0;
	for (const a of asks) {
		seen += a.cores;
		if (seen >= share * all)
			return a.price_per_core_hour_micro;
	}
	return null;
}

export function Pricing({ book, trades, machines, currency, energy, setEnergy }) {
	const cost = energyOf(energy);
	const asked = [['a tenth', 0.1], ['half', 0.5]].map(([word, share]) => [word, priceAt(book.asks, share)]).filter(([, p]) => p !== null);
	const best = book.bids[0]?.price_per_core_hour_micro;
	const got = trades.map((t) => t.price_per_core_hour_micro).sort((a, b) => a - b)[Math.floor(trades.length / 2)];
	const middle = got ?? asked.at(-1)?.[1];
	const suggested = middle === undefined ? null : Math.max(middle, cost ?? 0);
	const below = cost === null ? [] : machines.filter((m) => m.price_per_core_hour_micro < cost);
	const field = (name, label) => html`<div class="field"><label for=${`energy-${name}`}>${label}</label>
		<input id=${`energy-${name}`} inputmode="decimal" value=${energy[name]} onInput=${(e) => setEnergy({ [name]: e.target.value })} /></div>`;
	return html`<section aria-labelledby="pricing-title"><h2 id="pricing-title">What to ask</h2>
		<ul>${asked.map(([word, p]) => html`<li key=${word}>Of the free cores, ${word} cost ${money(p, currency)} an hour or less.</li>`)}
			${got !== undefined && html`<li>${trades.length === 1 ? 'The last lease was' : `Half of the last ${trades.length} leases were`} made at ${money(got, currency)} or less.</li>`}
			${best !== undefined && html`<li>An order waits that pays up to ${money(best, currency)}.</li>`}</ul>
		<div class="form">${field('watts', 'Watts of a core at work, more than idle')}${field('kwh', `A kilowatt hour (${currency})`)}</div>
		<p class="hint">Stays in this browser. In <code>seller.conf</code>, <code>energy.watts_core</code> and <code>energy.price_kwh</code> keep the price above it.</p>
		<p id="suggestion">${cost === null ? 'Two amounts, such as 15 and 0.30.' : html`The energy of a core hour costs ${money(cost, currency)}. `}
			${suggested !== null && html`Suggested: <b>${money(suggested, currency)}</b> a core hour.`}
			${below.length > 0 && html` <span class="wrong">${below.map((m) => m.name).join(', ')} ${below.length === 1 ? 'asks' : 'ask'} less than the energy costs.</span>`}</p></section>`;
}
