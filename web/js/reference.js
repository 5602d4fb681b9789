// SPDX-License-Identifier: Apache-2.0
// reference.js - the API's reference, drawn from its own description
import { get } from './api.js';
import { html, useEffect, useState } from './html.js';
import { say, start } from './page.js';

const nameOf = (ref) => ref.split('/').at(-1);
const lookUp = (api, thing) => (thing?.$ref ? thing.$ref.slice(2).split('/').reduce((at, key) => at[key], api) : thing);

// The few marks of Markdown that the description uses: paragraphs, `code`, **bold**.
function Prose({ text = '' }) {
	const piece = (part) =>
		part.startsWith('`') ? html`<code>${part.slice(1, -1)}</code>` : part.startsWith('**') ? html`<b>${part.slice(2, -2)}</b>` : part;
	return text.split('\n\n').map((paragraph) => html`<p>${paragraph.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map(piece)}</p>`);
}

// A schema's type in a few words, with a link where it has a name.
function Type({ schema }) {
	if (!schema)
		return null;
	if (schema.$ref)
		return html`<a href=${`#schema-${nameOf(schema.$ref)}`}>${nameOf(schema.$ref)}</a>`;
	if (schema.oneOf ?? schema.anyOf)
		return (schema.oneOf ?? schema.anyOf).map((s, i) => html`${i > 0 && ' or '}<${Type} schema=${s} />`);
	if (schema.type === 'array')
		return html`array of <${Type} schema=${schema.items} />`;
	const type = [schema.type].flat().join(' or ');
	return html`${type || 'any'}${schema.format && html` <span class="count">${schema.format}</span>`}`;
}

function boundsOf({ minimum, maximum, minLength, maxLength, maxItems, pattern, enum: values, default: fallback, const: fixed }) {
	const range = (low, high, what) => (low === undefined && high === undefined ? '' : `${low ?? ''} … ${high ?? ''}${what}`);
	return [
		range(minimum, maximum, ''),
		range(minLength, maxLength, ' characters'),
		range(undefined, maxItems, ' items').replace('… ', 'at most '),
		pattern && `like ${pattern}`,
		values && values.filter((v) => v !== null).join(', '),
		fixed !== undefined && String(fixed),
		fallback !== undefined && `default ${fallback}`,
	].filter((text) => text && text.trim()).join('; ');
}

function Fields({ caption, rows }) {
	return html`<div class="scroll"><table>
		<caption>${caption}</caption>
		<thead><tr><th scope="col">Name</th><th scope="col">Type</th><th scope="col">What</th></tr></thead>
		<tbody>${rows.map(({ name, schema, required, what }) => html`<tr key=${name}>
			<td><code>${name}</code>${required && html` <span class="count">required</span>`}</td>
			<td><${Type} schema=${schema} /></td>
			<td>${what ?? schema.description} <span class="count">${boundsOf(schema)}</span></td>
		</tr>`)}</tbody>
	</table></div>`;
}

function Body({ what, content }) {
	return Object.entries(content ?? {}).map(([type, { schema }]) => html`<p>${what}: <code>${type}</code>${schema && html`, <${Type} schema=${schema} />`}</p>`);
}

function scopesOf(security) {
	if (!security?.length)
		return 'Public.';
	const scopes = security.flatMap((s) => s.bearer ?? []);
	return scopes.length ? `Token with scope ${scopes.join(' or ')}.` : 'Any token.';
}

function Operation({ api, path, method, operation }) {
	const parameters = [
		...(path.match(/\{[a-z_]+\}/g) ?? []).map((name) => ({ name: name.slice(1, -1), in: 'path', required: true, schema: {} })),
		...(operation.parameters ?? []).map((p) => lookUp(api, p)),
	].filter((p, i, all) => all.findLastIndex((other) => other.name === p.name) === i);
	const answers = Object.entries(operation.responses).map(([status, r]) => [status, r.$ref, lookUp(api, r)]);
	const refusals = answers.filter(([status, ref]) => status >= '400' && ref);
	return html`<article class="operation" id=${operation.operationId}>
		<h3><span class="method">${method.toUpperCase()}</span> <code>${path}</code></h3>
		<p><b>${operation.summary}.</b> <span class="count">${scopesOf(operation.security)}</span></p>
		<${Prose} text=${operation.description} />
		${parameters.length > 0 && html`<${Fields} caption="Parameters" rows=${parameters.map((p) => ({ ...p, schema: p.schema ?? {}, name: p.name, what: `${p.description ?? ''} (${p.in})` }))} />`}
		<${Body} what="Body" content=${operation.requestBody?.content} />
		${answers.filter(([, ref]) => !ref).map(([status, , r]) => html`<p key=${status}>${status}: ${r.description}</p><${Body} what="Answer" content=${r.content} />`)}
		${refusals.length > 0 && html`<p>Refusals: ${refusals.flatMap(([status, ref]) => nameOf(ref).split('.').map((code) => html`<span key=${code}>${status} <a href=${`/docs/problems#${code}`}>${code}</a> </span>`))}</p>`}
	</article>`;
}

function Schema({ name, schema }) {
	const fields = Object.entries(schema.properties ?? {}).map(([field, s]) => ({ name: field, schema: s, required: schema.required?.includes(field) }));
	return html`<article class="operation" id=${`schema-${name}`}>
		<h3>${name}</h3>
		<${Prose} text=${schema.description} />
		${fields.length > 0 ? html`<${Fields} caption=${`Fields of ${name}`} rows=${fields} />` : html`<p><${Type} schema=${{ ...schema, $ref: undefined }} /> <span class="count">${boundsOf(schema)}</span></p>`}
		${schema.examples && html`<details><summary>Example</summary><pre tabindex="0">${JSON.stringify(schema.examples[0], null, 2)}</pre></details>`}
	</article>`;
}

const operationsOf = (api) =>
	Object.entries(api.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method, operation })));

function Reference() {
	const [api, setApi] = useState(null);
	useEffect(() => {
		get('/v1/openapi.json').then(
			(json) => (setApi(json), say(`Version ${json.info.version}, drawn from the description that this market serves.`)),
			() => say('The description cannot be read. Load the page again.', true),
		);
	}, []);
	// The address may name a part that was not there when the page was loaded.
	useEffect(() => void (api && location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView()), [api]);
	if (!api)
		return null;
	const operations = operationsOf(api);
	const of = (tag) => operations.filter(({ operation }) => operation.tags.includes(tag.name));
	return html`
		<${Prose} text=${api.info.description} />
		<nav aria-label="Operations"><ul class="index">${operations.map(({ path, method, operation }) => html`<li key=${operation.operationId}>
			<a href=${`#${operation.operationId}`}><span class="method">${method.toUpperCase()}</span> ${path}</a></li>`)}</ul></nav>
		${api.tags.map((tag) => html`<section key=${tag.name} aria-label=${tag.name}>
			<h2>${tag.name}</h2><p>${tag.description}</p>
			${of(tag).map((o) => html`<${Operation} key=${o.operation.operationId} api=${api} ...${o} />`)}
		</section>`)}
		<section aria-label="Schemas"><h2>Schemas</h2>
			${Object.entries(api.components.schemas).map(([name, schema]) => html`<${Schema} key=${name} name=${name} schema=${schema} />`)}
		</section>`;
}
start(Reference);
