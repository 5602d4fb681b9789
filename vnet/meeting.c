/* SPDX-License-Identifier: Apache-2.0
 * meeting.c - both sides try the direct paths at the same time, told so over the relay
 *
 * How it works: a plain NAT that lets packets in to itself takes the first packet of a stranger for a connection of its own. From then on
 * it gives another port to what its host sends there, and keeps it so while either side's packets go on: no hole opens any more. So
 * nobody may knock before the other side's NAT has let its own packet out. While a relay carries the data, one side calls a
 * meeting: it says so over the relay, and both tell the addresses that STUN servers saw them at and begin at once, with openers: pings
 * whose TTL takes them through the own NAT and not to the other one. Only then do they ping in earnest.
 *
 * The next meetings are called after 5, 40, 40 and then each 60 s: after such a pause a NAT that was spoiled is as new. The client calls;
 * the server waits a little longer, and calls where the client does not think it necessary.
 */
#include "path.h"

#define FORGOTTEN_US (40 * SECOND_US) /* NATs keep what went unanswered for 30 s, and the last round's pings took two */
#define RECKLESS_US (2 * SECOND_US)   /* no two meetings within */
#define CLIENT_LEAD_US (3 * SECOND_US)

static bool is_relayed(const struct paths *s)
{
	return s->active >= 0 && s->path[s->active].to.via;
}

static void put_off(struct paths *s, mono_time now)
{
	static const int64_t waits_us[] = { 5 * SECOND_US, FORGOTTEN_US, FORGOTTEN_US, PATH_STANDBY_US };
	size_t last = sizeof waits_us / sizeof *waits_us - 1;
	s->met_us = now.us;
	s->meet_us = now.us + waits_us[s->meetings < last ? s->meetings : last] + (s->client ? 0 : CLIENT_LEAD_US);
	s->meetings++;
}

void paths_meet_soon(struct paths *s, mono_time now)
{
	int64_t at = s->met_us && s->met_us + RECKLESS_US > now.us ? s->met_us + RECKLESS_US : now.us;
	s->meetings = 0;
	s->meet_us = at + (s->client ? 0 : CLIENT_LEAD_US);
}

/* What a meeting makes known while it goes on (paths_seen) begins at once. */
static void begin(struct paths *s, mono_time now)
{
	put_off(s, now);
	for (int i = 0; i < s->count; i++) {
		struct path *p = &s->path[i];
		if (p->to.via || p->state == PATH_VALID || p->state == PATH_SUSPECT)
			continue;
		p->state = PATH_NEW;
		p->met = true;
		p->next_us = now.us;
	}
}

bool paths_call_meeting(struct paths *s, bool ready, mono_time now)
{
	if (!is_relayed(s) || now.us < s->meet_us)
		return false;
	if (ready)
		begin(s, now);
	else
		s->meet_us = now.us + PATH_PACE_US;
	return ready;
}

void paths_called(struct paths *s, bool ready, mono_time now)
{
	if (!ready)
		s->meet_us = now.us; /* then it is we who call, as soon as we are */
	else if (!s->met_us || now.us - s->met_us >= RECKLESS_US)
		begin(s, now);
}

void paths_seen(struct paths *s, const struct address *seen, mono_time now)
{
	int i = paths_find(s, seen);
	if (i < 0)
		i = paths_learn(s, seen, now);
	if (i < 0)
		return;
	if (paths_known(s, i) != i)
		s->path[i].kind = VNET_REFLEXIVE;
	s->path[i].met = true; /* it may have been announced only after the meeting began */
}

int64_t paths_meeting_due_us(const struct paths *s)
{
	return is_relayed(s) ? s->meet_us : INT64_MAX;
}
