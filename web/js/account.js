// SPDX-License-Identifier: Apache-2.0
// account.js - the account: sessions, tokens, password, second factor, export, end
import { Action, Copy, Form, optional, readMoney } from './form.js';
import { money, time } from './format.js';
import { html, useState } from './html.js';
import { market, start, useFresh } from './page.js';
import { choose, own, post, remove, wentOut } from './session.js';

const leave = () => {
	wentOut();
	location.assign('/login');
};

function Sessions({ sessions, again }) {
	return html`<section aria-labelledby="sessions-title"><h2 id="sessions-title">Logged in</h2>
		<ul class="list">${sessions.map((s) => html`<li key=${s.id} class="panel">
			<p class="agent">${s.client || 'a program'} ${s.current && html`<b>(here)</b>`}</p>
			<p class="hint">since ${time(s.created_at)}, last used ${s.last_used_at ? time(s.last_used_at) : 'never'}, until ${time(s.expires_at)}</p>
			<${Action} label="Log out" aria-label=${`Log out ${s.current ? 'here' : s.client}`} onClick=${async () => { await remove(`/v1/sessions/${s.id}`); s.current ? leave() : again(); }} />
		</li>`)}</ul>
		<${Action} label="Log out everywhere" ask="End all sessions, this one too? Tokens made by hand stay." onClick=${async () => { await remove('/v1/sessions'); leave(); }} />
	</section>`;
}

const SCOPES = [['account', 'the account and its tokens'], ['funds', 'money'], ['images', 'images'], ['orders', 'orders'], ['machines', 'machines']];

function Tokens({ tokens, again }) {
	const [made, setMade] = useState(null);
	const make = async ({ name, scope }) => {
		setMade(await post('/v1/tokens', { name, scopes: scope === 'orders' ? ['orders', 'images'] : [scope] }));
		again();
	};
	const fields = [
		{ name: 'name', label: 'What for', required: true, maxLength: 64 },
		{ name: 'scope', label: 'May', required: true, options: SCOPES.map(([value, text]) => [value, value === 'orders' ? 'orders and images' : text]), value: 'orders' },
	];
	return html`<section aria-labelledby="tokens-title"><h2 id="tokens-title">Tokens</h2>
		<p class="hint">For programs: each may do what it is made for, and no more.</p>
		${tokens.length > 0 && html`<ul class="list">${tokens.map((t) => html`<li key=${t.id} class="panel">
			<h3>${t.name}</h3><p class="hint">${t.scopes.join(', ')}; made ${time(t.created_at)}, last used ${t.last_used_at ? time(t.last_used_at) : 'never'}</p>
			${!t.scopes.includes('machine') && html`<${Action} label="Revoke" aria-label=${`Revoke ${t.name}`} onClick=${async () => { await remove(`/v1/tokens/${t.id}`); again(); }} />`}
		</li>`)}</ul>`}
		<${Form} id="token" fields=${fields} submit="Make a token" onSubmit=${make} />
		${made && html`<div class="notice" role="status"><p>Shown this once:</p><pre tabindex="0">${made.token}</pre><${Copy} text=${made.token} /></div>`}
	</section>`;
}

const KINDS = [['funds', 'The balance, or an order’s budget, runs out'], ['orders', 'An order is over'], ['payouts', 'A payout is sent, or returned'],
	['disputes', 'A dispute is decided'], ['logins', 'A program that was not logged in before logs in']];

// The link to the new address says who reads there.
function Address({ mail }) {
	const [to, setTo] = useState('');
	const fields = [
		{ name: 'email', label: 'New address', type: 'email', required: true, autocomplete: 'email' },
		{ name: 'password', label: 'Present password', type: 'password', required: true, autocomplete: 'current-password' },
	];
	return html`<${Form} id="address" fields=${fields} submit="Change the address" onSubmit=${async (values) => { await post('/v1/account/address', values); setTo(values.email); }} before=${html`<${Whose} email=${mail.email} />`} />
		${to && html`<p class="notice" role="status">A link goes to ${to}, unless that is somebody else’s. Until it is opened, ${mail.email} stays the address.</p>`}`;
}

function Mail({ mail, again }) {
	const [asked, setAsked] = useState(false);
	if (!mail.sends)
		return html`<section aria-labelledby="mail-title"><h2 id="mail-title">Mail</h2>
			<p class="hint">This market sends none. A forgotten password is set anew by an address that its operator hands out.</p></section>`;
	const fields = KINDS.map(([name, label]) => ({ name, label, type: 'checkbox', value: mail.kinds.includes(name) ? 'on' : '' }));
	const confirm = async () => {
		await post('/v1/account/mail/confirmation');
		setAsked(true);
	};
	return html`<section aria-labelledby="mail-title"><h2 id="mail-title">Mail</h2>
		${!mail.confirmed && html`<p class="notice">${mail.email} is not confirmed: nothing but links is sent there. </p>`}
		${!mail.confirmed && (asked ? html`<p role="status">A link is on its way.</p>` : html`<${Action} label="Mail me the link again" onClick=${confirm} />`)}
		<${Form} id="mail" fields=${fields} submit="Tell me of these" onSubmit=${async (values) => { await choose('/v1/account/mail', { kinds: KINDS.map(([name]) => name).filter((name) => values[name]) }); again(); }} />
		<h3>Another address</h3>
		<${Address} mail=${mail} /></section>`;
}

