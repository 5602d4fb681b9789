// SPDX-License-Identifier: Apache-2.0
// order.js - one order, live: its machines, their consoles and screens, its ethernet, what it cost, marks, disputes, its end
import { get, getList } from './api.js';
import { Console } from './console.js';
import { Action, Form } from './form.js';
import { count, duration, memory, money, percent, plural, time } from './format.js';
import { html, useEffect, useState } from './html.js';
import { Network } from './network.js';
import { idInAddress, market, setTitle, start, useFresh } from './page.js';
import { Screen } from './screen.js';
import { newKey, own, post } from './session.js';
import { Csv, Figures, Table } from './table.js';

const nameOf = (order) => order.name || `Order ${order.id.slice(0, 8)}`;
export const REASONS = {
	completed: 'it switched itself off', cancelled_by_buyer: 'cancelled', withdrawn_by_seller: 'the seller took it back', funds_exhausted: 'the money was over',
	lost_contact: 'the seller’s machine was lost', image_failed: 'the image did not arrive', boot_failed: 'it did not boot', attestation_failed: 'the machine’s software was not proven',
	expired: 'its time was over', market_fault: 'the market’s own fault',
};
const over = (order) => order.ended_at !== null;
const seconds = (ns) => ns / 1e9;
// The share of the cores that were reserved, for as long as the VM ran, that the guest got and that is paid for.
const delivered = (lease) => (lease.running_us > 0 ? lease.vcpu_ns / 1000 / (lease.running_us * lease.cores) : NaN);

// ---- one machine ----

function Marks({ lease, again }) {
	const mark = (good) => async () => {
		await post(`/v1/leases/${lease.id}/feedback`, { good });
		again();
	};
	if (lease.feedback !== 0)
		return html`<span class="minor">You marked it ${lease.feedback > 0 ? 'good' : 'bad'}.</span>`;
	if (lease.charged_micro === 0)
		return null;
	return html`<span role="group" aria-label=${`Mark ${lease.name}`}><${Action} label="Good" onClick=${mark(true)} aria-label=${`${lease.name} was good`} />
		<${Action} label="Bad" onClick=${mark(false)} aria-label=${`${lease.name} was bad`} /></span>`;
}

function Dispute({ lease }) {
	const [open, setOpen] = useState(false);
	const [dispute, setDispute] = useState(null);
	const [key] = useState(newKey);
	const look = async () => {
		try {
			setDispute(await own(`/v1/leases/${lease.id}/dispute`));
		} catch (error) {
			if (error.status !== 404)
				throw error;
			setOpen(true);
		}
	};
	if (dispute)
		return html`<p class="notice">Disputed at ${time(dispute.opened_at)}: ${dispute.state === 'open' ? 'an operator will decide.'
			: `${dispute.state}, ${dispute.refund_percent} % given back. ${dispute.decision}`}</p>`;
	if (open)
		return html`<${Form} id=${`dispute-${lease.name}`} submit="Open the dispute" fields=${[{ name: 'text', label: 'What was wrong', type: 'textarea', required: true, maxLength: 2000 }]}
			onSubmit=${async (values) => setDispute(await post(`/v1/leases/${lease.id}/dispute`, values, { key }))} />`;
	return html`<${Action} label="Dispute" onClick=${look} aria-label=${`Dispute ${lease.name}`} />`;
}

