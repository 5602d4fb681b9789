// SPDX-License-Identifier: Apache-2.0
// network.js - how the members of an order's ethernet reach each other: a picture, and the round-trip times
import { html } from './html.js';

const SIZE = 320;
const RADIUS = 118;
const DRAWN = 24;
const RANK = { none: 0, connecting: 1, relayed: 2, direct: 3 };
const WORDS = { none: 'no path', connecting: 'connecting', relayed: 'relayed', direct: 'direct' };

const ms = (us) => (us < 0 ? '–' : `${(us / 1000).toFixed(us < 10000 ? 2 : 0)} ms`);
const place = (i, n) => {
	const angle = (2 * Math.PI * i) / n - Math.PI / 2;
	return { x: SIZE / 2 + RADIUS * Math.cos(angle), y: SIZE / 2 + RADIUS * Math.sin(angle) };
};

// One edge for the two directions: as good as the better one says.
function edgesOf(paths) {
	const edges = new Map();
	for (const path of paths) {
		const key = [path.from, path.to].sort().join('\n');
		const known = edges.get(key);
		if (!known || RANK[path.path] > RANK[known.path])
			edges.set(key, path);
	}
	return [...edges.values()];
}

function Picture({ members, edges }) {
	const at = new Map(members.map((m, i) => [m.name, place(i, members.length)]));
	const text = edges.map((e) => `${e.from} to ${e.to} ${WORDS[e.path]}`).join('; ');
	return html`<svg class="network" viewBox=${`-40 -10 ${SIZE + 80} ${SIZE + 20}`} role="img" aria-label=${text || 'No paths yet'}>
		${edges.filter((e) => at.has(e.from) && at.has(e.to)).map((e) => {
			const [a, b] = [at.get(e.from), at.get(e.to)];
			return html`<line key=${`${e.from} ${e.to}`} class=${e.path} x1=${a.x} y1=${a.y} x2=${b.x} y2=${b.y}></line>`;
		})}
		${members.map((m) => {
			const { x, y } = at.get(m.name);
			const below = y > SIZE / 2;
			return html`<g key=${m.name}><circle class=${m.buyer ? 'buyer' : 'vm'} cx=${x} cy=${y} r="9"></circle>
				<text x=${x} y=${y + (below ? 26 : -15)} text-anchor="middle">${m.name}</text></g>`;
		})}
	</svg>`;
}

function Matrix({ members, paths }) {
	const byPair = new Map(paths.map((p) => [`${p.from}\n${p.to}`, p]));
	const cell = (from, to) => {
		const path = byPair.get(`${from}\n${to}`);
		if (from === to || !path)
			return html`<td key=${to} class="number minor">${from === to ? '' : '–'}</td>`;
		return html`<td key=${to} class=${`number path-${path.path}`} title=${WORDS[path.path]}>${path.path === 'direct' || path.path === 'relayed' ? ms(path.rtt_us) : WORDS[path.path]}
			${path.path === 'relayed' && html`<span class="minor"> relayed</span>`}</td>`;
	};
	return html`<div class="scroll" tabindex="0" role="region" aria-label="Round-trip times"><table>
		<caption>Round-trip times</caption>
		<thead><tr><th scope="col">From</th>${members.map((m) => html`<th key=${m.name} scope="col" class="number">${m.name}</th>`)}</tr></thead>
		<tbody>${members.map((m) => html`<tr key=${m.name}><th scope="row">${m.name}</th>${members.map((to) => cell(m.name, to.name))}</tr>`)}</tbody>
	</table></div>`;
}

export function Network({ network }) {
	if (!network || network.members.length === 0)
		return html`<p class="empty">No member has joined yet.</p>`;
	const members = network.members.slice(0, DRAWN);
	const edges = edgesOf(network.paths);
	const relayed = edges.filter((e) => e.path === 'relayed').length;
	const direct = edges.filter((e) => e.path === 'direct').length;
	return html`<figure class="panel">
		<${Picture} members=${members} edges=${edges} />
		<figcaption class="legend"><span class="key bids">${direct} direct</span><span class="key">${relayed} relayed</span>
			${network.members.length > DRAWN && html`<span>the first ${DRAWN} of ${network.members.length}</span>`}</figcaption>
		<${Matrix} members=${members} paths=${network.paths} />
	</figure>`;
}
