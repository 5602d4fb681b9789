/* SPDX-License-Identifier: Apache-2.0
 * seal.c - AES-256-GCM (NIST SP 800-38D) or AEGIS-128L (aegis.h) over one packet
 *
 * How it works, of AES-256-GCM: where the processor has what libipsec-mb needs (seal_mb.h) that does it, in half the time of OpenSSL 3.0 for small
 * packets. Elsewhere a packet is to OpenSSL what a TLS record is to it (RFC 5288): an 8-byte explicit nonce, our counter, right in
 * front of the sealed bytes, and the tag behind. So one call seals a packet; the general interface's five, each of which looks up its
 * parameters by their names, cost as much as the sealing of half a packet. The nonce is the direction's 4-byte salt and the counter,
 * which only ever counts up: it cannot repeat under a key, and a session is replaced long before 2^64 (session.h). AEGIS-128L's nonce has room
 * for a longer salt, and its associated data is the outer header as it is.
 */
#include <assert.h>
#include <openssl/core_names.h>
#include "aegis.h"
#include "bytes.h"
#include "seal.h"
#include "seal_mb.h"

#define NONCE_BYTES 12
#define COUNTER_BYTES 8 /* at the end of the outer header */
#define CLEAR_BYTES (WIRE_HEADER_BYTES - COUNTER_BYTES)
#define AAD_BYTES EVP_AEAD_TLS1_AAD_LEN
static_assert(NONCE_BYTES == SEAL_MB_NONCE_BYTES, "both libraries' nonces are the wire's");
static_assert(AEGIS_NONCE_BYTES == SEAL_SALT_BYTES + COUNTER_BYTES, "a salt and a counter");
static_assert(AEGIS_TAG_BYTES == WIRE_TAG_BYTES && AEGIS_KEY_BYTES <= SEAL_KEY_BYTES, "it fits");

err_t seal_init_openssl(struct seal *s, const struct seal_key *key, bool for_sending, uint64_t next)
{
	uint8_t nonce[NONCE_BYTES];
	struct writer w = writer_of(nonce, sizeof nonce);
	write_bytes(&w, key->salt, SEAL_GCM_SALT_BYTES);
	write_u64(&w, next);
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	if (!c)
		return E_NOMEM;
	if (EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, key->key, NULL, for_sending) != 1 ||
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_IV_FIXED, -1, nonce) != 1) {
		EVP_CIPHER_CTX_free(c);
		return E_INTERNAL;
	}
	*s = (struct seal){ .context = c };
	return OK;
}

err_t seal_init(struct seal *s, const struct seal_key *key, bool for_sending, uint64_t next)
{
	if (key->cipher == VNET_AEGIS_128L) {
		*s = (struct seal){ .cipher = key->cipher, .key = *key, .next = next };
		return aegis_works() ? OK : E_INTERNAL;
	}
	if (!seal_mb_works())
		return seal_init_openssl(s, key, for_sending, next);
	struct seal_mb_key *mb = seal_mb_key_new(key->key);
	if (!mb)
		return E_NOMEM;
	*s = (struct seal){ .mb = mb, .next = next };
	memcpy(s->key.salt, key->salt, sizeof s->key.salt);
	return OK;
}

void seal_clear(struct seal *s)
{
	EVP_CIPHER_CTX_free(s->context);
	seal_mb_key_free(s->mb);
	OPENSSL_cleanse(&s->key, sizeof s->key);
	*s = (struct seal){ 0 };
}

static void aad_put(uint8_t aad[AAD_BYTES], const uint8_t *packet, size_t len)
{
	memset(aad, 0, AAD_BYTES);
	memcpy(aad, packet, CLEAR_BYTES);
	aad[AAD_BYTES - 2] = (uint8_t)(len >> 8);
	aad[AAD_BYTES - 1] = (uint8_t)len;
}

/* ---- by OpenSSL ---- */
/* Seals or opens what stands behind the clear part. record_bytes: of all behind it; OpenSSL takes off it what is not plain, so that
 * the AAD ends with the plain bytes' length. */
static bool run(struct seal *s, uint8_t *packet, size_t record_bytes, size_t aad_bytes)
{
	uint8_t aad[AAD_BYTES];
	const OSSL_PARAM params[] = { OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TLS1_AAD, aad, sizeof aad), OSSL_PARAM_END };
	aad_put(aad, packet, aad_bytes);
	uint8_t *record = packet + CLEAR_BYTES;
	return EVP_CIPHER_CTX_set_params(s->context, params) == 1 &&
	       EVP_Cipher(s->context, record, record, (unsigned)record_bytes) >= 0;
}

