/* SPDX-License-Identifier: Apache-2.0
 * world.h - who is there, behind what, and what happens to them
 */
#ifndef SIMULATE_WORLD_H
#define SIMULATE_WORLD_H

#include <stddef.h>
#include <stdint.h>
#include "node.h"

#define MAX_NODES 4096

extern struct node *nodes[MAX_NODES];
extern size_t node_count;
extern struct link *links;
extern size_t link_count;

/* Machines, NATs, servers and who knows whom, all by the seed's dice. */
void world_make(size_t peers);
void world_clear(void);

/* Machines fail, move, sleep, are removed and replaced; NATs forget, relays are killed; each packet suffers the weather. */
void world_storm(int64_t us);
/* All of it ends: everything is switched on. */
void world_calm(void);
/* Waits until all that can reach each other do, and checks that frames pass. Returns how long it took, in simulated time. */
int64_t world_settle(void);
/* Nothing happens for so long. What is sent meanwhile is counted. */
void world_idle(int64_t us);

#endif
