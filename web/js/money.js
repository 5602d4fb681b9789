// SPDX-License-Identifier: Apache-2.0
// money.js - balance, adding funds, the statement, taking money out
import { getList } from './api.js';
import { Form, readMoney } from './form.js';
import { money, time } from './format.js';
import { html, useMemo, useState } from './html.js';
import { market, start, useFresh } from './page.js';
import { Plot } from './plot.js';
import { newKey, own, post } from './session.js';
import { Figures, Table } from './table.js';

const POINTS = 10_000;
const PROVIDERS = { manual: 'by transfer, confirmed by the operator', paypal: 'PayPal', stripe: 'card (Stripe)' };
// What an amount gives and costs: the market's own rounding, half up (docs/MONEY.md).
const commissionOf = (micro, points) => Math.floor((micro * points + POINTS / 2) / POINTS);
const parsed = (text) => {
	try {
		return readMoney(text);
	} catch {
		return null;
	}
};

function AddFunds({ fees, currency, again }) {
	const [amount, setAmount] = useState(20_000_000);
	const [made, setMade] = useState(null);
	const [key, setKey] = useState(newKey);
	const part = amount === null ? null : commissionOf(amount, fees.deposit_basis_points);
	const add = async ({ amount_micro, provider }) => {
		setMade(await post('/v1/deposits', { amount_micro, provider }, { key }));
		setKey(newKey());
		again();
	};
	const fields = [
		{ name: 'amount_micro', label: `Amount (${currency})`, value: '20.00', required: true, inputMode: 'decimal', read: readMoney, onInput: (e) => setAmount(parsed(e.target.value)) },
		{ name: 'provider', label: 'How', required: true, options: Object.entries(PROVIDERS), value: 'manual' },
	];
	return html`<section aria-labelledby="add-title"><h2 id="add-title">Add funds</h2>
		<${Form} id="deposit" fields=${fields} submit="Add funds" onSubmit=${add}>
			<p class="hint" id="commission" aria-live="polite">${part === null ? 'The commission depends on the amount.'
				: `You pay ${money(amount, currency)}; the market keeps ${money(part, currency)} (${fees.deposit_basis_points / 100} %); your balance gets ${money(amount - part, currency)}.`}</p>
		</>
		${made && html`<div class="notice" role="status"><p>${made.instructions}</p><p>Its id: <code>${made.id}</code></p>
			${made.pay_url && html`<p><a href=${made.pay_url} rel="noreferrer">Pay now</a></p>`}</div>`}
	</section>`;
}

const DAY_MS = 86_400_000;

// What the balance does while everything that runs goes on with all cores busy: the market's own reckoning of when it is used up.
function BurnDown({ balance, currency }) {
	const end = balance.runs_out_at ? Date.parse(balance.runs_out_at) : 0;
	const all = balance.available_micro + balance.held_micro;
	const [times, series] = useMemo(() => {
		const now = Date.now();
		const steps = Array.from({ length: 13 }, (_, i) => i / 12);
		return [steps.map((s) => Math.round((now + s * (end - now)) / 1000)), [{ label: 'Left', color: 'bids', fill: true, values: steps.map((s) => Math.round(all * (1 - s))) }]];
	}, [end, Math.round(all / 1e4)]);
	if (!end)
		return balance.per_hour_micro > 0 && html`<p class="hint" id="burn">What runs costs up to ${money(balance.per_hour_micro, currency)} an hour; it is over before the money is.</p>`;
	const soon = end - Date.now() < DAY_MS;
	return html`<section aria-labelledby="burn-title"><h2 id="burn-title">How long it lasts</h2>
		<p id="burn" class=${soon ? 'notice' : ''} role=${soon ? 'alert' : undefined}>With all cores busy, what runs costs ${money(balance.per_hour_micro, currency)} an hour: available and held money is used up
			at <b>${time(balance.runs_out_at)}</b>${soon ? '. Then machines are paused, and ended after a while: add funds' : ''}.</p>
		<${Plot} name="How long it lasts" times=${times} series=${series} format=${(v) => money(Math.round(v))} empty="" /></section>`;
}

