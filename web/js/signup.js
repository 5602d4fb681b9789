// SPDX-License-Identifier: Apache-2.0
// signup.js - the sign-up page
import { Form, newPassword } from './form.js';
import { html, useState } from './html.js';
import { say, start } from './page.js';
import { cameIn, post } from './session.js';

const fields = [
	{ name: 'email', label: 'Email', type: 'email', required: true, autocomplete: 'username' },
	{ name: 'name', label: 'Name', required: true, autocomplete: 'nickname', hint: 'Others see it: on offers, beside marks.' },
	newPassword('password', 'Password', 'At least 8 characters. It cannot be sent to you again: keep it.'),
];

function SignUp() {
	const [mailed, setMailed] = useState('');
	if (mailed)
		return html`<p class="notice" role="status">A mail was sent to ${mailed}. Open its link within two days, then <a href="/login">log in</a>.</p>`;
	const enter = async (values) => {
		const answer = await post('/v1/accounts', { ...values, cookie: true });
		if (answer.mailed) {
			setMailed(values.email);
			return;
		}
		cameIn();
		location.assign('/orders');
	};
	return html`<${Form} id="signup" fields=${fields} submit="Sign up" onSubmit=${enter} />`;
}
say('');
start(SignUp);
