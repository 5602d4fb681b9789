// SPDX-License-Identifier: Apache-2.0
// terminal.js - a serial console to type into: xterm.js, and keys sent in the order in which they were pressed
import { Terminal } from '../vendor/xterm.js';
import { follow } from './console.js';
import { post } from './session.js';

const PERIOD_MS = 400;
const SEND_MS = 80;
const RETRY_MS = 1000;
const AT_ONCE = 512; // bytes; the market takes 1024, and as many wait there
const WAITING = 64 * 1024;

// The style sheets that xterm.js writes as it goes: the pages' policy takes them from scripts, not as elements (docs/DEPENDENCIES.md).
class SheetByScript extends HTMLElement {
	#sheet = new CSSStyleSheet();
	set textContent(css) {
		this.#sheet.replaceSync(css);
	}
	connectedCallback() {
		document.adoptedStyleSheets = [...document.adoptedStyleSheets, this.#sheet];
	}
	disconnectedCallback() {
		document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== this.#sheet);
	}
}
customElements.define('sheet-by-script', SheetByScript);

function needSheet() {
	if (document.querySelector('link[href="/vendor/xterm.css"]'))
		return;
	const link = document.createElement('link');
	link.rel = 'stylesheet';
	link.href = '/vendor/xterm.css';
	document.head.append(link);
}

const base64Of = (bytes) => btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(''));

// Sends what is put in, piece by piece: the next one when the market has taken the one before.
function sender(lease, onState) {
	let waiting = [];
	let timer = 0;
	let ended = false;
	const turn = async () => {
		const bytes = waiting.slice(0, AT_ONCE);
		try {
			await post(`/v1/leases/${lease}/console/input`, { data: base64Of(bytes) });
			waiting = waiting.slice(bytes.length);
			timer = 0;
		} catch (error) {
			onState(error.message);
			if (error.status !== 429)
				waiting = [];
			timer = -1;
		}
		if (!ended && waiting.length > 0)
			timer = setTimeout(turn, timer ? RETRY_MS : SEND_MS);
		else
			timer = 0;
	};
	return {
		send(bytes) {
			if (waiting.length + bytes.length <= WAITING)
				waiting.push(...bytes);
			timer ||= setTimeout(turn, SEND_MS);
		},
		end() {
			ended = true;
			clearTimeout(timer);
		},
	};
}

// Returns what ends it.
export function openTerminal(box, lease, onState, onLeave) {
	needSheet();
	const terminal = new Terminal({ cols: 80, rows: 24, fontSize: 13, scrollback: 2000, convertEol: false, linkHandler: { activate() {} } });
	const keys = sender(lease, onState);
	const encoder = new TextEncoder();
	terminal.open(box);
	terminal.attachCustomKeyEventHandler((event) => {
		if (!event.ctrlKey || event.key !== ']')
			return true;
		if (event.type === 'keydown')
			onLeave();
		return false;
	});
	terminal.onData((text) => keys.send(encoder.encode(text)));
	terminal.onBinary((text) => keys.send(Uint8Array.from(text, (c) => c.charCodeAt(0))));
	terminal.focus();
	const end = follow(lease, PERIOD_MS, (bytes, gap) => {
		if (gap)
			terminal.reset();
		terminal.write(bytes);
	}, onState);
	return () => {
		end();
		keys.end();
		terminal.dispose();
	};
}
