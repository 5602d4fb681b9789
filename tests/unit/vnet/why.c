/* SPDX-License-Identifier: Apache-2.0
 * why.c - the share of lost pings, and why a peer is not reached directly
 */
#include "simulation.h"
#include "why.h"

/* ---- the last minute's loss ---- */
static void test_slots(void)
{
	struct loss l = { 0 };
	mono_time t = { 1000 * MINUTE_US };
	is_int(loss_permille(&l, 0, t), -1, "nothing asked, nothing known");
	for (int i = 0; i < 20; i++, t.us += SECOND_US) {
		loss_asked(&l, t);
		if (i % 4)
			loss_answered(&l, t.us, t);
	}
	is_int(loss_permille(&l, 0, t), 250, "one of four");
	loss_asked(&l, t);
	is_int(loss_permille(&l, 1, t), 250, "one that may still be answered does not count");
	is_int(loss_permille(&l, 99, t), 0, "nor more than are open");
	int64_t late = t.us;
	t.us += 58 * SECOND_US;
	loss_answered(&l, late, t);
	is_int(loss_permille(&l, 0, t), 0, "what is older than a minute is forgotten; a late answer counts");
	t.us += MINUTE_US;
	is_int(loss_permille(&l, 0, t), -1, "all of it");
	loss_answered(&l, late, t);
	is_int(loss_permille(&l, 0, t), -1, "an answer later than that is none");
	loss_asked(&l, t);
	loss_answered(&l, t.us, t);
	loss_answered(&l, t.us, t);
	is_int(loss_permille(&l, 0, t), 0, "two answers to one are one");
}

static void ping_for(struct paths *s, int seconds, int answer_of)
{
	struct path_ping ping;
	for (int i = 0; i < seconds * 20; i++, now.us += SECOND_US / 20) {
		paths_used(s, now);
		while (paths_next(s, now, &ping))
			if (dice() % answer_of && ping.bytes <= 1472)
				assert(paths_pong(s, ping.token, now));
	}
}

static void test_path_loss(void)
{
	struct paths s;
	struct address to = address_of("192.0.2.9:9");
	enum vnet_candidate_kind kind = VNET_HOST;
	paths_init(&s, 9000);
	paths_set(&s, &to, &kind, 1);
	ping_for(&s, 70, 100);
	ok(path_loss_permille(&s.path[0], now) < 50, "a search for larger datagrams that fails is no loss");
	ping_for(&s, 120, 3);
	int loss = path_loss_permille(&s.path[0], now);
	ok(loss > 150 && loss < 550, "a third of the pings lost shows: %d", loss);
	paths_clear(&s);
}

/* ---- why not directly ---- */
static struct paths *set(struct peer *p, const char *const *addresses, const enum vnet_candidate_kind *kinds, int count)
{
	struct address to[4], relay = address_of("198.51.100.1:3478");
	for (int i = 0; i < count; i++)
		to[i] = address_of(addresses[i]);
	bool by_tls = true;
	relay.via = 1;
	paths_clear(&p->paths);
	*p = (struct peer){ .current = (struct session *)p }; /* it is only looked whether there is one */
	paths_init(&p->paths, 1500);
	paths_set(&p->paths, to, kinds, count);
	paths_set_relays(&p->paths, &relay, &by_tls, 1);
	paths_handshaken(&p->paths, &relay, true, now);
	return &p->paths;
}

static void exhaust(struct paths *s)
{
	for (int i = 0; i < s->count; i++)
		if (s->path[i].kind != VNET_RELAYED) {
			s->path[i].state = PATH_DEAD;
			s->path[i].deaths = 1;
		}
}

static void expect(const struct peer *p, const struct why_local *local, enum vnet_why want)
{
	enum vnet_why got = why_not_direct(p, local);
	is_text(vnet_why_names[got], vnet_why_names[want], "%s", vnet_why_sentence(want));
}

