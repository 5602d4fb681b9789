// SPDX-License-Identifier: Apache-2.0
// table.js - a table that is filled again and again without losing the reader's place
//
// A column: {label, text(row, prepared), prepare?(rows), number?, sort?(row), href?(row), minor?, wide?}; prepared is what prepare()
// made of all rows. Texts from the market go in as text, never as markup.
// Rows keep their element by key(row), so that the focus and a selection survive a refresh.

function cellOf(column) {
	const cell = document.createElement('td');
	cell.setAttribute('role', 'cell');
	cell.dataset.label = column.label;
	cell.className = column.number ? 'number' : 'name';
	cell.classList.toggle('minor', Boolean(column.minor));
	cell.classList.toggle('wide', Boolean(column.wide));
	if (column.href)
		cell.append(document.createElement('a'));
	return cell;
}

function fillCell(cell, column, row, prepared) {
	const place = column.href ? cell.firstChild : cell;
	const text = column.text(row, prepared);
	if (place.textContent !== text)
		place.textContent = text;
	if (column.href)
		place.href = column.href(row);
}

export class Table {
	#columns;
	#key;
	#body;
	#empty;
	#rows = new Map();
	#shown = [];
	#sorted = null; // {column, sign}
	#heads = [];

	constructor(box, { caption, hidden = false, columns, key, empty, cards = false }) {
		const table = document.createElement('table');
		table.setAttribute('role', 'table');
		table.classList.toggle('cards', cards);
		if (hidden)
			table.setAttribute('aria-label', caption);
		else
			table.createCaption().textContent = caption;
		this.#columns = columns;
		this.#key = key;
		this.#body = document.createElement('tbody');
		this.#body.setAttribute('role', 'rowgroup');
		table.append(this.#head(), this.#body);
		this.#empty = document.createElement('p');
		this.#empty.className = 'empty';
		this.#empty.textContent = empty;
		this.#empty.hidden = true;
		box.replaceChildren(table, this.#empty);
	}

	#head() {
		const head = document.createElement('thead');
		const row = head.insertRow();
		head.setAttribute('role', 'rowgroup');
		row.setAttribute('role', 'row');
		for (const column of this.#columns) {
			const cell = document.createElement('th');
			cell.scope = 'col';
			cell.setAttribute('role', 'columnheader');
			cell.classList.toggle('number', Boolean(column.number));
			if (column.sort) {
				const button = document.createElement('button');
				button.type = 'button';
				button.textContent = column.label;
				button.addEventListener('click', () => this.#sortBy(column));
				cell.append(button);
			} else {
				cell.textContent = column.label;
			}
			this.#heads.push(cell);
			row.append(cell);
		}
		return head;
	}

	#sortBy(column) {
		const again = this.#sorted?.column === column;
		this.#sorted = { column, sign: again ? -this.#sorted.sign : 1 };
		this.#columns.forEach((c, i) => this.#heads[i].removeAttribute('aria-sort'));
		this.#heads[this.#columns.indexOf(column)].setAttribute('aria-sort', this.#sorted.sign > 0 ? 'ascending' : 'descending');
		this.fill(this.#shown);
	}

	#inOrder(rows) {
		if (!this.#sorted)
			return rows;
		const { column, sign } = this.#sorted;
		const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
		return rows.toSorted((a, b) => sign * compare(column.sort(a), column.sort(b)));
	}

	fill(rows) {
		this.#shown = rows;
		const kept = new Map();
		const prepared = this.#columns.map((column) => column.prepare?.(rows));
		let at = this.#body.firstChild;
		for (const row of this.#inOrder(rows)) {
			const key = this.#key(row);
			let element = this.#rows.get(key);
			if (!element) {
				element = document.createElement('tr');
				element.setAttribute('role', 'row');
				element.append(...this.#columns.map(cellOf));
			}
			this.#columns.forEach((column, i) => fillCell(element.cells[i], column, row, prepared[i]));
			kept.set(key, element);
			if (element === at)
				at = at.nextSibling;
			else
				this.#body.insertBefore(element, at);
		}
		for (const [key, element] of this.#rows) {
			if (!kept.has(key))
				element.remove();
		}
		this.#rows = kept;
		this.#empty.hidden = rows.length > 0;
		this.#body.parentElement.hidden = rows.length === 0;
	}
}
