/* SPDX-License-Identifier: Apache-2.0
 * attestation.h - how a machine proves by its TPM which computer it is and what it booted
 *
 * How it works: once, the machine sends its TPM's endorsement certificate and an attestation key; the market answers with a secret that
 * only that TPM opens, and only if it holds that key (TPM 2.0 Part 1 section 24); what comes back proves it. From then on the
 * market asks questions in its answers to reports: the machine has its TPM sign the values of its registers together with
 * attestation_binding() of the question, and POSTs that with the boot's event log. docs/TRUST.md says what this proves and what not.
 */
#ifndef PROTOCOL_ATTESTATION_H
#define PROTOCOL_ATTESTATION_H

#include "field.h"
#include "order.h"

#define ATTESTATION_REGISTERS 16 /* 16 to 23 can be reset without a restart: nothing rests on them */
#define ATTESTATION_CHAIN 4
#define ATTESTATION_LOG_MAX (256 * 1024)
#define ATTESTATION_PART_MAX 4096 /* a certificate, key, quote or signature */

struct blob {
	uint8_t *data; /* heap; NULL: absent */
	size_t len;
};
void blob_clear(struct blob *b);
MUST_CHECK err_t blob_set(struct blob *b, const void *data, size_t len); /* copies */
/* JSON: base64 text. */
void blob_put(json_t *object, const char *name, const struct blob *b); /* an absent one is left out */
void blob_take(struct json_reader *r, const char *name, size_t max, struct blob *ret);
void blob_maybe(struct json_reader *r, const char *name, size_t max, struct blob *ret);

/* POST /v1/machines/{id}/attestation/key with the machine's token. Answered by struct tpm_credential. */
struct tpm_identity {
	struct blob ek_certificate;	      /* DER; absent: this TPM has none */
	struct blob chain[ATTESTATION_CHAIN]; /* DER, between it and an authority */
	size_t chain_count;
	struct blob ek_public; /* SubjectPublicKeyInfo, where there is no certificate */
	struct blob ak_public; /* TPMT_PUBLIC */
};
void tpm_identity_clear(struct tpm_identity *i);
json_t *tpm_identity_to_json(const struct tpm_identity *i);
MUST_CHECK err_t tpm_identity_from_json(json_t *json, struct tpm_identity *ret, struct json_error *error);
struct tpm_credential {
	struct blob blob, seed; /* what TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET hold */
};
void tpm_credential_clear(struct tpm_credential *c);
json_t *tpm_credential_to_json(const struct tpm_credential *c);
MUST_CHECK err_t tpm_credential_from_json(json_t *json, struct tpm_credential *ret, struct json_error *error);

/* POST /v1/machines/{id}/attestation/activation: {"proof": hex}: HMAC-SHA256(secret, "cpushare-activation-v1" NUL, machine, ak_name). */
#define AK_NAME_SIZE 34
sha256 activation_proof(const uint8_t *secret, size_t len, uuid machine, const uint8_t ak_name[AK_NAME_SIZE]);
json_t *activation_to_json(sha256 proof);
MUST_CHECK err_t activation_from_json(json_t *json, sha256 *ret, struct json_error *error);

/* In the answer to a report, "question", optional; the same until it is answered. lease zero: of the machine itself. */
struct question {
	uuid lease;
	sha256 nonce;
	uint64_t seq, policy; /* seq: 1, 2, … of this machine */
	uint16_t registers;   /* bit n: register n; JSON: a list of numbers */
};
json_t *question_to_json(const struct question *q);
void question_take(struct json_reader *r, const char *name, struct question *ret);

/* All that a quote is made for. Without a lease: lease, image and pin are zero. */
struct binding {
	struct question question;
	uuid machine;
	sha256 image, pin; /* pin: of the lease's peer in the virtual ethernet */
	enum accel accel;
};
/* SHA-256 over "cpushare-quote-v1" NUL, machine (16 bytes), lease (16), image (32), pin (32), the accelerator's name NUL, policy (8),
 * seq (8), registers (2), nonce (32); numbers big-endian. It is the quote's qualifying data. */
sha256 binding_hash(const struct binding *b);
json_t *binding_to_json(const struct binding *b);
void binding_take(struct json_reader *r, const char *name, struct binding *ret);

/* POST /v1/machines/{id}/attestation with the machine's token. */
struct attestation {
	uuid lease;
	sha256 nonce, pin;
	enum accel accel;
	struct blob quote, signature; /* TPMS_ATTEST, TPMT_SIGNATURE */
	sha256 values[ATTESTATION_REGISTERS];
	size_t value_count; /* of the registers in question, ascending */
	struct blob log;    /* absent: the machine has none */
};
void attestation_clear(struct attestation *a);
json_t *attestation_to_json(const struct attestation *a);
MUST_CHECK err_t attestation_from_json(json_t *json, struct attestation *ret, struct json_error *error);

/* Registers as JSON: a list of numbers, ascending. */
json_t *registers_to_json(uint16_t registers);
void registers_take(struct json_reader *r, const char *name, uint16_t *ret);

#endif
