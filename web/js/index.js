// SPDX-License-Identifier: Apache-2.0
// index.js - the front page: the book, the offers, the sellers, every five seconds
import { get, getList, keepFresh } from './api.js';
import * as columns from './columns.js';
import { Depth } from './depth.js';
import { count, money, plural } from './format.js';
import { Table } from './table.js';

const byId = (id) => document.getElementById(id);
const LEVELS = 12;

const depth = new Depth(byId('depth'));
const asks = new Table(byId('asks-box'), {
	caption: 'Asks',
	columns: columns.levels('Machines'),
	key: (l) => l.price_per_core_hour_micro,
	empty: 'No machine offers cores now.',
});
const bids = new Table(byId('bids-box'), {
	caption: 'Bids',
	columns: columns.levels('Orders'),
	key: (l) => l.price_per_core_hour_micro,
	empty: 'No order waits for cores now.',
});
const offers = new Table(byId('offers-box'), {
	caption: 'Offers of all sellers',
	hidden: true,
	columns: columns.offersOfAll,
	key: (o) => o.machine,
	empty: 'No machine is online now.',
	cards: true,
});
const sellers = new Table(byId('sellers-box'), {
	caption: 'Sellers and their reputation',
	hidden: true,
	columns: columns.sellers,
	key: (s) => s.id,
	empty: 'Nobody has sold here yet.',
	cards: true,
});

function showMarket(market) {
	byId('market-name').textContent = market.name || 'CPUShare';
	const { contact } = market;
	byId('contact').hidden = !contact;
	byId('contact').textContent = contact ? `Run by ${contact}` : '';
}

function showFigures(book, list, currency) {
	const online = list.filter((o) => o.state === 'online');
	byId('figure-machines').textContent = count(online.length);
	byId('figure-cores').textContent = count(online.reduce((sum, o) => sum + o.cores_free, 0));
	byId('figure-ask').textContent = book.asks.length ? money(book.asks[0].price_per_core_hour_micro, currency) : '–';
	byId('figure-bid').textContent = book.bids.length ? money(book.bids[0].price_per_core_hour_micro, currency) : '–';
	byId('figures').hidden = false;
}

const cheapestFirst = (a, b) => a.price_per_core_hour_micro - b.price_per_core_hour_micro;
const bestFirst = (a, b) => b.rating_ppm - a.rating_ppm || b.leases_completed - a.leases_completed;
const howMany = (list, one, many) => plural(list.items.length, one, many) + (list.more ? ' of more' : '');

keepFresh(async () => {
	const [market, book, offerList, sellerList] = await Promise.all([
		get('/v1/market'),
		get('/v1/book'),
		getList('/v1/offers'),
		getList('/v1/sellers'),
	]);
	showMarket(market);
	showFigures(book, offerList.items, market.currency);
	depth.show(book, market.currency);
	asks.fill(book.asks.slice(0, LEVELS));
	bids.fill(book.bids.slice(0, LEVELS));
	offers.fill(offerList.items.toSorted(cheapestFirst));
	sellers.fill(sellerList.items.toSorted(bestFirst));
	byId('offers-count').textContent = howMany(offerList, 'machine', 'machines');
	byId('sellers-count').textContent = howMany(sellerList, 'seller', 'sellers');
}, byId('status'));
