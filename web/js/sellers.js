// SPDX-License-Identifier: Apache-2.0
// sellers.js - who sells here, page by page, the best rated first
import { get } from './api.js';
import * as columns from './columns.js';
import { html, useState } from './html.js';
import { start, useFresh } from './page.js';
import { Table } from './table.js';

const PAGE = 50;

function Sellers() {
	const [name, setName] = useState('');
	const [before, setBefore] = useState([]); // the cursors of this page and those before it
	const cursor = before.at(-1) ?? '';
	const query = new URLSearchParams({ limit: PAGE, ...(name && { name }), ...(cursor && { cursor }) });
	const list = useFresh(() => get(`/v1/sellers?${query}`), 10_000, [name, cursor]);
	const search = (event) => {
		setName(event.target.value.trim());
		setBefore([]);
	};
	return html`
		<form class="filters" role="search" onSubmit=${(event) => event.preventDefault()}>
			<label>Name begins with <input type="search" name="name" maxlength="64" autocomplete="off" value=${name} onInput=${search} /></label>
		</form>
		<div id="sellers-box">${list && html`
			<${Table} caption="Sellers and their reputation" hidden cards columns=${columns.sellers} rows=${list.items} rowKey=${(s) => s.id}
				empty=${name ? 'Nobody of that name sells here.' : 'Nobody has sold here yet.'} csv="sellers" />`}
		</div>
		<nav class="pages" aria-label="Pages">
			<button type="button" disabled=${before.length === 0} onClick=${() => setBefore(before.slice(0, -1))}>Previous</button>
			<span class="count">Page ${before.length + 1}</span>
			<button type="button" disabled=${!list?.next} onClick=${() => setBefore([...before, list.next])}>Next</button>
		</nav>
		<p class="hint">Sorting by a heading sorts this page. <a href="/reputation#formula">How a rating is computed</a></p>`;
}
start(Sellers);
