// SPDX-License-Identifier: Apache-2.0
// marks.js - good and bad marks: in words, and over time
import { count, percent, plural, rating } from './format.js';
import { html, useMemo } from './html.js';
import { Plot } from './plot.js';

export function wordsOf({ good, bad, rating_ppm }) {
	const marks = good + bad;
	const said = marks ? `${plural(good, 'good mark', 'good marks')} of ${count(marks)}, a share of ${percent(good / marks)}.` : 'No marks yet.';
	return rating_ppm === 0
		? `${said} A rating of 0 says that nothing good is known.`
		: `${said} The rating of ${rating(rating_ppm)} is made of the money of paid leases, marked or not, by age and counterpart.`;
}

// What there was in all, after each day that had marks. The list begins where the market's memory does: what came before is in the totals.
export function MarksOverTime({ marks, good, bad }) {
	const plot = useMemo(() => {
		const sum = (field) => marks.reduce((all, m) => all + m[field], 0);
		let [goodNow, badNow] = [Math.max(0, good - sum('good')), Math.max(0, bad - sum('bad'))]; // the two are read one after the other
		const of = { times: [], good: [], bad: [] };
		for (const mark of marks) {
			of.times.push(Date.parse(`${mark.day}T12:00:00Z`) / 1000);
			of.good.push((goodNow += mark.good));
			of.bad.push((badNow += mark.bad));
		}
		return { times: of.times, series: [{ label: 'Good', values: of.good, color: 'good' }, { label: 'Bad', values: of.bad, color: 'bad', dash: [6, 3] }] };
	}, [JSON.stringify(marks), good, bad]);
	return html`<${Plot} name="Marks" times=${plot.times} series=${plot.series} empty="No marks yet." />`;
}
