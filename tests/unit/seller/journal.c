/* SPDX-License-Identifier: Apache-2.0
 * journal.c - usage records chain, survive a restart, and never count a byte twice
 */
#include <stdlib.h>
#include <unistd.h>
#include "clock.h"
#include "file.h"
#include "journal.h"
#include "tap.h"

static char dir[] = "/tmp/cpushare-journal-XXXXXX";
static struct ed25519_key *key;

static void test_chain(void)
{
	struct journal j;
	struct usage one, two, three;
	uuid lease = uuid_make(clock_wall());
	ok(journal_load(dir, lease, &j) == OK, "a lease without a journal has an empty one");
	ok(journal_record(&j, dir, key, 1000, 500, &one) == OK && one.seq == 1, "the first record is number 1");
	ok(usage_verify(ed25519_public_of(key), lease, &one), "it is signed");
	ok(journal_record(&j, dir, key, 2000, 900, &two) == OK && two.seq == 1, "without an acknowledgement the number stays");
	sha256 hash_one = usage_hash(lease, &one);
	ok(journal_acknowledge(&j, 1, hash_one) == OK,
	   "the market has the first one although a second was sent since: it is ours");
	ok(journal_record(&j, dir, key, 3000, 1200, &three) == OK && three.seq == 2, "the next builds on what was acknowledged");
	ok(sha256_equal(three.previous, hash_one), "by its hash");

	struct journal again;
	ok(journal_load(dir, lease, &again) == OK, "after a restart the journal is there");
	ok(journal_acknowledge(&again, 2, usage_hash(lease, &three)) == OK, "and knows what was sent before the restart");
	ok(journal_acknowledge(&again, 7, hash_one) == E_CORRUPT, "a record that was never made is not ours");
}

static void test_counters_only_grow(void)
{
	uuid lease = uuid_make(clock_wall());
	struct journal j = { .lease = lease };
	struct usage u;
	ok(journal_record(&j, dir, key, 5000, 5000, &u) == OK, "a record");
	ok(journal_record(&j, dir, key, 10, 10, &u) == OK && u.vcpu_ns == 5000 && u.running_us == 5000,
	   "counters that came back smaller stay where they were");
}

static void test_disk_fails(void)
{
	uuid lease = uuid_make(clock_wall());
	struct journal j = { .lease = lease };
	struct usage u = { .seq = 0 };
	ok(journal_record(&j, "/no/such/folder", key, 5000, 5000, &u) == E_NOT_FOUND, "a disk that takes nothing");
	ok(u.seq == 1 && u.vcpu_ns == 5000 && usage_verify(ed25519_public_of(key), lease, &u),
	   "the record is there all the same");
}

static void test_traffic(void)
{
	struct journal j = { .lease = uuid_make(clock_wall()) }, again;
	struct usage u;
	sha256 first = sha256_of("first", 5), second = sha256_of("second", 6);
	journal_traffic(&j, first, 100, 10);
	journal_traffic(&j, first, 150, 20);
	ok(journal_record(&j, dir, key, 1, 1, &u) == OK && u.tx_bytes == 150 && u.rx_bytes == 20, "one endpoint's counters");
	ok(journal_load(dir, j.lease, &again) == OK, "the daemon starts anew");
	journal_traffic(&again, first, 160, 25);
	ok(journal_record(&again, dir, key, 1, 1, &u) == OK && u.tx_bytes == 160 && u.rx_bytes == 25,
	   "the endpoint went on: nothing is counted twice");
	journal_traffic(&again, second, 5, 1);
	ok(journal_record(&again, dir, key, 1, 1, &u) == OK && u.tx_bytes == 165 && u.rx_bytes == 26,
	   "a new endpoint begins at zero: nothing is lost");
}

static void test_refusals(void)
{
	static const char *const bad[] = { "", "{}", "[]", "{\"ack_seq\":-1}", "not json", "{\"ack_seq\":1,\"extra\":2}" };
	char path[128];
	struct journal j;
	snprintf(path, sizeof path, "%s/usage.json", dir);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ok(file_write(path, bad[i], strlen(bad[i]), 0600) == OK, "a journal that says: %s", bad[i]);
		ok(journal_load(dir, uuid_make(clock_wall()), &j) != OK, "is refused");
	}
}

int main(void)
{
	if (!mkdtemp(dir) || ed25519_new(&key))
		return 1;
	test_chain();
	test_counters_only_grow();
	test_disk_fails();
	test_traffic();
	test_refusals();
	ed25519_free(key);
	ok(dir_remove(dir) == OK, "cleaned up");
	return done_testing();
}
