// SPDX-License-Identifier: Apache-2.0
// plot.js - numbers as a picture, and the same numbers as a table and as CSV
//
// times: seconds since 1970, ascending; or, with along, any numbers: {label, format(x)}. series: [{label, values, color, dash?, fill?}], a value or null for each time; color is the name
// of a variable of style.css. format(value, values) makes a value's text, where values, if given, stand with it on one axis.
import { count, percent, time } from './format.js';
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

// Hours where they are close, else days; the year only in the table.
const two = (n) => String(n).padStart(2, '0');
function timeTicks(splits) {
	const days = splits.length > 1 && splits[1] - splits[0] >= 43_200;
	return splits.map((t) => {
		const at = new Date(t * 1000);
		const midnight = at.getHours() === 0 && at.getMinutes() === 0;
		return days || midnight ? `${two(at.getMonth() + 1)}-${two(at.getDate())}` : `${two(at.getHours())}:${two(at.getMinutes())}`;
	});
}

const alongTime = { label: 'Time', format: (t) => time(t * 1000), raw: (t) => new Date(t * 1000).toISOString() };

function optionsOf(element, width, { series, format, along, most }) {
	const color = (name) => colorOf(element, name);
	const axis = { stroke: color('soft'), grid: { stroke: color('line'), width: 1 }, ticks: { stroke: color('line'), width: 1 }, font: '12px system-ui' };
	return {
		width,
		height: HEIGHT,
		legend: { live: true },
		cursor: { y: false, points: { size: 7 } },
		axes: [
			along === alongTime ? { ...axis, values: (_, splits) => timeTicks(splits) } : { ...axis, values: (_, splits) => splits.map(along.format), incrs: [1, 2, 4] },
			{ ...axis, size: 64, values: (_, splits) => splits.map((v) => format(v, splits)) },
		],
		scales: { x: { time: along === alongTime }, y: { range: (_, low, high) => [Math.min(0, low ?? 0), most ?? Math.max((high ?? 0) * 1.08, 1e-6)] } },
		series: [
			{ label: along.label, value: (_, t) => (t === null || t === undefined ? '–' : along.format(t)) },
			...series.map((s) => ({
				label: s.label,
				stroke: color(s.color),
				width: 2,
				dash: s.dash,
				fill: s.fill && color(s.color).replace('rgb(', 'rgba(').replace(')', ', 0.14)'),
				points: { show: s.values.filter((v) => v !== null).length < 40 },
				value: (_, v) => (v === null || v === undefined ? '–' : format(v)),
			})),
		],
	};
}

function Canvas({ label, times, series, ...more }) {
	const box = useRef(null);
	useEffect(() => {
		let plot = null;
		let gone = false;
		const draw = async () => {
			const { default: UPlot } = await import('../vendor/uplot.js'); // a third of a page's bytes: only where there is a plot
			plot?.destroy();
			plot = gone ? null : new UPlot(optionsOf(box.current, box.current.clientWidth, { series, ...more }), [times, ...series.map((s) => s.values)], box.current);
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

// most: the top of the picture, where it is not the greatest value.
export function Plot({ name, times, series, format = count, along = alongTime, most, empty = 'Nothing is known yet.' }) {
	if (times.length === 0)
		return html`<p class="empty">${empty}</p>`;
	const rows = times.map((at, i) => ({ at, values: series.map((s) => s.values[i]) })).reverse();
	const columns = [
		{ label: along.label, text: (r) => along.format(r.at), raw: (r) => (along.raw ?? along.format)(r.at) },
		...series.map((s, i) => ({ label: s.label, number: true, text: (r) => (r.values[i] === null ? '–' : format(r.values[i])), raw: (r) => r.values[i] ?? '' })),
	];
	const last = series.map((s) => `${s.label} ${s.values.at(-1) === null ? 'unknown' : format(s.values.at(-1))}`).join(', ');
	return html`<figure class="panel plot">
		<${Canvas} label=${`${name}. Last: ${last}.`} times=${times} series=${series} format=${format} along=${along} most=${most} />
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

// Days as dots: [{name, minutes}], of each day how many minutes of 1440.
export function Days({ name, rows }) {
	const of = ({ minutes }) => minutes.reduce((sum, m) => sum + m, 0) / (1440 * minutes.length);
	const day = (i, length) => new Date(Date.now() - (length - 1 - i) * 86_400_000).toISOString().slice(0, 10);
	const level = (m) => (m === 0 ? 'none' : m < 720 ? 'some' : m < 1368 ? 'most' : 'all');
	const list = rows.flatMap((row) => row.minutes.map((m, i) => ({ machine: row.name, day: day(i, row.minutes.length), minutes: m }))).reverse();
	const columns = [
		{ label: 'Machine', text: (d) => d.machine },
		{ label: 'Day', text: (d) => d.day },
		{ label: 'There', number: true, text: (d) => percent(d.minutes / 1440, 0), raw: (d) => (d.minutes / 1440).toFixed(4) },
	];
	return html`<figure class="panel">
		${rows.map((row) => html`<div class="days" key=${row.name}>
			<span class="label">${row.name} <span class="count">${percent(of(row), 0)}</span></span>
			<span class="dots" role="img" aria-label=${`${row.name}: there ${percent(of(row), 0)} of the last ${row.minutes.length} days`}>
				${row.minutes.map((m, i) => html`<span class=${level(m)} title=${`${day(i, row.minutes.length)}: ${percent(m / 1440, 0)}`}></span>`)}
			</span>
		</div>`)}
		<figcaption class="legend dots"><span><i class="all"></i>95 % or more</span><span><i class="most"></i>half a day or more</span>
			<span><i class="some"></i>less</span><span><i></i>not there</span></figcaption>
		<${Numbers} name=${name} columns=${columns} rows=${list} rowKey=${(d) => `${d.machine} ${d.day}`} />
	</figure>`;
}
