/* SPDX-License-Identifier: Apache-2.0
 * allot.h - how much each peer may send us, where our line takes less than they send
 *
 * What comes beyond our rate is dropped when it has used the line already. So while that happens, the peers that send most are told their
 * part (docs/VNET.md, "Rates"): what the rate leaves beside those who send little, in equal parts. Their endpoints keep to it.
 */
#ifndef VNET_ALLOT_H
#define VNET_ALLOT_H

#include "mesh.h"

#define ALLOT_US 500000		      /* what came is looked at for so long, then the peers are told */
#define ALLOT_KEPT_US (3 * SECOND_US) /* so long a peer keeps to what it was told last */

struct allot {
	int64_t since_us; /* when we began to look; 0: nothing was too much of late */
};

/* A frame came from p, of so many bytes on the line. over: it was too much. */
void allot_came(struct allot *a, struct mesh *m, struct peer *p, size_t line_bytes, bool over, mono_time now);
/* bytes_s: our rate. */
void allot_tick(struct allot *a, struct mesh *m, int64_t bytes_s, mono_time now);
/* Our rate is another one: what was told counts no more. */
void allot_forget(struct allot *a, struct mesh *m, mono_time now);
int64_t allot_due_us(const struct allot *a);

/* The part of bytes_s of each that sends half as much or more; 0: nobody does. Who sends less is not to be told. */
uint64_t allot_part(const uint64_t *sent_bytes_s, size_t count, uint64_t bytes_s);

#endif
