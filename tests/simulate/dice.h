/* SPDX-License-Identifier: Apache-2.0
 * dice.h - all chance of a simulation comes from its seed
 *
 * Three streams, so that a change of the code under test leaves the plan of a seed as it is: the plan (who does what when), the
 * weather (what becomes of each packet), and what the code under test takes for the system's generator.
 */
#ifndef SIMULATE_DICE_H
#define SIMULATE_DICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dice { PLAN, WEATHER, SYSTEM, DICE_COUNT };

/* Also takes the place of OpenSSL's generator. */
void dice_seed(uint64_t seed);
uint64_t dice_u64(enum dice which);
uint64_t dice_below(enum dice which, uint64_t n); /* 0 .. n - 1 */
int64_t dice_between(enum dice which, int64_t low, int64_t high);
bool dice_chance(enum dice which, unsigned per_mille);

void __wrap_random_fill(void *data, size_t len);

#endif