function Node({ lease, display, again }) {
	const [open, setOpen] = useState(false);
	const ended = lease.state === 'ended';
	return html`<li class="panel">
		<h3>${lease.name} <span class=${`state ${lease.state}`}>${lease.state}</span></h3>
		<p class="hint">${lease.ip} on <a href=${`/sellers/${lease.seller}`}>${lease.seller_name}</a>’s ${lease.machine_name}${lease.country ? `, ${lease.country}` : ''}, ${lease.accel.toUpperCase()}
			${!ended && lease.path !== 'none' && `, ${lease.path}`}</p>
		${ended && html`<p>Ended: <b>${REASONS[lease.reason] ?? lease.reason}</b>${lease.detail && ` (${lease.detail})`}</p>`}
		<p class="hint">${seconds(lease.vcpu_ns).toFixed(1)} vCPU s delivered in ${duration(lease.running_us / 1e6)}, ${percent(delivered(lease), 0)} of ${count(lease.cores)} reserved;${' '}
			${money(lease.charged_micro)} charged${lease.usage_cut ? '; its counters were cut' : ''}</p>
		<p class="buttons"><button type="button" class="quiet" aria-expanded=${String(open)} onClick=${() => setOpen(!open)} aria-label=${`Console of ${lease.name}`}>Console</button>
			<${Marks} lease=${lease} again=${again} /> ${ended && lease.charged_micro > 0 && html`<${Dispute} lease=${lease} />`}</p>
		${display && lease.state === 'running' && html`<${Screen} lease=${lease.id} name=${lease.name} />`}
		${open && html`<${Console} lease=${lease.id} live=${lease.state === 'running'} />`}
	</li>`;
}

// ---- the whole ----

const receiptColumns = [
	{ label: 'Machine', text: (l) => l.name },
	{ label: 'Seller', text: (l) => l.seller_name },
	{ label: 'vCPU s', number: true, text: (l) => seconds(l.vcpu_ns).toFixed(1) },
	{ label: 'Ran', number: true, text: (l) => duration(l.running_us / 1e6), raw: (l) => l.running_us / 1e6 },
	{ label: 'Core hour', number: true, text: (l) => money(l.price_per_core_hour_micro) },
	{ label: 'GiB hour', number: true, text: (l) => money(l.price_per_gib_hour_micro) },
	{ label: 'GiB moved', number: true, text: (l) => money(l.price_per_gib_transferred_micro) },
	{ label: 'Sent', number: true, text: (l) => count(l.tx_bytes), minor: true },
	{ label: 'Received', number: true, text: (l) => count(l.rx_bytes), minor: true },
	{ label: 'Charged', number: true, text: (l) => money(l.charged_micro) },
	{ label: 'Of it the market’s', number: true, text: (l) => money(l.commission_micro) },
	{ label: 'End', text: (l) => REASONS[l.reason] ?? l.state },
];

function Receipt({ id, currency }) {
	const [receipt, setReceipt] = useState(null);
	return html`<section aria-labelledby="receipt-title"><h2 id="receipt-title">Receipt</h2>
		${receipt ? html`<${Table} caption="Receipt" hidden cards columns=${receiptColumns} rows=${receipt.leases} rowKey=${(l) => l.lease} empty="No machine was leased." />
			<p><b>Total ${money(receipt.leases.reduce((sum, l) => sum + l.charged_micro, 0), currency)}</b> <${Csv} name=${`receipt-${id}`} columns=${receiptColumns} rows=${receipt.leases} /></p>`
			: html`<${Action} label="Show the receipt" onClick=${async () => setReceipt(await own(`/v1/orders/${id}/receipt`))} />`}
	</section>`;
}

function Waiting({ order, explanation }) {
	const left = order.count - order.filled;
	if (over(order) || left === 0 || !explanation)
		return null;
	const reasons = Object.entries(explanation.removed).filter(([, n]) => n > 0).map(([rule, n]) => `${count(n)} by ${rule.replaceAll('_', ' ')}`);
	return html`<p class="notice">${count(left)} still wanted, until ${time(order.open_until)}. Of ${count(explanation.asks)} machines on offer ${count(explanation.fits)} fit now${reasons.length ? `; ruled out: ${reasons.join(', ')}` : ''}.</p>`;
}

function Happened({ events }) {
	if (events.length === 0)
		return null;
	return html`<section aria-labelledby="events-title"><h2 id="events-title">What happened</h2>
		<ol class="events">${events.map((e) => html`<li key=${e.id}><time datetime=${e.at}>${time(e.at)}</time> ${e.kind.replace('.', ' ')}${e.name ? `: ${e.name}` : ''}${e.reason ? `, ${REASONS[e.reason] ?? e.reason}` : ''}</li>`)}</ol>
	</section>`;
}

