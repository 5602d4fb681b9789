/* SPDX-License-Identifier: Apache-2.0
 * trade_slab.c - a slab's things are their taker's alone
 */
#include "slab.h"

#include <stdint.h>
#include <string.h>
#include "tap.h"

#define THINGS 30000 /* of 200 bytes, which take 256: four chunks that grow, and three of 2 MiB */

int main(void)
{
	static unsigned char *things[THINGS];
	struct slab slab = { .size = 200 };
	bool aligned = true, whole = true;

	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < THINGS; i++) {
			if (things[i])
				continue;
			things[i] = slab_take(&slab);
			if (!things[i])
				return 1;
			aligned &= (uintptr_t)things[i] % 64 == 0;
			memset(things[i], (int)(i % 251), 200);
		}
		for (size_t i = 0; i < THINGS; i++)
			whole &= things[i][0] == i % 251 && things[i][199] == i % 251;
		for (size_t i = (size_t)round; i < THINGS; i += 3) {
			slab_give(&slab, things[i]);
			things[i] = NULL;
		}
	}
	ok(aligned, "each begins a cache line");
	ok(whole, "none is anybody else's");
	is_int(slab.count, 7, "what is given back is taken again");
	slab_give(&slab, NULL);
	slab_clear(&slab);
	is_int(slab.count, 0, "cleared");
	ok(slab_take(&slab) != NULL, "and used again");
	slab_clear(&slab);
	return done_testing();
}
