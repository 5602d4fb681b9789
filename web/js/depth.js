// SPDX-License-Identifier: Apache-2.0
// depth.js - the order book as a picture: cores against the price of a core hour
//
// Asks are summed up from the cheapest, bids from the dearest. Both are stairs: at a price stands what can be had up to it.
import { count, decimals, money } from './format.js';
import { html, useEffect, useRef } from './html.js';

const SVG = 'http://www.w3.org/2000/svg';
const LEFT = 44;
const RIGHT = 10;
const TOP = 10;
const BOTTOM = 34;

function draw(parent, name, attributes, text) {
	const element = document.createElementNS(SVG, name);
	for (const [key, value] of Object.entries(attributes))
		element.setAttribute(key, value);
	if (text !== undefined)
		element.textContent = text;
	parent.append(element);
	return element;
}

// [{price, cores}], cores summed up, in the order given.
function summed(levels) {
	let cores = 0;
	return levels.map((level) => ({ price: level.price_per_core_hour_micro, cores: (cores += level.cores) }));
}

// Steps of 1, 2 or 5 times a power of ten, about as many as wanted, never below one.
function ticks(low, high, wanted) {
	const rough = Math.max((high - low) / wanted, 1);
	const power = 10 ** Math.floor(Math.log10(rough));
	const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
	const list = [];
	for (let at = Math.ceil(low / step) * step; at <= high; at += step)
		list.push(at);
	return list;
}

// A bound far above the rest would press the picture flat: the axis ends at five times the best prices.
function priceRange(asks, bids) {
	const prices = [...asks, ...bids].map((point) => point.price);
	const best = [asks[0]?.price, bids[0]?.price].filter((price) => price !== undefined);
	const low = Math.min(...prices);
	const high = Math.min(Math.max(...prices), 5 * Math.max(...best, 1));
	const pad = Math.max((high - low) * 0.08, high * 0.02, 1);
	return [Math.max(0, low - pad), high + pad];
}

function stairs(points, x, y, end) {
	const path = [];
	let cores = 0;
	for (const point of points) {
		path.push(`${x(point.price)},${y(cores)}`, `${x(point.price)},${y(point.cores)}`);
		cores = point.cores;
	}
	path.push(`${end},${y(cores)}`);
	return path;
}

class Depth {
	#svg;
	#text;
	#asks = [];
	#bids = [];
	#currency = '';

	constructor(svg) {
		this.#svg = svg;
		this.#text = svg.querySelector('desc');
		new ResizeObserver(() => this.#render()).observe(svg);
	}

	show(book, currency) {
		this.#asks = summed(book.asks);
		this.#bids = summed(book.bids);
		this.#currency = currency;
		this.#render();
	}

	#render() {
		const { width, height } = this.#svg.getBoundingClientRect();
		const [asks, bids] = [this.#asks, this.#bids];
		for (const old of this.#svg.querySelectorAll(':scope > :not(title, desc)'))
			old.remove();
		this.#text.textContent = this.#words();
		if (width < 50)
			return;
		this.#svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
		if (asks.length + bids.length === 0) {
			draw(this.#svg, 'text', { x: width / 2, y: height / 2, 'text-anchor': 'middle' }, 'The book is empty.');
			return;
		}
		const [low, high] = priceRange(asks, bids);
		const most = Math.max(asks.at(-1)?.cores ?? 0, bids.at(-1)?.cores ?? 0, 1) * 1.05;
		const x = (price) => LEFT + ((Math.min(price, high) - low) / (high - low)) * (width - LEFT - RIGHT);
		const y = (cores) => height - BOTTOM - (cores / most) * (height - TOP - BOTTOM);

		this.#axes(width, height, { low, high, most, x, y });
		this.#side('bids', stairs(bids, x, y, LEFT), y(0));
		this.#side('asks', stairs(asks, x, y, width - RIGHT), y(0));
	}

	#axes(width, height, { low, high, most, x, y }) {
		const axes = draw(this.#svg, 'g', { 'aria-hidden': 'true' });
		for (const cores of ticks(0, most, 4)) {
			draw(axes, 'line', { class: 'grid', x1: LEFT, x2: width - RIGHT, y1: y(cores), y2: y(cores) });
			draw(axes, 'text', { x: LEFT - 6, y: y(cores) + 4, 'text-anchor': 'end' }, count(cores));
		}
		const prices = ticks(low, high, width / 110);
		const places = Math.max(...prices.map(decimals));
		for (const price of prices) {
			draw(axes, 'line', { class: 'grid', x1: x(price), x2: x(price), y1: height - BOTTOM, y2: height - BOTTOM + 4 });
			draw(axes, 'text', { x: x(price), y: height - BOTTOM + 16, 'text-anchor': 'middle' }, money(price, '', places));
		}
		const unit = this.#currency ? `${this.#currency} a core hour` : 'price of a core hour';
		draw(axes, 'text', { x: width - RIGHT, y: height - 3, 'text-anchor': 'end' }, unit);
		draw(axes, 'text', { x: 2, y: height - 3 }, 'cores ↑');
	}

	#side(name, path, floor) {
		if (path.length < 2)
			return;
		const [first, last] = [path[0].split(',')[0], path.at(-1).split(',')[0]];
		const group = draw(this.#svg, 'g', { class: name });
		draw(group, 'polygon', { class: 'area', points: [`${first},${floor}`, ...path, `${last},${floor}`].join(' ') });
		draw(group, 'polyline', { class: 'edge', points: path.join(' ') });
	}

	#words() {
		const side = (points, none, some) =>
			points.length ? `${count(points.at(-1).cores)} cores ${some} ${money(points[0].price, this.#currency)}` : none;
		return `${side(this.#asks, 'No cores offered', 'offered from')}; ${side(this.#bids, 'no cores wanted', 'wanted at up to')}. The tables below have the numbers.`;
	}
}

// The picture redraws itself where its width changes, so it draws by hand inside of an element that Preact leaves alone.
export function DepthPlot({ book, currency }) {
	const svg = useRef(null);
	const depth = useRef(null);
	useEffect(() => void (depth.current = new Depth(svg.current)), []);
	useEffect(() => depth.current.show(book, currency), [book, currency]);
	return html`<figure class="panel depth">
		<svg ref=${svg} id="depth" role="img" aria-labelledby="depth-title depth-text">
			<title id="depth-title">Depth of the order book</title>
			<desc id="depth-text"></desc>
		</svg>
		<figcaption class="legend">
			<span class="key asks">Asks: cores offered up to this price</span>
			<span class="key bids">Bids: cores wanted at this price or more</span>
		</figcaption>
	</figure>`;
}
