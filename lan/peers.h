/* SPDX-License-Identifier: Apache-2.0
 * peers.h - the market's words for networks and peers (protocol/network.h) in vnet's terms (vnet.h), and back
 */
#ifndef LAN_PEERS_H
#define LAN_PEERS_H

#include "network.h"
#include "vnet.h"
#include "vnet_status.h"

MUST_CHECK err_t peers_network(const struct network_view *view, struct vnet_network *ret);
/* An owner's word for what may seal the packets, as a bit of vnet_config.without or none: "auto", or "aes-256-gcm": nothing else. E_INVALID. */
MUST_CHECK err_t peers_cipher(const char *word, unsigned *ret_without);
/* The STUN servers that the market names. */
void peers_stun(const struct network_view *view, struct vnet_config *config);
/* vnet_set_relays() with those that the market names. */
MUST_CHECK err_t peers_relays(struct vnet *v, const struct relay_list *list, mono_time now);
/* One member; pin and candidates may be missing (ret's pin is then zero). E_INVALID. */
MUST_CHECK err_t peers_member(const struct peer_view *view, struct vnet_peer *ret);
/* vnet_set_peers() with those of the list that have a pin. */
MUST_CHECK err_t peers_introduce(struct vnet *v, const struct peer_list *list, mono_time now);
void peers_own_candidates(struct vnet *v, struct vnet_candidates_text *ret);
/* [{"id","name","ip","ip6","path","kind","relay","address","why_not_direct","rtt_us","loss_permille","datagram_bytes","cipher","handshakes",
 * "handshake_repeats","tx_bytes","rx_bytes","dropped"},…]: struct vnet_peer_status */
json_t *peers_status_to_json(const struct vnet *v);

#endif
