// SPDX-License-Identifier: Apache-2.0
// offers.js - what machines offer
import { get } from './api.js';
import * as columns from './columns.js';
import { plural } from './format.js';
import { html } from './html.js';
import { useFresh } from './page.js';
import { Table } from './table.js';

export function Offers() {
	const offers = useFresh(() => get('/v1/offers'), 5000, [], true)?.items;
	return html`<section id="offers" aria-labelledby="offers-title">
		<h2 id="offers-title">Offers <span class="count">${offers && plural(offers.length, 'machine', 'machines')}</span></h2>
		<p class="hint">The cheapest first, at most 500. Speed is SHA-256 in MiB/s on one core, as the machine measured it: claimed, not proven.</p>
		<div id="offers-box">${offers && html`
			<${Table} caption="Offers of all sellers" hidden cards columns=${columns.offersOfAll} rows=${offers} rowKey=${(o) => o.machine}
				empty="No machine is online now." csv="offers" />`}
		</div>
	</section>`;
}
