/* SPDX-License-Identifier: Apache-2.0
 * money.c - tests of amounts: sums, the one rounding rule, texts
 */
#include "money.h"
#include "tap.h"

#define MAX MONEY_MAX_MICRO

static const struct {
	int64_t a, b;
	err_t error;
	int64_t sum;
} sums[] = {
	{ 1, 2, OK, 3 },
	{ -1, 1, OK, 0 },
	{ MAX, 0, OK, MAX },
	{ MAX, 1, E_OVERFLOW, 0 },
	{ -MAX, -1, E_OVERFLOW, 0 },
	{ INT64_MAX, 1, E_OVERFLOW, 0 },
	{ INT64_MIN, -1, E_OVERFLOW, 0 },
	{ MAX, -MAX, OK, 0 },
};

static const struct {
	int64_t price;
	uint64_t quantity, per;
	err_t error;
	int64_t amount;
} scales[] = {
	{ 10, 1, 1, OK, 10 },
	{ 1, 1, 2, OK, 1 }, /* a half goes up */
	{ 1, 1, 3, OK, 0 },
	{ 2, 1, 3, OK, 1 },
	{ 5, 3, 10, OK, 2 }, /* 1.5 */
	{ 1, 3600000000000, 3600000000000, OK, 1 },
	{ 0, UINT64_MAX, 1, OK, 0 },
	{ MAX, 1, 1, OK, MAX },
	{ MAX, UINT64_MAX, UINT64_MAX, OK, MAX },
	{ MAX, 2, 1, E_OVERFLOW, 0 },
	{ INT64_MAX, UINT64_MAX, 1, E_OVERFLOW, 0 },
	{ INT64_MAX, UINT64_MAX, UINT64_MAX, E_OVERFLOW, 0 },
	{ 1, UINT64_MAX - 1, UINT64_MAX, OK, 1 },
	{ 1, UINT64_MAX / 2, UINT64_MAX, OK, 0 }, /* just below a half */
	{ 1, UINT64_MAX / 2 + 1, UINT64_MAX, OK, 1 },
	{ 1, 1, 0, E_INVALID, 0 },
	{ -1, 1, 1, E_INVALID, 0 },
};

static const struct {
	int64_t micro;
	const char *text;
} texts[] = {
	{ 0, "0.00" },	       { 1, "0.000001" },	{ 12340000, "12.34" },
	{ 12300000, "12.30" }, { 12345600, "12.3456" }, { MAX, "9007199254.740991" },
};

static const struct {
	const char *text;
	err_t error;
	int64_t micro;
} parses[] = {
	{ "12", OK, 12000000 },
	{ "12.3", OK, 12300000 },
	{ "012.000000", OK, 12000000 },
	{ "0", OK, 0 },
	{ "9007199254.740992", E_OVERFLOW, 0 },
	{ "9007199255", E_OVERFLOW, 0 },
	{ "90071992547409910", E_OVERFLOW, 0 },
	{ "99999999999999999999999999999999", E_OVERFLOW, 0 },
	{ "99999999999999999999999999999999x", E_INVALID, 0 },
	{ "", E_INVALID, 0 },
	{ ".", E_INVALID, 0 },
	{ ".5", E_INVALID, 0 },
	{ "5.", E_INVALID, 0 },
	{ "1.2.3", E_INVALID, 0 },
	{ "1.0000000", E_INVALID, 0 },
	{ "-1", E_INVALID, 0 },
	{ "+1", E_INVALID, 0 },
	{ " 1", E_INVALID, 0 },
	{ "1 ", E_INVALID, 0 },
	{ "1,5", E_INVALID, 0 },
	{ "1e3", E_INVALID, 0 },
	{ "0x10", E_INVALID, 0 },
	{ "\xd9\xa1", E_INVALID, 0 }, /* an Arabic digit */
};

int main(void)
{
	money m;
	char text[MONEY_TEXT_SIZE];
	for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++) {
		m.micro = 0;
		is_int(money_add((money){ sums[i].a }, (money){ sums[i].b }, &m), sums[i].error, "sum %zu", i);
		is_int(m.micro, sums[i].sum, "its value");
		if (sums[i].b == INT64_MIN)
			continue;
		is_int(money_sub((money){ sums[i].a }, (money){ -sums[i].b }, &m), sums[i].error, "difference %zu", i);
		is_int(m.micro, sums[i].sum, "its value");
	}
	for (size_t i = 0; i < sizeof scales / sizeof scales[0]; i++) {
		m.micro = 0;
		is_int(money_scale((money){ scales[i].price }, scales[i].quantity, scales[i].per, &m), scales[i].error,
		       "scale %zu", i);
		is_int(m.micro, scales[i].amount, "its value");
	}
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		is_text(money_format((money){ texts[i].micro }, text), texts[i].text, "format %s", texts[i].text);
		is_int(money_parse(texts[i].text, &m), OK, "parse %s", texts[i].text);
		is_int(m.micro, texts[i].micro, "its value");
	}
	is_text(money_format((money){ -3000000 }, text), "-3.00", "a negative amount");
	is_text(money_format((money){ -1 }, text), "-0.000001", "a small negative amount");
	is_text(money_format((money){ INT64_MIN }, text), "-9223372036854.775808", "the least number");
	for (size_t i = 0; i < sizeof parses / sizeof parses[0]; i++) {
		m.micro = 0;
		is_int(money_parse(parses[i].text, &m), parses[i].error, "parse \"%s\"", parses[i].text);
		is_int(m.micro, parses[i].micro, "its value");
	}
	return done_testing();
}
