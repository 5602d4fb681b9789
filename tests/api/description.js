// SPDX-License-Identifier: Apache-2.0
// description.js - the market's description as its tests use it: requests made from its schemas, answers held against them
//
// Answers are judged by ajv (JSON Schema 2020-12, the dialect of OpenAPI 3.1), and requests made by fast-check, not by anything written here.
const { readFileSync } = require('node:fs');
const https = require('node:https');
const Ajv = require('ajv/dist/2020');
const addFormats = require('ajv-formats');
const fc = require('fast-check');

const METHODS = ['get', 'post', 'put', 'delete', 'patch'];
// Narrower than ajv-formats' own: the market writes both in one way only.
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

const pointer = (...parts) => parts.map((p) => `/${String(p).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

class Description {
	constructor(path) {
		this.api = JSON.parse(readFileSync(path, 'utf8'));
		this.ids = ['00000000-0000-4000-8000-000000000000', '0'.repeat(64)]; // more of which come with answers
		this.validators = new Map();
		this.ajv = addFormats(new Ajv({ strict: false, allErrors: true }));
		this.ajv.addFormat('uuid', UUID).addFormat('date-time', TIME);
		this.ajv.addSchema(this.api, 'api', undefined, false); // the whole, so that its references lead somewhere
		this.operations = Object.entries(this.api.paths).flatMap(([template, item]) => METHODS.filter((m) => item[m])
			.map((m) => ({ ...item[m], template, method: m.toUpperCase(), at: `#/paths${pointer(template, m)}` })));
	}

	resolve(node) {
		while (node?.$ref)
			node = node.$ref.slice(2).split('/').reduce((at, part) => at[part.replaceAll('~1', '/').replaceAll('~0', '~')], this.api);
		return node ?? {};
	}
	parameters(operation, where) {
		return (operation.parameters ?? []).map((p) => this.resolve(p)).filter((p) => p.in === where);
	}
	// What the operation takes: its kind, its schema where it is JSON; undefined where it takes nothing.
	body(operation) {
		const [kind, media] = Object.entries(this.resolve(operation.requestBody).content ?? {})[0] ?? [];
		return kind && { kind, schema: kind.includes('json') ? media.schema ?? {} : null };
	}

	// ---- judging ----
	// schema: one of the description's own, or one that refers to them by api#/…
	wrong(schema, value) {
		const key = JSON.stringify(schema);
		if (!this.validators.has(key))
			this.validators.set(key, this.ajv.compile(schema));
		const validate = this.validators.get(key);
		return validate(value) ? '' : validate.errors.map((e) => `${e.instancePath} ${e.message}${e.params.additionalProperty ? `: ${e.params.additionalProperty}` : ''}`).join('; ');
	}
	// What is wrong with an answer, or ''. kind: its media type; undefined: the one that is described.
	judge(operation, status, kind, data) {
		const response = operation.responses[status];
		if (status >= 500 && status !== 503)
			return `status ${status}`;
		if (!response)
			return `status ${status} is not described`;
		const described = response.$ref ?? `${operation.at}/responses/${status}`;
		const content = this.resolve(response).content;
		if (!content)
			return data.length && status !== 200 ? `status ${status}: a body where none is described` : '';
		kind = kind === undefined ? Object.keys(content)[0] : kind.split(';')[0];
		if (data.length && !content[kind] && !content['*/*'])
			return `status ${status}: ${kind} is not described`;
		if (!kind.includes('json'))
			return '';
		let value;
		try {
			value = JSON.parse(data);
		} catch {
			return `status ${status}: no JSON`;
		}
		this.#collect(value);
		const found = this.wrong({ $ref: `api${described}${pointer('content', kind, 'schema')}` }, value);
		return found && `status ${status}: ${found}`;
	}
	#collect(value) {
		for (const [key, inner] of Object.entries(value ?? {})) {
			if (typeof inner === 'object')
				this.#collect(inner);
			else if (['id', 'order', 'machine', 'lease', 'account', 'seller'].includes(key) && /^([0-9a-f-]{36}|[0-9a-f]{64})$/.test(inner) && this.ids.length < 200)
				this.ids.push(inner);
		}
	}

	// ---- making ----
	// An id that an answer had, or that nothing has.
	anId(of = UUID) {
		return fc.nat().map((n) => {
			const fit = this.ids.filter((id) => of.test(id));
			return fit[n % fit.length] ?? this.ids[0];
		});
	}
	// What obeys the schema.
	well(raw) {
		const schema = this.resolve(raw);
		const made = this.#made(schema);
		return schema.examples ? fc.oneof(made, fc.constantFrom(...schema.examples)) : made;
	}
	#made(schema) {
		if ('const' in schema)
			return fc.constant(schema.const);
		if (schema.enum)
			return fc.constantFrom(...schema.enum);
		if (schema.oneOf)
			return fc.oneof(...schema.oneOf.map((s) => this.well(s)));
		if (Array.isArray(schema.type))
			return fc.oneof(...schema.type.map((type) => this.#made({ ...schema, type })));
		switch (schema.type ?? 'object') {
		case 'object':
			return fc.record(Object.fromEntries(Object.entries(schema.properties ?? {}).map(([k, s]) => [k, this.well(s)])), { requiredKeys: schema.required ?? [] });
		case 'array':
			return fc.array(this.well(schema.items), { minLength: schema.minItems ?? 0, maxLength: Math.max(schema.minItems ?? 0, Math.min(schema.maxItems ?? 3, 3)) });
		case 'integer': {
			const min = schema.minimum ?? 0;
			const max = Math.min(schema.maximum ?? Infinity, Number.MAX_SAFE_INTEGER);
			return fc.oneof(fc.integer({ min, max }), fc.integer({ min, max: Math.min(max, min + 1000) }));
		}
		case 'number':
			return fc.double({ min: schema.minimum ?? -1e9, max: schema.maximum ?? 1e9, noNaN: true });
		case 'boolean':
			return fc.boolean();
		case 'null':
			return fc.constant(null);
		}
		return this.#text(schema);
	}
	#text({ format, pattern, minLength = 0, maxLength = 64 }) {
		const formats = {
			uuid: () => this.anId(),
			'date-time': () => fc.date({ min: new Date('2020-01-01'), max: new Date('2040-01-01'), noInvalidDate: true }).map((d) => d.toISOString()),
			ipv4: () => fc.ipV4(),
			ipv6: () => fc.ipV6(),
			email: () => fc.nat(50).map((n) => `p${n}@example.org`),
		};
		if (formats[format])
			return formats[format]();
		if (pattern) {
			const random = fc.stringMatching(new RegExp(pattern));
			const known = new RegExp(pattern).test('0'.repeat(64)) ? [this.anId(/^[0-9a-f]{64}$/)] : [];
			return fc.oneof(...known, random);
		}
		return fc.string({ minLength, maxLength: Math.max(minLength, Math.min(maxLength, 64)), unit: fc.constantFrom('a', 'Z', '7', ' ', '-', 'ü', '😀', '"', '\\', '<') });
	}
}

