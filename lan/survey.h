/* SPDX-License-Identifier: Apache-2.0
 * survey.h - what this machine's network lets an ethernet do, found out by an endpoint without a network to be on
 */
#ifndef LAN_SURVEY_H
#define LAN_SURVEY_H

#include "netcheck.h"
#include "vnet_status.h"

struct survey {
	struct vnet_stun_status stun[VNET_MAX_STUN_SERVERS], relays[VNET_MAX_STUN_SERVERS];
	size_t stun_count, relay_count;
	enum vnet_mapping mapping;
	struct vnet_candidate candidates[VNET_MAX_CANDIDATES];
	size_t candidate_count;
	bool mapped; /* the gateway gave a port */
};
/* Asks the market's STUN servers, the relays, which answer STUN too, and the gateway for a port, just as an order's endpoint would. Takes some
 * seconds where not all of them answer. */
MUST_CHECK err_t survey_make(const struct netcheck *servers, struct survey *ret);
/* The first server that answered by that family; NULL: none. */
const struct vnet_stun_status *survey_answer(const struct survey *s, bool v6);
/* Is the address, without its port, one of our own interfaces'? */
bool survey_is_own(const struct survey *s, const char *address);
/* Peers reach us by UDP where the servers saw us. */
bool survey_is_direct(const struct survey *s);
/* Of the nearest relay, in microseconds; -1: none answers. */
int64_t survey_relay_us(const struct survey *s);
/* As in a report: whole milliseconds, 1 .. RTT_MAX_MS; 0: unknown. */
uint32_t survey_ms(int64_t us);
/* To the nearest relay of each region, as far as one answers. servers: those that were asked. ret_rtt has MAX_REGIONS. */
void survey_regions(const struct survey *s, const struct netcheck *servers, struct region_rtt *ret_rtt, size_t *ret_count);
/* "eu 12 ms, us 98 ms" of it; "" where none is known. ret_text has SURVEY_REGIONS_SIZE; returned. */
#define SURVEY_REGIONS_SIZE (MAX_REGIONS * (REGION_SIZE + 12))
const char *survey_regions_text(const struct survey *s, const struct netcheck *servers, char *ret_text);

#endif