// The market tells when something changes: then the page asks again.
function useEvents(id, onEvent) {
	const [events, setEvents] = useState([]);
	useEffect(() => {
		const source = new EventSource(`/v1/events?order=${id}&after=0`);
		const take = ({ data }) => {
			const event = JSON.parse(data);
			setEvents((list) => (list.some((e) => e.id === event.id) ? list : [event, ...list].slice(0, 50)));
			onEvent();
		};
		const kinds = ['order', 'lease', 'dispute'];
		const verbs = ['created', 'filled', 'extended', 'cancelled', 'expired', 'ended', 'matched', 'preparing', 'running', 'paused', 'corrected', 'opened', 'decided'];
		kinds.forEach((kind) => verbs.forEach((verb) => source.addEventListener(`${kind}.${verb}`, take)));
		source.onmessage = take;
		return () => source.close();
	}, [id]);
	return events;
}

function Order() {
	const id = idInAddress();
	const [turn, setTurn] = useState(0);
	const again = () => setTurn((n) => n + 1);
	const events = useEvents(id, again);
	const data = useFresh(async () => {
		const [{ currency }, order, leases] = await Promise.all([market(), own(`/v1/orders/${id}`), own(getList, `/v1/orders/${id}/leases`)]);
		const living = leases.items.some((l) => l.state !== 'ended');
		const [network, explanation] = await Promise.all([
			living ? get(`/v1/orders/${id}/network`) : null,
			order.state === 'open' ? get(`/v1/orders/${id}/explain`) : null,
		]);
		return { currency, order, leases: leases.items.sort((a, b) => a.number - b.number), network, explanation };
	}, 3000, [turn]);
	useEffect(() => data && setTitle(nameOf(data.order)), [data?.order.name]);
	if (!data)
		return null;
	const { order, leases, currency, network, explanation } = data;
	const living = leases.some((l) => l.state !== 'ended');
	const paidHours = leases.reduce((sum, l) => sum + l.vcpu_ns, 0) / 3.6e12;
	const reserved = leases.reduce((sum, l) => sum + (l.running_us * l.cores) / 3.6e9, 0);
	return html`<p><span id="order-state" class=${`state ${order.state}`}>${order.state}</span> ${count(order.count)} × ${plural(order.cores, 'core', 'cores')}, ${memory(order.memory_mib)}, placed ${time(order.created_at)}</p>
		<${Figures} items=${[
			['Machines', `${count(order.filled)} of ${count(order.count)}`],
			['Core hours delivered', paidHours.toFixed(3)],
			['of those reserved', percent(paidHours / reserved, 0)],
			['Charged', money(order.charged_micro, currency)],
			['Held', money(order.held_micro, currency)],
		]} />
		<p class="hint">What is charged is the vCPU time that was delivered, not the time that was reserved; and memory while the machine runs, and what it moved.</p>
		<${Waiting} order=${order} explanation=${explanation} />
		${(!over(order) || living) && html`<p class="buttons"><${Action} label="Cancel the order" ask="End all its machines? What they have written is gone." quiet=${false}
			onClick=${async () => { await post(`/v1/orders/${id}/cancel`); again(); }} /></p>`}
		<section aria-labelledby="nodes-title"><h2 id="nodes-title">Machines</h2>
			${leases.length === 0 ? html`<p class="empty">None yet.</p>` : html`<ul class="list">${leases.map((l) => html`<${Node} key=${l.id} lease=${l} display=${order.constraints.display === 'vga'} again=${again} />`)}</ul>`}
		</section>
		${living && html`<section aria-labelledby="net-title"><h2 id="net-title">Virtual ethernet</h2>
			<p class="hint">Join it from your own computer: <code>cpushare net up ${order.name || order.id}</code></p><${Network} network=${network} /></section>`}
		${leases.length > 0 && html`<${Receipt} id=${id} currency=${currency} />`}
		<${Happened} events=${events} />`;
}
start(Order);
