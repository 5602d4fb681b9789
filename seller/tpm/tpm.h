/* SPDX-License-Identifier: Apache-2.0
 * tpm.h - this computer's TPM: its endorsement key and certificate, an attestation key, quotes
 *
 * Keys are primary keys of the endorsement hierarchy: the TPM makes the same ones again whenever they are asked for, so nothing is
 * stored. Used from processes of their own only (`cpushare-seller tpm …`): a TPM that hangs must not hold up the daemon.
 */
#ifndef SELLER_TPM_H
#define SELLER_TPM_H

#include "attestation.h"

/* Templates of the TCG EK Credential Profile 2.4: L-1, L-2, H-3. */
enum ek_kind { EK_RSA2048, EK_P256, EK_P384, EK_KIND_COUNT };
extern const char *const ek_kind_names[EK_KIND_COUNT];

struct tpm;
/* tcti: as in tpm2-tss: "device:/dev/tpmrm0", "swtpm:host=127.0.0.1,port=2321". E_UNAVAILABLE. */
MUST_CHECK err_t tpm_open(const char *tcti, struct tpm **ret);
void tpm_close(struct tpm *t);
const char *tpm_why(const struct tpm *t); /* what failed last, for people */

/* DER, out of the TPM's NV memory. E_NOT_FOUND. */
MUST_CHECK err_t tpm_ek_certificate(struct tpm *t, enum ek_kind kind, struct blob *ret);
MUST_CHECK err_t tpm_ek_public(struct tpm *t, enum ek_kind kind, struct blob *ret); /* SubjectPublicKeyInfo */
/* TPMT_PUBLIC, and its name. */
MUST_CHECK err_t tpm_ak_public(struct tpm *t, struct blob *ret, uint8_t ret_name[AK_NAME_SIZE]);
/* Opens what credential_make() of the market closed. E_DENIED: it was not made for this TPM and key. */
MUST_CHECK err_t tpm_activate(struct tpm *t, enum ek_kind kind, const struct tpm_credential *c, uint8_t *ret_secret, size_t size,
			      size_t *ret_len);
/* Fills quote, signature, values, value_count. */
MUST_CHECK err_t tpm_quote(struct tpm *t, uint16_t registers, sha256 data, struct attestation *ret);

#endif
