/* SPDX-License-Identifier: Apache-2.0
 * password.c - scrypt hashes of passwords, as "$scrypt$LOG2_N$R$P$SALT$HASH"
 */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <stdio.h>
#include <string.h>
#include "bytes.h"
#include "crypto.h"

#define SALT_BYTES 16
#define HASH_BYTES 32
#define MAX_MEMORY_BYTES (64 << 20)
#define MAX_P 4

struct scrypt {
	uint64_t log2_n;
	uint32_t r, p;
	uint8_t salt[SALT_BYTES];
};

static err_t scrypt_derive(const struct scrypt *s, const char *password, uint8_t *ret_hash)
{
	uint64_t n = (uint64_t)1 << s->log2_n, max_memory = MAX_MEMORY_BYTES + (1 << 20);
	uint32_t r = s->r, p = s->p;
	/* The pointers are not const in OpenSSL's interface; it only reads. */
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, (void *)password, strlen(password)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)s->salt, sizeof s->salt),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
		OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
		OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &max_memory),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "SCRYPT", NULL);
	EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
	EVP_KDF_free(kdf);
	if (!context)
		return E_NOMEM;
	int done = EVP_KDF_derive(context, ret_hash, HASH_BYTES, params);
	EVP_KDF_CTX_free(context);
	return done == 1 ? OK : E_NOMEM;
}

err_t password_hash(const char *password, char *text)
{
	struct scrypt s = { .log2_n = 15, .r = 8, .p = 1 };
	uint8_t hash[HASH_BYTES];
	char salt_text[4 * ((SALT_BYTES + 2) / 3) + 1], hash_text[4 * ((HASH_BYTES + 2) / 3) + 1];
	random_fill(s.salt, sizeof s.salt);
	TRY(scrypt_derive(&s, password, hash));
	snprintf(text, PASSWORD_HASH_SIZE, "$scrypt$%d$%u$%u$%s$%s", (int)s.log2_n, s.r, s.p,
		 base64_encode(s.salt, sizeof s.salt, salt_text), base64_encode(hash, sizeof hash, hash_text));
	return OK;
}

/* The text from *at up to the next '$' or the end, and *at behind it. */
static bool take_part(const char **at, char *part, size_t size)
{
	size_t len = strcspn(*at, "$");
	if (**at == '\0' || len >= size)
		return false;
	memcpy(part, *at, len);
	part[len] = '\0';
	*at += len;
	if (**at == '$')
		(*at)++;
	return true;
}

static bool take_number(const char **at, int64_t min, int64_t max, int64_t *ret_value)
{
	char part[8];
	return take_part(at, part, sizeof part) && int_parse(part, ret_value) == OK && *ret_value >= min && *ret_value <= max;
}

static bool take_base64(const char **at, uint8_t *bytes, size_t len)
{
	char part[64];
	size_t got;
	return take_part(at, part, sizeof part) && base64_decode(part, bytes, len, &got) == OK && got == len;
}

static err_t parse(const char *text, struct scrypt *ret_scrypt, uint8_t *ret_hash)
{
	const char scheme[] = "$scrypt$";
	int64_t log2_n, r, p;
	if (strncmp(text, scheme, strlen(scheme)))
		return E_CORRUPT;
	const char *at = text + strlen(scheme);
	if (!take_number(&at, 1, 20, &log2_n) || !take_number(&at, 1, 64, &r) || !take_number(&at, 1, MAX_P, &p) ||
	    !take_base64(&at, ret_scrypt->salt, SALT_BYTES) || !take_base64(&at, ret_hash, HASH_BYTES) || *at ||
	    (128 * r) << log2_n > MAX_MEMORY_BYTES)
		return E_CORRUPT;
	ret_scrypt->log2_n = (uint64_t)log2_n;
	ret_scrypt->r = (uint32_t)r;
	ret_scrypt->p = (uint32_t)p;
	return OK;
}

err_t password_check(const char *password, const char *text)
{
	struct scrypt s;
	uint8_t want[HASH_BYTES], got[HASH_BYTES];
	TRY(parse(text, &s, want));
	TRY(scrypt_derive(&s, password, got));
	bool same = constant_time_equal(got, want, sizeof want);
	OPENSSL_cleanse(got, sizeof got);
	return same ? OK : E_AUTH;
}
