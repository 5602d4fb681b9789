/* SPDX-License-Identifier: Apache-2.0
 * world.h - who is there, behind what, and what happens to them
 */
#ifndef SIMULATE_WORLD_H
#define SIMULATE_WORLD_H

#include <stddef.h>
#include <stdint.h>
#include "node.h"

#define MAX_NODES 4096

bool handshakes_are_cheap(void); /* no curves are reckoned with */

extern struct node *nodes[MAX_NODES];
extern size_t node_count;
extern struct link *links;
extern size_t link_count;

/* Machines, NATs, servers and who knows whom, all by the seed's dice. awake: so many are up at one time; 0: all. */
void world_make(size_t peers, size_t awake);
void world_clear(void);

/* Others wake than those that were up: some who know each other. Who was up is switched off, crashes or sleeps; then it is night,
 * for at most so long. */
void world_gather(int64_t night_us);
/* Of those that are up machines fail, move, sleep, are removed and replaced; NATs forget, relays are killed; each packet suffers the weather. */
void world_storm(int64_t us);
/* All of it ends: everything that is awake is switched on. */
void world_calm(void);
/* Waits until all that can reach each other do, and checks that frames pass. Returns how long it took, in simulated time. */
int64_t world_settle(void);
/* Nothing happens for so long. What is sent meanwhile is counted. */
void world_idle(int64_t us);

#endif
