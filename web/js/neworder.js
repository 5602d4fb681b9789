// SPDX-License-Identifier: Apache-2.0
// neworder.js - the order form: what it can cost at most, and who is left, before anything is paid
import { getList } from './api.js';
import { Form, optional, readDuration, readInteger, readMoney, valuesOf } from './form.js';
import { count, duration, money, plural } from './format.js';
import { html, useState } from './html.js';
import { market, start, useFresh } from './page.js';
import { newKey, own, post } from './session.js';

const PPM = 1_000_000;
const readCountries = (text) => {
	const list = text.toUpperCase().split(/[\s,]+/).filter(Boolean);
	if (list.some((c) => !/^[A-Z]{2}$/.test(c)))
		throw new Error('Two letters each, such as DE, FR.');
	return list;
};
const readRating = (text) => {
	const value = Number(text);
	if (!/^(0|1|0?\.\d{1,6}|0\.\d{1,6}|1\.0+)$/.test(text.trim()))
		throw new Error('From 0 to 1, such as 0.6.');
	return Math.round(value * PPM);
};

// The fields of a constraint carry its API's name; the rest are the order's own.
const CONSTRAINTS = [
	'countries', 'countries_not', 'min_score', 'min_rating_ppm', 'min_up_kbit_s', 'accel', 'cpu_vendor', 'trusted', 'direct',
	'distinct_sellers', 'distinct_countries', 'all_or_none', 'scratch_mib', 'max_freeze_s', 'display', 'warm',
];
const unless = (usual) => (text) => (text === usual ? undefined : text);
const ticked = (text) => (text === 'on' ? true : undefined);
const readGibibytes = (text) => 1024 * readInteger(1, 1024)(text);
const readMegabits = (text) => 1000 * readInteger(0, 1e6)(text);

const price = (name, label, value) => ({ name, label, value, required: true, inputMode: 'decimal', read: readMoney });

function fieldsOf({ images, limits, currency, best }, onTrust) {
	const chosen = new URLSearchParams(location.search).get('image');
	const ready = images.filter((i) => i.state === 'ready');
	return [
		{ name: 'image', label: 'Image', required: true, options: ready.map((i) => [i.id, i.name]), value: chosen ?? ready[0]?.id },
		{ name: 'name', label: 'Name of the order', read: optional(String), maxLength: 64, hint: 'For you.' },
		{ name: 'count', label: 'Machines', value: '1', required: true, inputMode: 'numeric', read: readInteger(1, limits.count) },
		{ name: 'cores', label: 'Cores of each', value: '1', required: true, inputMode: 'numeric', read: readInteger(1, limits.cores) },
		{ name: 'memory_mib', label: 'Memory of each, MiB', value: '1024', required: true, inputMode: 'numeric', read: readInteger(64, limits.memory_mib) },
		{ name: 'duration_s', label: 'At most for', value: '1h', required: true, read: readDuration, hint: `Each machine, from its start: 30min, 2h, 7d; up to ${duration(limits.duration_s)}.` },
		price('max_price_per_core_hour_micro', `Core hour, at most (${currency})`, best.core),
		price('max_price_per_gib_hour_micro', `GiB of memory for an hour, at most (${currency})`, best.memory),
		price('max_price_per_gib_transferred_micro', `GiB moved, at most (${currency})`, best.transfer),
		{ name: 'budget_micro', label: `Budget in all (${currency})`, inputMode: 'decimal', read: optional(readMoney), hint: 'Charges never exceed it. Without one your balance is the bound.' },
		{ name: 'open_s', label: 'Wait for machines', value: '1d', read: optional(readDuration), hint: 'What has not been found by then is not looked for any more.' },
		{ name: 'countries', label: 'Only in these countries', read: optional(readCountries), hint: 'As sellers say: DE, FR.' },
		{ name: 'countries_not', label: 'Not in these', read: optional(readCountries) },
		{ name: 'min_rating_ppm', label: 'Sellers rated at least', inputMode: 'decimal', read: optional(readRating), hint: '0 to 1. New sellers have 0.' },
		{ name: 'min_score', label: 'Speed at least', inputMode: 'numeric', read: optional(readInteger(0, 1e9)), hint: 'SHA-256 in MiB/s on one core of a VM.' },
		{ name: 'min_up_kbit_s', label: 'Upload at least, Mbit/s', inputMode: 'numeric', read: optional(readMegabits), hint: 'As measured.' },
		{ name: 'accel', label: 'Runs on', options: [['any', 'anything'], ['kvm', 'KVM: by hardware'], ['tcg', 'TCG: emulated']], value: 'any', read: unless('any') },
		{ name: 'cpu_vendor', label: 'Processor', options: [['any', 'any'], ['intel', 'Intel'], ['amd', 'AMD'], ['other', 'other']], value: 'any', read: unless('any') },
		{ name: 'trusted', label: 'Trusted computing: only machines whose TPM proves what they booted', type: 'checkbox', role: 'switch', read: (text) => (text === 'on' ? 'require' : undefined), onInput: onTrust },
		{ name: 'direct', label: 'Reachable without a relay', type: 'checkbox', read: ticked },
		{ name: 'distinct_sellers', label: 'Each with another seller', type: 'checkbox', read: ticked },
		{ name: 'distinct_countries', label: 'Each in another country', type: 'checkbox', read: ticked },
		{ name: 'all_or_none', label: 'All at once, or none', type: 'checkbox', read: ticked },
		{ name: 'display', label: 'A display: a VGA card, whose picture is to be seen here', type: 'checkbox', read: (text) => (text === 'on' ? 'vga' : undefined) },
		{ name: 'warm', label: 'Warm start, without user-data: from where another machine stood, if the image takes part', type: 'checkbox', read: ticked },
		{ name: 'scratch_mib', label: 'Scratch disk of each, GiB', inputMode: 'numeric', read: optional(readGibibytes), hint: 'Empty at the start, encrypted, gone with the machine.' },
		{ name: 'max_freeze_s', label: 'Longest pause for its owner’s sake', read: optional(readDuration), hint: 'A machine that is paused for longer at a stretch is given back: 5min, 1h. Without one its owner decides.' },
		{ name: 'user_data', label: 'User-data', type: 'textarea', read: optional(String), hint: 'A script or cloud-config that each machine runs at its start. Market and sellers can read it: no lasting secrets.' },
	];
}

