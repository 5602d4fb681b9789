// SPDX-License-Identifier: Apache-2.0
// operator.js - running the market: deposits, payouts, disputes, users, the ledger, what works
import { getList } from './api.js';
import { Action, Form, readInteger } from './form.js';
import { count, money, time } from './format.js';
import { html, useState } from './html.js';
import { market, start, useFresh } from './page.js';
import { own, post } from './session.js';
import { Figures, Table } from './table.js';

const zero = ['sum_micro', 'unbalanced', 'negative', 'holds_difference_micro', 'orders_difference', 'payouts_difference_micro',
	'machines_difference'];

function Health({ health, ledger, currency }) {
	const wrong = zero.filter((name) => ledger[name] !== 0);
	return html`<section aria-labelledby="health-title"><h2 id="health-title">What works</h2>
		<p id="ledger" class=${wrong.length ? 'wrong' : 'right'} role="status">${wrong.length ? `The ledger does not hold: ${wrong.join(', ')}` : `The ledger holds: ${count(ledger.postings)} postings sum to zero.`}</p>
		<${Figures} items=${[
			['Users have', money(ledger.users_micro, currency)],
			['Commission earned', money(ledger.commission_micro, currency)],
			['On its way out', money(ledger.payouts_micro, currency)],
			['Owed by users', money(ledger.owed_micro, currency)],
			...Object.entries(health).map(([name, value]) => [name.replaceAll('_', ' '), typeof value === 'number' ? count(value) : String(value)]),
		]} /></section>`;
}

function Deposits({ deposits, currency, again }) {
	if (deposits.length === 0)
		return html`<p class="empty">None waits.</p>`;
	const act = (d, verb) => async () => {
		await post(`/v1/deposits/${d.id}/${verb}`);
		again();
	};
	return html`<ul class="list">${deposits.map((d) => html`<li key=${d.id} class="panel"><h3>${money(d.amount_micro, currency)} ${d.provider}</h3>
		<p class="hint">${time(d.created_at)}, <code>${d.id}</code>${d.note ? `, ${d.note}` : ''}</p>
		<p class="buttons"><${Action} label="Confirm" quiet=${false} aria-label=${`Confirm deposit ${d.id}`} onClick=${act(d, 'confirm')} />
			<${Action} label="It will not come" ask="Let this deposit fail?" onClick=${act(d, 'fail')} /></p></li>`)}</ul>`;
}

function Payouts({ payouts, currency, again }) {
	if (payouts.length === 0)
		return html`<p class="empty">None waits.</p>`;
	const act = (p, verb) => async () => {
		await post(`/v1/payouts/${p.id}/${verb}`);
		again();
	};
	return html`<ul class="list">${payouts.map((p) => html`<li key=${p.id} class="panel"><h3>${money(p.send_micro, currency)} to ${p.receiver}</h3>
		<p class="hint">${p.provider}, ${p.state}, ${time(p.created_at)}${p.note ? `, ${p.note}` : ''}</p>
		<p class="buttons">${!p.approved && html`<${Action} label="Approve" quiet=${false} onClick=${act(p, 'approve')} />`}
			${p.approved && p.provider === 'manual' && html`<${Action} label="It was paid" quiet=${false} onClick=${act(p, 'confirm')} />`}
			<${Action} label="Refuse" ask="Refuse it? The money goes back to the balance." onClick=${act(p, 'fail')} /></p></li>`)}</ul>`;
}

// What was frozen when it was opened; asked for when somebody looks.
function Evidence({ lease }) {
	const [known, setKnown] = useState(null);
	const look = async (event) => event.currentTarget.open && !known && setKnown(await own(`/v1/leases/${lease}/dispute`));
	const text = known && new TextDecoder().decode(Uint8Array.from(atob(known.console_base64 ?? ''), (c) => c.charCodeAt(0)));
	return html`<details onToggle=${look}><summary>Evidence</summary>${known && html`<pre tabindex="0">${JSON.stringify(known.evidence, null, 2)}</pre>
		${text && html`<p>The console’s last bytes</p><pre tabindex="0">${text}</pre>`}`}</details>`;
}

