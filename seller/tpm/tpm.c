/* SPDX-License-Identifier: Apache-2.0
 * tpm.c - this computer's TPM, over tpm2-tss's ESAPI
 */
#include "tpm.h"
#include <assert.h>
#include <stdlib.h>
#include <openssl/crypto.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>
#include "bytes.h"
#include "spki.h"

#define NV_CHUNK 512 /* no TPM takes less at a time (PC Client Platform TPM Profile: TPM_PT_NV_BUFFER_MAX) */
#define QUOTE_TRIES 4

const char *const ek_kind_names[] = { "rsa2048", "p256", "p384" };
static_assert(sizeof ek_kind_names / sizeof *ek_kind_names == EK_KIND_COUNT, "every kind has a name");
static const TPM2_HANDLE ek_certificates[] = { 0x01c00002, 0x01c0000a, 0x01c00016 }; /* section 2.2.1.4 and .5 */

struct tpm {
	TSS2_TCTI_CONTEXT *tcti;
	ESYS_CONTEXT *esys;
	char why[160];
};

static err_t failed(struct tpm *t, const char *doing, TSS2_RC rc)
{
	snprintf(t->why, sizeof t->why, "%s: %s", doing, Tss2_RC_Decode(rc));
	return E_UNAVAILABLE;
}
#define TPM(doing, call)                              \
	do {                                          \
		TSS2_RC rc_ = (call);                 \
		if (rc_ != TSS2_RC_SUCCESS)           \
			return failed(t, doing, rc_); \
	} while (0)

/* An object in one of the TPM's few slots. */
struct loaded {
	struct tpm *tpm;
	ESYS_TR handle;
};
static void flush(struct loaded *l)
{
	if (l->handle != ESYS_TR_NONE)
		Esys_FlushContext(l->tpm->esys, l->handle);
}
#define AUTO_LOADED __attribute__((cleanup(flush))) struct loaded

static void esys_free(void *pointer)
{
	Esys_Free(*(void **)pointer);
}
#define AUTO_ESYS __attribute__((cleanup(esys_free)))

err_t tpm_open(const char *tcti, struct tpm **ret)
{
	setenv("TSS2_LOG", "all+NONE", 0); /* what fails is said by us, once */
	struct tpm *t = calloc(1, sizeof *t);
	if (!t)
		return E_NOMEM;
	if (Tss2_TctiLdr_Initialize(tcti, &t->tcti) || Esys_Initialize(&t->esys, t->tcti, NULL)) {
		tpm_close(t);
		return E_UNAVAILABLE;
	}
	*ret = t;
	return OK;
}

void tpm_close(struct tpm *t)
{
	if (!t)
		return;
	Esys_Finalize(&t->esys);
	Tss2_TctiLdr_Finalize(&t->tcti);
	free(t);
}

const char *tpm_why(const struct tpm *t)
{
	return t->why;
}

/* ---- keys ---- */

#define EK_ATTRIBUTES                                                                                                     \
	(TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_ADMINWITHPOLICY | \
	 TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT)
#define AES(bits)                                                                        \
	{                                                                                \
		.algorithm = TPM2_ALG_AES, .keyBits.aes = bits, .mode.aes = TPM2_ALG_CFB \
	}
/* PolicySecret(endorsement hierarchy), and for the high range PolicyOR of that and an NV policy (annex B.6). */
#define POLICY_A                        \
	{                               \
		.size = 32, .buffer = { \
			0x83,           \
			0x71,           \
			0x97,           \
			0x67,           \
			0x44,           \
			0x84,           \
			0xb3,           \
			0xf8,           \
			0x1a,           \
			0x90,           \
			0xcc,           \
			0x8d,           \
			0x46,           \
			0xa5,           \
			0xd7,           \
			0x24,           \
			0xfd,           \
			0x52,           \
			0xd7,           \
			0x6e,           \
			0x06,           \
			0x52,           \
			0x0b,           \
			0x64,           \
			0xf2,           \
			0xa1,           \
			0xda,           \
			0x1b,           \
			0x33,           \
			0x14,           \
			0x69,           \
			0xaa            \
		}                       \
	}