// One connection. length null: no Content-Length is sent; a number: that one, and no body.
class Market {
	constructor(url) {
		this.url = url;
		this.agent = new https.Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
	}
	async send(method, path, { body, headers = {}, length } = {}) {
		for (let tried = 1; ; tried++) {
			try {
				return await this.#once(method, path, body, headers, length);
			} catch (error) { // the market closes a connection whose body it does not want
				if (tried === 3)
					throw error;
			}
		}
	}
	#once(method, path, body, headers, length) {
		return new Promise((resolve, reject) => {
			const request = https.request(this.url + path, { method, headers, agent: length === undefined ? this.agent : undefined, rejectUnauthorized: false, timeout: 30000 });
			request.on('error', reject).on('timeout', () => request.destroy(new Error(`no answer: ${method} ${path}`)));
			request.on('response', (answer) => {
				const parts = [];
				answer.on('data', (part) => parts.push(part)).on('error', reject).on('end', () => {
					resolve({ status: answer.statusCode, kind: answer.headers['content-type'] ?? '', data: Buffer.concat(parts), etag: answer.headers.etag });
					if (length !== undefined)
						request.destroy();
				});
			});
			if (length === undefined) {
				request.setHeader('Content-Length', body?.length ?? 0);
				request.end(body);
				return;
			}
			request.setHeader(length === null ? 'Transfer-Encoding' : 'Content-Length', length ?? 'chunked');
			request.flushHeaders();
		});
	}
	close() {
		this.agent.destroy();
	}
}

module.exports = { Description, Market };
