// SPDX-License-Identifier: Apache-2.0
// columns.js - the columns of offers, sellers and price levels
import { count, date, decimals, memory, money, rating, time } from './format.js';

const sellerPage = (id) => `/sellers/${encodeURIComponent(id)}`;
// Amounts of one column have the same number of decimals, so that the points stand in line.
const price = (field, label, sort = (row) => row[field]) => ({
	label,
	number: true,
	prepare: (rows) => Math.max(...rows.map((row) => decimals(row[field]))),
	text: (row, places) => money(row[field], '', places),
	sort,
});

const seller = {
	label: 'Seller',
	wide: true,
	text: (o) => o.seller_name || '(unnamed)',
	href: (o) => sellerPage(o.seller),
	sort: (o) => o.seller_name.toLowerCase(),
};
const machine = { label: 'Machine', text: (o) => o.machine_name, sort: (o) => o.machine_name.toLowerCase() };

const capacity = [
	{ label: 'Country', text: (o) => o.country || '–', sort: (o) => o.country || '' },
	{ label: 'Runs on', text: (o) => (o.accel === 'tcg' ? 'TCG' : o.accel.toUpperCase()), sort: (o) => o.accel },
	{ label: 'Cores free', number: true, text: (o) => `${count(o.cores_free)} of ${count(o.cores)}`, sort: (o) => o.cores_free },
	{
		label: 'Memory free',
		number: true,
		text: (o) => `${memory(o.memory_free_mib)} of ${memory(o.memory_mib)}`,
		sort: (o) => o.memory_free_mib,
	},
	{ label: 'Speed', number: true, text: (o) => count(o.score), sort: (o) => o.score },
	price('price_per_core_hour_micro', 'Core hour'),
	price('price_per_gib_hour_micro', 'GiB hour'),
	price('price_per_gib_transferred_micro', 'GiB moved'),
];

export const offersOfAll = [
	seller,
	machine,
	...capacity,
	{ label: 'Rating', number: true, text: (o) => `${rating(o.rating_ppm)} (${count(o.good + o.bad)})`, sort: (o) => o.rating_ppm },
	{ label: 'Trusted', text: (o) => (o.trusted ? (o.first_use ? 'first use' : 'yes') : '–'), raw: (o) => o.trusted, sort: (o) => Number(o.trusted) },
];
export const offersOfOne = [machine, { label: 'State', text: (o) => o.state }, ...capacity];

export const calibrations = [
	machine,
	{ label: 'When', text: (c) => time(c.ended_at), raw: (c) => c.ended_at, sort: (c) => c.ended_at },
	{ label: 'Result', text: (c) => (c.detail ? `${c.result}: ${c.detail}` : c.result), sort: (c) => c.result },
	{ label: 'Measured', number: true, text: (c) => (c.score ? count(c.score) : '–'), raw: (c) => c.score, sort: (c) => c.score },
	{ label: 'Claimed', number: true, text: (c) => count(c.claimed_score), sort: (c) => c.claimed_score },
	{ label: 'Cores', number: true, text: (c) => count(c.cores), sort: (c) => c.cores },
	{ label: 'Memory', number: true, text: (c) => memory(c.memory_mib), raw: (c) => c.memory_mib, sort: (c) => c.memory_mib },
];

export const sellers = [
	{ label: 'Seller', wide: true, text: (s) => s.name, href: (s) => sellerPage(s.id), sort: (s) => s.name.toLowerCase() },
	{ label: 'Rating', number: true, text: (s) => rating(s.rating_ppm), sort: (s) => s.rating_ppm },
	{ label: 'Marks', number: true, text: (s) => count(s.good + s.bad), sort: (s) => s.good + s.bad },
	{ label: 'Good', number: true, text: (s) => count(s.good), sort: (s) => s.good },
	{ label: 'Bad', number: true, text: (s) => count(s.bad), sort: (s) => s.bad },
	{
		label: 'Machines online',
		number: true,
		text: (s) => `${count(s.machines_online)} of ${count(s.machines)}`,
		sort: (s) => s.machines_online,
	},
	{ label: 'Leases completed', number: true, text: (s) => count(s.leases_completed), sort: (s) => s.leases_completed },
	{ label: 'Leases failed', number: true, text: (s) => count(s.leases_failed), sort: (s) => s.leases_failed },
	{ label: 'Since', text: (s) => date(s.since), sort: (s) => s.since },
];

export const levels = (who) => [
	price('price_per_core_hour_micro', 'Core hour', null),
	{ label: 'Cores', number: true, text: (l) => count(l.cores) },
	{ label: who, number: true, text: (l) => count(l.count), minor: true },
];

const place = (code) => code || '–';
export const trades = [
	{ label: 'When', text: (t) => time(t.at), raw: (t) => t.at },
	price('price_per_core_hour_micro', 'Core hour', null),
	{ label: 'Cores', number: true, text: (t) => count(t.cores) },
	{ label: 'Memory', number: true, text: (t) => memory(t.memory_mib) },
	{ label: 'Country', text: (t) => place(t.country) },
];
export const countries = [
	{ label: 'Country', text: (c) => place(c.country) },
	{ label: 'Machines', number: true, text: (c) => count(c.machines) },
	{ label: 'With KVM', number: true, text: (c) => count(c.machines_kvm), minor: true },
	{ label: 'Cores free', number: true, text: (c) => `${count(c.cores_free)} of ${count(c.cores)}` },
	{ label: 'From', number: true, text: (c) => (c.price_per_core_hour_micro === null ? '–' : money(c.price_per_core_hour_micro)) },
];
