/* SPDX-License-Identifier: Apache-2.0
 * share.c - tests: the parts of the line add up to no more than the owner allows, and the settings for it
 */
#include <string.h>
#include "share.h"
#include "settings.h"
#include "tap.h"

static void test_parts(void)
{
	const struct vnet_rates all = { 1000000, 8000000 }, none = { 0 };
	struct share s = share_of(&none, 3, 1, true);
	ok(!s.guest.up_bytes_s && !s.guest.down_bytes_s && !s.image_bytes_s, "no bound stays none");
	s = share_of(&all, 0, 0, false);
	ok(s.guest.up_bytes_s == 1000000 && s.guest.down_bytes_s == 8000000 && s.image_bytes_s == 8000000,
	   "the first lease has it all");
	s = share_of(&all, 4, 4, false);
	ok(s.guest.up_bytes_s == 250000 && s.guest.down_bytes_s == 2000000, "four have a quarter each");
	s = share_of(&(struct vnet_rates){ 8000, 8000 }, 64, 63, true);
	ok(s.guest.up_bytes_s == SHARE_LEAST_BYTES_S && s.image_bytes_s == SHARE_LEAST_BYTES_S, "nobody has less than the least");
	int too_much = 0;
	for (size_t leases = 0; leases <= 64; leases++)
		for (size_t moving = 0; moving <= leases; moving++)
			for (int fetching = 0; fetching < 2; fetching++) {
				s = share_of(&all, leases, moving, fetching);
				bool image = moving < leases || fetching;
				too_much += s.guest.up_bytes_s * (int64_t)leases > all.up_bytes_s;
				too_much +=
					s.guest.down_bytes_s * (int64_t)moving + (image ? s.image_bytes_s : 0) > all.down_bytes_s;
			}
	is_int(too_much, 0, "all together never have more than the bound");
	is_int(share_told_kbit_s(0, 0), 0, "buyers are told what is measured");
	is_int(share_told_kbit_s(50, 0), 50000, "or what the owner says");
	is_int(share_told_kbit_s(0, 20500000), 20500, "or what guests may use");
	is_int(share_told_kbit_s(50, 20000000), 20000, "the least of these");
	is_int(share_told_kbit_s(50, 80000000), 50000, "whichever it is");
}

/* Empty: it is taken. */
static const char *said_of(const char *key, const char *value)
{
	static char error[CONF_ERROR_SIZE];
	struct settings s = { .name = "" };
	*error = 0;
	conf_defaults(settings_table, &s);
	if (conf_set(settings_table, &s, key, value, error) == OK)
		(void)!settings_check(&s, error);
	return error;
}

static void starts(const char *text, const char *with, const char *what)
{
	ok(!strncmp(text, with, strlen(with)), "%s: %s", what, text);
}

static void test_settings(void)
{
	struct settings s = { .name = "" };
	char error[CONF_ERROR_SIZE] = "";
	conf_defaults(settings_table, &s);
	ok(!s.limits.up_bits_s && !s.limits.down_bits_s, "there is no bound unless the owner sets one");
	ok(conf_set(settings_table, &s, "limits.up", "20Mbit", error) == OK && s.limits.up_bits_s == 20000000, "20Mbit up");
	ok(conf_set(settings_table, &s, "limits.down", "1Gbit", error) == OK && s.limits.down_bits_s == 1000000000, "1Gbit down");
	is_text(said_of("limits.up", "64kbit"), "", "the least");
	is_text(said_of("limits.down", "0"), "", "none");
	is_text(said_of("limits.up", "63kbit"), "limits.up and limits.down must be 0, or 64kbit or more", "too little up");
	is_text(said_of("limits.down", "1kbit"), "limits.up and limits.down must be 0, or 64kbit or more", "and down");
	is_text(said_of("limits.up", "20"),
		"limits.up must be a rate such as 500kbit, 20Mbit or 1Gbit from 0 to 1000000000000 bits a second, not \"20\"",
		"a number without a unit");
	starts(said_of("limits.down", "20M"), "limits.down must be a rate", "a size");
	starts(said_of("limits.down", "-1Mbit"), "limits.down must be a rate", "less than nothing");
	starts(said_of("limits.down", "1001Gbit"), "limits.down must be a rate", "more than any line");
}

int main(void)
{
	test_parts();
	test_settings();
	return done_testing();
}
