/* SPDX-License-Identifier: Apache-2.0
 * vault.c - secrets that are kept where others may read: sealed with AES-256-GCM under a key that lies elsewhere
 */
#include "vault.h"
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bytes.h"
#include "crypto.h"
#include "file.h"

#define KEY_BYTES 32
#define NONCE_BYTES 12
#define TAG_BYTES 16
#define KEYS_MAX 16
#define FILE_MAX 4096

struct key {
	char id[VAULT_ID_SIZE];
	uint8_t bytes[KEY_BYTES];
};
struct vault {
	struct key keys[KEYS_MAX];
	size_t count;
};

static err_t key_parse(const char *line, size_t len, struct vault *vault)
{
	const char *space = memchr(line, ' ', len);
	size_t id_len = space ? (size_t)(space - line) : 0;
	char hex[2 * KEY_BYTES + 1];
	if (vault->count == KEYS_MAX || id_len == 0 || id_len >= VAULT_ID_SIZE || len - id_len - 1 != 2 * KEY_BYTES ||
	    strspn(line, "0123456789abcdef") < id_len)
		return E_CORRUPT;
	struct key *key = &vault->keys[vault->count];
	memcpy(key->id, line, id_len);
	memcpy(hex, space + 1, 2 * KEY_BYTES);
	hex[2 * KEY_BYTES] = 0;
	err_t e = hex_decode(hex, key->bytes, KEY_BYTES);
	explicit_bzero(hex, sizeof hex);
	vault->count++;
	return e ? E_CORRUPT : OK;
}

err_t vault_parse(const char *text, struct vault **ret_vault)
{
	struct vault *vault = calloc(1, sizeof *vault);
	err_t e = vault ? OK : E_NOMEM;
	while (e == OK && *text) {
		size_t len = strcspn(text, "\n");
		e = key_parse(text, len, vault);
		text += len + (text[len] == '\n');
	}
	if (e == OK && vault->count == 0)
		e = E_CORRUPT;
	if (e) {
		vault_free(vault);
		return e;
	}
	*ret_vault = vault;
	return OK;
}

/* Its name is the beginning of its hash: two markets' keys have different ones. */
static err_t make(const char *path)
{
	uint8_t key[KEY_BYTES];
	char hex[2 * KEY_BYTES + 1], id[SHA256_TEXT_SIZE], line[VAULT_ID_SIZE + 2 * KEY_BYTES + 2];
	random_fill(key, sizeof key);
	hex_encode(key, sizeof key, hex);
	sha256_format(sha256_of(key, sizeof key), id);
	int len = snprintf(line, sizeof line, "%.8s %s\n", id, hex);
	err_t e = file_write(path, line, (size_t)len, 0600);
	explicit_bzero(key, sizeof key);
	explicit_bzero(hex, sizeof hex);
	explicit_bzero(line, sizeof line);
	return e;
}

err_t vault_load(const char *path, struct vault **ret_vault)
{
	char *text = NULL;
	size_t len = 0;
	err_t e = file_read(path, FILE_MAX, &text, &len);
	if (e == E_NOT_FOUND) {
		TRY(make(path));
		e = file_read(path, FILE_MAX, &text, &len);
	}
	TRY(e);
	e = strlen(text) == len ? vault_parse(text, ret_vault) : E_CORRUPT;
	explicit_bzero(text, len);
	free(text);
	return e;
}

void vault_free(struct vault *vault)
{
	if (!vault)
		return;
	explicit_bzero(vault, sizeof *vault);
	free(vault);
}

const char *vault_id(const struct vault *vault)
{
	return vault->keys[vault->count - 1].id;
}

static bool run_seal(EVP_CIPHER_CTX *c, const struct key *key, const void *about, size_t about_len, const void *secret,
		     size_t len, uint8_t *sealed)
{
	int n;
	uint8_t *body = sealed + NONCE_BYTES;
	return EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key->bytes, sealed) == 1 &&
	       EVP_EncryptUpdate(c, NULL, &n, about, (int)about_len) == 1 &&
	       EVP_EncryptUpdate(c, body, &n, secret, (int)len) == 1 && EVP_EncryptFinal_ex(c, body + n, &n) == 1 &&
	       EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, body + len) == 1;
}

/* The nonce is random: 96 bits are enough for far more secrets than a market has accounts (NIST SP 800-38D, 8.3). */
err_t vault_seal(const struct vault *vault, const void *about, size_t about_len, const void *secret, size_t len,
		 uint8_t *ret_sealed)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	if (!c)
		return E_NOMEM;
	random_fill(ret_sealed, NONCE_BYTES);
	bool good = run_seal(c, &vault->keys[vault->count - 1], about, about_len, secret, len, ret_sealed);
	EVP_CIPHER_CTX_free(c);
	return good ? OK : E_INTERNAL;
}

static bool run_open(EVP_CIPHER_CTX *c, const struct key *key, const void *about, size_t about_len, const uint8_t *sealed,
		     size_t len, uint8_t *secret)
{
	int n;
	uint8_t tag[TAG_BYTES];
	memcpy(tag, sealed + NONCE_BYTES + len, sizeof tag);
	return EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key->bytes, sealed) == 1 &&
	       EVP_DecryptUpdate(c, NULL, &n, about, (int)about_len) == 1 &&
	       EVP_DecryptUpdate(c, secret, &n, sealed + NONCE_BYTES, (int)len) == 1 &&
	       EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, sizeof tag, tag) == 1 && EVP_DecryptFinal_ex(c, secret + n, &n) == 1;
}

err_t vault_open(const struct vault *vault, const char *id, const void *about, size_t about_len, const uint8_t *sealed,
		 size_t len, void *ret_secret)
{
	const struct key *key = NULL;
	for (size_t i = 0; i < vault->count; i++)
		if (!strcmp(vault->keys[i].id, id))
			key = &vault->keys[i];
	if (!key)
		return E_NOT_FOUND;
	if (len <= VAULT_OVERHEAD)
		return E_AUTH;
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	if (!c)
		return E_NOMEM;
	bool good = run_open(c, key, about, about_len, sealed, len - VAULT_OVERHEAD, ret_secret);
	EVP_CIPHER_CTX_free(c);
	if (!good)
		explicit_bzero(ret_secret, len - VAULT_OVERHEAD);
	return good ? OK : E_AUTH;
}
