/* SPDX-License-Identifier: Apache-2.0
 * seal.h - one packet sealed by AES-256-GCM or AEGIS-128L: nonce from a salt and the counter, the outer header authenticated
 */
#ifndef VNET_SEAL_H
#define VNET_SEAL_H

#include <openssl/evp.h>
#include "vnet.h"
#include "wire.h"

#define SEAL_KEY_BYTES 32 /* AES-256-GCM's; AEGIS-128L uses the first AEGIS_KEY_BYTES */
#define SEAL_SALT_BYTES 8 /* AEGIS-128L's; AES-256-GCM uses the first SEAL_GCM_SALT_BYTES */
#define SEAL_GCM_SALT_BYTES 4

struct seal_key {
	enum vnet_cipher cipher;
	uint8_t key[SEAL_KEY_BYTES];
	uint8_t salt[SEAL_SALT_BYTES];
};

/* One direction. AES-256-GCM is done by one of two libraries. */
struct seal {
	enum vnet_cipher cipher;
	EVP_CIPHER_CTX *context; /* OpenSSL: keeps the key's schedule, the salt and, of the sending one, the counter */
	struct seal_mb_key *mb;
	struct seal_key key; /* AEGIS-128L's, which has no schedule; the salt is libipsec-mb's as well */
	uint64_t next;	     /* of the sending one */
};

/* next: the counter of the first packet that is sealed; nothing to the receiving direction. */
MUST_CHECK err_t seal_init(struct seal *s, const struct seal_key *key, bool for_sending, uint64_t next);
/* AES-256-GCM by OpenSSL, where libipsec-mb would do it too: to compare them. */
MUST_CHECK err_t seal_init_openssl(struct seal *s, const struct seal_key *key, bool for_sending, uint64_t next);
void seal_clear(struct seal *s);
/* The plain bytes stand at packet + WIRE_HEADER_BYTES; writes header and tag around them and seals them there, len + WIRE_SEAL_BYTES in
 * all. h->counter is not looked at: each packet gets the one behind the last one's. */
MUST_CHECK err_t seal_packet(struct seal *s, const struct wire_header *h, uint8_t *packet, size_t len);
/* Opens in place, under the counter that stands in the packet; the plain bytes then stand at packet + WIRE_HEADER_BYTES. E_CORRUPT. */
MUST_CHECK err_t seal_open(struct seal *s, uint8_t *packet, size_t len, size_t *ret_plain_len);

#endif
