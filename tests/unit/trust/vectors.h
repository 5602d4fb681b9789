/* SPDX-License-Identifier: Apache-2.0
 * vectors.h - a whole proof made in memory, whose parts a test can change one by one: certificates, key, quote, log
 *
 * The key that signs is in no TPM here; what a real one makes is tests/e2e/trust.t's.
 */
#ifndef TESTS_TRUST_VECTORS_H
#define TESTS_TRUST_VECTORS_H

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <unistd.h>
#include "buf.h"
#include "event_log.h"
#include "file.h"
#include "judge.h"
#include "tpm.h"

/* ---- certificates ---- */
struct certificate {
	EVP_PKEY *key;
	X509 *x509;
};

static inline void extend(X509 *c, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, c, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	if (!e || X509_add_ext(c, e, -1) != 1)
		abort();
	X509_EXTENSION_free(e);
}

/* issuer NULL: by itself. usage NULL: an authority. days: how long from now on, or since when it is over. */
static inline struct certificate certify(const char *name, EVP_PKEY *key, const struct certificate *issuer, const char *usage,
					 int days)
{
	struct certificate c = { key, X509_new() };
	X509_NAME *subject = X509_get_subject_name(c.x509);
	X509 *above = issuer ? issuer->x509 : c.x509;
	X509_set_version(c.x509, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(c.x509), 7);
	X509_gmtime_adj(X509_getm_notBefore(c.x509), -100L * 86400);
	X509_gmtime_adj(X509_getm_notAfter(c.x509), days * 86400L);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(c.x509, X509_get_subject_name(above));
	X509_set_pubkey(c.x509, key);
	extend(c.x509, above, NID_basic_constraints, usage ? "critical,CA:FALSE" : "critical,CA:TRUE");
	if (usage && *usage)
		extend(c.x509, above, NID_ext_key_usage, usage);
	if (X509_sign(c.x509, issuer ? issuer->key : key, EVP_sha256()) <= 0)
		abort();
	return c;
}

static inline struct blob certificate_blob(X509 *c)
{
	struct blob b = { .data = NULL };
	uint8_t *der = NULL;
	int len = i2d_X509(c, &der);
	if (len <= 0 || blob_set(&b, der, (size_t)len) != OK)
		abort();
	OPENSSL_free(der);
	return b;
}

static inline struct authorities *trusting(X509 *c)
{
	char path[] = "/tmp/cpushare-ca-XXXXXX";
	struct authorities *a = NULL;
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");
	if (!f || PEM_write_X509(f, c) != 1 || fclose(f) || authorities_load(path, &a))
		abort();
	unlink(path);
	return a;
}

#define EK_USAGE_OID "2.23.133.8.1"

/* ---- the attestation key's public area ---- */
struct public_area {
	uint16_t type, name_alg, symmetric, scheme, hash, curve, kdf;
	uint32_t attributes;
	p256_public point;
};
#define AK_ATTRIBUTES 0x00050072u /* fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, restricted, sign */

static inline struct blob public_area_blob(const struct public_area *p)
{
	uint8_t bytes[128];
	struct blob b = { .data = NULL };
	struct writer w = writer_of(bytes, sizeof bytes);
	write_u16(&w, p->type);
	write_u16(&w, p->name_alg);
	write_u32(&w, p->attributes);
	write_u16(&w, 0);
	write_u16(&w, p->symmetric);
	write_u16(&w, p->scheme);
	write_u16(&w, p->hash);
	write_u16(&w, p->curve);
	write_u16(&w, p->kdf);
	write_u16(&w, 32);
	write_bytes(&w, p->point.bytes + 1, 32);
	write_u16(&w, 32);
	write_bytes(&w, p->point.bytes + 33, 32);
	if (blob_set(&b, bytes, writer_len(&w)))
		abort();
	return b;
}

/* ---- the quote ---- */
struct attest {
	uint32_t magic, banks, resets, restarts;
	uint16_t type, bank;
	uint64_t clock_ms, firmware;
	uint8_t safe, select[3];
	sha256 binding, digest;
	size_t extra; /* bytes of junk behind */
};

