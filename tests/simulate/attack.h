/* SPDX-License-Identifier: Apache-2.0
 * attack.h - one who sits on the way: repeats, changes, floods, and speaks in other people's names
 */
#ifndef SIMULATE_ATTACK_H
#define SIMULATE_ATTACK_H

#include <stdint.h>
#include "net.h"

extern uint64_t attacks_sent;

void attack_start(void); /* listens from now on */
/* A handful of packets of all kinds. */
void attack_once(void);
/* So many first flights and wishes that were overheard, in a second, each from an address of its own. */
void attack_flood(int packets);

#endif
