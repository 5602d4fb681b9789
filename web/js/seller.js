// SPDX-License-Identifier: Apache-2.0
// seller.js - one seller: marks, leases, machines, and what the rating is made of
import { get, getList, keepFresh } from './api.js';
import * as columns from './columns.js';
import { count, date, plural, rating } from './format.js';
import { Table } from './table.js';

const byId = (id) => document.getElementById(id);
const id = new URLSearchParams(location.search).get('id') ?? '';

const offers = new Table(byId('offers-box'), {
	caption: 'Offers of this seller',
	hidden: true,
	columns: columns.offersOfOne,
	key: (o) => o.machine,
	empty: 'None of this seller’s machines is online now.',
	cards: true,
});

function sumOf(seller) {
	const marks = seller.good + seller.bad;
	if (marks === 0)
		return 'No marks yet: a rating of 0 says that nothing is known.';
	const share = ((100 * seller.good) / marks).toFixed(1);
	return `${plural(seller.good, 'good mark', 'good marks')} of ${count(marks)} is a share of ${share} %. The rating is the lower bound of that at 95 %: ${rating(seller.rating_ppm)}.`;
}

function show(seller) {
	document.title = `${seller.name} · CPUShare`;
	byId('name').textContent = seller.name;
	byId('since').textContent = `Sells since ${date(seller.since)}`;
	byId('figure-rating').textContent = rating(seller.rating_ppm);
	byId('figure-good').textContent = count(seller.good);
	byId('figure-bad').textContent = count(seller.bad);
	byId('figure-machines').textContent = `${count(seller.machines_online)} of ${count(seller.machines)}`;
	byId('figure-completed').textContent = count(seller.leases_completed);
	byId('figure-failed').textContent = count(seller.leases_failed);
	byId('figures').hidden = false;
	byId('sum').textContent = sumOf(seller);
}

if (/^[0-9a-f-]{36}$/i.test(id)) {
	keepFresh(async () => {
		const [market, seller, list] = await Promise.all([get('/v1/market'), get(`/v1/sellers/${id}`), getList('/v1/offers')]);
		const theirs = list.items.filter((o) => o.seller === seller.id);
		byId('market-name').textContent = market.name || 'CPUShare';
		show(seller);
		offers.fill(theirs);
		byId('offers-count').textContent = plural(theirs.length, 'machine', 'machines');
	}, byId('status'));
} else {
	byId('status').textContent = 'This address names no seller. The list of sellers has links.';
	byId('status').classList.add('failed');
}
