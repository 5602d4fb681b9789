/* SPDX-License-Identifier: Apache-2.0
 * ula.c - the IPv6 addresses of an order's LAN
 */
#include "tap.h"
#include "ula.h"

int main(void)
{
	/* printf 'cpushare vnet ula v1' | cat - ID | sha256sum */
	uuid network = { { 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f } };
	char text[ULA_TEXT_SIZE] = "kept";
	is_int((int64_t)ula_prefix(network), (int64_t)0xfdb20bf010de6cf9, "a network's prefix");
	is_int((int64_t)ula_id_of_mac(0x525400010203), 0x505400fffe010203, "EUI-64 turns the universal bit");
	is_int(ula_text(network, "52:54:00:01:02:03", text), OK, "both as text");
	is_text(text, "fdb2:bf0:10de:6cf9:5054:ff:fe01:203", "are an address");
	static const char *const bad[] = {
		"", "52:54:00:01:02", "52:54:00:01:02:0", "52:54:00:01:02:03:", "52-54-00-01-02-03", "zz:54:00:01:02:03"
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		is_int(ula_text(network, bad[i], text), E_INVALID, "no MAC: %s", bad[i]);
	is_text(text, "fdb2:bf0:10de:6cf9:5054:ff:fe01:203", "what is refused changes nothing");
	return done_testing();
}
