// SPDX-License-Identifier: Apache-2.0
// outcomes.js - how leases ended, in words, counts and pictures
import { count, duration, percent } from './format.js';
import { html } from './html.js';
import { Bars, Plot } from './plot.js';

const WORDS = {
	completed: 'The guest switched itself off',
	cancelled_by_buyer: 'Ended by the buyer',
	expired: 'Its time was over',
	funds_exhausted: 'The buyer’s funds were exhausted',
	withdrawn_by_seller: 'The seller took the machine back',
	lost_contact: 'The machine was not heard any more',
	image_failed: 'The image could not be fetched',
	boot_failed: 'The VM did not start, or broke down',
	attestation_failed: 'The machine could not prove its software',
	market_fault: 'The market’s own fault',
};
const FAULTS = new Set(['withdrawn_by_seller', 'lost_contact', 'boot_failed', 'attestation_failed']);
const WELL = new Set(['completed', 'cancelled_by_buyer', 'expired']);

export function Reasons({ name, reasons }) {
	const items = reasons.map(({ reason, leases }) => ({
		label: WORDS[reason] ?? reason,
		value: leases,
		color: FAULTS.has(reason) || reason === 'market_fault' ? 'bad' : WELL.has(reason) ? 'good' : 'asks',
	}));
	if (items.length === 0)
		return html`<p class="empty">No lease has ended yet.</p>`;
	return html`<${Bars} name=${name} unit="Why" items=${items} />`;
}

const sumOf = (ends) => ends.reduce((sum, e) => sum + e.leases, 0);

export function byReason(ends) {
	const sums = new Map();
	for (const { reason, leases } of ends)
		sums.set(reason, (sums.get(reason) ?? 0) + leases);
	return [...sums].map(([reason, leases]) => ({ reason, leases })).sort((a, b) => b.leases - a.leases);
}

export function Funnel({ ends }) {
	const ran = ends.filter((e) => e.bucket > 0);
	const items = [
		{ label: 'Matched', value: sumOf(ends) },
		{ label: 'The VM ran', value: sumOf(ran) },
		{ label: 'Not ended by the seller’s fault', value: sumOf(ran.filter((e) => !FAULTS.has(e.reason))) },
		{ label: 'Ended in good order', value: sumOf(ran.filter((e) => WELL.has(e.reason))), color: 'good' },
	];
	const share = (value) => `${count(value)} (${percent(value / items[0].value, 1)})`;
	return items[0].value === 0 ? html`<p class="empty">No lease has ended yet.</p>` : html`<${Bars} name="Outcomes" unit="Step" items=${items} format=${share} />`;
}

// Kaplan and Meier's estimate (1958) over the buckets: a lease that ended otherwise than by the seller's fault, or that runs on, says
// that it lived so long, and nothing of what came after.
export function survivalOf(ends, running) {
	const points = [{ bucket: 0, alive: 1 }];
	const from = (bucket) => [...ends, ...running].filter((e) => e.bucket >= bucket && e.bucket > 0);
	for (let bucket = 1, alive = 1; bucket <= 15; bucket++) {
		const atRisk = sumOf(from(bucket));
		if (atRisk === 0)
			break;
		alive *= 1 - sumOf(ends.filter((e) => e.bucket === bucket && FAULTS.has(e.reason))) / atRisk;
		points.push({ bucket, alive });
	}
	return points;
}

const after = { label: 'After', format: (bucket) => (bucket === 0 ? '0' : bucket === 15 ? 'more' : duration(60 * (2 ** bucket - 1))) };
export function Survival({ ends, running }) {
	const points = survivalOf(ends, running);
	if (points.length < 2)
		return html`<p class="empty">No lease has run yet.</p>`;
	return html`<${Plot} name="Survival" times=${points.map((p) => p.bucket)} along=${after} most=${1.02} format=${(v) => percent(v, 1)}
		series=${[{ label: 'Not failed yet', values: points.map((p) => p.alive), color: 'good', fill: true }]} />`;
}
