/* SPDX-License-Identifier: Apache-2.0
 * quote.c - TPM2_Quote's answer, checked (TPM 2.0 Part 2 sections 10.12 and 11.3)
 */
#include "quote.h"
#include "bytes.h"
#include "tpm.h"

#define DIGEST_BYTES 32
#define SELECT_MAX 3 /* bytes: 24 registers */

static enum fault signature_read(const void *data, size_t len, p256_signature *ret)
{
	struct reader r = reader_of(data, len);
	if (len > QUOTE_SIGNATURE_MAX)
		return FAULT_SIGNATURE_FORMAT;
	uint16_t algorithm = read_u16(&r), hash = read_u16(&r);
	if (r.bad)
		return FAULT_SIGNATURE_FORMAT;
	if (algorithm != TPM_ECDSA || hash != TPM_SHA256)
		return FAULT_SIGNATURE_ALGORITHM;
	if (!tpm_number(&r, ret->bytes, DIGEST_BYTES) || !tpm_number(&r, ret->bytes + DIGEST_BYTES, DIGEST_BYTES) ||
	    reader_left(&r))
		return FAULT_SIGNATURE_FORMAT;
	return FAULT_NONE;
}

/* TPML_PCR_SELECTION: one bank, and no register that can be reset. */
static enum fault selection_read(struct reader *r, uint16_t *ret_pcrs)
{
	uint32_t banks = read_u32(r);
	if (r->bad)
		return FAULT_QUOTE_FORMAT;
	if (banks != 1)
		return FAULT_PCR_BANK;
	uint16_t hash = read_u16(r);
	uint8_t len = read_u8(r);
	const uint8_t *bits = read_bytes(r, len);
	if (!bits || len > SELECT_MAX)
		return FAULT_QUOTE_FORMAT;
	if (hash != TPM_SHA256)
		return FAULT_PCR_BANK;
	if (len < 2 || (len > 2 && bits[2]))
		return FAULT_PCR_SELECTION;
	*ret_pcrs = (uint16_t)(bits[0] | bits[1] << 8);
	return FAULT_NONE;
}

enum fault quote_read(const void *data, size_t len, struct quote *ret)
{
	struct reader r = reader_of(data, len);
	struct quote q = { .clock_ms = 0 };
	if (len > QUOTE_MAX)
		return FAULT_QUOTE_FORMAT;
	uint32_t magic = read_u32(&r);
	uint16_t type = read_u16(&r);
	if (r.bad)
		return FAULT_QUOTE_FORMAT;
	if (magic != TPM_GENERATED)
		return FAULT_QUOTE_MAGIC;
	if (type != TPM_ATTEST_QUOTE)
		return FAULT_QUOTE_TYPE;
	(void)read_bytes(&r, read_u16(&r)); /* qualifiedSigner: the signature tells more */
	uint16_t extra_len = read_u16(&r);
	const uint8_t *extra = read_bytes(&r, extra_len);
	q.clock_ms = read_u64(&r);
	q.resets = read_u32(&r);
	q.restarts = read_u32(&r);
	uint8_t safe = read_u8(&r);
	q.firmware = read_u64(&r);
	if (r.bad || safe > 1)
		return FAULT_QUOTE_FORMAT;
	q.safe = safe;
	if (extra_len != sizeof q.binding)
		return FAULT_QUOTE_BINDING;
	memcpy(q.binding.bytes, extra, sizeof q.binding.bytes);
	JUDGE(selection_read(&r, &q.pcrs));
	uint16_t digest_len = read_u16(&r);
	if (!r.bad && digest_len != DIGEST_BYTES)
		return FAULT_QUOTE_FORMAT;
	read_copy(&r, q.pcr_digest.bytes, DIGEST_BYTES);
	if (r.bad || reader_left(&r))
		return FAULT_QUOTE_FORMAT;
	*ret = q;
	return FAULT_NONE;
}

enum fault quote_verify(const void *data, size_t len, const void *signature, size_t signature_len,
			const struct attestation_key *key, const struct asked *asked, const sha256 *values, struct quote *ret)
{
	p256_signature s;
	struct quote q;
	if (len > QUOTE_MAX)
		return FAULT_QUOTE_FORMAT;
	JUDGE(signature_read(signature, signature_len, &s));
	if (!p256_verify(key->public, data, len, s))
		return FAULT_SIGNATURE;
	JUDGE(quote_read(data, len, &q));
	if (!sha256_equal(q.binding, asked->binding))
		return FAULT_QUOTE_BINDING;
	if (q.pcrs != asked->pcrs)
		return FAULT_PCR_SELECTION;
	size_t count = (size_t)__builtin_popcount(q.pcrs);
	if (!sha256_equal(q.pcr_digest, sha256_of(values, count * sizeof *values)))
		return FAULT_PCR_DIGEST;
	*ret = q;
	return FAULT_NONE;
}
