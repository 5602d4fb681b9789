/* SPDX-License-Identifier: Apache-2.0
 * vault.h - secrets that are kept where others may read: sealed with AES-256-GCM under a key that lies elsewhere
 *
 * The key file has a line for each key, "ID HEX", 64 hex digits. The last one seals; all of them open. To change the key, add a line;
 * what was sealed under an older one says so by its id, and can be sealed anew.
 */
#ifndef BASE_VAULT_H
#define BASE_VAULT_H

#include <stddef.h>
#include <stdint.h>
#include "err.h"

#define VAULT_ID_SIZE 17
#define VAULT_OVERHEAD 28 /* nonce 12, tag 16 */

struct vault;
/* Makes the file (0600) with a random key where there is none. E_CORRUPT: it is no such file. */
MUST_CHECK err_t vault_load(const char *path, struct vault **ret_vault);
/* From the file's text. */
MUST_CHECK err_t vault_parse(const char *text, struct vault **ret_vault);
void vault_free(struct vault *vault);
/* Of the key that seals. */
const char *vault_id(const struct vault *vault);

/* about: what the secret belongs to; it opens with the same about only. ret_sealed has len + VAULT_OVERHEAD bytes. */
MUST_CHECK err_t vault_seal(const struct vault *vault, const void *about, size_t about_len, const void *secret, size_t len,
			    uint8_t *ret_sealed);
/* E_NOT_FOUND: there is no key of this id. E_AUTH: it was not sealed so. ret_secret has len - VAULT_OVERHEAD bytes. */
MUST_CHECK err_t vault_open(const struct vault *vault, const char *id, const void *about, size_t about_len, const uint8_t *sealed,
			    size_t len, void *ret_secret);

#endif