/* ---- by libipsec-mb ---- */
static void nonce_put(uint8_t nonce[NONCE_BYTES], const struct seal *s, const uint8_t *packet)
{
	memcpy(nonce, s->key.salt, SEAL_GCM_SALT_BYTES);
	memcpy(nonce + SEAL_GCM_SALT_BYTES, packet + CLEAR_BYTES, COUNTER_BYTES);
}

static void mb_seal(struct seal *s, uint8_t *packet, size_t len)
{
	uint8_t aad[AAD_BYTES], nonce[NONCE_BYTES], *plain = packet + WIRE_HEADER_BYTES;
	aad_put(aad, packet, len);
	nonce_put(nonce, s, packet);
	seal_mb_seal(s->mb, nonce, aad, sizeof aad, plain, len, plain + len);
}

static bool mb_open(const struct seal *s, uint8_t *packet, size_t len)
{
	uint8_t aad[AAD_BYTES], nonce[NONCE_BYTES], tag[WIRE_TAG_BYTES], *sealed = packet + WIRE_HEADER_BYTES;
	aad_put(aad, packet, len);
	nonce_put(nonce, s, packet);
	seal_mb_open(s->mb, nonce, aad, sizeof aad, sealed, len, tag);
	return CRYPTO_memcmp(tag, sealed + len, sizeof tag) == 0;
}

/* ---- AEGIS-128L ---- */
static void aegis_nonce_put(uint8_t nonce[AEGIS_NONCE_BYTES], const struct seal *s, const uint8_t *packet)
{
	memcpy(nonce, s->key.salt, SEAL_SALT_BYTES);
	memcpy(nonce + SEAL_SALT_BYTES, packet + CLEAR_BYTES, COUNTER_BYTES);
}

static void aegis_seal_packet(const struct seal *s, uint8_t *packet, size_t len)
{
	uint8_t nonce[AEGIS_NONCE_BYTES], *plain = packet + WIRE_HEADER_BYTES;
	aegis_nonce_put(nonce, s, packet);
	aegis_seal(s->key.key, nonce, packet, WIRE_HEADER_BYTES, plain, len, plain + len);
}

static bool aegis_open_packet(const struct seal *s, uint8_t *packet, size_t len)
{
	uint8_t nonce[AEGIS_NONCE_BYTES], *sealed = packet + WIRE_HEADER_BYTES;
	aegis_nonce_put(nonce, s, packet);
	return aegis_open(s->key.key, nonce, packet, WIRE_HEADER_BYTES, sealed, len, sealed + len);
}

/* ---- by whichever it is ---- */
err_t seal_packet(struct seal *s, const struct wire_header *h, uint8_t *packet, size_t len)
{
	size_t record_bytes = COUNTER_BYTES + len + WIRE_TAG_BYTES;
	/* Field by field: the caller has just written them so, and a load of all at once would wait for that. */
	struct wire_header counted = { .type = h->type, .index = h->index, .counter = s->next };
	if (record_bytes > UINT16_MAX)
		return E_LIMIT;
	wire_header_put(&counted, packet); /* OpenSSL writes a counter of its own */
	if (s->context)
		return run(s, packet, record_bytes, COUNTER_BYTES + len) ? OK : E_INTERNAL;
	s->next++;
	if (s->cipher == VNET_AEGIS_128L)
		aegis_seal_packet(s, packet, len);
	else
		mb_seal(s, packet, len);
	return OK;
}

err_t seal_open(struct seal *s, uint8_t *packet, size_t len, size_t *ret_plain_len)
{
	if (len < WIRE_SEAL_BYTES || len > UINT16_MAX)
		return E_CORRUPT;
	bool opens = s->cipher == VNET_AEGIS_128L ? aegis_open_packet(s, packet, len - WIRE_SEAL_BYTES)
		     : s->mb			  ? mb_open(s, packet, len - WIRE_SEAL_BYTES)
						  : run(s, packet, len - CLEAR_BYTES, len - CLEAR_BYTES);
	if (!opens)
		return E_CORRUPT;
	*ret_plain_len = len - WIRE_SEAL_BYTES;
	return OK;
}
