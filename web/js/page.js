// SPDX-License-Identifier: Apache-2.0
// page.js - what every page does: its component in the page, the market's name, its entry of the menu, the status line
//
// A page's HTML has its heading, <p id="status" class="status" role="status">Loading…</p> and <div id="page"></div>.
import { get, keepFresh } from './api.js';
import { html, render, useEffect, useState } from './html.js';
import { signedIn } from './session.js';

const byId = (id) => document.getElementById(id);
let known = null;

// GET /v1/market, asked once a page.
export const market = () => (known ??= get('/v1/market'));

function showMarket({ name, contact }) {
	byId('market-name').textContent = name || 'CPUShare';
	byId('contact').hidden = !contact;
	byId('contact').textContent = contact ? `Run by ${contact}` : '';
}

function markMenu() {
	for (const link of document.querySelectorAll('header nav a')) {
		if (location.pathname === link.pathname || location.pathname.startsWith(`${link.pathname}/`))
			link.setAttribute('aria-current', 'page');
	}
}

// The last part of the address: /sellers/1f0e… is 1f0e…; '' where it is no id.
export function idInAddress() {
	const last = location.pathname.split('/').at(-1);
	return /^[0-9a-f-]{36}$/i.test(last) ? last : '';
}

// What load() gave last, null before; asked again every period (0: once), and anew where one of dependencies has changed. The status
// line tells how that went, unless quiet.
export function useFresh(load, periodMs = 5000, dependencies = [], quiet = false) {
	const [data, setData] = useState(null);
	useEffect(() => keepFresh(async () => setData(await load()), quiet ? null : byId('status'), periodMs), dependencies);
	return data;
}

export function say(text, failed = false) {
	const status = byId('status');
	status.textContent = text;
	status.classList.toggle('failed', failed);
}

export function setTitle(title) {
	byId('title').textContent = title;
	document.title = `${title} · CPUShare`;
}

// Puts the component into the page.
export function start(Component) {
	document.documentElement.classList.toggle('signed-in', signedIn());
	markMenu();
	market().then(showMarket, () => (known = null));
	render(html`<${Component} />`, byId('page'));
}
