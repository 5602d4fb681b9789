/* SPDX-License-Identifier: Apache-2.0
 * uuid_map.c - the map against an array, over a long random sequence
 */
#include "crypto.h"
#include "tap.h"
#include "uuid_map.h"

#define KEYS 500

int main(void)
{
	struct uuid_map map = { 0 };
	uuid keys[KEYS];
	bool there[KEYS] = { false };
	int values[KEYS];
	uint32_t random = 12345;
	size_t wrong = 0, count = 0;
	ok(uuid_map_get(&map, (uuid){ { 1 } }) == NULL, "an empty map has nothing");
	uuid_map_remove(&map, (uuid){ { 1 } });
	for (int i = 0; i < KEYS; i++) {
		memset(keys[i].bytes, 0, sizeof keys[i].bytes);
		keys[i].bytes[15] = (uint8_t)i;
		keys[i].bytes[14] = (uint8_t)(i >> 8);
	}
	for (int step = 0; step < 50000; step++) {
		random = random * 1664525 + 1013904223;
		int i = (int)(random >> 8) % KEYS;
		if (random >> 31) {
			if (uuid_map_put(&map, keys[i], &values[i]) != OK)
				wrong++;
			count += !there[i];
			there[i] = true;
		} else {
			uuid_map_remove(&map, keys[i]);
			count -= there[i];
			there[i] = false;
		}
		if (step % 97 == 0)
			for (int k = 0; k < KEYS; k++)
				wrong += uuid_map_get(&map, keys[k]) != (there[k] ? &values[k] : NULL);
	}
	is_int(wrong, 0, "it is an array's equal");
	is_int(map.count, count, "it knows how many there are");
	size_t listed;
	void **all = uuid_map_values(&map, &listed);
	is_int(listed, count, "and lists them");
	free(all);
	uuid_map_clear(&map);

	struct uuid_list list = { 0 };
	for (int i = 0; i < 3; i++)
		ok(uuid_list_add(&list, keys[0]) == OK && uuid_list_add(&list, keys[1]) == OK, "add");
	is_int(list.count, 2, "a list has each once");
	uuid_list_clear(&list);
	return done_testing();
}
