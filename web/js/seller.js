// SPDX-License-Identifier: Apache-2.0
// seller.js - one seller: marks, leases, machines, and what the rating is made of
import { get } from './api.js';
import * as columns from './columns.js';
import { count, date, percent, plural, rating } from './format.js';
import { html, useEffect } from './html.js';
import { idInAddress, say, setTitle, start, useFresh } from './page.js';
import { Figures, Table } from './table.js';

function sumOf(seller) {
	const marks = seller.good + seller.bad;
	if (marks === 0)
		return 'No marks yet: a rating of 0 says that nothing is known.';
	return `${plural(seller.good, 'good mark', 'good marks')} of ${count(marks)} is a share of ${percent(seller.good / marks)}. The rating is the lower bound of that at 95 %: ${rating(seller.rating_ppm)}.`;
}

function Standing({ seller }) {
	return html`
		<${Figures} items=${[
			['Rating', rating(seller.rating_ppm)],
			['Good marks', count(seller.good)],
			['Bad marks', count(seller.bad)],
			['Machines online', `${count(seller.machines_online)} of ${count(seller.machines)}`],
			['Leases completed', count(seller.leases_completed)],
			['Leases failed', count(seller.leases_failed)],
		]} />
		<p class="hint" id="sum">${sumOf(seller)} Sells since ${date(seller.since)}. <a href="/reputation#formula">How it is computed</a></p>`;
}

function Seller({ id }) {
	const data = useFresh(async () => {
		const [seller, offers] = await Promise.all([get(`/v1/sellers/${id}`), get('/v1/offers')]);
		return { seller, offers: offers.items.filter((o) => o.seller === id) };
	});
	useEffect(() => data && setTitle(data.seller.name), [data?.seller.name]);
	return data && html`
		<${Standing} seller=${data.seller} />
		<section aria-labelledby="offers-title">
			<h2 id="offers-title">Offers <span class="count">${plural(data.offers.length, 'machine', 'machines')}</span></h2>
			<div id="offers-box">
				<${Table} caption="Offers of this seller" hidden cards columns=${columns.offersOfOne} rows=${data.offers}
					rowKey=${(o) => o.machine} empty="None of this seller’s machines is online now." />
			</div>
		</section>`;
}

function Page() {
	const id = idInAddress();
	useEffect(() => id || say('This address names no seller. The list of sellers has links.', true), []);
	return id && html`<${Seller} id=${id.toLowerCase()} />`;
}
start(Page);