export function requestOf(values) {
	const request = { ...values };
	const constraints = {};
	for (const name of CONSTRAINTS) {
		if (request[name] !== undefined)
			constraints[name] = request[name];
		delete request[name];
	}
	return { ...request, constraints };
}

// Which rule takes how many machines out: the API's names in words.
const RULES = {
	cpu_vendor: 'have another processor', rtt: 'are too far away', bandwidth: 'have a slower line', direct: 'need a relay', trusted: 'have not proven their software',
	buyer_rating: 'want a better rated buyer', blocked: 'are blocked', distinct: 'are too much alike', price: 'ask more', cores: 'have too few cores free', memory: 'have too little memory free', accel: 'run guests otherwise', country: 'are elsewhere',
	countries: 'are elsewhere', scratch: 'have no room for the scratch disk', display: 'give no display', image: 'have no room for the image, or failed at it', score: 'are slower', rating: 'have a lower rating', duration: 'do not let for so long',
};
function Removed({ removed }) {
	const rows = Object.entries(removed ?? {}).filter(([, n]) => n > 0);
	return rows.length > 0 && html`<ul class="hint">${rows.map(([rule, n]) => html`<li key=${rule}>${count(n)} ${RULES[rule] ?? `by the rule “${rule.replaceAll('_', ' ')}”`}</li>`)}</ul>`;
}

function Quote({ quote, request, balance, fees }) {
	const hours = request.duration_s / 3600;
	const worst = Math.min(request.budget_micro || Infinity, Math.ceil(quote.per_hour_micro * hours));
	const short = quote.hold_micro - balance.available_micro;
	const { currency } = quote;
	return html`<section class="panel quote" aria-live="polite" aria-labelledby="quote-title">
		<h2 id="quote-title">What this can cost</h2>
		<dl class="figures">
			<div><dt>At most in all</dt><dd id="quote-worst">${money(worst, currency)}</dd></div>
			<div><dt>At most an hour</dt><dd>${money(quote.per_hour_micro, currency)}</dd></div>
			<div><dt>Held at once</dt><dd>${money(quote.hold_micro, currency)}</dd></div>
			<div><dt>Machines that fit now</dt><dd id="quote-fits">${count(quote.fits)} of ${count(quote.asks)}</dd></div>
		</dl>
		<p class="hint">All machines for ${duration(request.duration_s)} at your highest prices, with every core busy; what moves over the ethernet comes on top, at up to${' '}
			${money(request.max_price_per_gib_transferred_micro, currency)} a GiB. The market’s commission, ${fees.settlement_basis_points / 100} %, is in these amounts: the seller
			gets ${money(Math.floor((worst * (10000 - fees.settlement_basis_points)) / 10000), currency)} of them.</p>
		${quote.fits === 0 && html`<p>No machine fits now. The order would wait; of those on offer</p>`}
		<${Removed} removed=${quote.removed} />
		${short > 0 && html`<p class="wrong">Your balance lacks ${money(short, currency)}. <a href="/money">Add funds</a></p>`}
	</section>`;
}

