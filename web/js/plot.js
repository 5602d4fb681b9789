// SPDX-License-Identifier: Apache-2.0
// plot.js - numbers over time as a picture, and the same numbers as a table and as CSV
//
// times: seconds since 1970, ascending. series: [{label, values, color, dash?, fill?}], a value or null for each time; color is the name
// of a variable of style.css. format(value) makes a value's text.
import { count, time } from './format.js';
import { html, useEffect, useRef, useState } from './html.js';
import { Csv, Table } from './table.js';

const HEIGHT = 260;

// A variable of the style as the canvas wants it: resolved for the theme that is shown.
function colorOf(element, name) {
	const probe = document.createElement('span');
	probe.style.color = `var(--${name})`;
	element.append(probe);
	const { color } = getComputedStyle(probe);
	probe.remove();
	return color;
}

function optionsOf(element, width, { series, format }) {
	const color = (name) => colorOf(element, name);
	const axis = { stroke: color('soft'), grid: { stroke: color('line'), width: 1 }, ticks: { stroke: color('line'), width: 1 }, font: '12px system-ui' };
	return {
		width,
		height: HEIGHT,
		legend: { live: true },
		cursor: { y: false, points: { size: 7 } },
		axes: [axis, { ...axis, size: 64, values: (_, splits) => splits.map((v) => format(v)) }],
		scales: { y: { range: (_, low, high) => [Math.min(0, low), Math.max(high * 1.08, 1e-6)] } },
		series: [
			{ label: 'Time', value: (_, t) => (t ? time(t * 1000) : '–') },
			...series.map((s) => ({
				label: s.label,
				stroke: color(s.color),
				width: 2,
				dash: s.dash,
				fill: s.fill && color(s.color).replace('rgb(', 'rgba(').replace(')', ', 0.14)'),
				points: { show: s.values.filter((v) => v !== null).length < 3 },
				value: (_, v) => (v === null || v === undefined ? '–' : format(v)),
			})),
		],
	};
}

function Canvas({ label, times, series, format }) {
	const box = useRef(null);
	useEffect(() => {
		let plot = null;
		let gone = false;
		const draw = async () => {
			const { default: UPlot } = await import('../vendor/uplot.js'); // a third of a page's bytes: only where there is a plot
			plot?.destroy();
			plot = gone ? null : new UPlot(optionsOf(box.current, box.current.clientWidth, { series, format }), [times, ...series.map((s) => s.values)], box.current);
		};
		const fit = new ResizeObserver(() => plot?.setSize({ width: box.current.clientWidth, height: HEIGHT }));
		fit.observe(box.current);
		addEventListener('theme', draw);
		draw();
		return () => {
			gone = true;
			fit.disconnect();
			removeEventListener('theme', draw);
			plot?.destroy();
		};
	}, [times, series]);
	return html`<div class="canvas" ref=${box} role="img" aria-label=${label}></div>`;
}

// Under every picture: the numbers, to read and to take away.
export function Numbers({ name, columns, rows, rowKey }) {
	const [open, setOpen] = useState(false);
	return html`<div class="numbers">
		<button type="button" class="quiet" aria-expanded=${String(open)} onClick=${() => setOpen(!open)} aria-label=${`Table of ${name}`}>Table</button>
		<${Csv} name=${name} columns=${columns} rows=${rows} />
		${open && html`<div class="scroll" tabindex="0" role="region" aria-label=${name}>
			<${Table} caption=${name} hidden columns=${columns} rows=${rows} rowKey=${rowKey} empty="Nothing yet." />
		</div>`}
	</div>`;
}

export function Plot({ name, times, series, format = count, empty = 'Nothing is known yet.' }) {
	if (times.length === 0)
		return html`<p class="empty">${empty}</p>`;
	const rows = times.map((at, i) => ({ at, values: series.map((s) => s.values[i]) })).reverse();
	const columns = [
		{ label: 'Time', text: (r) => time(r.at * 1000), raw: (r) => new Date(r.at * 1000).toISOString() },
		...series.map((s, i) => ({ label: s.label, number: true, text: (r) => (r.values[i] === null ? '–' : format(r.values[i])), raw: (r) => r.values[i] ?? '' })),
	];
	const last = series.map((s) => `${s.label} ${s.values.at(-1) === null ? 'unknown' : format(s.values.at(-1))}`).join(', ');
	return html`<figure class="panel plot">
		<${Canvas} label=${`${name}. Last: ${last}.`} times=${times} series=${series} format=${format} />
		<${Numbers} name=${name} columns=${columns} rows=${rows} rowKey=${(r) => r.at} />
	</figure>`;
}

// Horizontal bars: [{label, value, color?}]. The longest fills the width.
export function Bars({ name, unit, items, format = count }) {
	const most = Math.max(...items.map((i) => i.value), 1);
	const columns = [{ label: unit, text: (i) => i.label }, { label: 'Count', number: true, text: (i) => format(i.value), raw: (i) => i.value }];
	return html`<figure class="panel">
		<ol class="bars" aria-label=${name}>${items.map(
			(item) => html`<li key=${item.label}>
				<span class="label">${item.label}</span>
				<span class="track" aria-hidden="true"><span class=${`bar ${item.color ?? 'bids'}`} style=${{ width: `${(100 * item.value) / most}%` }}></span></span>
				<span class="number">${format(item.value)}</span>
			</li>`,
		)}</ol>
		<${Numbers} name=${name} columns=${columns} rows=${items} rowKey=${(i) => i.label} />
	</figure>`;
}
