/* SPDX-License-Identifier: Apache-2.0
 * aegis.h - AEGIS-128L, an authenticated cipher made of the processor's AES rounds (draft-irtf-cfrg-aegis-aead, CFRG)
 *
 * Here because no library of Debian 12 has it; one that has replaces this file (docs/DEPENDENCIES.md says when). Only for
 * processors with AES-NI, without tables and without branches on secrets: its time depends on the lengths alone.
 *
 * Limits: a nonce must never come twice under a key, or the state can be computed from two messages. With counted nonces the draft names
 * no number of messages; a message and its associated data may have up to 2^61 bytes. The tag has the 128 bits that protocols must use.
 */
#ifndef VNET_AEGIS_H
#define VNET_AEGIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AEGIS_KEY_BYTES 16
#define AEGIS_NONCE_BYTES 16
#define AEGIS_TAG_BYTES 16

/* Has this processor the instructions? Without them nothing else of this file may be called. */
bool aegis_works(void);
/* Seals bytes in place; the tag may stand right behind them. */
void aegis_seal(const uint8_t key[AEGIS_KEY_BYTES], const uint8_t nonce[AEGIS_NONCE_BYTES], const uint8_t *ad, size_t ad_len,
		uint8_t *bytes, size_t len, uint8_t tag[AEGIS_TAG_BYTES]);
/* Opens bytes in place. False: the tag is not theirs, and bytes are zeros. */
bool aegis_open(const uint8_t key[AEGIS_KEY_BYTES], const uint8_t nonce[AEGIS_NONCE_BYTES], const uint8_t *ad, size_t ad_len,
		uint8_t *bytes, size_t len, const uint8_t tag[AEGIS_TAG_BYTES]);

#endif
