/* SPDX-License-Identifier: Apache-2.0
 * proxy.c - the proxy of the environment, as curl reads it
 */
#include "proxy.h"
#include <stdlib.h>
#include "tap.h"

static void test_parse(void)
{
	static const struct {
		const char *text;
		err_t want;
		const char *host;
		uint16_t port;
		const char *login;
	} rows[] = {
		{ "http://proxy.example:3128", OK, "proxy.example", 3128, "" },
		{ "http://proxy.example:3128/", OK, "proxy.example", 3128, "" },
		{ "proxy.example", OK, "proxy.example", 1080, "" },
		{ "192.0.2.7:8080", OK, "192.0.2.7", 8080, "" },
		{ "http://[2001:db8::1]:8080", OK, "2001:db8::1", 8080, "" },
		{ "http://[2001:db8::1]", OK, "2001:db8::1", 1080, "" },
		{ "http://me:secret@proxy.example:3128", OK, "proxy.example", 3128, "me:secret" },
		{ "http://me:p%40ss%3A@proxy.example", OK, "proxy.example", 1080, "me:p@ss:" },
		{ "http://me:a@b@proxy.example", OK, "proxy.example", 1080, "me:a@b" },
		{ "https://proxy.example:3128", E_UNSUPPORTED, NULL, 0, NULL },
		{ "socks5://proxy.example:3128", E_UNSUPPORTED, NULL, 0, NULL },
		{ "http://", E_INVALID, NULL, 0, NULL },
		{ "http://:3128", E_INVALID, NULL, 0, NULL },
		{ "http://proxy.example:", E_INVALID, NULL, 0, NULL },
		{ "http://proxy.example:0", E_INVALID, NULL, 0, NULL },
		{ "http://proxy.example:65536", E_INVALID, NULL, 0, NULL },
		{ "http://proxy.example:3128x", E_INVALID, NULL, 0, NULL },
		{ "http://[2001:db8::1:3128", E_INVALID, NULL, 0, NULL },
		{ "http://[2001:db8::1]3128", E_INVALID, NULL, 0, NULL },
		{ "http://me:%0d%0aX@proxy.example", E_INVALID, NULL, 0, NULL },
		{ "http://me:%4@proxy.example", E_INVALID, NULL, 0, NULL },
		{ "http://me:%zz@proxy.example", E_INVALID, NULL, 0, NULL },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char host[PROXY_HOST_SIZE], login[VNET_LOGIN_SIZE];
		uint16_t port = 0;
		err_t e = proxy_parse(rows[i].text, host, &port, login);
		is_int(e, rows[i].want, "%s", rows[i].text);
		if (e == OK && rows[i].want == OK)
			ok(!strcmp(host, rows[i].host) && port == rows[i].port && !strcmp(login, rows[i].login),
			   "is %s, %u, \"%s\"", rows[i].host, rows[i].port, rows[i].login);
	}
}

static void test_environment(void)
{
	struct vnet_config c = { .answer_dhcp = true };
	for (const char *const *name =
		     (const char *const[]){ "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", NULL };
	     *name; name++)
		unsetenv(*name);
	proxy_from_environment(&c);
	is_text(c.proxy, "", "none");
	setenv("ALL_PROXY", "http://192.0.2.1:1", 1);
	setenv("https_proxy", "", 1);
	proxy_from_environment(&c);
	is_text(c.proxy, "192.0.2.1:1", "one for all");
	setenv("https_proxy", "http://a:b@[::1]:3128", 1);
	proxy_from_environment(&c);
	is_text(c.proxy, "[::1]:3128", "https_proxy first");
	is_text(c.proxy_login, "a:b", "with credentials");
	c = (struct vnet_config){ .answer_dhcp = true };
	setenv("no_proxy", "*", 1);
	proxy_from_environment(&c);
	is_text(c.proxy, "", "no_proxy * means none");
	unsetenv("no_proxy");
	setenv("https_proxy", "https://192.0.2.1:1", 1);
	proxy_from_environment(&c);
	is_text(c.proxy, "", "one that cannot be used is none");
}

int main(void)
{
	test_parse();
	test_environment();
	return done_testing();
}
