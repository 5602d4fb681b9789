// SPDX-License-Identifier: Apache-2.0
// index.js - the front page: what there is now, in four numbers and the cheapest offers
import { get } from './api.js';
import * as columns from './columns.js';
import { count, money } from './format.js';
import { html } from './html.js';
import { market, start, useFresh } from './page.js';
import { Figures, Table } from './table.js';

const CHEAPEST = 8;

function Front() {
	const data = useFresh(async () => {
		const [{ currency }, book, countries, offers] = await Promise.all([
			market(), get('/v1/book'), get('/v1/market/countries'), get('/v1/offers'),
		]);
		return { currency, book, countries: countries.items, offers: offers.items.filter((o) => o.cores_free > 0) };
	});
	if (!data)
		return null;
	const { currency, book, countries, offers } = data;
	const all = (field) => count(countries.reduce((sum, c) => sum + c[field], 0));
	const best = (levels) => (levels.length ? money(levels[0].price_per_core_hour_micro, currency) : '–');
	return html`
		<${Figures} items=${[
			['Machines online', all('machines')],
			['Cores free', all('cores_free')],
			['Cheapest core hour', best(book.asks)],
			['Highest bid', best(book.bids)],
		]} />
		<section aria-labelledby="offers-title">
			<h2 id="offers-title">Cheapest offers</h2>
			<div id="offers-box">
				<${Table} caption="Cheapest offers" hidden cards columns=${columns.offersOfAll} rows=${offers.slice(0, CHEAPEST)}
					rowKey=${(o) => o.machine} empty="No machine has a free core now." />
			</div>
			<p><a href="/market">All offers, the order book and prices over time</a></p>
		</section>
		<section class="pair" aria-label="How it works">
			<div class="panel">
				<h2>Rent</h2>
				<ol>
					<li>Upload any bootable live image. It is yours to change.</li>
					<li>Order virtual machines: how many, how large, for how much at most.</li>
					<li>They boot on strangers’ computers, on one private ethernet that your own machine joins.</li>
				</ol>
				<p>You pay for core seconds that were delivered. <a href="/reputation">How sellers do</a></p>
			</div>
			<div class="panel">
				<h2>Sell</h2>
				<ol>
					<li>Install one program on a PC. No port is opened.</li>
					<li>Name your price and when the machine may work.</li>
					<li>Guests run in a jail, reach nothing of yours, and step back when you do something.</li>
				</ol>
				<p>Each lease earns marks: <a href="/sellers">who sells here</a></p>
			</div>
		</section>`;
}
start(Front);