// Password keepers want to know whose password it is.
const Whose = ({ email }) => html`<input name="username" autocomplete="username" defaultValue=${email} hidden />`;

function Password({ account, again }) {
	const [done, setDone] = useState(false);
	const fields = [
		{ name: 'password', label: 'Present password', type: 'password', required: true, autocomplete: 'current-password' },
		{ name: 'new_password', label: 'New password', type: 'password', required: true, autocomplete: 'new-password', hint: 'At least 8 characters. All other sessions end.' },
	];
	return html`<section aria-labelledby="password-title"><h2 id="password-title">Password</h2>
		<${Form} id="password" fields=${fields} submit="Change it" onSubmit=${async (values) => { await post('/v1/account/password', values); setDone(true); again(); }} before=${html`<${Whose} email=${account.email} />`} />
		${done && html`<p class="notice" role="status">Changed. All other sessions have ended.</p>`}</section>`;
}

// The QR code's dark squares as one path, with the quiet zone of four that readers want (ISO/IEC 18004).
function Qr({ rows }) {
	const size = rows.length + 8;
	const path = rows.flatMap((row, y) => [...row].flatMap((bit, x) => (bit === '1' ? [`M${x + 4} ${y + 4}h1v1h-1z`] : []))).join('');
	return html`<svg class="qr" viewBox=${`0 0 ${size} ${size}`} role="img" aria-label="QR code for the authenticator app"><path d=${path} /></svg>`;
}

function Factor({ account, again }) {
	const [begun, setBegun] = useState(null);
	const [codes, setCodes] = useState(null);
	const code = { name: 'code', label: 'Code', required: true, autocomplete: 'one-time-code' };
	let body;
	if (codes)
		body = html`<div class="notice" role="status"><p>On. Keep these recovery codes: each lets you in once without the app, and they are shown this once.</p>
			<pre tabindex="0">${codes.join('\n')}</pre><${Copy} text=${codes.join('\n')} /></div>`;
	else if (account.second_factor)
		body = html`<p>On: a log-in needs a code of your authenticator app.</p>
			<${Form} id="factor" submit="Remove it" fields=${[{ ...code, hint: 'Of the app, or a recovery code.' }]} onSubmit=${async (values) => { await post('/v1/account/second-factor/remove', values); setBegun(null); again(); }} />`;
	else if (begun)
		body = html`<p>Scan this with an authenticator app, or type <code>${begun.secret}</code> into it; then type the code that it shows.</p>
			<${Qr} rows=${begun.qr} />
			<${Form} id="factor" submit="Turn it on" fields=${[code]} onSubmit=${async (values) => { setCodes((await post('/v1/account/second-factor/confirm', values)).recovery_codes); again(); }} />`;
	else
		body = html`<p>Off. With it, a stolen password alone lets nobody in.</p>
			<${Action} label="Set up an authenticator app" onClick=${async () => setBegun(await post('/v1/account/second-factor'))} />`;
	return html`<section aria-labelledby="factor-title"><h2 id="factor-title">Second factor</h2>${body}</section>`;
}

function End({ account, balance, currency }) {
	const fields = [
		{ name: 'password', label: 'Password', type: 'password', required: true, autocomplete: 'current-password' },
		...(account.second_factor ? [{ name: 'code', label: 'Code', required: true, autocomplete: 'one-time-code' }] : []),
		...(balance.available_micro > 0 ? [{ name: 'forfeit_micro', label: `Give up (${currency})`, read: optional(readMoney), hint: `${money(balance.available_micro, currency)} are on your balance. Take them out first, or give them up.` }] : []),
	];
	return html`<section aria-labelledby="end-title"><h2 id="end-title">Your data, and the end</h2>
		<p><a class="button" href="/v1/account/export" download="cpushare-account.json">Everything that is kept of you (JSON)</a></p>
		<p>When the account goes, your address, name, tokens, images and texts go; the ledger keeps its amounts under a bare number. It cannot be undone.</p>
		<${Form} id="end" submit="Delete the account" fields=${fields} onSubmit=${async (values) => { await post('/v1/account/delete', values); leave(); }} before=${html`<${Whose} email=${account.email} />`} /></section>`;
}

function Account() {
	const [turn, setTurn] = useState(0);
	const again = () => setTurn((n) => n + 1);
	const data = useFresh(async () => {
		const [{ currency }, account, mail, sessions, tokens, balance] = await Promise.all([market(), own('/v1/account'), own('/v1/account/mail'), own('/v1/sessions'), own('/v1/tokens'), own('/v1/balance')]);
		return { currency, account, mail, sessions: sessions.items, tokens: tokens.items, balance };
	}, 0, [turn]);
	if (!data)
		return null;
	const { account } = data;
	return html`<p><b>${account.name}</b>, ${account.email}, since ${time(account.created_at)}${account.operator ? ', operator' : ''}</p>
		<p class="buttons"><${Action} label="Log out" quiet=${false} onClick=${async () => { await remove('/v1/sessions/current'); leave(); }} />
			${account.operator && html`<a class="button" href="/operator">Run the market</a>`}</p>
		<${Sessions} sessions=${data.sessions} again=${again} />
		<${Factor} account=${account} again=${again} />
		<${Password} account=${account} again=${again} />
		<${Mail} mail=${data.mail} again=${again} />
		<${Tokens} tokens=${data.tokens} again=${again} />
		<${End} account=${account} balance=${data.balance} currency=${data.currency} />`;
}
start(Account);
