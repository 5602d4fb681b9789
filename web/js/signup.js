// SPDX-License-Identifier: Apache-2.0
// signup.js - the sign-up page
import { Form, newPassword } from './form.js';
import { html } from './html.js';
import { say, start } from './page.js';
import { cameIn, post } from './session.js';

const fields = [
	{ name: 'email', label: 'Email', type: 'email', required: true, autocomplete: 'username' },
	{ name: 'name', label: 'Name', required: true, autocomplete: 'nickname', hint: 'Others see it: on offers, beside marks.' },
	newPassword('password', 'Password', 'At least 8 characters. It cannot be sent to you again: keep it.'),
];

function SignUp() {
	const enter = async (values) => {
		await post('/v1/accounts', { ...values, cookie: true });
		cameIn();
		location.assign('/orders');
	};
	return html`<${Form} id="signup" fields=${fields} submit="Sign up" onSubmit=${enter} />`;
}
say('');
start(SignUp);