static void test_relayed(void)
{
	static const char *const home[] = { "192.168.1.2:1", "192.168.1.2:2" };
	static const char *const cone[] = { "192.168.1.2:1", "203.0.113.7:1" };
	static const char *const hard[] = { "192.168.1.2:1", "203.0.113.7:1", "203.0.113.7:2" };
	static const enum vnet_candidate_kind kinds[] = { VNET_HOST, VNET_REFLEXIVE, VNET_REFLEXIVE };
	static const enum vnet_candidate_kind hosts[] = { VNET_HOST, VNET_HOST };
	const struct why_local cone_nat = { .mapping = VNET_MAPPING_INDEPENDENT },
			       hard_nat = { .mapping = VNET_MAPPING_DEPENDENT };
	const struct why_local blocked = { .stun_silent = true };
	struct peer p = { 0 };

	set(&p, NULL, NULL, 0);
	expect(&p, &cone_nat, VNET_WHY_NO_CANDIDATES);
	struct paths *s = set(&p, cone, kinds, 2);
	expect(&p, &cone_nat, VNET_WHY_TRYING);
	s->path[0].state = PATH_DEAD;
	expect(&p, &cone_nat, VNET_WHY_TRYING);
	exhaust(s);
	expect(&p, &cone_nat, VNET_WHY_UNANSWERED);
	expect(&p, &hard_nat, VNET_WHY_OUR_NAT);
	expect(&p, &blocked, VNET_WHY_UDP_BLOCKED);
	s->path[1].state = PATH_NEW; /* and again: that is no news */
	expect(&p, &hard_nat, VNET_WHY_OUR_NAT);
	s->path[1].answered_us = now.us;
	expect(&p, &hard_nat, VNET_WHY_LOST);
	exhaust(set(&p, hard, kinds, 3));
	expect(&p, &cone_nat, VNET_WHY_PEER_NAT);
	expect(&p, &hard_nat, VNET_WHY_BOTH_NATS);
	exhaust(set(&p, home, hosts, 2));
	expect(&p, &cone_nat, VNET_WHY_PEER_PRIVATE);
	struct vnet_peer_status status;
	peer_status(&p, &cone_nat, now, &status);
	is_text(vnet_path_names[status.path], "relayed", "its status: the path");
	is_text(status.address, "198.51.100.1:3478", "the relay");
	is_text(vnet_candidate_kind_names[status.kind], "relayed", "its kind");
	ok(status.relay_tls, "the way to it");
	is_int(status.datagram_bytes, 1200, "the datagram size");
	paths_clear(&p.paths);
}

/* ---- without keys, in a simulated network ---- */
static void expect_between(int a, int b, enum vnet_why want)
{
	const struct why_local local = { .mapping = VNET_MAPPING_UNKNOWN };
	expect(peer_at(a, b), &local, want);
}

/* Between 0 and 1, which are connected. */
static void test_ping(void)
{
	struct vnet_ping result;
	struct address to;
	struct peer *p = peer_at(0, 1);
	uint64_t token = 0, first = 0;
	uint8_t number = p->paths.path[p->paths.active].number;
	ok(peer_ping(p, now, &token) == OK && token != 0, "a ping goes out");
	is_int(pings_result(&p->pings, token, &result, &to), OK, "and is remembered");
	ok(result.rtt_us == -1 && result.path == VNET_PATH_DIRECT, "without an answer at first");
	is_text(result.address, "192.0.2.2:1002", "with where it went");
	run_us(2 * DELAY_US);
	is_int(pings_result(&p->pings, token, &result, &to), OK, "it is answered");
	is_int(result.rtt_us, 2 * DELAY_US, "its time is the network's");
	is_int(p->paths.path[p->paths.active].number, number, "the path's own probes are as before");
	ok(!pings_answered(&p->pings, token, now), "a second answer is none");
	ok(!pings_answered(&p->pings, 0, now) && !pings_answered(&p->pings, token + 1, now), "nor another's");
	first = token;
	for (int i = 0; i < PINGS_KEPT; i++)
		assert(peer_ping(p, now, &token) == OK);
	is_int(pings_result(&p->pings, first, &result, &to), E_NOT_FOUND, "old ones are forgotten");
	is_int(peer_ping(peer_at(0, 2), now, &token), E_UNAVAILABLE, "without a path there is no ping");
	run_us(SECOND_US);
}

