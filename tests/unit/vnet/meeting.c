/* SPDX-License-Identifier: Apache-2.0
 * meeting.c - who calls a meeting and when; openers before pings
 */
#include "path.h"
#include "tap.h"

static struct paths s;
static mono_time now;

static struct address address_of(const char *text)
{
	struct address a;
	if (address_parse(text, &a) != OK)
		abort();
	return a;
}

static struct address relay, far, near;

/* A peer that is reached through the relay. */
static void begin(bool client)
{
	enum vnet_candidate_kind kinds[] = { VNET_REFLEXIVE, VNET_HOST };
	relay = address_of("198.51.100.1:3478");
	relay.via = 1;
	far = address_of("198.51.100.12:5000");
	near = address_of("192.168.1.2:5000");
	now.us = 100 * SECOND_US;
	paths_clear(&s);
	paths_init(&s, 1200);
	s.client = client;
	paths_set(&s, (struct address[]){ far, near }, kinds, 2);
	paths_set_relays(&s, &relay, &(bool){ false }, 1);
	paths_handshaken(&s, &relay, true, now);
	s.path[s.active].srtt_us = 20000;
}

/* Lets time pass; counts what goes to the address: pings with a low TTL and others. */
struct count {
	int openers, pings, hops;   /* of the first opener */
	int64_t opener_us, ping_us; /* the first */
};
static struct count pings_to(const struct address *to, int64_t us)
{
	struct count c = { 0 };
	struct path_ping ping;
	for (int64_t end = now.us + us; now.us < end; now.us += 10000)
		while (paths_next(&s, now, &ping)) {
			if (!address_equal(&s.path[ping.path].to, to))
				continue;
			if (ping.hops) {
				c.hops = c.openers ? c.hops : ping.hops;
				c.opener_us = c.openers++ ? c.opener_us : now.us;
				ok(ping.hops >= 2 && ping.hops <= 5, "an opener goes %d hops far", ping.hops);
			} else {
				c.ping_us = c.pings++ ? c.ping_us : now.us;
			}
		}
	return c;
}

static void test_openers(void)
{
	begin(true);
	struct count c = pings_to(&far, SECOND_US);
	ok(!c.openers && !c.pings, "nobody knocks at a NAT before the meeting");
	begin(true);
	ok(pings_to(&near, SECOND_US).pings > 0, "what is not behind a NAT is tried at once");
	begin(true);
	ok(!paths_call_meeting(&s, false, now), "no meeting before we know where we are seen");
	now.us += SECOND_US;
	ok(paths_call_meeting(&s, true, now), "then the client calls at once");
	ok(!paths_call_meeting(&s, true, now), "once");
	c = pings_to(&far, 3 * SECOND_US);
	is_int(c.openers, 2, "openers go out");
	is_int(c.hops, 4, "4 hops far at first");
	is_int(c.pings, PATH_TRIES, "then pings");
	ok(c.ping_us - c.opener_us >= 400000, "when the other side's opener had its time");
	ok(!pings_to(&far, SECOND_US).pings, "and then it is quiet");

	begin(false);
	ok(!paths_call_meeting(&s, true, now), "the server leaves it to the client");
	paths_called(&s, true, now);
	c = pings_to(&far, SECOND_US);
	ok(c.openers == 2 && c.pings, "but comes when it is called");
	struct address seen = address_of("198.51.100.12:5001"), nothing = { 0 };
	paths_seen(&s, &seen, now);
	c = pings_to(&seen, SECOND_US);
	ok(c.openers == 2 && c.pings, "where the peer says that it is seen belongs to it");
	int count = s.count;
	paths_seen(&s, &nothing, now);
	is_int(s.count, count, "nowhere is no address");
	for (int i = 0; i < 20; i++) {
		seen.port++;
		paths_seen(&s, &seen, now);
	}
	ok(s.count <= count - 1 + PATH_LEARNED, "and a peer that names many has the last ones tried");

	begin(false);
	paths_called(&s, false, now);
	c = pings_to(&far, SECOND_US);
	ok(!c.openers && !c.pings, "who does not know where it is seen does not come");
	ok(paths_call_meeting(&s, true, now), "but calls when it does");

	begin(true);
	paths_heard(&s, paths_find(&s, &far), false, now);
	c = pings_to(&far, SECOND_US / 2);
	ok(!c.openers && c.pings, "who is heard is answered without openers: the NATs are open");
}

static void test_pauses(void)
{
	static const int pauses_s[] = { 5, 40, 40, 60, 60 };
	begin(true);
	for (size_t i = 0; i < sizeof pauses_s / sizeof *pauses_s; i++) {
		ok(paths_call_meeting(&s, true, now), "meeting %zu", i);
		now.us += pauses_s[i] * SECOND_US - 1;
		ok(!paths_call_meeting(&s, true, now), "is the only one in %d s", pauses_s[i]);
		is_int(paths_meeting_due_us(&s), now.us + 1, "the next one is known");
		now.us++;
	}
	paths_meet_soon(&s, now);
	ok(paths_call_meeting(&s, true, now), "where something is new there is one at once");
	paths_meet_soon(&s, now);
	ok(!paths_call_meeting(&s, true, now), "but not two at once");
	now.us += 2 * SECOND_US;
	ok(paths_call_meeting(&s, true, now), "then after 2 s");
	int64_t met_us = s.met_us;
	now.us += SECOND_US;
	paths_called(&s, true, now);
	is_int(s.met_us, met_us, "nor can the peer have us meet more often");

	begin(true);
	paths_handshaken(&s, &far, true, now);
	paths_next(&s, now, &(struct path_ping){ 0 });
	s.active = paths_find(&s, &far);
	ok(!paths_call_meeting(&s, true, now), "who is reached directly needs none");
	is_int(paths_meeting_due_us(&s), INT64_MAX, "nor will");
}

/* Nobody to call: openers go out all the same, another way far each time. */
static void test_without_relay(void)
{
	static const int hops[] = { 4, 3, 2 };
	begin(true);
	paths_set_relays(&s, NULL, NULL, 0);
	for (size_t i = 0; i < sizeof hops / sizeof *hops; i++) {
		struct count c = pings_to(&far, PATH_STANDBY_US);
		ok(c.openers == 2 && c.pings == PATH_TRIES, "without a relay openers go out, then pings");
		is_int(c.hops, hops[i], "%d hops far", hops[i]);
	}
}

int main(void)
{
	test_openers();
	test_pauses();
	test_without_relay();
	return done_testing();
}
