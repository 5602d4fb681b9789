// SPDX-License-Identifier: Apache-2.0
// login.js - the log-in page
import { Form } from './form.js';
import { html, useState } from './html.js';
import { say, start } from './page.js';
import { cameIn, post } from './session.js';

// Only to a page of ours: another address here would lend us to somebody else's tricks.
export function next() {
	const to = new URLSearchParams(location.search).get('to') ?? '';
	return /^\/(?![/\\])[\w/.?=&%-]*$/.test(to) ? to : '/orders';
}

function Login() {
	const [codeNeeded, setCodeNeeded] = useState(false);
	const enter = async ({ email, password, code }) => {
		try {
			await post('/v1/sessions', { email, password, cookie: true, ...(code ? { code } : {}) });
		} catch (error) {
			if (error.code === 'code_needed') {
				setCodeNeeded(true);
				setTimeout(() => document.getElementById('login-code')?.focus());
				return;
			}
			throw error;
		}
		cameIn();
		location.assign(next());
	};
	const fields = [
		{ name: 'email', label: 'Email', type: 'email', required: true, autocomplete: 'username' },
		{ name: 'password', label: 'Password', type: 'password', required: true, autocomplete: 'current-password' },
	];
	if (codeNeeded)
		fields.push({ name: 'code', label: 'Code', required: true, autocomplete: 'one-time-code', inputMode: 'text',
			hint: 'The six digits that your authenticator app shows, or a recovery code.' });
	return html`<${Form} id="login" fields=${fields} submit="Log in" onSubmit=${enter} />
		<p class="hint"><a href="/reset">A forgotten password</a></p>`;
}
say('');
start(Login);
