// SPDX-License-Identifier: Apache-2.0
// orders.js - the list of orders, and where a new user begins
import { getList } from './api.js';
import { count, money, time } from './format.js';
import { html } from './html.js';
import { market, start, useFresh } from './page.js';
import { own } from './session.js';
import { Figures, Table } from './table.js';

export const nameOf = (order) => order.name || `Order ${order.id.slice(0, 8)}`;

const columns = [
	{ label: 'Order', wide: true, text: nameOf, href: (o) => `/orders/${o.id}`, sort: (o) => nameOf(o).toLowerCase() },
	{ label: 'State', text: (o) => o.state, sort: (o) => o.state },
	{ label: 'Machines', number: true, text: (o) => `${count(o.filled)} of ${count(o.count)}`, sort: (o) => o.count },
	{ label: 'Cores', number: true, text: (o) => count(o.cores), sort: (o) => o.cores },
	{ label: 'Charged', number: true, text: (o) => money(o.charged_micro), sort: (o) => o.charged_micro },
	{ label: 'Held', number: true, text: (o) => money(o.held_micro), sort: (o) => o.held_micro },
	{ label: 'Placed', text: (o) => time(o.created_at), raw: (o) => o.created_at, sort: (o) => o.created_at },
];

function First({ balance, images }) {
	const steps = [
		[balance.available_micro > 0, '/money', 'Add funds'],
		[images.some((i) => i.state === 'ready'), '/images', 'Upload a bootable image'],
		[false, '/orders/new', 'Order machines'],
	];
	return html`<section aria-labelledby="first-title"><h2 id="first-title">To begin</h2>
		<ol>${steps.map(([done, href, text]) => html`<li key=${href}>${done ? html`<s>${text}</s> (done)` : html`<a href=${href}>${text}</a>`}</li>`)}</ol>
		<p>To earn instead, <a href="/selling">let a machine of yours</a>.</p></section>`;
}

function Orders() {
	const data = useFresh(async () => {
		const [{ currency }, orders, balance, images] = await Promise.all([market(), own(getList, '/v1/orders'), own('/v1/balance'), own(getList, '/v1/images')]);
		return { currency, orders: orders.items, balance, images: images.items };
	});
	if (!data)
		return null;
	const { orders, balance, images, currency } = data;
	return html`<${Figures} items=${[
			['Available', money(balance.available_micro, currency)],
			['Held', money(balance.held_micro, currency)],
			['Orders under way', count(orders.filter((o) => o.ended_at === null).length)],
		]} />
		<p class="buttons"><a class="button main" href="/orders/new">New order</a></p>
		${orders.length === 0 ? html`<${First} balance=${balance} images=${images} />`
			: html`<${Table} caption="Orders" hidden cards columns=${columns} rows=${orders} rowKey=${(o) => o.id} empty="" csv="orders" />`}`;
}
start(Orders);
