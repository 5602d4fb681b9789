// SPDX-License-Identifier: Apache-2.0
// confirm.js - an address is confirmed, by the link that was mailed to it; the token is behind the #, which browsers send nowhere
import { Action } from './form.js';
import { html, useState } from './html.js';
import { say, start } from './page.js';
import { post } from './session.js';

const token = location.hash.slice(1);
history.replaceState(null, '', location.pathname); // it stays neither in the address bar nor in the history

// By a button: programs that look at links in mail follow them, and press none.
function Confirm() {
	const [done, setDone] = useState(false);
	if (done)
		return html`<p class="notice" role="status">Confirmed. <a href="/account">The account</a></p>`;
	if (!/^cpu_cnf_[0-9A-Za-z]{36}$/.test(token))
		return html`<p class="notice">This is not the whole of the link that was mailed: open it as it is. <a href="/account">The account</a> sends another.</p>`;
	const confirm = async () => {
		await post('/v1/address/confirm', { token });
		setDone(true);
	};
	return html`<p class="buttons"><${Action} label="Confirm it" onClick=${confirm} quiet=${false} /></p>`;
}
addEventListener('hashchange', () => location.reload()); // such a link, opened where this page stood already
say('');
start(Confirm);
