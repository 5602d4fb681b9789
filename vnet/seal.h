/* SPDX-License-Identifier: Apache-2.0
 * seal.h - AES-256-GCM over one packet: outer header as AAD, nonce from a salt and the counter
 */
#ifndef VNET_SEAL_H
#define VNET_SEAL_H

#include <openssl/evp.h>
#include "wire.h"

#define SEAL_KEY_BYTES 32
#define SEAL_SALT_BYTES 4

struct seal_key {
	uint8_t key[SEAL_KEY_BYTES];
	uint8_t salt[SEAL_SALT_BYTES];
};

/* One direction. The context keeps the key's schedule: making it anew for each packet would cost more than the sealing. */
struct seal {
	EVP_CIPHER_CTX *context;
	uint8_t salt[SEAL_SALT_BYTES];
};

MUST_CHECK err_t seal_init(struct seal *s, const struct seal_key *key, bool for_sending);
void seal_clear(struct seal *s);
/* Writes header, sealed bytes and tag: len + WIRE_SEAL_BYTES. plain must not overlap packet. The caller never repeats a counter. */
MUST_CHECK err_t seal_packet(struct seal *s, const struct wire_header *h, const uint8_t *plain, size_t len, uint8_t *packet);
/* Opens in place; the plain bytes then stand at packet + WIRE_HEADER_BYTES. E_CORRUPT. */
MUST_CHECK err_t seal_open(struct seal *s, const struct wire_header *h, uint8_t *packet, size_t len, size_t *ret_plain_len);

#endif
