// SPDX-License-Identifier: Apache-2.0
// console.js - a VM's serial console: as text without the terminal's own words; and, for who wants to type, as a terminal
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

// Reads on, every period: onBytes(bytes, gap) with what is new, gap where some before it is gone; onState(sentence). Returns what ends it.
export function follow(lease, periodMs, onBytes, onState) {
	let ended = false;
	let timer = 0;
	let from = 0;
	const turn = async () => {
		clearTimeout(timer);
		try {
			const chunk = await get(`/v1/leases/${lease}/console?from=${from}`);
			const bytes = bytesOf(chunk.data);
			if (ended)
				return;
			const gap = from > 0 && chunk.from > from;
			from = chunk.from + bytes.length;
			if (bytes.length > 0 || gap)
				onBytes(bytes, gap);
			onState(chunk.live ? 'Live.' : from ? 'The machine sends no more.' : 'Nothing has come yet.');
		} catch (error) {
			onState(error.message);
		}
		if (!ended && !document.hidden)
			timer = setTimeout(turn, periodMs);
	};
	const onSight = () => !document.hidden && turn();
	document.addEventListener('visibilitychange', onSight);
	turn();
	return () => {
		ended = true;
		clearTimeout(timer);
		document.removeEventListener('visibilitychange', onSight);
	};
}

function Text({ lease, onState }) {
	const [text, setText] = useState('');
	const box = useRef(null);
	useEffect(() => {
		const decoder = new TextDecoder();
		let raw = '';
		return follow(lease, PERIOD_MS, (bytes, gap) => {
			raw = (raw + (gap ? '\n… older output is gone …\n' : '') + decoder.decode(bytes, { stream: true })).slice(-KEEP);
			const atEnd = !box.current || box.current.scrollTop + box.current.clientHeight >= box.current.scrollHeight - 8;
			setText(plain(raw));
			if (atEnd)
				setTimeout(() => box.current?.scrollTo(0, box.current.scrollHeight));
		}, onState);
	}, [lease]);
	return html`<pre ref=${box} tabindex="0" role="log" aria-label="Serial console">${text || ' '}</pre>`;
}

// The terminal is asked for by who types alone: it is larger than all the rest.
function Typing({ lease, onState, onLeave }) {
	const box = useRef(null);
	useEffect(() => {
		let end = () => {};
		let gone = false;
		import('./terminal.js').then(({ openTerminal }) => {
			if (!gone)
				end = openTerminal(box.current, lease, onState, onLeave);
		}, () => onState('The terminal could not be loaded.'));
		return () => {
			gone = true;
			end();
		};
	}, [lease]);
	return html`<div ref=${box} class="terminal" role="group" aria-label="Terminal"></div>`;
}

export function Console({ lease, live = false }) {
	const [state, setState] = useState('Asking the machine…');
	const [typing, setTyping] = useState(false);
	const button = useRef(null);
	return html`<div class="console">
		${typing ? html`<${Typing} lease=${lease} onState=${setState} onLeave=${() => button.current?.focus()} />` : html`<${Text} lease=${lease} onState=${setState} />`}
		<p class="buttons">${live && html`<button ref=${button} type="button" class="quiet" aria-pressed=${String(typing)} onClick=${() => setTyping(!typing)}>${typing ? 'Only read' : 'Type into it'}</button>`}
			<span class="hint">${state}${typing && html` <kbd>Ctrl</kbd> <kbd>]</kbd> leaves the terminal.`}</span></p>
	</div>`;
}
