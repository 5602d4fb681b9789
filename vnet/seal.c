/* SPDX-License-Identifier: Apache-2.0
 * seal.c - AES-256-GCM over one packet (NIST SP 800-38D)
 *
 * How it works: a packet is to OpenSSL what a TLS record is to it (RFC 5288): an 8-byte explicit nonce, our counter, right in front of the
 * sealed bytes, and the tag behind. So one call seals a packet; the general interface's five, each of which looks up its parameters by
 * their names, cost as much as the sealing of half a packet. The nonce is the direction's 4-byte salt and the counter, which OpenSSL
 * itself counts up: it cannot repeat under a key, and a session is replaced long before 2^64 (session.h).
 */
#include <openssl/core_names.h>
#include "bytes.h"
#include "seal.h"

#define NONCE_BYTES 12
#define COUNTER_BYTES 8 /* at the end of the outer header */
#define CLEAR_BYTES (WIRE_HEADER_BYTES - COUNTER_BYTES)
#define AAD_BYTES EVP_AEAD_TLS1_AAD_LEN

err_t seal_init(struct seal *s, const struct seal_key *key, bool for_sending, uint64_t next)
{
	uint8_t nonce[NONCE_BYTES];
	struct writer w = writer_of(nonce, sizeof nonce);
	write_bytes(&w, key->salt, sizeof key->salt);
	write_u64(&w, next);
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	if (!c)
		return E_NOMEM;
	if (EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, key->key, NULL, for_sending) != 1 ||
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_IV_FIXED, -1, nonce) != 1) {
		EVP_CIPHER_CTX_free(c);
		return E_INTERNAL;
	}
	s->context = c;
	return OK;
}

void seal_clear(struct seal *s)
{
	EVP_CIPHER_CTX_free(s->context);
	*s = (struct seal){ 0 };
}

/* Seals or opens what stands behind the clear part. record_bytes: of all behind it; OpenSSL takes off it what is not plain, so that
 * the AAD ends with the plain bytes' length. */
static bool run(struct seal *s, uint8_t *packet, size_t record_bytes, size_t aad_bytes)
{
	uint8_t aad[AAD_BYTES] = { 0 };
	const OSSL_PARAM params[] = { OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TLS1_AAD, aad, sizeof aad), OSSL_PARAM_END };
	memcpy(aad, packet, CLEAR_BYTES);
	aad[AAD_BYTES - 2] = (uint8_t)(aad_bytes >> 8);
	aad[AAD_BYTES - 1] = (uint8_t)aad_bytes;
	uint8_t *record = packet + CLEAR_BYTES;
	return EVP_CIPHER_CTX_set_params(s->context, params) == 1 &&
	       EVP_Cipher(s->context, record, record, (unsigned)record_bytes) >= 0;
}

err_t seal_packet(struct seal *s, const struct wire_header *h, uint8_t *packet, size_t len)
{
	size_t record_bytes = COUNTER_BYTES + len + WIRE_TAG_BYTES;
	if (record_bytes > UINT16_MAX)
		return E_LIMIT;
	wire_header_put(h, packet);
	return run(s, packet, record_bytes, COUNTER_BYTES + len) ? OK : E_INTERNAL;
}

err_t seal_open(struct seal *s, uint8_t *packet, size_t len, size_t *ret_plain_len)
{
	if (len < WIRE_SEAL_BYTES || len > UINT16_MAX || !run(s, packet, len - CLEAR_BYTES, len - CLEAR_BYTES))
		return E_CORRUPT;
	*ret_plain_len = len - WIRE_SEAL_BYTES;
	return OK;
}
