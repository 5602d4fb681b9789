// SPDX-License-Identifier: Apache-2.0
// selling.js - a seller's machines, what they earn, how to add one, why one is not rented
import { get, getList } from './api.js';
import { Action, Copy, Form } from './form.js';
import { count, memory, money, time } from './format.js';
import { html, useMemo, useState } from './html.js';
import { market, start, useFresh } from './page.js';
import { Plot } from './plot.js';
import { energyOf, Pricing, useEnergy } from './pricing.js';
import { own, post, remove } from './session.js';
import { Figures } from './table.js';

const DAYS = 30;

function Install({ pin }) {
	const [line, setLine] = useState('');
	const make = async ({ name }) => {
		const { token } = await post('/v1/tokens', { name, scopes: ['machines'] });
		const at = `--market ${location.origin}${pin ? ` --pin ${pin}` : ''}`;
		setLine(`echo ${token} | cpushare-seller setup ${at} --token-file - --name ${name} && cpushare-seller run`);
	};
	const readName = (text) => {
		if (!/^[A-Za-z0-9_.-]{1,64}$/.test(text))
			throw new Error('Letters, digits, dots and dashes.');
		return text;
	};
	return html`<section aria-labelledby="install-title"><h2 id="install-title">Add a machine</h2>
		<p>On a Debian 12 with the package <code>cpushare-seller</code>: one line sets it up and starts to sell. No port has to be open. Prices, hours and limits are in its${' '}
			<code>seller.conf</code>, each with an explanation.</p>
		<${Form} id="install" submit="Make the line" onSubmit=${make} fields=${[{ name: 'name', label: 'Name of the machine', required: true, value: 'desk', read: readName }]} />
		${line && html`<div class="notice" role="status"><pre tabindex="0">${line}</pre><p><${Copy} text=${line} /> It has a token that may enrol machines for you, and is shown this once; under Account you can revoke it.</p></div>`}
	</section>`;
}

// What the market says of it, whatever rules it has: numbers as a list.
function Explained({ answer }) {
	const rows = Object.entries(answer).flatMap(([name, value]) => (typeof value === 'object' && value !== null && !Array.isArray(value)
		? Object.entries(value).map(([inner, v]) => [`${name.replaceAll('_', ' ')}: ${inner.replaceAll('_', ' ')}`, v]) : [[name.replaceAll('_', ' '), value]]));
	const shown = rows.filter(([, v]) => ['number', 'string', 'boolean'].includes(typeof v));
	return html`<ul class="hint">${shown.map(([name, v]) => html`<li key=${name}>${name}: ${typeof v === 'number' ? count(v) : String(v)}</li>`)}</ul>`;
}

function Machine({ machine, again }) {
	const [answer, setAnswer] = useState(null);
	const [asked, setAsked] = useState('');
	const measure = async () => {
		try {
			await post(`/v1/machines/${machine.id}/calibrations`);
			setAsked('The market measures it as soon as it is online and has room.');
		} catch (error) {
			if (error.code !== 'too_many')
				throw error;
			setAsked('That was asked for within the last day.');
		}
	};
	const retired = machine.state === 'retired';
	return html`<li class="panel">
		<h3>${machine.name} <span class=${`state ${machine.state}`}>${machine.state}</span></h3>
		<p class="hint">${count(machine.cores)} cores, ${memory(machine.memory_mib)}, ${machine.accel.toUpperCase()}, speed ${count(machine.score)}${machine.country ? `, ${machine.country}` : ''};${' '}
			${count(machine.leases)} ${machine.leases === 1 ? 'lease' : 'leases'} now; last heard ${machine.seen_at ? time(machine.seen_at) : 'never'}</p>
		${machine.off_reason && html`<p class="notice">Off the book: ${machine.off_reason}. It is measured again after a while.</p>`}
		<p>${money(machine.price_per_core_hour_micro)} a core hour, ${money(machine.price_per_gib_hour_micro)} a GiB hour, ${money(machine.price_per_gib_transferred_micro)} a GiB moved</p>
		${!retired && html`<p class="buttons">
			<${Action} label="Why not rented?" aria-label=${`Why not rented? ${machine.name}`} onClick=${async () => setAnswer(await own(`/v1/machines/${machine.id}/explain`))} />
			<${Action} label="Measure" aria-label=${`Measure ${machine.name}`} onClick=${measure}
				ask="The market rents it for a few minutes, at its own price, and its speed is what it then did. Once a day." />
			<${Action} label="Retire" ask=${`Retire ${machine.name} for good? Its leases end.`} onClick=${async () => { await remove(`/v1/machines/${machine.id}`); again(); }} /></p>`}
		${asked && html`<p class="hint" role="status">${asked}</p>`}
		${answer && html`<${Explained} answer=${answer} />`}
	</li>`;
}

// Energy of a day, at most: what was earned, at the lowest price that a machine asks now, was so many core hours.
function Earnings({ days, machines, cost, currency }) {
	const sum = days.reduce((all, d) => all + d.earned_micro, 0);
	const lowest = Math.min(...machines.map((m) => m.price_per_core_hour_micro).filter(Boolean));
	const energy = cost && Number.isFinite(lowest) ? days.map((d) => Math.round((d.earned_micro / lowest) * cost)) : null;
	// The same arrays as long as the numbers are the same: else the picture is drawn anew under the reader's hand.
	const [times, series] = useMemo(() => [
		days.map((d) => Date.parse(`${d.day}T00:00:00Z`) / 1000),
		[{ label: 'Earned', color: 'good', fill: true, values: days.map((d) => d.earned_micro) },
			...(energy ? [{ label: 'Energy, at most', color: 'asks', dash: [6, 3], values: energy }] : [])],
	], [JSON.stringify([days, energy])]);
	return html`<section aria-labelledby="earnings-title"><h2 id="earnings-title">Earnings</h2>
		<${Figures} items=${[[`In the last ${DAYS} days`, money(sum, currency)], ['Today', money(days.at(-1)?.earned_micro ?? 0, currency)],
			...(energy ? [['Energy, at most', money(energy.reduce((all, e) => all + e, 0), currency)]] : [])]} />
		<${Plot} name="Earned by day" times=${times} series=${series} format=${(v) => money(Math.round(v))} empty="Nothing was earned yet." />
		<p><a href="/money">Take money out</a></p></section>`;
}

function Selling() {
	const [turn, setTurn] = useState(0);
	const [energy, setEnergy] = useEnergy();
	const again = () => setTurn((n) => n + 1);
	const data = useFresh(async () => {
		const [{ currency, pin }, machines, earnings, book, trades] = await Promise.all([market(), own(getList, '/v1/machines'), own(`/v1/earnings?days=${DAYS}`), get('/v1/book'), get('/v1/trades')]);
		return { currency, pin, machines: machines.items, days: earnings.items, book, trades: trades.items };
	}, 5000, [turn]);
	if (!data)
		return null;
	const living = data.machines.filter((m) => m.state !== 'retired');
	return html`<section aria-labelledby="machines-title"><h2 id="machines-title">Machines</h2>
			${living.length === 0 ? html`<p class="empty">None yet.</p>` : html`<ul class="list">${living.map((m) => html`<${Machine} key=${m.id} machine=${m} again=${again} />`)}</ul>`}</section>
		<${Earnings} days=${data.days} machines=${living} cost=${energyOf(energy)} currency=${data.currency} />
		<${Pricing} book=${data.book} trades=${data.trades} machines=${living} currency=${data.currency} energy=${energy} setEnergy=${setEnergy} />
		<${Install} pin=${data.pin} />`;
}
start(Selling);
