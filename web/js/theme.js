// SPDX-License-Identifier: Apache-2.0
// theme.js - dark or light: the system's choice, or the reader's. A classic script, so that it runs before the first paint.
(() => {
	const root = document.documentElement;
	const systemDark = matchMedia('(prefers-color-scheme: dark)');
	const isDark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : systemDark.matches);

	let kept = null;
	try {
		kept = localStorage.getItem('theme');
	} catch {
		// Storage is forbidden: the choice lasts as long as the page.
	}
	if (kept === 'dark' || kept === 'light')
		root.dataset.theme = kept;

	addEventListener('DOMContentLoaded', () => {
		const button = document.getElementById('theme');
		const label = () => {
			button.textContent = isDark() ? 'Light' : 'Dark';
			dispatchEvent(new Event('theme')); // what draws with colours of its own draws again
		};
		button.addEventListener('click', () => {
			root.dataset.theme = isDark() ? 'light' : 'dark';
			try {
				localStorage.setItem('theme', root.dataset.theme);
			} catch {
				// As above.
			}
			label();
		});
		systemDark.addEventListener('change', label);
		label();
	});
})();
