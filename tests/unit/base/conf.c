/* SPDX-License-Identifier: Apache-2.0
 * conf.c - tests of settings: defaults, files, what is said of a bad line
 */
#include <stdlib.h>
#include <unistd.h>
#include "clock.h"
#include "conf.h"
#include "file.h"
#include "money.h"
#include "tap.h"

struct settings {
	char address[16];
	int64_t port;
	bool log;
	money fee;
	int64_t wait_us;
	int64_t memory_bytes;
	int64_t any;
	int64_t rate_bits_s;
	char name[8];
};

#define AT(field) offsetof(struct settings, field)
static const struct conf_entry table[] = {
	{ "name", CONF_TEXT, AT(name), sizeof((struct settings *)0)->name, 0, 0, NULL, "without a section" },
	{ "listen.address", CONF_TEXT, AT(address), sizeof((struct settings *)0)->address, 0, 0, "127.0.0.1", "where to listen" },
	{ "listen.port", CONF_INT, AT(port), 0, 1, 65535, "8443", "its port" },
	{ "listen.log", CONF_BOOL, AT(log), 0, 0, 0, "yes", "log requests" },
	{ "market.fee", CONF_MONEY, AT(fee), 0, 0, 0, "0.10", "what we keep of an hour" },
	{ "market.wait", CONF_DURATION, AT(wait_us), 0, SECOND_US, HOUR_US, "5m", "how long to wait" },
	{ "market.memory", CONF_SIZE, AT(memory_bytes), 0, 1 << 20, 0, "512M", "how much to use" },
	{ "market.any", CONF_INT, AT(any), 0, 0, 0, NULL, "any number" },
	{ "market.rate", CONF_RATE, AT(rate_bits_s), 0, 0, 1000000000, "2Mbit", "how fast" },
	{ 0 },
};

static struct settings s;
static char error[CONF_ERROR_SIZE], path[] = "/tmp/cpushare-conf-XXXXXX";

static err_t load(const char *text, size_t len)
{
	error[0] = '\0';
	conf_defaults(table, &s);
	return file_write(path, text, len, 0600) == OK ? conf_load(table, &s, path, error) : E_INTERNAL;
}

static const struct {
	const char *key, *value, *error;
} bad_values[] = {
	{ "listen.port", "0", "listen.port must be an integer from 1 to 65535, not \"0\"" },
	{ "listen.port", "65536", "listen.port must be an integer from 1 to 65535, not \"65536\"" },
	{ "listen.port", "", "listen.port must be an integer from 1 to 65535, not \"\"" },
	{ "listen.port", "80 ", "listen.port must be an integer from 1 to 65535, not \"80 \"" },
	{ "listen.address", "1234567890123456", "listen.address must be a text of at most 15 bytes, not \"1234567890123456\"" },
	{ "listen.log", "maybe", "listen.log must be yes or no, not \"maybe\"" },
	{ "listen.log", "YES", "listen.log must be yes or no, not \"YES\"" },
	{ "market.fee", "1,5", "market.fee must be an amount such as 12.50, not \"1,5\"" },
	{ "market.wait", "2h", "market.wait must be a duration such as 90s, 15m, 2h or 1d from 1 to 3600 seconds, not \"2h\"" },
	{ "market.memory", "1K", "market.memory must be a size such as 512M or 20G from 1048576 bytes, not \"1K\"" },
	{ "market.memory", "99999999T",
	  "market.memory must be a size such as 512M or 20G from 1048576 bytes, not \"99999999T\"" },
	{ "market.rate", "2Gbit",
	  "market.rate must be a rate such as 500kbit, 20Mbit or 1Gbit from 0 to 1000000000 bits a second, not \"2Gbit\"" },
	{ "market.rate", "20",
	  "market.rate must be a rate such as 500kbit, 20Mbit or 1Gbit from 0 to 1000000000 bits a second, not \"20\"" },
	{ "market.any", "x", "market.any must be an integer, not \"x\"" },
	{ "market.prot", "1", "unknown setting \"prot\"; [market] has fee, wait, memory, any, rate" },
	{ "maket.fee", "1", "unknown section [maket]; there are [listen], [market]" },
	{ "listen", "1", "unknown setting \"listen\"; without a section there is name" },
};

