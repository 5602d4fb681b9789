// SPDX-License-Identifier: Apache-2.0
// screen.js - what a VM's screen shows: a thumbnail, fresh while it is in sight, and a larger picture for who presses it
import { keepFresh, Refusal } from './api.js';
import { html, useEffect, useRef, useState } from './html.js';

const PERIOD_MS = 5000;
const SOON_MS = 1000;
const TRIES = 6;
const THUMBNAIL = 320;
const LARGE = 1024;

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
// An address that the pages' policy takes for a picture.
const addressOf = (blob) => new Promise((done, failed) => {
	const reader = new FileReader();
	reader.onload = () => done(reader.result);
	reader.onerror = () => failed(reader.error);
	reader.readAsDataURL(blob);
});

// Its machine takes a picture when somebody asks: the first one is there a second or two later.
async function pictureOf(lease, width, over) {
	for (let tries = 1; ; tries++) {
		const answer = await fetch(`/v1/leases/${lease}/screen?width=${width}`);
		if (answer.ok)
			return addressOf(await answer.blob());
		const problem = await answer.json().catch(() => ({}));
		if (problem.code !== 'no_picture' || tries === TRIES || over())
			throw new Refusal(answer.status, problem);
		await pause(SOON_MS);
	}
}

function Picture({ lease, width, label }) {
	const [address, setAddress] = useState('');
	const [problem, setProblem] = useState('');
	const box = useRef(null);
	useEffect(() => {
		let ended = false;
		let end = () => {};
		const refresh = async () => {
			try {
				const picture = await pictureOf(lease, width, () => ended);
				if (!ended)
					setAddress(picture);
			} catch (error) {
				if (!ended && error instanceof Refusal)
					setProblem(error.message);
			}
		};
		// Of a hundred VMs only those in sight cost anything.
		const sight = new IntersectionObserver(([entry]) => {
			end();
			end = entry.isIntersecting ? keepFresh(refresh, null, PERIOD_MS) : () => {};
		});
		sight.observe(box.current);
		return () => {
			ended = true;
			end();
			sight.disconnect();
		};
	}, [lease, width]);
	return html`<span ref=${box} class="picture">${address ? html`<img src=${address} alt=${label} />` : html`<span class="hint">${problem || 'Its screen…'}</span>`}</span>`;
}

export function Screen({ lease, name }) {
	const [large, setLarge] = useState(false);
	const dialog = useRef(null);
	useEffect(() => large && dialog.current.showModal(), [large]);
	return html`<button type="button" class="screen" onClick=${() => setLarge(true)} aria-label=${`Screen of ${name}, larger`}>
			<${Picture} lease=${lease} width=${THUMBNAIL} label=${`Screen of ${name}`} /></button>
		${large && html`<dialog ref=${dialog} class="large" aria-label=${`Screen of ${name}`} onClose=${() => setLarge(false)}>
			<${Picture} lease=${lease} width=${LARGE} label=${`Screen of ${name}, large`} />
			<p class="buttons"><button type="button" onClick=${() => dialog.current.close()}>Back</button></p>
		</dialog>`}`;
}
