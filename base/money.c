/* SPDX-License-Identifier: Apache-2.0
 * money.c - checked arithmetic on amounts, and amounts as text
 */
#include <stdio.h>
#include <stdlib.h>
#include "money.h"

#define UNIT_MICRO 1000000
#define DECIMALS 6

static err_t within(int64_t micro, money *ret_amount)
{
	if (micro > MONEY_MAX_MICRO || micro < -MONEY_MAX_MICRO)
		return E_OVERFLOW;
	ret_amount->micro = micro;
	return OK;
}

err_t money_add(money a, money b, money *ret_sum)
{
	int64_t sum;
	return __builtin_add_overflow(a.micro, b.micro, &sum) ? E_OVERFLOW : within(sum, ret_sum);
}

err_t money_sub(money a, money b, money *ret_difference)
{
	int64_t difference;
	return __builtin_sub_overflow(a.micro, b.micro, &difference) ? E_OVERFLOW : within(difference, ret_difference);
}

err_t money_scale(money price, uint64_t quantity, uint64_t per, money *ret_amount)
{
	if (price.micro < 0 || per == 0)
		return E_INVALID;
	unsigned __int128 product = (unsigned __int128)price.micro * quantity;
	unsigned __int128 amount = product / per;
	uint64_t rest = (uint64_t)(product % per);
	if (rest >= per - rest) /* 2 * rest >= per, without its overflow */
		amount++;
	if (amount > MONEY_MAX_MICRO)
		return E_OVERFLOW;
	ret_amount->micro = (int64_t)amount;
	return OK;
}

char *money_format(money amount, char *text)
{
	uint64_t micro = amount.micro < 0 ? -(uint64_t)amount.micro : (uint64_t)amount.micro;
	int decimals = DECIMALS, fraction = (int)(micro % UNIT_MICRO);
	while (decimals > 2 && fraction % 10 == 0) {
		fraction /= 10;
		decimals--;
	}
	int len = snprintf(text, MONEY_TEXT_SIZE, "%s%llu.%0*d", amount.micro < 0 ? "-" : "",
			   (unsigned long long)(micro / UNIT_MICRO), decimals, fraction);
	if (len < 0 || len >= MONEY_TEXT_SIZE)
		abort();
	return text;
}

err_t money_parse(const char *text, money *ret_amount)
{
	int64_t micro = 0;
	int decimals = -1; /* digits after the point; -1: no point yet */
	bool any = false, over = false;
	for (const char *at = text; *at; at++) {
		if (*at == '.' && decimals < 0 && any) {
			decimals = 0;
			any = false;
			continue;
		}
		if (*at < '0' || *at > '9' || decimals == DECIMALS)
			return E_INVALID;
		any = true;
		decimals += decimals >= 0;
		over |= micro > MONEY_MAX_MICRO / 10;
		if (!over)
			micro = micro * 10 + (*at - '0');
	}
	if (!any)
		return E_INVALID;
	for (int i = decimals < 0 ? 0 : decimals; i < DECIMALS; i++) {
		over |= micro > MONEY_MAX_MICRO / 10;
		if (!over)
			micro *= 10;
	}
	if (over || micro > MONEY_MAX_MICRO)
		return E_OVERFLOW;
	ret_amount->micro = micro;
	return OK;
}
