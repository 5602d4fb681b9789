// SPDX-License-Identifier: Apache-2.0
// reputation.js - how leases end here, and how sellers stand
import { get } from './api.js';
import { count, rating } from './format.js';
import { html, useEffect, useMemo } from './html.js';
import { byReason, Funnel, Reasons, Survival } from './outcomes.js';
import { start, useFresh } from './page.js';
import { Bars } from './plot.js';
import { Figures, Table } from './table.js';

const sum = (list) => list.reduce((all, n) => all + n, 0);

// The market counts in steps of 0.05; ten bars are enough.
function Ratings({ ratings }) {
	const items = Array.from({ length: 10 }, (_, i) => ({ label: `${(i / 10).toFixed(1)} to ${((i + 1) / 10).toFixed(1)}`, value: ratings[2 * i] + ratings[2 * i + 1] }));
	return sum(ratings) === 0 ? html`<p class="empty">No seller has a mark yet.</p>` : html`<${Bars} name="Ratings" unit="Rating" items=${items.reverse()} />`;
}

const improvedColumns = [
	{ label: 'Seller', wide: true, text: (s) => s.name, href: (s) => `/sellers/${s.id}` },
	{ label: 'Rating', number: true, text: (s) => rating(s.rating_ppm) },
	{ label: 'Before', number: true, text: (s) => rating(s.rating_before_ppm) },
	{ label: 'Marks', number: true, text: (s) => count(s.marks) },
];

function Reputation() {
	const data = useFresh(() => get('/v1/outcomes'), 30_000);
	const ends = useMemo(() => data?.outcomes.ends ?? [], [data]);
	// What the address names has moved down.
	useEffect(() => void (data && location.hash && document.querySelector(location.hash)?.scrollIntoView()), [Boolean(data)]);
	if (!data)
		return null;
	const { sellers, ratings, running } = data.outcomes;
	return html`
		<${Figures} items=${[
			['Sellers', count(sellers)],
			['With marks', count(sum(ratings))],
			[`Leases ended, ${data.days} days`, count(sum(ends.map((e) => e.leases)))],
			['Rating formula', `version ${data.formula_version}`],
		]} />
		<section aria-labelledby="funnel-title">
			<h2 id="funnel-title">What becomes of leases</h2>
			<p class="hint">Of those that ended in the last ${data.days} days.</p>
			<${Funnel} ends=${ends} />
			<h3>Why they ended</h3>
			<${Reasons} name="End reasons" reasons=${byReason(ends)} />
		</section>
		<section aria-labelledby="survival-title">
			<h2 id="survival-title">How long leases live</h2>
			<p class="hint">Of leases that ran, ${count(sum(running.map((r) => r.leases)))} of them still: the share that no seller had failed after so long, by the estimate of Kaplan and Meier.</p>
			<${Survival} ends=${ends} running=${running} />
		</section>
		<div class="pair">
			<section aria-labelledby="ratings-title">
				<h2 id="ratings-title">Ratings of sellers</h2>
				<p class="hint">Of those with marks.</p>
				<${Ratings} ratings=${ratings} />
			</section>
			<section aria-labelledby="improved-title">
				<h2 id="improved-title">Most improved</h2>
				<p class="hint">Since the end of last month, of the best rated.</p>
				<div class="scroll" id="improved-box"><${Table} caption="Most improved sellers" hidden columns=${improvedColumns} rows=${data.improved}
					rowKey=${(s) => s.id} empty="Nobody’s rating rose." csv="most improved" /></div>
			</section>
		</div>`;
}
start(Reputation);
