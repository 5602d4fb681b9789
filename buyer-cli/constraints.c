/* SPDX-License-Identifier: Apache-2.0
 * constraints.c - what an order wants of its machines, from the command line
 */
#include "constraints.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "bytes.h"

static int read_countries(struct cli *cli, const char *option, char (*ret)[COUNTRY_SIZE], size_t *ret_count)
{
	size_t count = (size_t)cli_option_count(cli, option);
	if (count > MAX_COUNTRIES)
		return cli_error(cli, EXIT_USAGE, "--%s: at most %d", option, MAX_COUNTRIES);
	for (size_t i = 0; i < count; i++) {
		const char *word = cli_text_at(cli, option, (int)i);
		if (strlen(word) != 2 || !isalpha((unsigned char)word[0]) || !isalpha((unsigned char)word[1]))
			return cli_error(cli, EXIT_USAGE, "--%s: two letters, as in DE, not \"%s\"", option, word);
		for (int letter = 0; letter < 2; letter++)
			ret[i][letter] = (char)toupper((unsigned char)word[letter]);
	}
	*ret_count = count;
	return EXIT_OK;
}

static int read_sellers(struct cli *cli, const char *option, uuid *ret, size_t *ret_count)
{
	size_t count = (size_t)cli_option_count(cli, option);
	if (count > MAX_SELLERS)
		return cli_error(cli, EXIT_USAGE, "--%s: at most %d", option, MAX_SELLERS);
	for (size_t i = 0; i < count; i++) {
		const char *word = cli_text_at(cli, option, (int)i);
		if (uuid_parse(word, &ret[i]))
			return cli_error(cli, EXIT_USAGE, "--%s: a seller's whole id (cpushare seller list -o json), not \"%s\"",
					 option, word);
	}
	*ret_count = count;
	return EXIT_OK;
}

/* One of names. */
static int read_choice(struct cli *cli, const char *option, const char *const *names, int count, int *ret)
{
	if (state_parse(names, count, cli_text(cli, option, names[0]), ret) == OK)
		return EXIT_OK;
	char all[64];
	int len = 0;
	for (int i = 0; i < count; i++)
		len += snprintf(all + len, sizeof all - (size_t)len, "%s%s", i ? ", " : "", names[i]);
	return cli_error(cli, EXIT_USAGE, "--%s: must be one of %s", option, all);
}

static int read_choices(struct cli *cli, struct constraints *c)
{
	int accel, vendor, trusted, display;
	if (read_choice(cli, "accel", accel_names, ACCEL_COUNT, &accel) ||
	    read_choice(cli, "cpu-vendor", cpu_vendor_names, CPU_VENDOR_COUNT, &vendor) ||
	    read_choice(cli, "trusted", trusted_names, TRUSTED_COUNT, &trusted) ||
	    read_choice(cli, "display", display_names, DISPLAY_COUNT, &display))
		return EXIT_USAGE;
	c->accel = (enum accel)accel;
	c->cpu_vendor = (enum cpu_vendor)vendor;
	c->trusted = (enum trusted)trusted;
	c->display = (enum display)display;
	c->direct = cli_flag(cli, "direct");
	c->all_or_none = cli_flag(cli, "all-or-none");
	c->warm = cli_flag(cli, "warm");
	for (int i = 0; i < cli_option_count(cli, "distinct"); i++) {
		const char *word = cli_text_at(cli, "distinct", i);
		bool *wish = !strcmp(word, "sellers")	    ? &c->distinct_sellers
			     : !strcmp(word, "countries")   ? &c->distinct_countries
			     : !strcmp(word, "cpu-vendors") ? &c->distinct_cpu_vendors
							    : NULL;
		if (!wish)
			return cli_error(cli, EXIT_USAGE, "--distinct: must be sellers, countries or cpu-vendors, not \"%s\"",
					 word);
		*wish = true;
	}
	return EXIT_OK;
}

/* "fra=40" */
static int read_near(struct cli *cli, struct constraints *c)
{
	const char *text = cli_text(cli, "near", NULL), *mark = text ? strchr(text, '=') : NULL;
	int64_t ms = 0;
	if (!text)
		return EXIT_OK;
	char *end = NULL;
	if (mark && isdigit((unsigned char)mark[1]))
		ms = strtol(mark + 1, &end, 10);
	if (!end || *end || mark == text || (size_t)(mark - text) >= sizeof c->region || ms < 1 || ms > RTT_MAX_MS)
		return cli_error(cli, EXIT_USAGE, "--near: a region and milliseconds, as in fra=40, not \"%s\"", text);
	memcpy(c->region, text, (size_t)(mark - text));
	c->max_rtt_ms = (uint32_t)ms;
	return EXIT_OK;
}

int constraints_read(struct cli *cli, struct constraints *ret)
{
	int64_t score, ratings, up, down, freeze_us, scratch;
	money rating; /* 0.95: six decimals are just what millionths need */
	if (cli_int(cli, "min-score", 0, 0, SCORE_MAX, &score) || cli_money(cli, "min-rating", (money){ 0 }, &rating) ||
	    cli_int(cli, "min-ratings", 0, 0, UINT32_MAX, &ratings) ||
	    cli_int(cli, "min-up", 0, 0, RATE_MAX_KBIT_S / 1000, &up) ||
	    cli_int(cli, "min-down", 0, 0, RATE_MAX_KBIT_S / 1000, &down) || cli_duration(cli, "max-freeze", 0, &freeze_us) ||
	    cli_size(cli, "scratch", 0, &scratch))
		return EXIT_USAGE;
	if (rating.micro > RATING_MAX_PPM)
		return cli_error(cli, EXIT_USAGE, "--min-rating: must be from 0 to 1");
	if (freeze_us > LEASE_MAX_S * SECOND_US || freeze_us % SECOND_US)
		return cli_error(cli, EXIT_USAGE, "--max-freeze: whole seconds, at most 30 days");
	if (scratch % (1 << 20) || scratch >> 20 > SCRATCH_MAX_MIB)
		return cli_error(cli, EXIT_USAGE, "--scratch: whole MiB, at most 1T");
	ret->scratch_mib = (uint32_t)(scratch >> 20);
	ret->max_freeze_s = (uint32_t)(freeze_us / SECOND_US);
	ret->min_score = (uint32_t)score;
	ret->min_rating_ppm = (uint32_t)rating.micro;
	ret->min_ratings = (uint32_t)ratings;
	ret->min_up_kbit_s = (uint32_t)up * 1000;
	ret->min_down_kbit_s = (uint32_t)down * 1000;
	if (read_countries(cli, "country", ret->countries, &ret->country_count) ||
	    read_countries(cli, "not-country", ret->countries_not, &ret->country_not_count) ||
	    read_sellers(cli, "prefer", ret->preferred, &ret->preferred_count) ||
	    read_sellers(cli, "block", ret->blocked, &ret->blocked_count) || read_near(cli, ret))
		return EXIT_USAGE;
	return read_choices(cli, ret);
}
