/* SPDX-License-Identifier: Apache-2.0
 * totp.h - one-time codes of an authenticator app (RFC 4226, RFC 6238)
 */
#ifndef BASE_TOTP_H
#define BASE_TOTP_H

#include "clock.h"
#include "err.h"

/* What every authenticator app does when the address says nothing else: HMAC-SHA-1, 6 digits, steps of 30 s. */
#define TOTP_SECRET_BYTES 20
#define TOTP_DIGITS 6
#define TOTP_PERIOD_S 30
/* Codes of this many steps before and after now are taken too: clocks differ, people type slowly (RFC 6238 section 5.2). */
#define TOTP_WINDOW 1

/* RFC 4226 section 5.3, with 6 to 9 digits. */
uint32_t hotp(const void *key, size_t len, uint64_t counter, int digits);
/* E_AUTH where it is no code of now, or one of last_step or before: each code is taken once. ret_step is what to remember. */
MUST_CHECK err_t totp_check(const void *secret, const char *code, wall_time now, int64_t last_step, int64_t *ret_step);

#endif
