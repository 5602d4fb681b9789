// SPDX-License-Identifier: Apache-2.0
// market.js - the market page: the book, what machines offer
import { get } from './api.js';
import * as columns from './columns.js';
import { DepthPlot } from './depth.js';
import { plural } from './format.js';
import { html } from './html.js';
import { market, start, useFresh } from './page.js';
import { Table } from './table.js';

const LEVELS = 12;

function Book({ book, currency }) {
	const levels = (id, caption, who, list, empty) => html`<div class="scroll" id=${id}>
		<${Table} caption=${caption} columns=${columns.levels(who)} rows=${list.slice(0, LEVELS)}
			rowKey=${(l) => l.price_per_core_hour_micro} empty=${empty} />
	</div>`;
	return html`<section id="book" aria-labelledby="book-title">
		<h2 id="book-title">Order book</h2>
		<p class="hint">Cores on offer and cores wanted, summed up from the best price on. A crossing means that price agrees but
			something else does not: memory, country, rating, duration.</p>
		<${DepthPlot} book=${book} currency=${currency} />
		<div class="pair">
			${levels('asks-box', 'Asks', 'Machines', book.asks, 'No machine offers cores now.')}
			${levels('bids-box', 'Bids', 'Orders', book.bids, 'No order waits for cores now.')}
		</div>
	</section>`;
}

function Offers({ offers }) {
	return html`<section id="offers" aria-labelledby="offers-title">
		<h2 id="offers-title">Offers <span class="count">${plural(offers.length, 'machine', 'machines')}</span></h2>
		<p class="hint">Speed is SHA-256 in MiB/s on one core, as the machine measured it: claimed, not proven.</p>
		<div id="offers-box">
			<${Table} caption="Offers of all sellers" hidden cards columns=${columns.offersOfAll} rows=${offers}
				rowKey=${(o) => o.machine} empty="No machine is online now." />
		</div>
	</section>`;
}

function Market() {
	const data = useFresh(async () => {
		const [{ currency }, book, offers] = await Promise.all([market(), get('/v1/book'), get('/v1/offers')]);
		return { currency, book, offers: offers.items };
	});
	return data && html`<${Book} ...${data} /><${Offers} ...${data} />`;
}
start(Market);
