// SPDX-License-Identifier: Apache-2.0
// sellers.js - everybody who sells here
import { getList } from './api.js';
import * as columns from './columns.js';
import { html } from './html.js';
import { start, useFresh } from './page.js';
import { Table } from './table.js';

const bestFirst = (a, b) => b.rating_ppm - a.rating_ppm || b.leases_completed - a.leases_completed;

function Sellers() {
	const list = useFresh(() => getList('/v1/sellers'));
	return list && html`<div id="sellers-box">
		<${Table} caption="Sellers and their reputation" hidden cards columns=${columns.sellers} rows=${list.items.toSorted(bestFirst)}
			rowKey=${(s) => s.id} empty="Nobody has sold here yet." />
	</div>`;
}
start(Sellers);
