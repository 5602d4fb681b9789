/* SPDX-License-Identifier: Apache-2.0
 * survey.c - tests: the round trips that a machine reports, of what its questions brought
 */
#include "survey.h"
#include <string.h>
#include "tap.h"

static struct netcheck servers;
static struct survey survey;

static void relay(const char *region, int64_t rtt_us)
{
	size_t i = servers.relay_count++;
	snprintf(servers.relays[i].region, REGION_SIZE, "%s", region);
	survey.relays[i] = (struct vnet_stun_status){ .rtt_us = rtt_us };
	if (rtt_us >= 0)
		snprintf(survey.relays[i].mapped, sizeof survey.relays[i].mapped, "192.0.2.1:1");
	survey.relay_count = servers.relay_count;
}

static void milliseconds(void)
{
	is_int(survey_ms(-1), 0, "unknown");
	is_int(survey_ms(0), 1, "less than a millisecond");
	is_int(survey_ms(1000), 1, "just one");
	is_int(survey_ms(1001), 2, "rounded up");
	is_int(survey_ms(INT64_MAX / 2), RTT_MAX_MS, "not more than a report holds");
}

static void regions(void)
{
	struct region_rtt rtt[MAX_REGIONS];
	size_t count = 9;
	survey_regions(&survey, &servers, rtt, &count);
	is_int(count, 0, "without relays no region");
	relay("eu", 30000);
	relay("", 10);
	relay("us", -1);
	relay("eu", 12300);
	survey_regions(&survey, &servers, rtt, &count);
	is_int(count, 1, "those that answer, and stand somewhere");
	is_text(rtt[0].region, "eu", "the region");
	is_int(rtt[0].rtt_ms, 13, "by its nearest relay");
	is_int(survey_relay_us(&survey), 10, "the nearest of all stands nowhere");
}

int main(void)
{
	milliseconds();
	regions();
	return done_testing();
}
