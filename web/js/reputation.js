// SPDX-License-Identifier: Apache-2.0
// reputation.js - how leases end here, and how sellers stand
import { start, useFresh } from './page.js';

function Reputation() {
	useFresh(async () => ({}), 0);
	return null;
}
start(Reputation);
