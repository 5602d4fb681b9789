// SPDX-License-Identifier: Apache-2.0
// console.js - a VM's serial console, as text: read from an offset on, without the terminal's own words
import { get } from './api.js';
import { html, useEffect, useRef, useState } from './html.js';

const PERIOD_MS = 1500;
const KEEP = 200_000;

// ECMA-48: control sequences, strings, single escapes; and what moves a cursor that is not there.
const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])/g;
export function plain(text) {
	const lines = text.replace(ESCAPES, '').replace(/\r+\n/g, '\n').split('\n');
	return lines.map((line) => line.split('\r').at(-1).replace(/[^\t\x20-\x7e\xa0-\uffff]/g, '')).join('\n');
}

const bytesOf = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

export function Console({ lease }) {
	const [text, setText] = useState('');
	const [state, setState] = useState('Asking the machine…');
	const box = useRef(null);
	useEffect(() => {
		const decoder = new TextDecoder();
		let ended = false;
		let timer = 0;
		let from = 0;
		let raw = '';
		const turn = async () => {
			try {
				const chunk = await get(`/v1/leases/${lease}/console?from=${from}`);
				const bytes = bytesOf(chunk.data);
				if (chunk.from > from && raw)
					raw += '\n… older output is gone …\n';
				from = chunk.from + bytes.length;
				raw = (raw + decoder.decode(bytes, { stream: true })).slice(-KEEP);
				const atEnd = !box.current || box.current.scrollTop + box.current.clientHeight >= box.current.scrollHeight - 8;
				if (ended)
					return;
				setText(plain(raw));
				setState(chunk.live ? 'Live.' : from ? 'The machine sends no more.' : 'Nothing has come yet.');
				if (atEnd)
					setTimeout(() => box.current?.scrollTo(0, box.current.scrollHeight));
			} catch (error) {
				setState(error.message);
			}
			if (!ended && !document.hidden)
				timer = setTimeout(turn, PERIOD_MS);
		};
		const onSight = () => !document.hidden && turn();
		document.addEventListener('visibilitychange', onSight);
		turn();
		return () => {
			ended = true;
			clearTimeout(timer);
			document.removeEventListener('visibilitychange', onSight);
		};
	}, [lease]);
	return html`<div class="console">
		<pre ref=${box} tabindex="0" role="log" aria-label="Serial console">${text || ' '}</pre>
		<p class="hint">${state} To type: <code>cpushare node console</code>.</p>
	</div>`;
}
