// SPDX-License-Identifier: Apache-2.0
// buyer.js - one buyer, as sellers marked it
import { get } from './api.js';
import { count, date, rating } from './format.js';
import { html, useEffect } from './html.js';
import { MarksOverTime, wordsOf } from './marks.js';
import { idInAddress, say, setTitle, start, useFresh } from './page.js';
import { Figures } from './table.js';

function Buyer({ id }) {
	const buyer = useFresh(() => get(`/v1/buyers/${id}`), 10_000);
	useEffect(() => buyer && setTitle(buyer.name), [buyer?.name]);
	return buyer && html`
		<${Figures} items=${[
			['Rating', rating(buyer.rating_ppm)],
			['Good marks', count(buyer.good)],
			['Bad marks', count(buyer.bad)],
			['Leases ended', count(buyer.leases)],
			['In good order', count(buyer.leases_completed)],
			['Without funds', count(buyer.leases_failed)],
			['Disputes upheld', `${count(buyer.disputes_upheld)} of ${count(buyer.disputes)}`],
		]} />
		<p class="hint" id="sum">${wordsOf(buyer)} Here since ${date(buyer.since)}. <a href="/reputation#formula">How it is computed</a></p>
		<section aria-labelledby="marks-title">
			<h2 id="marks-title">Marks over time</h2>
			<${MarksOverTime} marks=${buyer.marks} good=${buyer.good} bad=${buyer.bad} />
		</section>`;
}

function Page() {
	const id = idInAddress();
	useEffect(() => id || say('This address names no buyer.', true), []);
	return id && html`<${Buyer} id=${id.toLowerCase()} />`;
}
start(Page);
