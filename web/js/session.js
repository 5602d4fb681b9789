// SPDX-License-Identifier: Apache-2.0
// session.js - the reader's own session: what is theirs to see, and everything that changes something
//
// The session is a cookie that no script can read. That there is one is remembered beside it, so that public pages need not ask.
import { Refusal, get } from './api.js';

const TIMEOUT_MS = 30000;
const HINT = 'signed-in';

function hint(on) {
	try {
		if (on !== undefined)
			on ? localStorage.setItem(HINT, '1') : localStorage.removeItem(HINT);
		return localStorage.getItem(HINT) === '1';
	} catch {
		return Boolean(on); // storage is forbidden: the menu does not know, the market does
	}
}

export const signedIn = () => hint();

function mark(on) {
	hint(on);
	document.documentElement.classList.toggle('signed-in', on);
}
export const cameIn = () => mark(true);
export const wentOut = () => mark(false);

// To the log-in, and back here afterwards.
export function toLogin() {
	wentOut();
	location.replace(`/login?to=${encodeURIComponent(location.pathname + location.search)}`);
	return new Promise(() => {}); // the page is about to go: nobody waits for more
}

const isOut = (error) => error instanceof Refusal && error.status === 401 && (error.code === 'no_token' || error.code === 'bad_token');

// As get() and getList() of api.js; who is logged out is led to the log-in.
export async function own(ask, ...rest) {
	try {
		return await (typeof ask === 'string' ? get(ask) : ask(...rest));
	} catch (error) {
		return isOut(error) ? toLogin() : Promise.reject(error);
	}
}

// A fresh Idempotency-Key for each new intention; its repetitions send the same one.
export const newKey = () => crypto.randomUUID();

async function send(method, path, { json, bytes, key, signal } = {}) {
	const headers = { Accept: 'application/json', 'X-CPUShare': 'web' };
	if (json !== undefined)
		headers['Content-Type'] = 'application/json';
	if (bytes !== undefined)
		headers['Content-Type'] = 'application/octet-stream';
	if (key)
		headers['Idempotency-Key'] = key;
	const body = bytes ?? (json === undefined ? undefined : JSON.stringify(json));
	const answer = await fetch(path, { method, headers, body, signal: signal ?? AbortSignal.timeout(TIMEOUT_MS) });
	const text = answer.status === 204 ? '' : await answer.text();
	let value = null;
	try {
		value = text ? JSON.parse(text) : null;
	} catch {
		value = {};
	}
	if (!answer.ok)
		throw new Refusal(answer.status, value ?? {});
	return value;
}

async function change(method, path, options) {
	try {
		return await send(method, path, options);
	} catch (error) {
		return isOut(error) ? toLogin() : Promise.reject(error);
	}
}

export const post = (path, json, options = {}) => change('POST', path, { json, ...options });
export const choose = (path, json) => change('PUT', path, { json });
export const put = (path, bytes, options = {}) => change('PUT', path, { bytes, ...options });
export const remove = (path, options = {}) => change('DELETE', path, options);
