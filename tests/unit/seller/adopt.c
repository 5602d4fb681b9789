/* SPDX-License-Identifier: Apache-2.0
 * adopt.c - leases that a new daemon finds after a power cut, with files that are whole, empty, cut or gone
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "clock.h"
#include "file.h"
#include "lease.h"
#include "tap.h"

#define ID "01234567-89ab-7cde-8f01-23456789abcd"
static const char terms[] =
	"{\"lease\":\"" ID "\",\"order\":\"" ID "\",\"name\":\"vm1\",\"image_bytes\":1048576,\"cores\":1,\"memory_mib\":256,"
	"\"image\":\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\",\"duration_s\":3600,"
	"\"price_per_core_hour_micro\":20000,\"price_per_gib_hour_micro\":3000,\"price_per_gib_transferred_micro\":400,"
	"\"network\":{\"id\":\"" ID "\",\"subnet\":\"10.77.0.0\",\"prefix_len\":16,\"mtu\":1400},"
	"\"self\":{\"id\":\"" ID "\",\"name\":\"vm1\",\"mac\":\"52:54:00:12:34:56\",\"ip\":\"10.77.1.2\"}}";
static const char machine[] = "{\"uid\":0,\"port\":\"dgram\"}";

static struct settings settings = { .market_url = "http://127.0.0.1:1" };
static struct identity identity;
static struct lease_host host = { .settings = &settings, .identity = &identity, .wake_fd = -1 };

static void put(const char *dir, const char *name, const char *text)
{
	char path[600];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	if (text && file_write(path, text, strlen(text), 0600))
		exit(1);
}

/* spec, vm: what is in lease.json and vm.json; NULL: there is no such file. */
static void test(const char *spec, const char *vm, bool recorded, enum lease_state want, const char *what)
{
	char dir[PATH_SIZE + 64], id_text[UUID_TEXT_SIZE];
	uuid id = uuid_make(clock_wall());
	struct lease_here *l;
	snprintf(dir, sizeof dir, "%s/leases/%s", settings.state, uuid_format(id, id_text));
	if (dir_make(dir, 0700))
		exit(1);
	put(dir, "lease.json", spec);
	put(dir, "vm.json", vm);
	if (recorded) {
		struct journal j = { .lease = id };
		struct usage u;
		ok(journal_record(&j, dir, identity.key, 7000, 5000, &u) == OK, "it ran, and was recorded");
	}
	err_t e = lease_adopt(&host, id, 0, &l);
	is_int(e, OK, "%s: the daemon starts", what);
	if (e)
		return;
	is_int(l->state, want, "%s: %s", what, want == LEASE_ENDED ? "it is over" : "it is prepared anew");
	is_int(l->has_spec, spec == terms, "its terms are %s", spec == terms ? "read" : "not there");
	if (want == LEASE_ENDED) {
		struct lease_report r;
		is_int(l->reason, END_BOOT_FAILED, "with the reason");
		lease_report(l, &r);
		ok(r.has_usage && r.usage.vcpu_ns == (recorded ? 7000 : 0) && r.usage.running_us == (recorded ? 5000 : 0),
		   "and what it had used is told");
	}
	lease_leave(l);
}

int main(void)
{
	char cut[sizeof terms / 2] = "";
	snprintf(settings.state, sizeof settings.state, "/tmp/cpushare-adopt-XXXXXX");
	if (!mkdtemp(settings.state) || ed25519_new(&identity.key))
		return 1;
	memcpy(cut, terms, sizeof cut - 1);
	test(terms, machine, true, LEASE_ENDED, "whole files");
	test("", machine, true, LEASE_ENDED, "no terms in their file");
	test(cut, machine, false, LEASE_ENDED, "half the terms");
	test(terms, "", false, LEASE_ENDED, "nothing in the machine's file");
	test("", "", true, LEASE_ENDED, "nothing in both");
	test(NULL, NULL, true, LEASE_ENDED, "only the records");
	test(cut, NULL, false, LEASE_PREPARING, "half the terms of one that was not started");
	test(NULL, NULL, false, LEASE_PREPARING, "an empty folder");
	identity_clear(&identity);
	ok(dir_remove(settings.state) == OK, "gone");
	return done_testing();
}
