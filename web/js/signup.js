// SPDX-License-Identifier: Apache-2.0
// signup.js - the sign-up page
import { Form } from './form.js';
import { html } from './html.js';
import { say, start } from './page.js';
import { cameIn, post } from './session.js';

const bytes = (text) => new TextEncoder().encode(text).length;
const fields = [
	{ name: 'email', label: 'Email', type: 'email', required: true, autocomplete: 'username' },
	{ name: 'name', label: 'Name', required: true, autocomplete: 'nickname', hint: 'Others see it: on offers, beside marks.' },
	{
		name: 'password', label: 'Password', type: 'password', required: true, autocomplete: 'new-password',
		hint: 'At least 8 characters. It cannot be sent to you again: keep it.',
		read: (text) => {
			if (bytes(text) < 8)
				throw new Error('At least 8 characters.');
			return text;
		},
	},
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