const depositColumns = [
	{ label: 'When', text: (d) => time(d.created_at), raw: (d) => d.created_at, sort: (d) => d.created_at },
	{ label: 'How', text: (d) => d.provider },
	{ label: 'State', text: (d) => d.state, sort: (d) => d.state },
	{ label: 'Paid', number: true, text: (d) => money(d.amount_micro) },
	{ label: 'Commission', number: true, text: (d) => money(d.commission_micro) },
	{ label: 'Credited', number: true, text: (d) => money(d.credit_micro) },
	{ label: 'Id', minor: true, text: (d) => d.id.slice(0, 8), raw: (d) => d.id },
];
const postingColumns = [
	{ label: 'When', text: (p) => time(p.at), raw: (p) => p.at, sort: (p) => p.at },
	{ label: 'What', text: (p) => p.kind, sort: (p) => p.kind },
	{ label: 'Amount', number: true, text: (p) => money(p.amount_micro), raw: (p) => p.amount_micro / 1e6 },
	{ label: 'Balance after', number: true, text: (p) => money(p.balance_micro), raw: (p) => p.balance_micro / 1e6 },
	{ label: 'For', minor: true, text: (p) => p.text || (p.order ? `order ${p.order.slice(0, 8)}` : ''), raw: (p) => p.order ?? p.deposit ?? '' },
];
const payoutColumns = [
	{ label: 'When', text: (p) => time(p.created_at), raw: (p) => p.created_at, sort: (p) => p.created_at },
	{ label: 'To', text: (p) => p.receiver },
	{ label: 'State', text: (p) => (p.state === 'created' && !p.approved ? 'waits for an operator' : p.state) },
	{ label: 'Taken', number: true, text: (p) => money(p.amount_micro) },
	{ label: 'Commission', number: true, text: (p) => money(p.commission_micro) },
	{ label: 'Sent', number: true, text: (p) => money(p.send_micro) },
];

function TakeOut({ balance, currency, again }) {
	const [quote, setQuote] = useState(null);
	const [done, setDone] = useState(null);
	const [key, setKey] = useState(newKey);
	const out = async (values, which) => {
		if (which !== 'pay') {
			setDone(null);
			setQuote({ of: JSON.stringify(values), ...(await post('/v1/payouts/quote', values)) });
			return;
		}
		if (quote?.of !== JSON.stringify(values))
			throw new Error('You have changed something since: look again first.');
		setDone(await post('/v1/payouts', values, { key }));
		setKey(newKey());
		setQuote(null);
		again();
	};
	const fields = [
		{ name: 'amount_micro', label: `Amount (${currency})`, required: true, inputMode: 'decimal', read: readMoney, hint: `You have ${money(balance.available_micro, currency)}.` },
		{ name: 'provider', label: 'How', required: true, options: [['manual', 'by transfer'], ['paypal', 'PayPal']], value: 'manual' },
		{ name: 'receiver', label: 'Where to', required: true, hint: 'An account number, or PayPal’s email address.' },
	];
	return html`<section aria-labelledby="out-title"><h2 id="out-title">Take money out</h2>
		<${Form} id="payout" fields=${fields} submit="See what arrives" onSubmit=${out} extra=${quote ? [['pay', 'Take it out']] : []}>
			${quote && html`<p class="notice">${money(quote.send_micro, currency)} will arrive; the market keeps ${money(quote.commission_micro, currency)}.
				${quote.approved ? '' : ' An operator looks at it first.'}</p>`}
		</>
		${done && html`<p class="notice" role="status">On its way: ${money(done.send_micro, currency)} to ${done.receiver}.</p>`}
	</section>`;
}

function Money() {
	const [turn, setTurn] = useState(0);
	const again = () => setTurn((n) => n + 1);
	const data = useFresh(async () => {
		const [{ currency, fees }, balance, deposits, postings, payouts] = await Promise.all([
			market(), own('/v1/balance'), own(getList, '/v1/deposits'), own(getList, '/v1/postings'), own(getList, '/v1/payouts'),
		]);
		return { currency, fees, balance, deposits: deposits.items, postings: postings.items, payouts: payouts.items };
	}, 5000, [turn]);
	if (!data)
		return null;
	const { currency, fees, balance, deposits, postings, payouts } = data;
	return html`<${Figures} items=${[
			['Available', money(balance.available_micro, currency)],
			['Held for orders', money(balance.held_micro, currency)],
			...(balance.owed_micro ? [['Owed', money(balance.owed_micro, currency)]] : []),
		]} />
		${balance.owed_micro > 0 && html`<p class="notice">A payment of yours was taken back after it had been spent. Until it is made good there are no new orders.</p>`}
		<${BurnDown} balance=${balance} currency=${currency} />
		<${AddFunds} fees=${fees} currency=${currency} again=${again} />
		<section aria-labelledby="deposits-title"><h2 id="deposits-title">Deposits</h2>
			<${Table} caption="Deposits" hidden cards columns=${depositColumns} rows=${deposits} rowKey=${(d) => d.id} empty="None yet." csv="deposits" /></section>
		<${TakeOut} balance=${balance} currency=${currency} again=${again} />
		${payouts.length > 0 && html`<section aria-labelledby="payouts-title"><h2 id="payouts-title">Payouts</h2>
			<${Table} caption="Payouts" hidden cards columns=${payoutColumns} rows=${payouts} rowKey=${(p) => p.id} empty="" csv="payouts" /></section>`}
		<section aria-labelledby="statement-title"><h2 id="statement-title">Statement</h2>
			<${Table} caption="Statement" hidden cards columns=${postingColumns} rows=${postings} rowKey=${(p) => `${p.id} ${p.kind}`} empty="Nothing has moved yet." csv="statement" /></section>`;
}
start(Money);
