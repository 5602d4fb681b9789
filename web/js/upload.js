// SPDX-License-Identifier: Apache-2.0
// upload.js - an image's way to the market: cut into pieces, hashed here, and only those sent that the market lacks
//
// Who chooses the same file again goes on where it broke off: the list of hashes is the image's name, so the market knows what it has.
import { get } from './api.js';
import { post, put } from './session.js';

const AT_ONCE = 3;
const TRIES = 6;
const WAIT_MS = 1000;

const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Again where nothing came back or the market is busy; a refusal stays one.
async function stubborn(doing, signal) {
	for (let i = 1; ; i++) {
		try {
			return await doing();
		} catch (error) {
			const passing = !signal.aborted && (error.status === undefined || error.status === 429 || error.status >= 500);
			if (!passing || i === TRIES)
				throw error;
			await pause(WAIT_MS * 2 ** (i - 1));
		}
	}
}

async function hashes(file, pieceBytes, tell, signal) {
	const list = [];
	for (let at = 0; at < file.size; at += pieceBytes) {
		signal.throwIfAborted();
		list.push(hex(await crypto.subtle.digest('SHA-256', await file.slice(at, at + pieceBytes).arrayBuffer())));
		tell('Reading', Math.min(at + pieceBytes, file.size), file.size);
	}
	return list;
}

// tell(what, done, of) as it goes. Comes to the image, ready.
export async function upload({ file, name, bus, pieceBytes, tell, signal }) {
	const pieces = await hashes(file, pieceBytes, tell, signal);
	const image = await stubborn(() => post('/v1/images', { name, size_bytes: file.size, pieces, cdrom_bus: bus }), signal);
	const { missing = [] } = await stubborn(() => get(`/v1/images/${image.id}/pieces`), signal);
	const todo = [...missing];
	let sent = pieces.length - missing.length;
	tell('Sending', sent, pieces.length);
	const worker = async () => {
		for (let n = todo.shift(); n !== undefined; n = todo.shift()) {
			signal.throwIfAborted();
			const bytes = await file.slice(n * pieceBytes, (n + 1) * pieceBytes).arrayBuffer();
			await stubborn(() => put(`/v1/images/${image.id}/pieces/${n}`, bytes, { signal }), signal);
			sent++;
			tell('Sending', sent, pieces.length);
		}
	};
	await Promise.all(Array.from({ length: AT_ONCE }, worker));
	return get(`/v1/images/${image.id}`);
}
