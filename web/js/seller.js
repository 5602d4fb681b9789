// SPDX-License-Identifier: Apache-2.0
// seller.js - one seller: marks, leases, machines by day, and what the rating is made of
import { get } from './api.js';
import * as columns from './columns.js';
import { count, date, percent, plural, rating, time } from './format.js';
import { html, useEffect, useMemo } from './html.js';
import { MarksOverTime, wordsOf } from './marks.js';
import { Reasons } from './outcomes.js';
import { idInAddress, say, setTitle, start, useFresh } from './page.js';
import { Days, Plot } from './plot.js';
import { Figures, Table } from './table.js';

const DAY_S = 86_400;
const LINES = ['asks', 'bids', 'good', 'soft'];
const DASHES = [undefined, [6, 3], [2, 3], [10, 4]];

function Standing({ seller, history }) {
	const reached = history.direct + history.relayed;
	return html`
		<${Figures} items=${[
			['Rating', rating(seller.rating_ppm)],
			['Good marks', count(seller.good)],
			['Bad marks', count(seller.bad)],
			['Machines online', `${count(seller.machines_online)} of ${count(seller.machines)}`],
			['Leases completed', count(seller.leases_completed)],
			['Leases failed', count(seller.leases_failed)],
			['Reached directly', reached ? percent(history.direct / reached, 0) : '–'],
			['Disputes upheld', `${count(history.upheld)} of ${count(history.disputes)}`],
		]} />
		<p class="hint" id="sum">${wordsOf(seller)} Sells since ${date(seller.since)}. <a href="/reputation#formula">How it is computed</a></p>`;
}

// What machines said of their speed, where they said anything: the four heard last.
function Speeds({ machines, days }) {
	const plot = useMemo(() => {
		const today = Math.floor(Date.now() / 1000 / DAY_S) * DAY_S;
		const shown = machines.filter((m) => m.scores.some(Boolean)).slice(0, LINES.length);
		const times = Array.from({ length: days }, (_, i) => today - (days - 1 - i) * DAY_S);
		const known = times.map((_, i) => shown.some((m) => m.scores[i]));
		const only = (list) => list.filter((_, i) => known[i]);
		return {
			times: only(times),
			series: shown.map((m, i) => ({ label: m.name, values: only(m.scores).map((s) => s || null), color: LINES[i], dash: DASHES[i] })),
		};
	}, [JSON.stringify(machines)]);
	return html`<${Plot} name="Speed" times=${plot.times} series=${plot.series} empty="No machine has said how fast it is." />`;
}

function Past({ seller, history }) {
	return html`
		<section aria-labelledby="marks-title">
			<h2 id="marks-title">Marks over time</h2>
			<${MarksOverTime} marks=${history.marks} good=${seller.good} bad=${seller.bad} />
		</section>
		<section aria-labelledby="days-title">
			<h2 id="days-title">Uptime</h2>
			<p class="hint">Machines that the market heard, of each of the last ${history.days} days; at most 20, those heard last first.</p>
			${history.machines.length ? html`<${Days} name="Uptime" rows=${history.machines} />` : html`<p class="empty">No machine is in service.</p>`}
			<h3>Speed</h3>
			<p class="hint">SHA-256 in MiB/s on one core of a VM: measured by the market now and then, until then claimed.</p>
			<${Speeds} machines=${history.machines} days=${history.days} />
		</section>
		<section aria-labelledby="reasons-title">
			<h2 id="reasons-title">How leases ended</h2>
			<${Reasons} name="End reasons" reasons=${history.reasons} />
		</section>`;
}

const TIERS = {
	identity: ['Known computer', 'Its answers come from one TPM, the same as always: which computer it is, not what runs on it.'],
	measured_boot: ['Proven boot', 'Its TPM showed that firmware and boot loader had known values when it started; not what runs above them, nor what happened since.'],
	confidential: ['Sealed memory', 'Besides a proven boot, the guest’s memory is encrypted for the processor alone.'],
};

// What machines proved, when, and what that means: not more.
function Proofs({ machines }) {
	const shown = machines.filter((m) => m.proven);
	if (shown.length === 0)
		return null;
	return html`<section aria-labelledby="proof-title">
		<h2 id="proof-title">Proven</h2>
		<ul class="list">${shown.map(({ name, proven }) => html`<li key=${name} class="panel"><h3>${name} <span class="state proven">${TIERS[proven.tier][0]}</span></h3>
			<p class="hint">${TIERS[proven.tier][1]} Proven ${time(proven.at)}${proven.first_use ? ', by a TPM that no maker vouches for: it was taken on first use' : ''}.</p></li>`)}</ul>
		<p class="hint"><a href="/docs/trust">What a proof says, and what not</a></p></section>`;
}

const ASKED = 8; // machines

// What came of the market's own orders, of the machines that are online.
function Calibrations({ offers }) {
	const of = async (o) => (await get(`/v1/machines/${o.machine}/calibrations`)).items.map((c) => ({ ...c, machine_name: o.machine_name }));
	const machines = offers.slice(0, ASKED);
	const rows = useFresh(async () => (await Promise.all(machines.map(of))).flat().sort((a, b) => (a.ended_at < b.ended_at ? 1 : -1)), 60_000,
		[machines.map((o) => o.machine).join()], true);
	return html`<section aria-labelledby="calibrations-title">
		<h2 id="calibrations-title">Measured by the market</h2>
		<p class="hint">Now and then the market rents a machine as anybody would, and times work whose answers it knows: SHA-256 in MiB/s on each core. That proves
			that the work was done in that time, not on which computer.${offers.length > ASKED ? ` Here: ${ASKED} of its machines.` : ''}</p>
		<div id="calibrations-box">
			<${Table} caption="Calibrations" hidden cards columns=${columns.calibrations} rows=${rows ?? []} rowKey=${(c) => c.machine + c.ended_at}
				empty="None of the machines that are online was measured yet." csv="calibrations" />
		</div>
	</section>`;
}

const ended = { days: 90, marks: [], reasons: [], machines: [], direct: 0, relayed: 0, disputes: 0, upheld: 0 };

function Seller({ id }) {
	const data = useFresh(async () => {
		const [seller, offers] = await Promise.all([get(`/v1/sellers/${id}`), get('/v1/offers')]);
		return { seller, offers: offers.items.filter((o) => o.seller === id) };
	});
	const history = useFresh(() => get(`/v1/sellers/${id}/history`), 60_000, [], true) ?? ended;
	useEffect(() => data && setTitle(data.seller.name), [data?.seller.name]);
	return data && html`
		<${Standing} seller=${data.seller} history=${history} />
		<section aria-labelledby="offers-title">
			<h2 id="offers-title">Offers <span class="count">${plural(data.offers.length, 'machine', 'machines')}</span></h2>
			<div id="offers-box">
				<${Table} caption="Offers of this seller" hidden cards columns=${columns.offersOfOne} rows=${data.offers}
					rowKey=${(o) => o.machine} empty="None of this seller’s machines is online now." csv="offers" />
			</div>
		</section>
		<${Proofs} machines=${history.machines} />
		<${Calibrations} offers=${data.offers} />
		<${Past} seller=${data.seller} history=${history} />`;
}

function Page() {
	const id = idInAddress();
	useEffect(() => id || say('This address names no seller. The list of sellers has links.', true), []);
	return id && html`<${Seller} id=${id.toLowerCase()} />`;
}
start(Page);
