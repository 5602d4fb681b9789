/* SPDX-License-Identifier: Apache-2.0
 * attestation_key.c - a TPM's restricted signing key
 */
#include "attestation_key.h"
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include "bytes.h"
#include "tpm.h"

#define NUMBER_BYTES 32

/* TPMA_OBJECT, Part 2 section 8.3 */
enum {
	FIXED_TPM = 1 << 1,
	FIXED_PARENT = 1 << 4,
	SENSITIVE_DATA_ORIGIN = 1 << 5,
	ENCRYPTED_DUPLICATION = 1 << 11,
	RESTRICTED = 1 << 16,
	DECRYPT = 1 << 17,
	SIGN = 1 << 18,
};

bool tpm_number(struct reader *r, uint8_t *number, size_t size)
{
	size_t len = read_u16(r);
	const uint8_t *at = read_bytes(r, len);
	if (!at || len == 0 || len > size) {
		r->bad = true;
		return false;
	}
	memset(number, 0, size - len);
	memcpy(number + size - len, at, len);
	return true;
}

static bool point_valid(p256_public public)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	EC_POINT *point = group ? EC_POINT_new(group) : NULL;
	bool valid = point && EC_POINT_oct2point(group, point, public.bytes, sizeof public.bytes, NULL) == 1;
	EC_POINT_free(point);
	EC_GROUP_free(group);
	ERR_clear_error();
	return valid;
}

enum fault attestation_key_read(const void *data, size_t len, struct attestation_key *ret)
{
	const uint32_t must = FIXED_TPM | FIXED_PARENT | SENSITIVE_DATA_ORIGIN | RESTRICTED | SIGN;
	const uint32_t never = DECRYPT | ENCRYPTED_DUPLICATION;
	struct attestation_key key = { .public.bytes = { 4 } };
	struct reader r = reader_of(data, len);
	if (len > AK_PUBLIC_MAX)
		return FAULT_AK_FORMAT;
	uint16_t type = read_u16(&r), name_alg = read_u16(&r);
	uint32_t attributes = read_u32(&r);
	(void)read_bytes(&r, read_u16(&r)); /* authPolicy: who may use it, which is the owner's affair */
	if (r.bad)
		return FAULT_AK_FORMAT;
	if (type != TPM_ECC || name_alg != TPM_SHA256)
		return FAULT_AK_ALGORITHM;
	uint16_t symmetric = read_u16(&r), scheme = read_u16(&r);
	if (!r.bad && (symmetric != TPM_NULL || scheme != TPM_ECDSA))
		return FAULT_AK_ALGORITHM;
	uint16_t hash = read_u16(&r), curve = read_u16(&r), kdf = read_u16(&r);
	if (!r.bad && (hash != TPM_SHA256 || curve != TPM_P256 || kdf != TPM_NULL))
		return FAULT_AK_ALGORITHM;
	bool numbers = tpm_number(&r, key.public.bytes + 1, NUMBER_BYTES) &&
		       tpm_number(&r, key.public.bytes + 1 + NUMBER_BYTES, NUMBER_BYTES);
	if (!numbers || r.bad || reader_left(&r))
		return FAULT_AK_FORMAT;
	if ((attributes & must) != must || attributes & never)
		return FAULT_AK_ATTRIBUTES;
	if (!point_valid(key.public))
		return FAULT_AK_POINT;
	sha256 digest = sha256_of(data, len);
	struct writer w = writer_of(key.name, sizeof key.name);
	write_u16(&w, TPM_SHA256);
	write_bytes(&w, digest.bytes, sizeof digest.bytes);
	*ret = key;
	return FAULT_NONE;
}