#define POLICY_B                        \
	{                               \
		.size = 48, .buffer = { \
			0xb2,           \
			0x6e,           \
			0x7d,           \
			0x28,           \
			0xd1,           \
			0x1a,           \
			0x50,           \
			0xbc,           \
			0x53,           \
			0xd8,           \
			0x82,           \
			0xbc,           \
			0xf5,           \
			0xfd,           \
			0x3a,           \
			0x1a,           \
			0x07,           \
			0x41,           \
			0x48,           \
			0xbb,           \
			0x35,           \
			0xd3,           \
			0xb4,           \
			0xe4,           \
			0xcb,           \
			0x1c,           \
			0x0a,           \
			0xd9,           \
			0xbd,           \
			0xe4,           \
			0x19,           \
			0xca,           \
			0xcb,           \
			0x47,           \
			0xba,           \
			0x09,           \
			0x69,           \
			0x96,           \
			0x46,           \
			0x15,           \
			0x0f,           \
			0x9f,           \
			0xc0,           \
			0x00,           \
			0xf3,           \
			0xf8,           \
			0x0e,           \
			0x12            \
		}                       \
	}

static const TPM2B_PUBLIC ek_templates[] = {
	[EK_RSA2048] = { .publicArea = { .type = TPM2_ALG_RSA,
					 .nameAlg = TPM2_ALG_SHA256,
					 .objectAttributes = EK_ATTRIBUTES,
					 .authPolicy = POLICY_A,
					 .parameters.rsaDetail = { .symmetric = AES(128),
								   .scheme.scheme = TPM2_ALG_NULL,
								   .keyBits = 2048 },
					 .unique.rsa.size = 256 } },
	[EK_P256] = { .publicArea = { .type = TPM2_ALG_ECC,
				      .nameAlg = TPM2_ALG_SHA256,
				      .objectAttributes = EK_ATTRIBUTES,
				      .authPolicy = POLICY_A,
				      .parameters.eccDetail = { .symmetric = AES(128),
								.scheme.scheme = TPM2_ALG_NULL,
								.curveID = TPM2_ECC_NIST_P256,
								.kdf.scheme = TPM2_ALG_NULL },
				      .unique.ecc = { .x.size = 32, .y.size = 32 } } },
	[EK_P384] = { .publicArea = { .type = TPM2_ALG_ECC,
				      .nameAlg = TPM2_ALG_SHA384,
				      .objectAttributes = EK_ATTRIBUTES | TPMA_OBJECT_USERWITHAUTH,
				      .authPolicy = POLICY_B,
				      .parameters.eccDetail = { .symmetric = AES(256),
								.scheme.scheme = TPM2_ALG_NULL,
								.curveID = TPM2_ECC_NIST_P384,
								.kdf.scheme = TPM2_ALG_NULL } } },
};
static const TPM2B_PUBLIC ak_template = {
	.publicArea = { .type = TPM2_ALG_ECC,
			.nameAlg = TPM2_ALG_SHA256,
			.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
					    TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT |
					    TPMA_OBJECT_NODA,
			.parameters.eccDetail = { .symmetric.algorithm = TPM2_ALG_NULL,
						  .scheme = { .scheme = TPM2_ALG_ECDSA,
							      .details.ecdsa.hashAlg = TPM2_ALG_SHA256 },
						  .curveID = TPM2_ECC_NIST_P256,
						  .kdf.scheme = TPM2_ALG_NULL } }
};

static err_t primary(struct tpm *t, const TPM2B_PUBLIC *wanted, TPM2B_PUBLIC **ret_public, struct loaded *ret)
{
	const TPM2B_SENSITIVE_CREATE secret = { .size = 0 };
	const TPM2B_DATA outside = { .size = 0 };
	const TPML_PCR_SELECTION none = { .count = 0 };
	ret->tpm = t;
	TPM("making a key", Esys_CreatePrimary(t->esys, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
					       &secret, wanted, &outside, &none, &ret->handle, ret_public, NULL, NULL, NULL));
	return OK;
}

err_t tpm_ek_public(struct tpm *t, enum ek_kind kind, struct blob *ret)
{
	AUTO_LOADED ek = { .handle = ESYS_TR_NONE };
	AUTO_ESYS TPM2B_PUBLIC *public = NULL;
	TRY(primary(t, &ek_templates[kind], &public, &ek));
	const TPMU_PUBLIC_ID *unique = &public->publicArea.unique;
	if (kind == EK_RSA2048)
		return spki_of_rsa(unique->rsa.buffer, unique->rsa.size, ret);
	return spki_of_point(kind == EK_P256 ? "prime256v1" : "secp384r1", kind == EK_P256 ? 32 : 48, unique->ecc.x.buffer,
			     unique->ecc.x.size, unique->ecc.y.buffer, unique->ecc.y.size, ret);
}

