/* SPDX-License-Identifier: Apache-2.0
 * handshake.h - DTLS 1.2 between two pinned keys, as datagrams in and datagrams out
 */
#ifndef VNET_HANDSHAKE_H
#define VNET_HANDSHAKE_H

#include "crypto.h"
#include "seal.h"
#include "uuid.h"

/* Our own key and certificate. aegis: offer and take AEGIS-128L, where the processor has what it needs. */
struct identity;
MUST_CHECK err_t identity_new(const char *key_pem, const char *cert_pem, bool aegis, struct identity **ret_identity);
void identity_free(struct identity *id);
sha256 identity_pin(const struct identity *id);

#define FLIGHT_DATAGRAMS 6
/* What we said last and may have to say again. */
struct flight {
	uint8_t first_part; /* number of its first datagram among all of ours */
	uint8_t count;
	uint16_t len[FLIGHT_DATAGRAMS];
	uint8_t data[FLIGHT_DATAGRAMS][CARRIER_DTLS_MAX];
};

struct handshake;
enum handshake_state { HANDSHAKE_GOING, HANDSHAKE_DONE, HANDSHAKE_FAILED };

/* peer_pin: the one key that the other side must prove to have. identity must outlive it. */
MUST_CHECK err_t handshake_new(struct identity *id, bool client, sha256 peer_pin, struct handshake **ret_handshake);
void handshake_free(struct handshake *h);
/* Takes one datagram of the other side's (a client's first call has none: NULL, 0). Where that makes us speak, the flight is
 * new and ret_spoke is set. The datagram's order and repetition do not matter; garbage is ignored or fails the handshake. */
enum handshake_state handshake_step(struct handshake *h, const uint8_t *datagram, size_t len, bool *ret_spoke);
const struct flight *handshake_flight(const struct handshake *h);

/* After HANDSHAKE_DONE: the keys of both directions (RFC 5705), bound to the network, both indexes and the cipher that both agreed on. */
MUST_CHECK err_t handshake_keys(const struct handshake *h, uuid network, uint32_t client_index, uint32_t server_index,
				struct seal_key *ret_client_to_server, struct seal_key *ret_server_to_client);

#endif
