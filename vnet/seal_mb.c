/* SPDX-License-Identifier: Apache-2.0
 * seal_mb.c - AES-256-GCM by libipsec-mb
 *
 * Of the library only three functions are used, which its manager finds for this processor; they keep nothing in the manager.
 */
#include <intel-ipsec-mb.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include "seal_mb.h"

#define TAG_BYTES 16
#define NEEDED (IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ | IMB_FEATURE_AVX2)

struct seal_mb_key {
	struct gcm_key_data data;
};

static struct {
	aes_gcm_pre_t expand;
	aes_gcm_enc_dec_t seal, open;
} functions;
static pthread_once_t found = PTHREAD_ONCE_INIT;

static void find(void)
{
	IMB_ARCH arch;
	IMB_MGR *m = alloc_mb_mgr(0);
	if (!m)
		return;
	init_mb_mgr_auto(m, &arch);
	if (imb_get_errno(m) == 0 && (m->features & NEEDED) == NEEDED && (m->features & IMB_FEATURE_SELF_TEST_PASS)) {
		functions.expand = m->gcm256_pre;
		functions.seal = m->gcm256_enc;
		functions.open = m->gcm256_dec;
	}
	free_mb_mgr(m);
}

bool seal_mb_works(void)
{
	return pthread_once(&found, find) == 0 && functions.expand != NULL;
}

struct seal_mb_key *seal_mb_key_new(const uint8_t key[32])
{
	struct seal_mb_key *k = aligned_alloc(_Alignof(struct seal_mb_key), sizeof *k);
	if (k)
		functions.expand(key, &k->data);
	return k;
}

void seal_mb_key_free(struct seal_mb_key *k)
{
	if (k)
		OPENSSL_cleanse(k, sizeof *k);
	free(k);
}

void seal_mb_seal(const struct seal_mb_key *k, const uint8_t nonce[SEAL_MB_NONCE_BYTES], const uint8_t *aad, size_t aad_bytes,
		  uint8_t *bytes, size_t len, uint8_t *tag)
{
	struct gcm_context_data c;
	functions.seal(&k->data, &c, bytes, bytes, len, nonce, aad, aad_bytes, tag, TAG_BYTES);
}

void seal_mb_open(const struct seal_mb_key *k, const uint8_t nonce[SEAL_MB_NONCE_BYTES], const uint8_t *aad, size_t aad_bytes,
		  uint8_t *bytes, size_t len, uint8_t *tag)
{
	struct gcm_context_data c;
	functions.open(&k->data, &c, bytes, bytes, len, nonce, aad, aad_bytes, tag, TAG_BYTES);
}