static inline struct blob attest_blob(const struct attest *a)
{
	uint8_t bytes[256];
	struct blob b = { .data = NULL };
	struct writer w = writer_of(bytes, sizeof bytes);
	write_u32(&w, a->magic);
	write_u16(&w, a->type);
	write_u16(&w, 2);
	write_u16(&w, TPM_SHA256);
	write_u16(&w, 32);
	write_bytes(&w, a->binding.bytes, 32);
	write_u64(&w, a->clock_ms);
	write_u32(&w, a->resets);
	write_u32(&w, a->restarts);
	write_u8(&w, a->safe);
	write_u64(&w, a->firmware);
	write_u32(&w, a->banks);
	for (uint32_t i = 0; i < a->banks && i < 2; i++) {
		write_u16(&w, a->bank);
		write_u8(&w, 3);
		write_bytes(&w, a->select, 3);
	}
	write_u16(&w, 32);
	write_bytes(&w, a->digest.bytes, 32);
	for (size_t i = 0; i < a->extra; i++)
		write_u8(&w, 0);
	if (w.bad || blob_set(&b, bytes, writer_len(&w)))
		abort();
	return b;
}

static inline struct blob sign_blob(const struct p256_key *key, const struct blob *over, uint16_t algorithm, uint16_t hash)
{
	uint8_t bytes[128];
	p256_signature s;
	struct blob b = { .data = NULL };
	struct writer w = writer_of(bytes, sizeof bytes);
	if (p256_sign(key, over->data, over->len, &s))
		abort();
	write_u16(&w, algorithm);
	write_u16(&w, hash);
	write_u16(&w, 32);
	write_bytes(&w, s.bytes, 32);
	write_u16(&w, 32);
	write_bytes(&w, s.bytes + 32, 32);
	if (blob_set(&b, bytes, writer_len(&w)))
		abort();
	return b;
}

/* ---- the log ---- */
static inline void log_le32(struct buf *b, uint32_t v)
{
	const uint8_t bytes[4] = { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24) };
	buf_append(b, bytes, 4);
}
static inline void log_le16(struct buf *b, uint16_t v)
{
	const uint8_t bytes[2] = { (uint8_t)v, (uint8_t)(v >> 8) };
	buf_append(b, bytes, 2);
}
/* The first event: SHA-1 and one more bank. */
static inline void log_begin(struct buf *b, uint16_t algorithm, uint16_t bytes)
{
	static const uint8_t zeros[20];
	log_le32(b, 0);
	log_le32(b, 3);
	buf_append(b, zeros, 20);
	log_le32(b, 16 + 8 + 4 + 8 + 1);
	buf_append(b, "Spec ID Event03", 16);
	buf_append(b, "\0\0\0\0\0\2\0\2", 8);
	log_le32(b, 2);
	log_le16(b, TPM_SHA1);
	log_le16(b, 20);
	log_le16(b, algorithm);
	log_le16(b, bytes);
	buf_append(b, "", 1);
}
static inline void log_event(struct buf *b, uint32_t pcr, uint32_t type, const char *data)
{
	static const uint8_t sha1[20];
	sha256 digest = sha256_of(data, strlen(data));
	log_le32(b, pcr);
	log_le32(b, type);
	log_le32(b, 2);
	log_le16(b, TPM_SHA1);
	buf_append(b, sha1, 20);
	log_le16(b, TPM_SHA256);
	buf_append(b, digest.bytes, 32);
	log_le32(b, (uint32_t)strlen(data));
	buf_append(b, data, strlen(data));
}

/* ---- all of it ---- */
struct proof {
	struct certificate root, between, ek;
	struct authorities *authorities;
	struct p256_key *ak;
	struct public_area area;
	struct tpm_identity identity;
	struct binding binding;
	struct attest attest;
	struct attestation answer;
	struct policy policy;
	struct tpm_clock before;
	const uint32_t *resets;
};

/* The quote over what attest says, signed again; the answer's values must be set. */
static inline void proof_sign(struct proof *p)
{
	blob_clear(&p->answer.quote);
	blob_clear(&p->answer.signature);
	p->answer.quote = attest_blob(&p->attest);
	p->answer.signature = sign_blob(p->ak, &p->answer.quote, TPM_ECDSA, TPM_SHA256);
}
static inline void proof_identify(struct proof *p)
{
	blob_clear(&p->identity.ak_public);
	p->identity.ak_public = public_area_blob(&p->area);
}
static inline struct p256_key *p256_fresh(void)
{
	struct p256_key *key = NULL;
	char *pem = NULL, *certificate = NULL;
	if (certificate_make("ak", &pem, &certificate) || p256_new(pem, &key))
		abort();
	free(pem);
	free(certificate);
	return key;
}