static void test_unreached(void)
{
	struct vnet_peer all[NODES];
	struct vnet_peer_status status;
	node_make(0, "192.0.2.1:1001");
	node_make(1, "192.0.2.2:1002");
	node_make(2, "192.0.2.3:1003");
	for (int i = 0; i < NODES; i++)
		all[i] = nodes[i].self;
	all[2].candidate_count = 0;
	node_up(0);
	node_up(1);
	assert(mesh_set_peers(&nodes[0].mesh, all, NODES, now) == OK);
	expect_between(0, 1, VNET_WHY_TRYING);
	expect_between(0, 2, VNET_WHY_NO_CANDIDATES);
	run_us(MINUTE_US);
	expect_between(0, 1, VNET_WHY_PEER_SILENT);
	const struct why_local blocked = { .stun_silent = true };
	expect(peer_at(0, 1), &blocked, VNET_WHY_UDP_BLOCKED);
	assert(mesh_set_peers(&nodes[1].mesh, all, NODES, now) == OK);
	run_us(2 * MINUTE_US);
	expect_between(0, 1, VNET_WHY_NONE);
	peer_status(peer_at(0, 1), &blocked, now, &status);
	ok(status.path == VNET_PATH_DIRECT && status.kind == VNET_HOST && !status.learned, "and then it is direct");
	is_int(status.loss_permille, 0, "without loss");
	is_int(status.datagram_bytes, 1472, "with whole datagrams");
	ok(status.handshakes >= 1, "after a handshake");
	test_ping();
	loss_percent = 40;
	for (int i = 0; i < 30; i++) {
		paths_used(&peer_at(0, 1)->paths, now);
		run_us(2 * SECOND_US);
	}
	loss_percent = 0;
	peer_status(peer_at(0, 1), &blocked, now, &status);
	ok(status.path != VNET_PATH_DIRECT || status.loss_permille > 0, "loss shows: %d", status.loss_permille);
	node_crash(1);
	run_us(5 * MINUTE_US);
	expect_between(0, 1, VNET_WHY_PEER_SILENT);
	node_crash(0);
	node_up(0);
	node_up(1);
	introduce();
	peer_at(0, 1)->pin.bytes[0] ^= 1; /* the key at the other end is another than the introduced one */
	run_us(MINUTE_US);
	expect_between(0, 1, VNET_WHY_KEY_MISMATCH);
	ok(peer_at(0, 1)->handshakes + peer_at(1, 0)->handshakes > 2, "handshakes are counted");
	node_crash(0);
	node_crash(1);
	node_up(0);
	node_up(1);
	spare_carriers = 3;
	introduce();
	run_us(3 * SECOND_US);
	ok(connected(0, 1) && peer_at(0, 1)->handshake_repeats + peer_at(1, 0)->handshake_repeats > 0,
	   "a flight that was sent again is counted");
	for (int i = 0; i < NODES; i++) {
		if (nodes[i].up)
			node_crash(i);
		free(nodes[i].key);
		free(nodes[i].cert);
	}
}

/* Every reason is explained where users look. */
static void test_pages(void)
{
	static const char *const pages[] = { "docs/VNET.md", "packaging/man/cpushare-vnet.7" };
	static char text[100000];
	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
		FILE *f = fopen(pages[i], "re");
		size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
		text[n] = 0;
		if (f)
			fclose(f);
		for (int why = VNET_WHY_TRYING; why < VNET_WHY_COUNT; why++)
			ok(strstr(text, vnet_why_names[why]), "%s has %s", pages[i], vnet_why_names[why]);
	}
}

int main(void)
{
	test_pages();
	test_slots();
	test_path_loss();
	test_relayed();
	test_unreached();
	return done_testing();
}
