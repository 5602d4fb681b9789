// SPDX-License-Identifier: Apache-2.0
// reset.js - a new password, for who came by a link of the market's mail or of the operator; without one, a link is asked for. The token is behind the #, which browsers send nowhere
import { Form, newPassword } from './form.js';
import { html, useState } from './html.js';
import { market, say, start, useFresh } from './page.js';
import { post, wentOut } from './session.js';

const token = location.hash.slice(1);
history.replaceState(null, '', location.pathname); // it stays neither in the address bar nor in the history

function Forgotten() {
	const [asked, setAsked] = useState(false);
	const rules = useFresh(market, 0);
	if (!rules)
		return null;
	if (!rules.mail)
		return html`<p class="notice">A forgotten password is set anew by an address that the market’s operator hands out. This is not the whole of one: ask for it, and open it as it is.</p>`;
	if (asked)
		return html`<p class="notice" role="status">If somebody has this address here, a link is on its way to it. It sets a password once, within half an hour.</p>`;
	const ask = async (values) => {
		await post('/v1/password/forgot', values);
		setAsked(true);
	};
	return html`<${Form} id="forgot" fields=${[{ name: 'email', label: 'Email', type: 'email', required: true, autocomplete: 'username' }]} submit="Mail me a link" onSubmit=${ask} />`;
}

function Reset() {
	const [done, setDone] = useState(false);
	if (done)
		return html`<p class="notice" role="status">Changed. All sessions have ended. <a href="/login">Log in</a></p>`;
	if (!/^cpu_rst_[0-9A-Za-z]{36}$/.test(token))
		return html`<${Forgotten} />`;
	const change = async ({ new_password }) => {
		await post('/v1/password-reset', { token, new_password });
		wentOut();
		setDone(true);
	};
	// Password keepers want a name to keep it under; whose it is, the token alone says.
	return html`<${Form} id="reset" before=${html`<input name="username" autocomplete="username" hidden />`} fields=${[newPassword('new_password', 'New password', 'At least 8 characters.')]} submit="Set it" onSubmit=${change} />`;
}
addEventListener('hashchange', () => location.reload()); // such an address, opened where this page stood already
say('');
start(Reset);
