/* SPDX-License-Identifier: Apache-2.0
 * endpoint.h - one lease's end of the virtual ethernet, in a process of its own (docs/SELLER.md)
 */
#ifndef SELLER_ENDPOINT_H
#define SELLER_ENDPOINT_H

#include "machine.h"
#include "vnet.h"

/* How a lease's QEMU and its endpoint hand frames to each other. */
enum port_kind { PORT_DGRAM, PORT_STREAM, PORT_VHOST_USER, PORT_KIND_COUNT };
extern const char *const port_kind_names[PORT_KIND_COUNT]; /* "dgram", "stream", "vhost-user" */
/* Out of a setting: one of the names, or `preferred` for "auto". E_INVALID. */
MUST_CHECK err_t port_kind_choose(const char *setting, enum port_kind preferred, enum port_kind *ret_kind);

/* The process: reads LEASE_DIR/net.json, serves LEASE_DIR/net.sock until it is told to quit. Returns an exit code. */
int endpoint_main(const char *lease_dir, uint16_t udp_port, const char *address, const char *cipher);

#define ENDPOINT_PORTS 16 /* from udp_port on; the first one that is free is taken. Where none is, any other one */
/* "203.0.113.7" and a port as a candidate's address of VNET_CANDIDATE_SIZE bytes. E_INVALID. */
MUST_CHECK err_t endpoint_address(const char *ip, uint16_t port, char *ret_address);

/* The daemon's side. uid: that the endpoint runs as where we are root; 0: as we are. udp_port, address, cipher: what the owner
 * opened and lets seal (settings.h). rates: its first. */
MUST_CHECK err_t endpoint_start(const char *lease_dir, const struct lease_spec *spec, enum port_kind port, uint32_t uid,
				uint16_t udp_port, const char *address, const char *cipher, const struct vnet_rates *rates);
struct endpoint_status {
	sha256 pin;
	struct vnet_candidates_text candidates;
	uint64_t tx_bytes, rx_bytes; /* from and to the guest */
	struct vnet_rates rates;     /* that it keeps */
	uint64_t first_rx_us;	     /* CLOCK_MONOTONIC, when the first frame of another peer came; 0: none did */
	char path[12];		     /* to the buyer's peer: none, connecting, direct, relayed */
	size_t path_count;
	struct path_view paths[PEER_MAX]; /* to all */
};
MUST_CHECK err_t endpoint_ask_status(const char *lease_dir, struct endpoint_status *ret);
MUST_CHECK err_t endpoint_set_peers(const char *lease_dir, const struct peer_list *peers, const struct relay_list *relays);
MUST_CHECK err_t endpoint_set_rates(const char *lease_dir, const struct vnet_rates *rates);
bool endpoint_lives(const char *lease_dir); /* also where it is too slow to answer */
void endpoint_kill(const char *lease_dir);
void endpoint_stop(const char *lease_dir); /* asks it to end, kills it where it does not answer */

#endif
