/* SPDX-License-Identifier: Apache-2.0
 * crypto.h - what we use of OpenSSL, in our own terms
 */
#ifndef BASE_CRYPTO_H
#define BASE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "err.h"

/* ---- random, hashes ---- */
typedef struct {
	uint8_t bytes[32];
} sha256;
#define SHA256_TEXT_SIZE 65

/* From the system's generator; dies where there is none. */
void random_fill(void *data, size_t len);
sha256 sha256_of(const void *data, size_t len);
bool sha256_equal(sha256 a, sha256 b); /* in constant time */
char *sha256_format(sha256 h, char *text);
MUST_CHECK err_t sha256_parse(const char *text, sha256 *ret_hash);
sha256 hmac_sha256(const void *key, size_t key_len, const void *data, size_t len);
bool constant_time_equal(const void *a, const void *b, size_t len);

/* Incremental hashing. x_free(NULL) is fine. */
struct sha256_stream;
struct sha256_stream *sha256_stream_new(void);
void sha256_stream_add(struct sha256_stream *s, const void *data, size_t len);
sha256 sha256_stream_end(struct sha256_stream *s); /* frees s */
void sha256_stream_free(struct sha256_stream *s);

/* GMAC (NIST SP 800-38D) with AES-256 under a random key of its own, twenty times as fast as SHA-256: whether data are still what they were,
 * for who keeps the key to himself. x_free(NULL) is fine. */
#define GMAC_KEY_BYTES 32
typedef struct {
	uint8_t bytes[16];
} gmac_tag;
struct gmac;
struct gmac *gmac_new(const uint8_t key[GMAC_KEY_BYTES]); /* a key is for one message */
void gmac_add(struct gmac *m, const void *data, size_t len);
gmac_tag gmac_end(struct gmac *m); /* frees m */
void gmac_free(struct gmac *m);

/* ---- passwords: scrypt (RFC 7914), N = 2^15, r = 8, p = 1: 32 MiB and about 0.1 s each ---- */
#define PASSWORD_HASH_SIZE 128
/* "$scrypt$15$8$1$SALT$HASH" in base64. text has PASSWORD_HASH_SIZE bytes. Slow by purpose: never on an event loop. */
MUST_CHECK err_t password_hash(const char *password, char *text);
/* E_AUTH where it does not match, E_CORRUPT where text is no hash of ours or asks for more than 64 MiB. */
MUST_CHECK err_t password_check(const char *password, const char *text);

/* ---- bearer tokens: PREFIX + 30 random base62 characters + 6 that are a CRC-32 of all before, so that scanners and
 * clients notice a mistyped one without asking. Only token_hash() of it is ever stored. ---- */
#define TOKEN_TEXT_SIZE 64
void token_make(const char *prefix, char *text);
bool token_well_formed(const char *prefix, const char *text);
sha256 token_hash(const char *text);

/* ---- Ed25519 (RFC 8032): a machine's identity, signs its usage ---- */
typedef struct {
	uint8_t bytes[32];
} ed25519_public;
typedef struct {
	uint8_t bytes[64];
} ed25519_signature;
struct ed25519_key; /* a private key */
MUST_CHECK err_t ed25519_new(struct ed25519_key **ret_key);
/* A PEM file (PKCS #8), written 0600. */
MUST_CHECK err_t ed25519_load(const char *path, struct ed25519_key **ret_key);
MUST_CHECK err_t ed25519_save(const struct ed25519_key *key, const char *path);
void ed25519_free(struct ed25519_key *key);
ed25519_public ed25519_public_of(const struct ed25519_key *key);
ed25519_signature ed25519_sign(const struct ed25519_key *key, const void *data, size_t len);
bool ed25519_verify(ed25519_public key, const void *data, size_t len, ed25519_signature signature);

/* ---- ECDSA on P-256 with SHA-256: proof of having the key that a pin names ---- */
typedef struct {
	uint8_t bytes[65]; /* an uncompressed point (SEC 1) */
} p256_public;
typedef struct {
	uint8_t bytes[64]; /* r and s, 32 bytes each */
} p256_signature;
struct p256_key;							   /* a private key */
MUST_CHECK err_t p256_new(const char *key_pem, struct p256_key **ret_key); /* as certificate_make() gives it. E_INVALID */
void p256_free(struct p256_key *key);
p256_public p256_public_of(const struct p256_key *key);
sha256 p256_pin(p256_public public); /* that of a certificate with this key */
MUST_CHECK err_t p256_sign(const struct p256_key *key, const void *data, size_t len, p256_signature *ret_signature);
bool p256_verify(p256_public public, const void *data, size_t len, p256_signature signature);

/* ---- P-256 with a self-signed certificate: TLS of the embedded market, DTLS of vnet ---- */
/* Both as PEM in one heap text each (caller frees). name: the subject's CN, and a DNS or IP subjectAltName. 10 years. */
MUST_CHECK err_t certificate_make(const char *name, char **ret_key_pem, char **ret_cert_pem);
/* SHA-256 of the certificate's SubjectPublicKeyInfo: the pin. */
MUST_CHECK err_t certificate_pin(const char *cert_pem, sha256 *ret_pin);

#endif
