// SPDX-License-Identifier: Apache-2.0
// reset.js - a new password, for who came by the address that the operator gave; the token is behind the #, which browsers send nowhere
import { Form, newPassword } from './form.js';
import { html, useState } from './html.js';
import { say, start } from './page.js';
import { post, wentOut } from './session.js';

const token = location.hash.slice(1);
history.replaceState(null, '', location.pathname); // it stays neither in the address bar nor in the history

function Reset() {
	const [done, setDone] = useState(false);
	if (done)
		return html`<p class="notice" role="status">Changed. All sessions have ended. <a href="/login">Log in</a></p>`;
	if (!/^cpu_rst_[0-9A-Za-z]{36}$/.test(token))
		return html`<p class="notice">A forgotten password is set anew by an address that the market’s operator hands out. This is not the whole of one: ask for it, and open it as it is.</p>`;
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
