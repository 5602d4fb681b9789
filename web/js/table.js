// SPDX-License-Identifier: Apache-2.0
// table.js - a table that keeps the reader's place when it is filled again
//
// A column: {label, text(row, prepared), prepare?(rows), number?, sort?(row), href?(row), minor?, wide?}; prepared is what prepare()
// made of all rows. Texts from the market go in as text, never as markup. Rows keep their element by rowKey(row), so that the focus
// and a selection survive a refresh.
import { html, useState } from './html.js';

function Head({ columns, sorted, sortBy }) {
	const cell = (column) => {
		const order = sorted?.column === column.label ? (sorted.sign > 0 ? 'ascending' : 'descending') : undefined;
		return html`<th scope="col" role="columnheader" class=${column.number ? 'number' : ''} aria-sort=${order}>
			${column.sort ? html`<button type="button" onClick=${() => sortBy(column)}>${column.label}</button>` : column.label}
		</th>`;
	};
	return html`<thead role="rowgroup"><tr role="row">${columns.map(cell)}</tr></thead>`;
}

function Cell({ column, row, prepared }) {
	const text = column.text(row, prepared);
	const classes = [column.number ? 'number' : 'name', column.minor && 'minor', column.wide && 'wide'].filter(Boolean).join(' ');
	return html`<td role="cell" data-label=${column.label} class=${classes}>
		${column.href ? html`<a href=${column.href(row)}>${text}</a>` : text}
	</td>`;
}

function inOrder(rows, columns, sorted) {
	const column = sorted && columns.find((c) => c.label === sorted.column);
	if (!column)
		return rows;
	const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
	return rows.toSorted((a, b) => sorted.sign * compare(column.sort(a), column.sort(b)));
}

// cards: where it does not fit, each row is a card. hidden: the caption is for screen readers. csv: the name of a file to offer.
export function Table({ caption, hidden = false, columns, rows, rowKey, empty, cards = false, csv = '' }) {
	const [sorted, setSorted] = useState(null);
	const sortBy = ({ label }) => setSorted((now) => ({ column: label, sign: now?.column === label ? -now.sign : 1 }));
	if (rows.length === 0)
		return html`<p class="empty">${empty}</p>`;
	const prepared = columns.map((column) => column.prepare?.(rows));
	return html`
		<table role="table" class=${cards ? 'cards' : ''} aria-label=${hidden ? caption : undefined}>
			${!hidden && html`<caption>${caption}</caption>`}
			<${Head} columns=${columns} sorted=${sorted} sortBy=${sortBy} />
			<tbody role="rowgroup">${inOrder(rows, columns, sorted).map(
				(row) => html`<tr role="row" key=${rowKey(row)}>
					${columns.map((column, i) => html`<${Cell} key=${column.label} column=${column} row=${row} prepared=${prepared[i]} />`)}
				</tr>`,
			)}</tbody>
		</table>
		${csv && html`<${Csv} name=${csv} columns=${columns} rows=${rows} />`}`;
}

// RFC 4180. A spreadsheet would run a text that begins like a formula, and names here are strangers': such a one gets an apostrophe.
function quoted(value) {
	const text = String(value).replace(/^[=+\-@\t\r](?![\d.]+$)/, "'$&");
	return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
export function csvOf(columns, rows) {
	const lines = [columns.map((c) => c.label), ...rows.map((row) => columns.map((c) => (c.raw ?? c.text)(row, c.prepare?.(rows))))];
	return lines.map((line) => `${line.map(quoted).join(',')}\r\n`).join('');
}

export function Csv({ name, columns, rows }) {
	const save = () => {
		const link = document.createElement('a');
		link.href = URL.createObjectURL(new Blob([csvOf(columns, rows)], { type: 'text/csv;charset=utf-8' }));
		link.download = `${name}.csv`;
		link.click();
		URL.revokeObjectURL(link.href);
	};
	return html`<button type="button" class="quiet csv" onClick=${save} aria-label=${`CSV of ${name}`}>CSV</button>`;
}

// A few numbers in large type: [[what, value]].
export function Figures({ items }) {
	return html`<dl class="figures">${items.map(([what, value]) => html`<div key=${what}><dt>${what}</dt><dd>${value}</dd></div>`)}</dl>`;
}
