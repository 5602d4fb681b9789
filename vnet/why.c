/* SPDX-License-Identifier: Apache-2.0
 * why.c - how a peer is reached, and why not directly
 *
 * How it works: nothing is asked for it; it is read off what handshakes and probes have left behind. The peer's NAT is known by the
 * addresses that the peer announces: two reflexive ones of one IPv4 address and different ports mean that two STUN servers saw its one
 * socket differently, so that the NAT maps by destination (RFC 4787 section 4.1).
 */
#include <assert.h>
#include "ipv6.h"
#include "why.h"

#define FAILURES_TRYING 2 /* handshakes given up, or rounds of wishes: fewer say nothing yet */

const char *const vnet_why_names[] = { "none", "trying",    "key_mismatch", "no_candidates", "udp_blocked",  "peer_silent",
				       "lost", "both_nats", "our_nat",	    "peer_nat",	     "peer_private", "unanswered" };
static_assert(sizeof vnet_why_names / sizeof *vnet_why_names == VNET_WHY_COUNT, "a name each");

static const char *const sentences[] = {
	"it is reached directly",
	"its addresses are still being tried",
	"a handshake was refused: the key is not the one that the market introduced",
	"it has announced no address so far",
	"no STUN server answers this machine: a firewall seems to block UDP; let UDP out",
	"nothing has come from it over any path: it is off, or a firewall blocks its UDP",
	"the direct path went silent; it is tried again for ever",
	"both sides' NATs give each destination another port; a port mapping (PCP, NAT-PMP) or IPv6 on one side helps",
	"this side's NAT gives each destination another port; a port mapping (PCP, NAT-PMP) or IPv6 helps",
	"its NAT gives each destination another port; a port mapping (PCP, NAT-PMP) or IPv6 on its side helps",
	"it announces only addresses of its own site: no STUN server answers it",
	"probes to its addresses go unanswered: a NAT or a firewall on one side drops them",
};
static_assert(sizeof sentences / sizeof *sentences == VNET_WHY_COUNT, "a sentence each");

const char *vnet_why_sentence(enum vnet_why why)
{
	return sentences[why];
}

static bool is_direct(const struct path *path)
{
	return path->kind != VNET_RELAYED;
}

/* ---- what the direct paths tell ---- */
struct direct {
	int count;
	bool answered; /* one once did */
	bool fresh;    /* one was not tried to the end yet */
	bool outside;  /* one is not of a private range */
};

static struct direct direct_of(const struct paths *s)
{
	struct direct d = { .count = 0 };
	for (int i = 0; i < s->count; i++) {
		const struct path *p = &s->path[i];
		if (!is_direct(p))
			continue;
		d.count++;
		d.answered |= p->answered_us > 0;
		d.fresh |= p->state <= PATH_PROBING && !p->deaths;
		d.outside |= !address_is_private(&p->to);
	}
	return d;
}

static bool peer_maps_by_destination(const struct paths *s)
{
	const struct address *first = NULL;
	for (int i = 0; i < s->count; i++) {
		const struct path *p = &s->path[i];
		if (p->kind != VNET_REFLEXIVE || !address_is_v4(&p->to))
			continue;
		if (first && address_v4(first) == address_v4(&p->to) && first->port != p->to.port)
			return true;
		first = first ? first : &p->to;
	}
	return false;
}

/* ---- why ---- */
static enum vnet_why why_no_keys(const struct peer *p, const struct why_local *local)
{
	if (p->refused)
		return VNET_WHY_KEY_MISMATCH;
	if (p->paths.count == 0)
		return VNET_WHY_NO_CANDIDATES;
	if (p->failures < FAILURES_TRYING)
		return VNET_WHY_TRYING;
	return local->stun_silent ? VNET_WHY_UDP_BLOCKED : VNET_WHY_PEER_SILENT;
}

static enum vnet_why why_nats(const struct peer *p, const struct why_local *local)
{
	bool ours = local->mapping == VNET_MAPPING_DEPENDENT, peers = peer_maps_by_destination(&p->paths);
	if (ours && peers)
		return VNET_WHY_BOTH_NATS;
	return ours ? VNET_WHY_OUR_NAT : peers ? VNET_WHY_PEER_NAT : VNET_WHY_UNANSWERED;
}

enum vnet_why why_not_direct(const struct peer *p, const struct why_local *local)
{
	if (peer_is_reached(p) && is_direct(&p->paths.path[p->paths.active]))
		return VNET_WHY_NONE;
	if (!p->current)
		return why_no_keys(p, local);
	struct direct d = direct_of(&p->paths);
	if (d.count == 0)
		return VNET_WHY_NO_CANDIDATES;
	if (d.fresh)
		return VNET_WHY_TRYING;
	if (d.answered)
		return VNET_WHY_LOST;
	if (local->stun_silent)
		return VNET_WHY_UDP_BLOCKED;
	return d.outside ? why_nats(p, local) : VNET_WHY_PEER_PRIVATE;
}

/* ---- the whole status ---- */
void peer_status(const struct peer *p, const struct why_local *local, mono_time now, struct vnet_peer_status *ret_status)
{
	struct vnet_peer_status s = {
		.id = p->id,
		.ip = p->ip,
		.path = p->paths.count > 0 ? VNET_PATH_CONNECTING : VNET_PATH_NONE,
		.why_not_direct = why_not_direct(p, local),
		.rtt_us = -1,
		.loss_permille = -1,
		.handshakes = p->handshakes,
		.handshake_repeats = p->handshake_repeats,
		.tx_bytes = p->tx_bytes,
		.rx_bytes = p->rx_bytes,
		.tx_frames = p->tx_frames,
		.rx_frames = p->rx_frames,
		.dropped = p->dropped,
		.last_seen_us = p->heard_us,
	};
	memcpy(s.name, p->name, sizeof s.name);
	if (p->known_id)
		ip6_bytes((struct ip6){ ula_prefix(p->mesh->network), p->known_id }, s.ip6.s6_addr);
	if (peer_is_reached(p)) {
		const struct path *path = &p->paths.path[p->paths.active];
		s.path = is_direct(path) ? VNET_PATH_DIRECT : VNET_PATH_RELAYED;
		s.kind = path->kind;
		s.relay_tls = path->tls;
		s.learned = path->learned;
		s.rtt_us = path->srtt_us;
		s.loss_permille = path_loss_permille(path, now);
		s.cipher = p->current->send.cipher;
		s.datagram_bytes = path->datagram_bytes;
		address_format(&path->to, s.address);
	}
	*ret_status = s;
}
