// SPDX-License-Identifier: Apache-2.0
// html.js - Preact and htm under one name: html`<p>${text}</p>` makes elements, and texts in it are never markup
import htm from '../vendor/htm.js';
import { h } from '../vendor/preact.js';

export { Fragment, render } from '../vendor/preact.js';
export { useCallback, useEffect, useMemo, useRef, useState } from '../vendor/hooks.js';
export const html = htm.bind(h);
