/* SPDX-License-Identifier: Apache-2.0
 * seed.c - the NoCloud disc: what a reader of ISO 9660 finds on it, by either of its two trees
 */
#include "seed.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "file.h"
#include "process.h"
#include "tap.h"

static char dir[] = "/tmp/seed-XXXXXX", disc[64];

static const char *in(const char *name)
{
	static char path[128];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

/* Taken off the disc; NULL where it is not there. */
static char *file(const char *fs, const char *name, size_t *ret_len)
{
	char target[128], source[32];
	char *argv[] = { "xorriso", "-read_fs", (char *)fs, "-osirrox", "on", "-indev", disc, "-extract", source, target, NULL };
	char *data = NULL;
	int status = -1;
	snprintf(source, sizeof source, "/%s", name);
	snprintf(target, sizeof target, "%s", in(name));
	if (process_run(argv, 30000, &status) || status || file_read(target, 1 << 20, &data, ret_len))
		return NULL;
	unlink(target);
	return data;
}

static bool holds(const char *fs, const char *name, const char *want)
{
	size_t len = 0;
	AUTO_FREE char *data = file(fs, name, &len);
	return data && len == strlen(want) && !memcmp(data, want, len);
}

static void test(const char *user_data, const char *what)
{
	static const char *const trees[] = { "any", "norock" }; /* norock: Joliet */
	struct seed seed = { .name = "vm1", .mac = "52:54:00:01:02:03", .user_data = user_data };
	struct stat st;
	ok(uuid_parse("01234567-89ab-7cde-8f01-23456789abcd", &seed.instance) == OK && seed_write(&seed, disc) == OK,
	   "%s: written", what);
	ok(!stat(disc, &st) && (st.st_mode & 0777) == 0644 && st.st_size % 2048 == 0,
	   "whole sectors that a jail's user can read");
	for (size_t i = 0; i < 2; i++) {
		ok(holds(trees[i], "meta-data", "instance-id: 01234567-89ab-7cde-8f01-23456789abcd\nlocal-hostname: vm1\n"),
		   "meta-data (%s)", trees[i]);
		ok(holds(trees[i], "network-config",
			 "version: 2\nethernets:\n  cpu0:\n    match: { macaddress: \"52:54:00:01:02:03\" }\n    dhcp4: true\n"),
		   "network-config");
		ok(holds(trees[i], "user-data", user_data), "user-data");
	}
}

int main(void)
{
	static const size_t sizes[] = { 1, 2047, 2048, 2049 };
	char label[6] = "";
	char *large = malloc(64 * 1024 + 1);
	if (!mkdtemp(dir) || !large)
		return 1;
	snprintf(disc, sizeof disc, "%s/cidata.iso", dir);
	for (size_t i = 0; i < 64 * 1024; i++)
		large[i] = (char)(1 + i % 255); /* each byte that a text can have */
	large[64 * 1024] = 0;
	test("", "without user-data");
	test("#!/bin/sh\necho hello\n", "with some");
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		test(large + 64 * 1024 - sizes[i], "about a sector's size");
	test(large, "with as much as is allowed");
	AUTO_FREE char *image = NULL;
	size_t len = 0;
	if (file_read(disc, 1 << 20, &image, &len) == OK && len > 16 * 2048 + 46)
		memcpy(label, image + 16 * 2048 + 40, sizeof label);
	ok(!memcmp(label, "cidata", sizeof label), "its label is where guests look for it");
	ok(image && memmem(image, len, "USER_DATA.;1", 12) && !memmem(image, len, "\0;\0001", 4),
	   "names have a version where ECMA-119 wants one, and no other");
	free(large);
	ok(dir_remove(dir) == OK, "gone");
	return done_testing();
}
