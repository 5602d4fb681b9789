// SPDX-License-Identifier: Apache-2.0
// market.js - the market page: the book, prices, supply and demand over time, the last trades, countries, offers
import { get } from './api.js';
import * as columns from './columns.js';
import { DepthPlot } from './depth.js';
import { count, decimals, money } from './format.js';
import { html, useMemo, useState } from './html.js';
import { Offers } from './offers.js';
import { market, start, useFresh } from './page.js';
import { Plot } from './plot.js';
import { Table } from './table.js';

const LEVELS = 12;
const TRADES = 15;
const SLOW_MS = 30_000;
const RANGES = [['day', 'Day'], ['week', 'Week'], ['month', 'Month'], ['quarter', '90 days']];

function Book({ book, currency }) {
	const levels = (id, caption, who, list, empty) => html`<div class="scroll" id=${id}>
		<${Table} caption=${caption} columns=${columns.levels(who)} rows=${list.slice(0, LEVELS)} csv=${list.length > 0 && caption.toLowerCase()}
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

function RangeChoice({ range, setRange }) {
	return html`<fieldset class="choice"><legend>How far back</legend>${RANGES.map(
		([value, label]) => html`<label key=${value}><input type="radio" name="range" value=${value} checked=${range === value}
			onChange=${() => setRange(value)} /> ${label}</label>`,
	)}</fieldset>`;
}

// On an axis all prices have as many decimals as the one that needs most.
const price = (micro, all = [micro]) => money(Math.round(micro), '', Math.max(...all.map((v) => decimals(Math.round(v)))));

function History({ currency }) {
	const [range, setRange] = useState('day');
	const samples = useFresh(() => get(`/v1/market/samples?range=${range}`), SLOW_MS, [range], true)?.items;
	const plots = useMemo(() => {
		const list = samples ?? [];
		const of = (field) => list.map((s) => s[field]);
		return {
			times: list.map((s) => Date.parse(s.at) / 1000),
			prices: [
				{ label: 'Asks, 90 %', values: of('ask_p90_micro'), color: 'soft', dash: [2, 3] },
				{ label: 'Asks, median', values: of('ask_median_micro'), color: 'asks' },
				{ label: 'Asks, 10 %', values: of('ask_p10_micro'), color: 'soft', dash: [7, 3] },
				{ label: 'Trades, median', values: of('trade_median_micro'), color: 'good' },
				{ label: 'Best bid', values: of('bid_best_micro'), color: 'bids', dash: [6, 3] },
			],
			cores: [
				{ label: 'Offered', values: of('cores_offered'), color: 'soft', dash: [2, 3] },
				{ label: 'Free', values: of('cores_free'), color: 'asks' },
				{ label: 'Leased', values: of('cores_leased'), color: 'good', fill: true },
				{ label: 'Wanted', values: of('cores_wanted'), color: 'bids', dash: [6, 3] },
			],
		};
	}, [samples]);
	if (!samples)
		return null;
	const empty = 'The first sample is taken a few minutes after a market starts.';
	return html`<section aria-labelledby="history-title">
		<h2 id="history-title">Over time</h2>
		<${RangeChoice} range=${range} setRange=${setRange} />
		<h3>Price of a core hour${currency && `, ${currency}`}</h3>
		<p class="hint">A tenth, half and nine tenths of the free cores cost this or less; what leases were made for; the highest bid.</p>
		<${Plot} name="Prices" times=${plots.times} series=${plots.prices} format=${price} empty=${empty} />
		<h3>Supply and demand, cores</h3>
		<${Plot} name="Supply and demand" times=${plots.times} series=${plots.cores} format=${(v) => count(Math.round(v))} empty=${empty} />
	</section>`;
}

function Lists({ trades, countries }) {
	return html`<section class="pair" aria-label="Trades and countries">
		<div class="scroll" id="trades-box">
			<h2>Last trades</h2>
			<${Table} caption="Last trades" hidden columns=${columns.trades} rows=${trades.slice(0, TRADES)} rowKey=${(t) => t.key}
				empty="No lease was made yet." csv="trades" />
		</div>
		<div class="scroll" id="countries-box">
			<h2>By country</h2>
			<${Table} caption="What is online, by country" hidden columns=${columns.countries} rows=${countries} rowKey=${(c) => c.country}
				empty="No machine is online now." csv="countries" />
		</div>
	</section>`;
}

const withKeys = (trades) => trades.map((t, i) => ({ ...t, key: `${t.at} ${i}` }));

function Market() {
	const data = useFresh(async () => {
		const [{ currency }, book, trades, countries] = await Promise.all([
			market(), get('/v1/book'), get('/v1/trades'), get('/v1/market/countries'),
		]);
		return { currency, book, trades: withKeys(trades.items), countries: countries.items };
	});
	return data && html`
		<${Book} ...${data} />
		<${History} currency=${data.currency} />
		<${Lists} ...${data} />
		<${Offers} />`;
}
start(Market);