const fits = (request) => (o) => o.cores_free >= request.cores && o.memory_free_mib >= request.memory_mib
	&& ['price_per_core_hour_micro', 'price_per_gib_hour_micro', 'price_per_gib_transferred_micro'].every((price) => o[price] <= request[`max_${price}`]);

// What trust leaves of the market, as soon as the switch is moved: the market counts the machines; sellers and prices are of its list.
async function trustOf(request) {
	const asked = (trusted) => post('/v1/orders/quote', { ...request, constraints: { ...request.constraints, trusted } });
	const [without, needed, offers] = await Promise.all([asked('off'), asked('require'), own('/v1/offers')]);
	const left = offers.items.filter(fits(request));
	const trusted = left.filter((o) => o.trusted);
	const sellers = (list) => new Set(list.map((o) => o.seller)).size;
	return { all: without.fits, left: needed.fits, sellers: sellers(trusted), allSellers: sellers(left),
		from: left[0]?.price_per_core_hour_micro, to: trusted[0]?.price_per_core_hour_micro };
}

function Trust({ trust, currency }) {
	if (!trust)
		return null;
	if (trust.problem)
		return html`<p class="notice" id="trust" role="status">${trust.problem}</p>`;
	return html`<p class="notice" id="trust" role="status">Trusted computing leaves ${plural(trust.left, 'machine', 'machines')} of ${count(trust.all)} that fit, of ${plural(trust.sellers, 'seller', 'sellers')} of ${count(trust.allSellers)}.${' '}
		${trust.to === undefined ? 'Nobody who is trusted offers at your prices now: the order would wait.' : `The cheapest core hour costs ${money(trust.to, currency)} with it, ${money(trust.from, currency)} without.`}${' '}
		<a href="/docs/trust">What a proof says, and what not</a></p>`;
}

function NewOrder() {
	const [quote, setQuote] = useState(null);
	const [trust, setTrust] = useState(null);
	const [key, setKey] = useState(newKey);
	const data = useFresh(async () => {
		const [{ limits, currency, fees }, images, offers, balance] = await Promise.all([market(), own(getList, '/v1/images'), own('/v1/offers'), own('/v1/balance')]);
		const lowest = (field, fallback) => money(Math.ceil(Math.min(...offers.items.map((o) => o[field]), Infinity) * 1.25) || fallback).replace(/,/g, '');
		const offered = offers.items.length > 0;
		const best = {
			core: offered ? lowest('price_per_core_hour_micro', 0) : '0.02',
			memory: offered ? lowest('price_per_gib_hour_micro', 0) : '0.005',
			transfer: offered ? lowest('price_per_gib_transferred_micro', 0) : '0.01',
		};
		return { limits, currency, fees, images: images.items, balance, best };
	}, 0);
	if (!data)
		return null;
	if (!data.images.some((i) => i.state === 'ready'))
		return html`<p class="notice">First an image to boot: <a href="/images">upload one</a>.</p>`;
	const place = async (values, which) => {
		const request = requestOf(values);
		if (which !== 'place') {
			const [answer, balance] = await Promise.all([post('/v1/orders/quote', request), own('/v1/balance')]);
			setQuote({ quote: answer, request, balance, of: JSON.stringify(request) });
			return;
		}
		if (quote?.of !== JSON.stringify(request))
			throw new Error('You have changed something since: see the cost first.');
		const order = await post('/v1/orders', request, { key });
		setKey(newKey());
		location.assign(`/orders/${order.id}`);
	};
	const onTrust = async ({ target }) => {
		if (!target.checked)
			return setTrust(null);
		const { values, wrong } = valuesOf(target.form, fields);
		try {
			setTrust(Object.keys(wrong).length ? { problem: 'Fill in the rest, then it is said what is left.' } : await trustOf(requestOf(values)));
		} catch (error) {
			setTrust({ problem: error.message });
		}
	};
	const fields = fieldsOf(data, onTrust);
	return html`<${Form} id="order" fields=${fields} submit="See the cost" onSubmit=${place} extra=${quote ? [['place', 'Order now']] : []}>
		<${Trust} trust=${trust} currency=${data.currency} />
		${quote && html`<${Quote} ...${quote} fees=${data.fees} />`}
	</>`;
}
start(NewOrder);