function Disputes({ disputes, currency, again }) {
	if (disputes.length === 0)
		return html`<p class="empty">None is open.</p>`;
	const fields = [
		{ name: 'refund_percent', label: 'Give back, %', value: '100', required: true, inputMode: 'numeric', read: readInteger(0, 100), hint: '0 refuses the dispute.' },
		{ name: 'reason', label: 'Reason', required: true, maxLength: 256, hint: 'Both sides read it.' },
	];
	return html`<ul class="list">${disputes.map((d) => html`<li key=${d.lease} class="panel"><h3>${d.name} of ${d.seller_name}</h3>
		<p>${d.text}</p><p class="hint">${time(d.opened_at)}; ${money(d.charged_micro, currency)} charged, ${money(d.refunded_micro, currency)} given back so far</p>
		<${Evidence} lease=${d.lease} />
		<${Form} id=${`decide-${d.lease}`} fields=${fields} submit="Decide" onSubmit=${async (values) => { await post(`/v1/leases/${d.lease}/dispute/decide`, values); again(); }} /></li>`)}</ul>`;
}

const userColumns = [
	{ label: 'Name', wide: true, text: (u) => u.name, sort: (u) => u.name.toLowerCase() },
	{ label: 'Email', text: (u) => u.email, sort: (u) => u.email },
	{ label: 'Available', number: true, text: (u) => money(u.available_micro), sort: (u) => u.available_micro },
	{ label: 'Held', number: true, text: (u) => money(u.held_micro), sort: (u) => u.held_micro },
	{ label: 'Orders', number: true, text: (u) => count(u.orders), sort: (u) => u.orders },
	{ label: 'Machines', number: true, text: (u) => count(u.machines), sort: (u) => u.machines },
	{ label: 'Since', text: (u) => time(u.created_at), raw: (u) => u.created_at, sort: (u) => u.created_at },
];

const actColumns = [
	{ label: 'When', text: (a) => time(a.at), raw: (a) => a.at },
	{ label: 'Who', text: (a) => (a.account ? a.who : `${a.who}, at the market’s machine`) },
	{ label: 'What', text: (a) => a.act },
	{ label: 'With', text: (a) => a.detail, minor: true },
];

function Operator() {
	const [turn, setTurn] = useState(0);
	const again = () => setTurn((n) => n + 1);
	const data = useFresh(async () => {
		const [{ currency }, deposits, payouts, disputes, users, ledger, health, acts] = await Promise.all([
			market(), own(getList, '/v1/operator/deposits?state=pending'), own(getList, '/v1/operator/payouts?state=created'), own(getList, '/v1/operator/disputes?state=open'),
			own(getList, '/v1/operator/accounts'), own('/v1/operator/ledger'), own('/v1/operator/health'),
			own('/v1/operator/acts?limit=100'),
		]);
		return { currency, deposits: deposits.items, payouts: payouts.items, disputes: disputes.items, users: users.items, ledger, health, acts: acts.items };
	}, 10000, [turn]);
	if (!data)
		return null;
	const { deposits, payouts, disputes, users, currency } = data;
	const list = (id, title, rows, body) => html`<section aria-labelledby=${`${id}-title`}><h2 id=${`${id}-title`}>${title} <span class="count">${count(rows.length)}</span></h2>${body}</section>`;
	return html`<${Health} ...${data} />
		${list('deposits', 'Deposits to confirm', deposits, html`<${Deposits} deposits=${deposits} currency=${currency} again=${again} />`)}
		${list('disputes', 'Disputes', disputes, html`<${Disputes} disputes=${disputes} currency=${currency} again=${again} />`)}
		${list('payouts', 'Payouts to look at', payouts, html`<${Payouts} payouts=${payouts} currency=${currency} again=${again} />`)}
		${list('users', 'Users', users, html`<${Table} caption="Users" hidden cards columns=${userColumns} rows=${users} rowKey=${(u) => u.id} empty="None." csv="users" />`)}
		${list('acts', 'What operators did', data.acts, html`<p class="hint">The last hundred; each is written in the transaction that did it, and nobody can change it afterwards.</p>
			<${Table} caption="What operators did" hidden cards columns=${actColumns} rows=${data.acts} rowKey=${(a) => a.id} empty="Nothing yet." csv="operators" />`)}`;
}
start(Operator);
