/* SPDX-License-Identifier: Apache-2.0
 * allot.c - what each peer is told to send at most
 */
#include "allot.h"
#include "tap.h"

int main(void)
{
	const uint64_t nobody[] = { 0, 0 }, one[] = { 0, 5000 }, two[] = { 5000, 700 }, little[] = { 90, 5000, 40, 0, 3000 };
	const uint64_t kept[] = { 500, 480 }, below[] = { 100, 120, 80 }, near[] = { 140, 400, 90, 900, 40 };

	is_int((int64_t)allot_part(nobody, 2, 1000), 0, "nobody sends");
	is_int((int64_t)allot_part(one, 2, 1000), 1000, "one has all of it");
	is_int((int64_t)allot_part(two, 2, 1000), 500, "two have half of it each");
	is_int((int64_t)allot_part(little, 5, 1000), (1000 - 90 - 40) / 2, "who sends little has that, the others the rest");
	is_int((int64_t)allot_part(kept, 2, 1000), 500, "who keeps to a part is told again");
	is_int((int64_t)allot_part(near, 5, 1000), (1000 - 140 - 90 - 40) / 2, "what is much turns out by steps");
	is_int((int64_t)allot_part(below, 3, 1000), 0, "where all fits nobody is told");
	return done_testing();
}
