// SPDX-License-Identifier: Apache-2.0
// images.js - the images page: upload with progress, the list
import { getList } from './api.js';
import { Action, Form, reason } from './form.js';
import { count, memory, percent, time } from './format.js';
import { html, useRef, useState } from './html.js';
import { market, start, useFresh } from './page.js';
import { own, remove } from './session.js';
import { upload } from './upload.js';

const MIB = 1 << 20;

function Progress({ step, stop }) {
	const share = step.of ? step.done / step.of : 0;
	return html`<div class="panel" aria-live="polite">
		<label for="progress">${step.what} ${step.name}</label>
		<progress id="progress" max="1" value=${share}>${percent(share, 0)}</progress>
		<p class="hint">${step.what === 'Sending' ? `${count(step.done)} of ${count(step.of)} pieces, ${percent(share, 0)}` : percent(share, 0)}</p>
		<button type="button" class="quiet" onClick=${stop}>Stop</button>
	</div>`;
}

function Upload({ limits, again }) {
	const [step, setStep] = useState(null);
	const [result, setResult] = useState(null);
	const control = useRef(null);
	const send = async ({ name, bus }) => {
		const file = document.getElementById('upload-file').files[0];
		if (!file)
			throw Object.assign(new Error('Choose a file.'), { field: 'file' });
		if (file.size === 0 || file.size > limits.image_bytes)
			throw Object.assign(new Error(`This market takes images of up to ${memory(limits.image_bytes / MIB)}.`), { field: 'file' });
		control.current = new AbortController();
		setResult(null);
		try {
			const label = name || file.name.slice(0, 64);
			const tell = (what, done, of) => setStep({ what, name: label, done, of });
			const image = await upload({ file, name: label, bus, pieceBytes: limits.piece_bytes, tell, signal: control.current.signal });
			setResult({ text: `${image.name} is ready.`, ready: image.state === 'ready' });
		} catch (error) {
			const stopped = control.current.signal.aborted;
			setResult({ text: `${stopped ? 'Stopped.' : reason(error)} What was sent stays: choose the same file again, and it goes on from there.`, ready: false });
		} finally {
			setStep(null);
			again();
		}
	};
	const fields = [
		{ name: 'file', label: 'File', type: 'file', required: true, accept: '.iso,.img,application/x-iso9660-image', read: () => undefined },
		{ name: 'name', label: 'Name', hint: 'Shown to you; the file’s name where it is empty.', maxLength: 64 },
		{ name: 'bus', label: 'Finds its CD on', required: true, options: [['scsi', 'virtio-scsi (most images)'], ['sata', 'SATA']], value: 'scsi' },
	];
	return html`<section aria-labelledby="upload-title">
		<h2 id="upload-title">Upload</h2>
		${step ? html`<${Progress} step=${step} stop=${() => control.current.abort()} />`
			: html`<${Form} id="upload" fields=${fields} submit="Upload" onSubmit=${send} />`}
		${result && html`<p class=${result.ready ? 'notice good' : 'notice'} role="status">${result.text}
			${result.ready && html` <a href="/orders/new">Order machines with it</a>`}</p>`}
	</section>`;
}

function List({ images, again }) {
	if (images.length === 0)
		return html`<p class="empty">No image yet.</p>`;
	return html`<ul class="list">${images.map((image) => html`<li key=${image.id} class="panel">
		<h3>${image.name} <span class=${`state ${image.state}`}>${image.state === 'ready' ? 'ready' : 'incomplete'}</span></h3>
		<p class="hint">${memory(Math.ceil(image.size_bytes / MIB))}, ${time(image.created_at)}
			${image.missing_count > 0 && html`, ${count(image.missing_count)} of ${count(image.piece_count)} pieces are missing: upload the same file again`}</p>
		<p class="buttons">${image.state === 'ready' && html`<a class="button" href=${`/orders/new?image=${image.id}`}>Order with it</a>`}
			<${Action} label="Delete" ask=${`Delete ${image.name}? Running machines keep what they have.`}
				onClick=${async () => { await remove(`/v1/images/${image.id}`); again(); }} /></p>
	</li>`)}</ul>`;
}

function Images() {
	const [turn, setTurn] = useState(0);
	const again = () => setTurn((n) => n + 1);
	const data = useFresh(async () => {
		const [{ limits }, images] = await Promise.all([market(), own(getList, '/v1/images')]);
		return { limits, images: images.items };
	}, 15000, [turn]);
	return data && html`<${Upload} limits=${data.limits} again=${again} />
		<section aria-labelledby="list-title"><h2 id="list-title">Yours</h2><${List} images=${data.images} again=${again} /></section>`;
}
start(Images);
