/* SPDX-License-Identifier: Apache-2.0
 * totp.c - one-time codes of an authenticator app (RFC 4226, RFC 6238)
 */
#include "totp.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include "bytes.h"
#include "crypto.h"

uint32_t hotp(const void *key, size_t len, uint64_t counter, int digits)
{
	static const uint32_t powers[] = { 1000000, 10000000, 100000000, 1000000000 };
	uint8_t message[8], mac[20];
	struct writer w = writer_of(message, sizeof message);
	write_u64(&w, counter);
	if (!EVP_Q_mac(NULL, "HMAC", NULL, "SHA1", NULL, key, len, message, sizeof message, mac, sizeof mac, NULL))
		abort(); /* as in hash.c: there is nothing safe to go on with */
	struct reader r = reader_of(mac + (mac[19] & 0xf), 4);
	return (read_u32(&r) & 0x7fffffff) % powers[digits - 6];
}

err_t totp_check(const void *secret, const char *code, wall_time now, int64_t last_step, int64_t *ret_step)
{
	if (strlen(code) != TOTP_DIGITS || strspn(code, "0123456789") != TOTP_DIGITS)
		return E_AUTH;
	int64_t now_step = now.us / SECOND_US / TOTP_PERIOD_S, step = -1;
	for (int64_t i = now_step - TOTP_WINDOW; i <= now_step + TOTP_WINDOW; i++) {
		char want[TOTP_DIGITS + 1];
		snprintf(want, sizeof want, "%06u", hotp(secret, TOTP_SECRET_BYTES, (uint64_t)i, TOTP_DIGITS));
		if (constant_time_equal(want, code, TOTP_DIGITS) && i > last_step)
			step = i;
	}
	if (step < 0)
		return E_AUTH;
	*ret_step = step;
	return OK;
}
