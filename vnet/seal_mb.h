/* SPDX-License-Identifier: Apache-2.0
 * seal_mb.h - AES-256-GCM by libipsec-mb, for seal.c
 */
#ifndef VNET_SEAL_MB_H
#define VNET_SEAL_MB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEAL_MB_NONCE_BYTES 12

struct seal_mb_key; /* one key's schedule and powers of its hash key */

/* Has this processor the instructions (AES-NI, PCLMULQDQ, AVX2), and does the library's own test of itself pass? */
bool seal_mb_works(void);
/* NULL: out of memory. Only where it works. */
struct seal_mb_key *seal_mb_key_new(const uint8_t key[32]);
void seal_mb_key_free(struct seal_mb_key *k); /* wipes it */

/* In place; tag: 16 bytes. The opening one writes the tag that the bytes should have: nothing of them counts until it was compared. */
void seal_mb_seal(const struct seal_mb_key *k, const uint8_t nonce[SEAL_MB_NONCE_BYTES], const uint8_t *aad, size_t aad_bytes,
		  uint8_t *bytes, size_t len, uint8_t *tag);
void seal_mb_open(const struct seal_mb_key *k, const uint8_t nonce[SEAL_MB_NONCE_BYTES], const uint8_t *aad, size_t aad_bytes,
		  uint8_t *bytes, size_t len, uint8_t *tag);

#endif
