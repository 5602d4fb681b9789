/* SPDX-License-Identifier: Apache-2.0
 * conf.c - fuzz: a settings file
 */
#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "conf.h"
#include "file.h"
#include "money.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct settings {
	char name[8];
	int64_t port;
	bool log;
	money fee;
	int64_t wait_us;
	int64_t memory_bytes;
	int64_t rate_bits_s;
	int after;
};

static const struct conf_entry table[] = {
	{ "name", CONF_TEXT, offsetof(struct settings, name), 8, 0, 0, NULL, "" },
	{ "listen.port", CONF_INT, offsetof(struct settings, port), 0, 1, 65535, "80", "" },
	{ "listen.log", CONF_BOOL, offsetof(struct settings, log), 0, 0, 0, "no", "" },
	{ "market.fee", CONF_MONEY, offsetof(struct settings, fee), 0, 0, 0, "0", "" },
	{ "market.wait", CONF_DURATION, offsetof(struct settings, wait_us), 0, 0, 0, "5m", "" },
	{ "market.memory", CONF_SIZE, offsetof(struct settings, memory_bytes), 0, 1, 0, "1M", "" },
	{ "market.rate", CONF_RATE, offsetof(struct settings, rate_bits_s), 0, 0, 1000000, "0", "" },
	{ 0 },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct settings s = { .after = 42 };
	char path[32], error[CONF_ERROR_SIZE] = "";
	AUTO_FD fd = memfd_create("conf", MFD_CLOEXEC);
	if (fd < 0 || fd_write_all(fd, data, size) != OK)
		return 0;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	conf_defaults(table, &s);
	err_t e = conf_load(table, &s, path, error);
	assert((e == OK) == !error[0]);
	assert(strnlen(error, sizeof error) < sizeof error && strnlen(s.name, sizeof s.name) < sizeof s.name);
	assert(s.port >= 1 && s.port <= 65535 && s.fee.micro >= 0 && s.wait_us > 0 && s.memory_bytes >= 1 && s.rate_bits_s >= 0 &&
	       s.rate_bits_s <= 1000000 && s.after == 42);
	return 0;
}
