// SPDX-License-Identifier: Apache-2.0
// form.js - forms that name the wrong field and the way out, and buttons that say how it went
//
// A field: {name, label, type?, value?, hint?, required?, options?: [[value, text]], read?(text), ...attributes}. read() makes the value
// that is sent of the text, or throws an Error that says what would be right; undefined leaves the field out. The market names a field
// as its API does: constraints.min_score is found by its last part, too.
import { Refusal } from './api.js';
import { html, useRef, useState } from './html.js';

const UNIT = 1_000_000;

// What people are told of a failure.
export function reason(error) {
	if (error instanceof Refusal)
		return error.message;
	return error?.name === 'TypeError' || error?.name === 'TimeoutError' ? 'The market cannot be reached. Try again.' : error.message;
}

// ---- values ----
export function readMoney(text) {
	const found = /^(\d{1,9})(?:[.,](\d{1,6}))?$/.exec(text.trim());
	if (!found)
		throw new Error('An amount such as 12.50, with at most six decimals.');
	return Number(found[1]) * UNIT + Number((found[2] ?? '').padEnd(6, '0'));
}

export const readInteger = (min, max) => (text) => {
	const value = Number(text.trim());
	if (!/^\d+$/.test(text.trim()) || value < min || value > max)
		throw new Error(`A whole number from ${min.toLocaleString('en')} to ${max.toLocaleString('en')}.`);
	return value;
};

const bytes = (text) => new TextEncoder().encode(text).length;
// A field for a password to be chosen.
export const newPassword = (name, label, hint) => ({
	name, label, hint, type: 'password', required: true, autocomplete: 'new-password',
	read: (text) => {
		if (bytes(text) < 8)
			throw new Error('At least 8 characters.');
		return text;
	},
});

export const optional = (read) => (text) => (text.trim() === '' ? undefined : read(text));

const DURATIONS = { s: 1, min: 60, m: 60, h: 3600, d: 86400 };
export function readDuration(text) {
	const found = /^(\d{1,6})\s*(s|min|m|h|d)$/.exec(text.trim());
	if (!found)
		throw new Error('A time such as 30min, 2h or 7d.');
	return Number(found[1]) * DURATIONS[found[2]];
}

// ---- the form ----
function Field({ field, error, id }) {
	const { name, label, type = 'text', value = '', hint, options, read, required, ...rest } = field;
	const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ') || undefined;
	const common = { id, name, 'aria-describedby': described, 'aria-invalid': error ? 'true' : undefined, 'aria-required': required ? 'true' : undefined, ...rest };
	let input = html`<input type=${type} defaultValue=${value} autocapitalize="none" ...${common} />`;
	if (options)
		input = html`<select defaultValue=${value} ...${common}>${options.map(([v, text]) => html`<option key=${v} value=${v} selected=${v === value}>${text}</option>`)}</select>`;
	else if (type === 'textarea')
		input = html`<textarea rows="5" spellcheck=${false} defaultValue=${value} ...${common}></textarea>`;
	if (type === 'checkbox')
		return html`<div class="field check"><input type="checkbox" defaultChecked=${value === 'on'} ...${common} /> <label for=${id}>${label}</label>
			${error && html`<p class="wrong" id=${`${id}-error`}>${error}</p>`}</div>`;
	return html`<div class="field">
		<label for=${id}>${label}${required ? '' : html` <span class="minor">(optional)</span>`}</label>
		${input}
		${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
		${error && html`<p class="wrong" id=${`${id}-error`}>${error}</p>`}
	</div>`;
}

// What stands in the form, read as its fields say; wrong: what could not be, by field.
export function valuesOf(form, fields) {
	const data = new FormData(form);
	const values = {};
	const wrong = {};
	for (const field of fields) {
		const text = String(data.get(field.name) ?? '');
		try {
			if (field.required && text === '')
				throw new Error('This is needed.');
			const value = field.read ? field.read(text) : text;
			if (value !== undefined)
				values[field.name] = value;
		} catch (error) {
			wrong[field.name] = error.message;
		}
	}
	return { values, wrong };
}

// onSubmit(values, which): a promise; what it throws is shown at its field, or above the buttons. extra: more buttons, [name, label].
// before and children stand before and behind the fields.
export function Form({ id, fields, submit, onSubmit, extra = [], before, children }) {
	const form = useRef(null);
	const [wrong, setWrong] = useState({});
	const [problem, setProblem] = useState(null);
	const [busy, setBusy] = useState(false);

	const show = (fieldErrors, error) => {
		setWrong(fieldErrors);
		setProblem(error);
		const first = fields.find((f) => fieldErrors[f.name]);
		if (first)
			setTimeout(() => form.current?.elements[first.name]?.focus());
	};
	const run = async (event) => {
		event.preventDefault();
		if (busy)
			return;
		const { values, wrong: found } = valuesOf(form.current, fields);
		if (Object.keys(found).length)
			return show(found, null);
		setBusy(true);
		show({}, null);
		try {
			await onSubmit(values, event.submitter?.name ?? '');
		} catch (error) {
			const named = fields.find((f) => error.field && (f.name === error.field || error.field.split(/[.[]/)[0] === f.name || error.field.split('.').at(-1) === f.name));
			show(named ? { [named.name]: reason(error) } : {}, named ? null : error);
		}
		setBusy(false);
	};
	return html`<form id=${id} ref=${form} class="form" noValidate onSubmit=${run} aria-busy=${String(busy)}>
		${before}
		${fields.map((field) => html`<${Field} key=${field.name} field=${field} error=${wrong[field.name]} id=${`${id}-${field.name}`} />`)}
		${children}
		${problem && html`<p class="wrong" role="alert">${reason(problem)}${problem.code && html` <a href=${`/docs/problems#${problem.code}`}>What to do</a>`}</p>`}
		<p class="buttons">
			<button type="submit" class="main" disabled=${busy}>${submit}</button>
			${extra.map(([name, label]) => html`<button key=${name} type="submit" name=${name} disabled=${busy}>${label}</button>`)}
		</p>
	</form>`;
}

// A button that does one thing, asks first where ask is a question, and says what went wrong.
export function Action({ label, ask = '', onClick, quiet = true, ...rest }) {
	const dialog = useRef(null);
	const [busy, setBusy] = useState(false);
	const [problem, setProblem] = useState(null);
	const run = async () => {
		dialog.current?.close();
		setBusy(true);
		setProblem(null);
		try {
			await onClick();
		} catch (error) {
			setProblem(error);
		}
		setBusy(false);
	};
	return html`<span class="action">
		<button type="button" class=${quiet ? 'quiet' : ''} disabled=${busy} onClick=${ask ? () => dialog.current.showModal() : run} ...${rest}>${label}</button>
		${ask && html`<dialog ref=${dialog} aria-label=${label}>
			<p>${ask}</p>
			<p class="buttons"><button type="button" class="main" onClick=${run}>${label}</button>
				<button type="button" onClick=${() => dialog.current.close()}>Back</button></p>
		</dialog>`}
		${problem && html`<span class="wrong" role="alert">${reason(problem)}</span>`}
	</span>`;
}

// A text to take away.
export function Copy({ text, label = 'Copy' }) {
	const [done, setDone] = useState(false);
	const copy = async () => {
		await navigator.clipboard.writeText(text);
		setDone(true);
	};
	return html`<button type="button" class="quiet" onClick=${copy}>${done ? 'Copied' : label}</button>`;
}
