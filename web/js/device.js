// SPDX-License-Identifier: Apache-2.0
// device.js - the page where a program without a browser is let in (RFC 8628)
import { Action, Form } from './form.js';
import { time } from './format.js';
import { html, useEffect, useState } from './html.js';
import { say, start } from './page.js';
import { own, post } from './session.js';

const readCode = (text) => {
	const code = text.toUpperCase().replace(/[^A-Z]/g, '');
	if (code.length !== 8)
		throw new Error('Eight letters, such as WDJB-MJHT.');
	return `${code.slice(0, 4)}-${code.slice(4)}`;
};

function Device() {
	const [waiting, setWaiting] = useState(null);
	const [done, setDone] = useState('');
	const look = async ({ code }) => {
		try {
			setWaiting({ code, ...(await own(`/v1/device/${code}`)) });
		} catch (error) {
			if (error.status === 404)
				throw Object.assign(new Error('No program waits under this code. Codes are good for ten minutes.'), { field: 'code' });
			throw error;
		}
	};
	const answer = (verb, text) => async () => {
		await post(`/v1/device/${waiting.code}/${verb}`);
		setDone(text);
	};
	useEffect(() => {
		own('/v1/account').then(({ email }) => say(`Logged in as ${email}.`), () => say(''));
	}, []);
	if (done)
		return html`<p class="notice" role="status">${done}</p>`;
	if (waiting)
		return html`<section class="panel" aria-label="A program">
			<p>A program that calls itself <b>${waiting.client}</b> wants to log in to your account. It asked at ${time(waiting.created_at)}.</p>
			<p>Let it in only if you started it yourself just now, and it shows <code>${waiting.code}</code>.</p>
			<p class="buttons"><${Action} label="Let it in" quiet=${false} onClick=${answer('approve', 'It is in. You can close this page; to throw it out again, see Account.')} />
				<${Action} label="Refuse" onClick=${answer('deny', 'It stays out.')} /></p>
		</section>`;
	return html`<${Form} id="device" submit="Go on" onSubmit=${look}
		fields=${[{ name: 'code', label: 'Code', required: true, read: readCode, autocomplete: 'off', value: new URLSearchParams(location.search).get('code') ?? '' }]} />`;
}
start(Device);
