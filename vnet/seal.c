/* SPDX-License-Identifier: Apache-2.0
 * seal.c - AES-256-GCM over one packet (NIST SP 800-38D)
 *
 * The nonce is the direction's 4-byte salt and the packet's 64-bit counter; the counter never repeats under a key, because a
 * session counts up and is replaced long before 2^64 (session.h).
 */
#include <limits.h>
#include "bytes.h"
#include "seal.h"

#define NONCE_BYTES 12

err_t seal_init(struct seal *s, const struct seal_key *key, bool for_sending)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	if (!c)
		return E_NOMEM;
	if (EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, key->key, NULL, for_sending) != 1) {
		EVP_CIPHER_CTX_free(c);
		return E_INTERNAL;
	}
	s->context = c;
	memcpy(s->salt, key->salt, sizeof s->salt);
	return OK;
}

void seal_clear(struct seal *s)
{
	EVP_CIPHER_CTX_free(s->context);
	*s = (struct seal){ 0 };
}

static void nonce_of(const struct seal *s, uint64_t counter, uint8_t nonce[NONCE_BYTES])
{
	struct writer w = writer_of(nonce, NONCE_BYTES);
	write_bytes(&w, s->salt, sizeof s->salt);
	write_u64(&w, counter);
}

err_t seal_packet(struct seal *s, const struct wire_header *h, const uint8_t *plain, size_t len, uint8_t *packet)
{
	uint8_t nonce[NONCE_BYTES];
	int n;
	if (len > INT_MAX - WIRE_SEAL_BYTES)
		return E_LIMIT;
	wire_header_put(h, packet);
	nonce_of(s, h->counter, nonce);
	uint8_t *sealed = packet + WIRE_HEADER_BYTES;
	if (EVP_EncryptInit_ex(s->context, NULL, NULL, NULL, nonce) != 1 ||
	    EVP_EncryptUpdate(s->context, NULL, &n, packet, WIRE_HEADER_BYTES) != 1 ||
	    EVP_EncryptUpdate(s->context, sealed, &n, plain, (int)len) != 1 ||
	    EVP_EncryptFinal_ex(s->context, sealed + len, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(s->context, EVP_CTRL_AEAD_GET_TAG, WIRE_TAG_BYTES, sealed + len) != 1)
		return E_INTERNAL;
	return OK;
}

err_t seal_open(struct seal *s, const struct wire_header *h, uint8_t *packet, size_t len, size_t *ret_plain_len)
{
	uint8_t nonce[NONCE_BYTES];
	int n;
	if (len < WIRE_SEAL_BYTES || len > INT_MAX)
		return E_CORRUPT;
	size_t plain_len = len - WIRE_SEAL_BYTES;
	uint8_t *sealed = packet + WIRE_HEADER_BYTES;
	nonce_of(s, h->counter, nonce);
	if (EVP_DecryptInit_ex(s->context, NULL, NULL, NULL, nonce) != 1 ||
	    EVP_CIPHER_CTX_ctrl(s->context, EVP_CTRL_AEAD_SET_TAG, WIRE_TAG_BYTES, sealed + plain_len) != 1 ||
	    EVP_DecryptUpdate(s->context, NULL, &n, packet, WIRE_HEADER_BYTES) != 1 ||
	    EVP_DecryptUpdate(s->context, sealed, &n, sealed, (int)plain_len) != 1 ||
	    EVP_DecryptFinal_ex(s->context, sealed + plain_len, &n) != 1)
		return E_CORRUPT;
	*ret_plain_len = plain_len;
	return OK;
}
