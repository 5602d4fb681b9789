/* SPDX-License-Identifier: Apache-2.0
 * forwarded.c - tests of whose a request is taken for
 */
#include "forwarded.h"
#include "tap.h"

#define ID "0193a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"

int main(void)
{
	static const struct {
		const char *via, *address; /* "": none */
	} proxies[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "198.51.100.7, 192.0.2.1", "192.0.2.1" },
		{ "192.0.2.1,2001:db8::1", "2001:db8::1" },
		{ "unknown,\t192.0.2.1", "192.0.2.1" },
		{ "192.0.2.1, unknown", "" },
		{ "192.0.2.1,", "" },
		{ "192.0.2.1 ", "" },
		{ "[2001:db8::1]", "" },
		{ "192.0.2.1:80", "" },
		{ "", "" },
	};
	static const struct {
		struct forwarded f;
		const char *ours;
		enum forwarded_by by;
		const char *address, *id;
	} markets[] = {
		{ { NULL, "192.0.2.1", ID }, "secret", FORWARDED_BY_NOBODY, "", "" },
		{ { "secret", "192.0.2.1", ID }, "secret", FORWARDED_BY_MARKET, "192.0.2.1", ID },
		{ { "secret", "2001:db8::1", "" }, "secret", FORWARDED_BY_MARKET, "2001:db8::1", "" },
		{ { "secret", "192.0.2.1, 192.0.2.2", "x" }, "secret", FORWARDED_BY_MARKET, "", "" },
		{ { "secret", NULL, NULL }, "secret", FORWARDED_BY_MARKET, "", "" },
		{ { "secres", "192.0.2.1", ID }, "secret", FORWARDED_BY_STRANGER, "", "" },
		{ { "secrets", "192.0.2.1", ID }, "secret", FORWARDED_BY_STRANGER, "", "" },
		{ { "", "192.0.2.1", ID }, "secret", FORWARDED_BY_STRANGER, "", "" },
		{ { "secret", "192.0.2.1", ID }, NULL, FORWARDED_BY_STRANGER, "", "" },
	};
	for (size_t i = 0; i < sizeof proxies / sizeof *proxies; i++) {
		char address[ADDRESS_SIZE] = "";
		is_int(forwarded_client(proxies[i].via, address), *proxies[i].address != 0, "by a proxy: %s", proxies[i].via);
		is_text(address, proxies[i].address, "the client");
	}
	for (size_t i = 0; i < sizeof markets / sizeof *markets; i++) {
		char address[ADDRESS_SIZE] = "", id[UUID_TEXT_SIZE] = "";
		is_int(forwarded_read(&markets[i].f, markets[i].ours, address, id), markets[i].by, "by a market, %zu", i);
		is_text(address, markets[i].address, "the client");
		is_text(id, markets[i].id, "the request");
	}
	return done_testing();
}