/* Everything is right: registers 0, 4 and 7 hold what the log says, and a reference knows them. */
static inline struct proof proof_make(void)
{
	struct proof p = { .answer.value_count = 3 };
	AUTO_BUF log = { .data = NULL };
	struct replay replay;
	struct reference *r;
	p.root = certify("root", EVP_EC_gen("P-256"), NULL, NULL, 100);
	p.between = certify("between", EVP_EC_gen("P-256"), &p.root, NULL, 100);
	p.ek = certify("tpm", EVP_EC_gen("P-256"), &p.between, EK_USAGE_OID, 100);
	p.authorities = trusting(p.root.x509);
	p.ak = p256_fresh();
	p.area = (struct public_area){ TPM_ECC,	 TPM_SHA256, TPM_NULL,	    TPM_ECDSA,		 TPM_SHA256,
				       TPM_P256, TPM_NULL,   AK_ATTRIBUTES, p256_public_of(p.ak) };
	p.identity.ek_certificate = certificate_blob(p.ek.x509);
	p.identity.chain[0] = certificate_blob(p.between.x509);
	p.identity.chain_count = 1;
	proof_identify(&p);
	log_begin(&log, TPM_SHA256, 32);
	log_event(&log, 0, 8, "firmware 1");
	log_event(&log, 7, 0x80000001, "SecureBoot");
	log_event(&log, 4, 4, "separator");
	log_event(&log, 4, 0x80000003, "boot loader");
	if (event_log_replay(log.data, log.len, &replay) || blob_set(&p.answer.log, log.data, log.len))
		abort();
	p.policy = (struct policy){ .quoted = 0x91, .replayed = 0x91, .log_required = true };
	if (policy_reference_add(&p.policy, "desk", &r) || reference_add_value(r, 4, replay.values[4]) ||
	    reference_add_event(r, 7, sha256_of("SecureBoot", 10)))
		abort();
	p.answer.values[0] = replay.values[0];
	p.answer.values[1] = replay.values[4];
	p.answer.values[2] = replay.values[7];
	p.answer.accel = p.binding.accel = ACCEL_TCG;
	p.binding.question.registers = 0x91;
	random_fill(&p.binding.question.nonce, 32);
	random_fill(&p.binding.question.lease, 16);
	random_fill(&p.binding.image, 32);
	random_fill(&p.binding.pin, 32);
	p.attest = (struct attest){ .magic = TPM_GENERATED,
				    .type = TPM_ATTEST_QUOTE,
				    .clock_ms = 5000,
				    .resets = 3,
				    .restarts = 1,
				    .safe = 1,
				    .firmware = 0x42,
				    .banks = 1,
				    .bank = TPM_SHA256,
				    .select = { 0x91, 0, 0 },
				    .binding = binding_hash(&p.binding),
				    .digest = sha256_of(p.answer.values, 96) };
	p.before = (struct tpm_clock){ true, 4000, 3, 1 };
	static const uint32_t began = 3;
	p.resets = &began;
	proof_sign(&p);
	return p;
}

static inline void proof_clear(struct proof *p)
{
	const struct certificate *all[] = { &p->root, &p->between, &p->ek };
	for (int i = 0; i < 3; i++) {
		EVP_PKEY_free(all[i]->key);
		X509_free(all[i]->x509);
	}
	authorities_free(p->authorities);
	p256_free(p->ak);
	tpm_identity_clear(&p->identity);
	attestation_clear(&p->answer);
	policy_clear(&p->policy);
}

/* What a market would say: of the keys, then of the quote. */
static inline struct verdict proof_judge(const struct proof *p)
{
	struct endorsement ek = { .key = NULL };
	struct attestation_key ak;
	struct verdict v = { .fault = judge_identity(&p->identity, p->authorities, p->policy.first_use, clock_wall(), &ek, &ak) };
	endorsement_clear(&ek);
	return v.fault ? v : judge_answer(&ak, &p->binding, &p->answer, &p->policy, p->before, p->resets);
}

#endif
