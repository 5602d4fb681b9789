// SPDX-License-Identifier: Apache-2.0
// offers.js - what machines offer: a query that the market evaluates, and the command that gives the same list
import { get, Refusal } from './api.js';
import * as columns from './columns.js';
import { plural } from './format.js';
import { html, useState } from './html.js';
import { useFresh } from './page.js';
import { Table } from './table.js';

const EXAMPLES = ['cores>=4 memory>=8G', 'price<=0.02', 'rating>=0.7', 'accel=kvm', 'rtt<40ms', 'up>=10', 'trusted=yes', 'country in [DE,FR]'];
const SORTS = [['price', 'cheapest first'], ['-score', 'fastest first'], ['-rating', 'best rated first'], ['-cores', 'most cores first'], ['rtt', 'nearest first']];

// As a shell takes it: one word, in single quotes.
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const commandOf = (query, sort) => ['cpushare offer list', query && quoted(query), sort !== 'price' && `--sort ${sort}`].filter(Boolean).join(' ');

function Form({ query, setQuery, sort, setSort, wrong }) {
	return html`<form class="filters" onSubmit=${(event) => event.preventDefault()}>
		<label class="wide">Query
			<input name="query" value=${query} maxlength="500" size="40" autocomplete="off" spellcheck="false" aria-invalid=${wrong ? 'true' : undefined}
				aria-describedby="query-wrong" onInput=${(event) => setQuery(event.target.value)} /></label>
		<label>Order <select name="sort" value=${sort} onChange=${(event) => setSort(event.target.value)}>
			${SORTS.map(([value, label]) => html`<option key=${value} value=${value}>${label}</option>`)}</select></label>
		<span class="hint">${EXAMPLES.map((example) => html`<button type="button" class="quiet csv" key=${example}
			onClick=${() => setQuery(`${query} ${example}`.trim())}>${example}</button>`)}
			<button type="reset" class="quiet csv" onClick=${() => setQuery('')}>Clear</button></span>
	</form>
	<p class="status failed" id="query-wrong" role="status">${wrong}</p>`;
}

export function Offers() {
	const [typed, setQuery] = useState('');
	const [sort, setSort] = useState('price');
	const query = typed.trim();
	const answer = useFresh(
		() => get(`/v1/offers?${new URLSearchParams({ sort, ...(query && { q: query }) })}`).catch((error) => {
			if (error instanceof Refusal && error.code === 'bad_field')
				return { wrong: error.message, items: [] }; // what is typed is half a query at times
			throw error;
		}),
		5000, [query, sort], true,
	);
	const offers = answer?.items ?? [];
	return html`<section id="offers" aria-labelledby="offers-title">
		<h2 id="offers-title">Offers <span class="count">${answer && !answer.wrong && plural(offers.length, 'machine', 'machines')}</span></h2>
		<p class="hint">At most 500. Speed is SHA-256 in MiB/s on one core of a VM: measured by the market now and then, until then claimed.</p>
		<${Form} query=${typed} setQuery=${setQuery} sort=${sort} setSort=${setSort} wrong=${answer?.wrong} />
		<p class="hint">The same list: <code id="command">${commandOf(query, sort)}</code></p>
		<div id="offers-box">${answer && !answer.wrong && html`
			<${Table} caption="Offers of all sellers" hidden cards columns=${columns.offersOfAll} rows=${offers} rowKey=${(o) => o.machine}
				empty=${query ? 'No machine that is online fits.' : 'No machine is online now.'} csv="offers" />`}
		</div>
	</section>`;
}
