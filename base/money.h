/* SPDX-License-Identifier: Apache-2.0
 * money.h - amounts in 10^-6 of the market's currency: checked, never floating point
 */
#ifndef BASE_MONEY_H
#define BASE_MONEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "err.h"

typedef struct {
	int64_t micro;
} money;

/* The largest amount that JSON's numbers carry exactly (2^53 - 1, RFC 8259 section 6). Anything above is refused. */
#define MONEY_MAX_MICRO 9007199254740991LL

MUST_CHECK err_t money_add(money a, money b, money *ret_sum);
MUST_CHECK err_t money_sub(money a, money b, money *ret_difference);
/* price * quantity / per, rounded to the nearest micro, halves away from zero: the one rounding rule there is.
 * per > 0, price >= 0. The product is exact (128 bits). E_OVERFLOW where the result exceeds MONEY_MAX_MICRO. */
MUST_CHECK err_t money_scale(money price, uint64_t quantity, uint64_t per, money *ret_amount);

#define MONEY_TEXT_SIZE 32
/* "12.34", "0.000001", "-3.00": at least two decimals, no more than needed. text has MONEY_TEXT_SIZE bytes. Returns text. */
char *money_format(money amount, char *text);
/* Reads "12", "12.34", "0.000001". No sign, at most six decimals, at most MONEY_MAX_MICRO. E_INVALID, E_OVERFLOW. */
MUST_CHECK err_t money_parse(const char *text, money *ret_amount);

#endif