static void test_values(void)
{
	conf_defaults(table, &s);
	ok(!strcmp(s.address, "127.0.0.1") && s.port == 8443 && s.log && s.fee.micro == 100000 && s.wait_us == 5 * MINUTE_US &&
		   s.memory_bytes == 512 << 20 && s.any == 0 && s.rate_bits_s == 2000000 && !s.name[0],
	   "defaults");
	for (size_t i = 0; i < sizeof bad_values / sizeof bad_values[0]; i++) {
		struct settings before = s;
		ok(conf_set(table, &s, bad_values[i].key, bad_values[i].value, error) != OK, "refuse %s = %s", bad_values[i].key,
		   bad_values[i].value);
		is_text(error, bad_values[i].error, "saying why");
		ok(!memcmp(&before, &s, sizeof s), "and changing nothing");
	}
	static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };
	for (size_t i = 0; i < 8; i++)
		ok(conf_set(table, &s, "listen.log", words[i], error) == OK && s.log == (i % 2), "%s", words[i]);
	ok(conf_set(table, &s, "market.any", "-5", error) == OK && s.any == -5, "no bound");
	ok(conf_set(table, &s, "market.memory", "100T", error) == OK, "no upper bound");
	ok(conf_set(table, &s, "market.rate", "500kbit", error) == OK && s.rate_bits_s == 500000, "a rate");
	ok(conf_set(table, &s, "listen.address", "123456789012345", error) == OK, "a text that just fits");
	char longer[1000];
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	is_int(conf_set(table, &s, "listen.port", longer, error), E_INVALID, "a long value");
	is_int(strlen(error), CONF_ERROR_SIZE - 1, "is cut in the sentence");
}

/* The sentence after "PATH:". */
static const struct {
	const char *text, *error;
} bad_files[] = {
	{ "[listen]\nport = 80\nprot = 1\n", "3: unknown setting \"prot\"; [listen] has address, port, log" },
	{ "\n\n[maket]\nport = 80\n", "4: unknown section [maket]; there are [listen], [market]" },
	{ "[listen]\nport\n", "2: must be \"[section]\", \"name = value\" or a comment that begins with #" },
	{ "[listen\nport = 1\n", "1: must be \"[section]\", \"name = value\" or a comment that begins with #" },
	{ "[listen]\nport = 99999\nlog = maybe\n", "2: listen.port must be an integer from 1 to 65535, not \"99999\"" },
	{ "[listen]\nport = 80\n  81\n", "3: must be \"[section]\", \"name = value\" or a comment that begins with #" },
	{ "port = 80\n", "1: unknown setting \"port\"; without a section there is name" },
	{ "[listen]\nport =\n", "2: listen.port must be an integer from 1 to 65535, not \"\"" },
};

static void test_files(void)
{
	const char good[] =
		"# a comment\n; another\nname = bob\n\n[listen]\r\nport = 80 ; said later\r\n  address=::1\n[market]\nfee: 2";
	is_int(load(good, strlen(good)), OK, "a file: %s", error);
	ok(!strcmp(s.name, "bob") && s.port == 80 && !strcmp(s.address, "::1") && s.fee.micro == 2000000 && s.log,
	   "its settings");
	is_int(load("", 0), OK, "an empty file");
	for (size_t i = 0; i < sizeof bad_files / sizeof bad_files[0]; i++) {
		is_int(load(bad_files[i].text, strlen(bad_files[i].text)), E_INVALID, "refuse file %zu", i);
		ok(!strncmp(error, path, strlen(path)) && error[strlen(path)] == ':', "naming it");
		is_text(error + strlen(path) + 1, bad_files[i].error, "its line, and why");
	}
	is_int(load("name = \0x\n", 10), E_INVALID, "a NUL byte");
	is_text(error + strlen(path), ":1: the line has a NUL byte", "is said");
	static char big[2 << 20];
	memset(big, 'x', sizeof big);
	memcpy(big, "# ", 2);
	is_int(load(big, 10000), E_INVALID, "a long line");
	is_text(error + strlen(path), ":1: the line is longer than 4095 bytes", "is said");
	big[3000] = '\n';
	is_int(load(big, 3001), OK, "a line of 3000 bytes is not too long");
	is_int(load(big, sizeof big), E_LIMIT, "a large file");
	is_text(error + strlen(path), ": larger than 1 MiB", "is said");
	is_int(conf_load(table, &s, "/none/such.conf", error), E_NOT_FOUND, "no file");
	is_text(error, "/none/such.conf: No such file or directory", "is said");
}

static void test_example(void)
{
	AUTO_BUF example = { 0 };
	conf_example(table, &example);
	ok(strstr(example.data, "[listen]\n# where to listen: a text of at most 15 bytes\n#address = 127.0.0.1\n"), "an example");
	is_int(load(example.data, example.len), OK, "can be read: %s", error);
	struct settings defaults = s;
	/* With every setting taken out of its comment it says the same. */
	for (char *at = example.data; (at = strstr(at, "\n#"));)
		if (at[2] == ' ')
			at += 2;
		else
			memmove(at + 1, at + 2, strlen(at + 2) + 1);
	/* Numbers have no text for "not set". */
	char *any = strstr(example.data, "any = ");
	if (any)
		*any = '#';
	is_int(load(example.data, strlen(example.data)), OK, "and its settings: %s", error);
	ok(!memcmp(&defaults, &s, sizeof s), "which are the defaults");
}

int main(void)
{
	int fd = mkstemp(path);
	fd_close(&fd);
	test_values();
	test_files();
	test_example();
	unlink(path);
	return done_testing();
}
