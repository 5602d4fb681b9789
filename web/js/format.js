// SPDX-License-Identifier: Apache-2.0
// format.js - numbers as people read them
const UNIT = 1_000_000;

const fractionOf = (micro) => String(Math.abs(micro) % UNIT).padStart(6, '0');

// How many decimals an amount needs, at least two.
export const decimals = (micro) => Math.max(2, fractionOf(micro).replace(/0+$/, '').length);

// Millionths as "12.34", "0.000001": no more decimals than needed, or as many as are asked for. Exact up to 2^53.
export function money(micro, currency = '', places = decimals(micro)) {
	const whole = Math.floor(Math.abs(micro) / UNIT);
	const amount = `${whole.toLocaleString('en')}.${fractionOf(micro).slice(0, places)}`;
	return `${micro < 0 ? '−' : ''}${amount}${currency ? ` ${currency}` : ''}`;
}

export const count = (n) => Number(n).toLocaleString('en');

// Rounded down, as the market does: nothing looks better than it is.
export const rating = (ppm) => (Math.floor(ppm / 1000) / 1000).toFixed(3);

export const memory = (mib) => (mib >= 1024 ? `${Math.floor((mib / 1024) * 10) / 10} GiB` : `${mib} MiB`);

export function date(text) {
	const at = new Date(text);
	return Number.isNaN(at.getTime()) ? '–' : at.toISOString().slice(0, 10);
}

export const plural = (n, one, many) => `${count(n)} ${n === 1 ? one : many}`;

export const percent = (share, places = 1) => (Number.isFinite(share) ? `${(100 * share).toFixed(places)} %` : '–');

// "2026-11-21 09:30", in the reader's own time.
export function time(text) {
	const at = new Date(text);
	if (Number.isNaN(at.getTime()))
		return '–';
	const two = (n) => String(n).padStart(2, '0');
	return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

export function duration(seconds) {
	const units = [['d', 86400], ['h', 3600], ['min', 60], ['s', 1]];
	const [unit, size] = units.find(([, n]) => seconds >= n) ?? units.at(-1);
	return `${Math.round((10 * seconds) / size) / 10} ${unit}`;
}