err_t tpm_ak_public(struct tpm *t, struct blob *ret, uint8_t ret_name[AK_NAME_SIZE])
{
	AUTO_LOADED ak = { .handle = ESYS_TR_NONE };
	AUTO_ESYS TPM2B_PUBLIC *public = NULL;
	AUTO_ESYS TPM2B_NAME *name = NULL;
	uint8_t bytes[sizeof(TPMT_PUBLIC)];
	size_t len = 0;
	TRY(primary(t, &ak_template, &public, &ak));
	TPM("naming a key", Esys_TR_GetName(t->esys, ak.handle, &name));
	TPM("writing a key", Tss2_MU_TPMT_PUBLIC_Marshal(&public->publicArea, bytes, sizeof bytes, &len));
	if (name->size != AK_NAME_SIZE)
		return E_INTERNAL;
	memcpy(ret_name, name->name, AK_NAME_SIZE);
	return blob_set(ret, bytes, len);
}

/* ---- the certificate ---- */

/* How long the DER value at the start is: an NV index may be longer than what was written to it. */
static size_t der_len(const uint8_t *at, size_t len)
{
	struct reader r = reader_of(at, len);
	if (read_u8(&r) != 0x30 || read_u8(&r) != 0x82)
		return 0;
	size_t value = read_u16(&r);
	return !r.bad && value <= reader_left(&r) ? 4 + value : 0;
}

err_t tpm_ek_certificate(struct tpm *t, enum ek_kind kind, struct blob *ret)
{
	ESYS_TR index;
	uint8_t all[ATTESTATION_PART_MAX];
	AUTO_ESYS TPM2B_NV_PUBLIC *public = NULL;
	if (Esys_TR_FromTPMPublic(t->esys, ek_certificates[kind], ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &index)) {
		snprintf(t->why, sizeof t->why, "this TPM has no certificate of its %s key", ek_kind_names[kind]);
		return E_NOT_FOUND;
	}
	TPM("reading the certificate's size",
	    Esys_NV_ReadPublic(t->esys, index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &public, NULL));
	size_t size = public->nvPublic.dataSize, len = 0;
	if (size > sizeof all)
		return E_LIMIT;
	while (len < size) {
		AUTO_ESYS TPM2B_MAX_NV_BUFFER *part = NULL;
		uint16_t want = (uint16_t)(size - len < NV_CHUNK ? size - len : NV_CHUNK);
		TPM("reading the certificate", Esys_NV_Read(t->esys, index, index, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
							    want, (uint16_t)len, &part));
		if (part->size == 0 || part->size > want)
			return E_CORRUPT;
		memcpy(all + len, part->buffer, part->size);
		len += part->size;
	}
	len = der_len(all, len);
	return len ? blob_set(ret, all, len) : E_CORRUPT;
}

/* ---- activation ---- */

/* Who may use an endorsement key is decided by a policy; the high range's may be used with its password, which is empty. */
static err_t authorise(struct tpm *t, enum ek_kind kind, struct loaded *ret)
{
	const TPMT_SYM_DEF plain = { .algorithm = TPM2_ALG_NULL };
	if (kind == EK_P384)
		return OK;
	ret->tpm = t;
	TPM("starting a session",
	    Esys_StartAuthSession(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, NULL,
				  TPM2_SE_POLICY, &plain, TPM2_ALG_SHA256, &ret->handle));
	TPM("being allowed to use the endorsement key",
	    Esys_PolicySecret(t->esys, ESYS_TR_RH_ENDORSEMENT, ret->handle, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, NULL,
			      NULL, NULL, 0, NULL, NULL));
	return OK;
}

err_t tpm_activate(struct tpm *t, enum ek_kind kind, const struct tpm_credential *c, uint8_t *ret_secret, size_t size,
		   size_t *ret_len)
{
	AUTO_LOADED ek = { .handle = ESYS_TR_NONE }, ak = { .handle = ESYS_TR_NONE }, session = { .handle = ESYS_TR_NONE };
	AUTO_ESYS TPM2B_PUBLIC *ek_public = NULL, *ak_public = NULL;
	AUTO_ESYS TPM2B_DIGEST *secret = NULL;
	TPM2B_ID_OBJECT id = { .size = (uint16_t)c->blob.len };
	TPM2B_ENCRYPTED_SECRET seed = { .size = (uint16_t)c->seed.len };
	if (c->blob.len > sizeof id.credential || c->seed.len > sizeof seed.secret)
		return E_DENIED;
	memcpy(id.credential, c->blob.data, c->blob.len);
	memcpy(seed.secret, c->seed.data, c->seed.len);
	TRY(primary(t, &ek_templates[kind], &ek_public, &ek));
	TRY(primary(t, &ak_template, &ak_public, &ak));
	TRY(authorise(t, kind, &session));
	TSS2_RC rc = Esys_ActivateCredential(t->esys, ak.handle, ek.handle, ESYS_TR_PASSWORD,
					     session.handle == ESYS_TR_NONE ? ESYS_TR_PASSWORD : session.handle, ESYS_TR_NONE,
					     &id, &seed, &secret);
	if (rc) {
		(void)failed(t, "opening the market's secret", rc);
		return E_DENIED;
	}
	if (secret->size > size)
		return E_DENIED;
	memcpy(ret_secret, secret->buffer, secret->size);
	*ret_len = secret->size;
	OPENSSL_cleanse(secret->buffer, secret->size);
	return OK;
}

