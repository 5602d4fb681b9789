/* SPDX-License-Identifier: Apache-2.0
 * tpm.h - numbers and encodings of TPM 2.0 Part 2 that several files of trust/ read
 */
#ifndef TRUST_TPM_H
#define TRUST_TPM_H

#include "bytes.h"

enum { /* TPM_ALG_ID, section 6.3 */
       TPM_SHA1 = 0x0004,
       TPM_SHA256 = 0x000b,
       TPM_SHA384 = 0x000c,
       TPM_SHA512 = 0x000d,
       TPM_NULL = 0x0010,
       TPM_ECDSA = 0x0018,
       TPM_ECC = 0x0023,
};
enum { TPM_P256 = 0x0003 };	      /* TPM_ECC_CURVE, section 6.4 */
enum { TPM_GENERATED = 0xff544347u }; /* TPM_GENERATED_VALUE, section 6.2 */
enum { TPM_ATTEST_QUOTE = 0x8018 };   /* TPM_ST, section 6.9 */

/* A TPM2B that holds a number of 1 to size bytes, padded with zeros in front. False, and the reader bad, where it is no such. */
bool tpm_number(struct reader *r, uint8_t *number, size_t size);

#endif