/* ---- quotes ---- */

static TPML_PCR_SELECTION selection_of(uint16_t registers)
{
	return (TPML_PCR_SELECTION){ .count = 1,
				     .pcrSelections = { { .hash = TPM2_ALG_SHA256,
							  .sizeofSelect = 3,
							  .pcrSelect = { (uint8_t)registers, (uint8_t)(registers >> 8), 0 } } } };
}

/* A TPM gives a few registers at a time, ascending, and says which. */
static err_t read_registers(struct tpm *t, uint16_t registers, sha256 *values, size_t *ret_count)
{
	size_t count = 0;
	while (registers) {
		AUTO_ESYS TPML_PCR_SELECTION *got = NULL;
		AUTO_ESYS TPML_DIGEST *digests = NULL;
		TPML_PCR_SELECTION want = selection_of(registers);
		TPM("reading registers",
		    Esys_PCR_Read(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &want, NULL, &got, &digests));
		uint16_t given =
			got->count ? (uint16_t)(got->pcrSelections[0].pcrSelect[0] | got->pcrSelections[0].pcrSelect[1] << 8) : 0;
		if (!given || given & ~registers || digests->count != (uint32_t)__builtin_popcount(given))
			return E_UNSUPPORTED; /* no SHA-256 bank */
		for (uint32_t i = 0; i < digests->count; i++) {
			if (digests->digests[i].size != sizeof(sha256))
				return E_UNSUPPORTED;
			memcpy(values[count++].bytes, digests->digests[i].buffer, sizeof(sha256));
		}
		registers &= (uint16_t)~given;
	}
	*ret_count = count;
	return OK;
}

static err_t quote_once(struct tpm *t, ESYS_TR key, uint16_t registers, sha256 data, struct attestation *ret, sha256 *ret_digest)
{
	AUTO_ESYS TPM2B_ATTEST *quote = NULL;
	AUTO_ESYS TPMT_SIGNATURE *signature = NULL;
	TPM2B_DATA extra = { .size = sizeof data.bytes };
	const TPMT_SIG_SCHEME own = { .scheme = TPM2_ALG_NULL };
	TPML_PCR_SELECTION want = selection_of(registers);
	TPMS_ATTEST said;
	uint8_t bytes[sizeof(TPMT_SIGNATURE)];
	size_t len = 0, at = 0;
	memcpy(extra.buffer, data.bytes, sizeof data.bytes);
	TPM("quoting",
	    Esys_Quote(t->esys, key, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &extra, &own, &want, &quote, &signature));
	TPM("writing a signature", Tss2_MU_TPMT_SIGNATURE_Marshal(signature, bytes, sizeof bytes, &len));
	TPM("reading a quote", Tss2_MU_TPMS_ATTEST_Unmarshal(quote->attestationData, quote->size, &at, &said));
	if (said.attested.quote.pcrDigest.size != sizeof(sha256))
		return E_UNSUPPORTED;
	memcpy(ret_digest->bytes, said.attested.quote.pcrDigest.buffer, sizeof(sha256));
	TRY(blob_set(&ret->quote, quote->attestationData, quote->size));
	return blob_set(&ret->signature, bytes, len);
}

err_t tpm_quote(struct tpm *t, uint16_t registers, sha256 data, struct attestation *ret)
{
	AUTO_LOADED ak = { .handle = ESYS_TR_NONE };
	AUTO_ESYS TPM2B_PUBLIC *public = NULL;
	sha256 digest = { 0 };
	TRY(primary(t, &ak_template, &public, &ak));
	/* A register may be extended between the two. */
	for (int i = 0; i < QUOTE_TRIES; i++) {
		TRY(read_registers(t, registers, ret->values, &ret->value_count));
		TRY(quote_once(t, ak.handle, registers, data, ret, &digest));
		if (sha256_equal(digest, sha256_of(ret->values, ret->value_count * sizeof(sha256))))
			return OK;
	}
	snprintf(t->why, sizeof t->why, "the registers change all the time");
	return E_AGAIN;
}
