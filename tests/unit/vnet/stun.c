/* SPDX-License-Identifier: Apache-2.0
 * stun.c - STUN messages byte for byte, refusals, and the asking of servers
 */
#include <assert.h>
#include "bytes.h"
#include "reflexive.h"
#include "tap.h"

#define ID "b7e7a701bc34d686fa87dfae"
#define COOKIE "2112a442"

static struct address address_of(const char *text)
{
	struct address a;
	assert(address_parse(text, &a) == OK);
	return a;
}

static size_t bytes_of(const char *hex, uint8_t *bytes)
{
	size_t len = strlen(hex) / 2;
	assert(hex_decode(hex, bytes, len) == OK);
	return len;
}

/* The addresses and their transformed forms are those of RFC 5769 sections 2.2 and 2.3. */
static void test_vectors(void)
{
	static const struct {
		const char *address, *hex;
	} answers[] = {
		{ "192.0.2.1:32853", "01010014" COOKIE ID "002000080001a147e112a643802800047d281f59" },
		{ "[2001:db8:1234:5678:11:2233:4455:6677]:32853",
		  "01010020" COOKIE ID "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d98028000468d5c950" },
	};
	struct stun_id id;
	struct stun_message m;
	uint8_t want[128], got[STUN_ANSWER_BYTES];
	assert(hex_decode(ID, id.bytes, sizeof id.bytes) == OK);
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		struct address a = address_of(answers[i].address);
		size_t len = bytes_of(answers[i].hex, want);
		ok(stun_put_answer(id, &a, got) == len && !memcmp(got, want, len), "an answer is written: %s",
		   answers[i].address);
		ok(stun_get(want, len, &m) == OK && m.kind == STUN_ANSWER && address_equal(&m.mapped, &a), "and read");
	}
	size_t len = stun_put_request(id, got);
	ok(stun_get(got, len, &m) == OK && m.kind == STUN_REQUEST && !memcmp(&m.id, &id, sizeof id), "a request is read again");
	len = bytes_of("0101001c" COOKIE ID "8022000b7465737420766563746f7220002000080001a147e112a643", want);
	ok(stun_get(want, len, &m) == OK, "optional attributes are passed over, FINGERPRINT may be missing");
}

static void test_refusals(void)
{
	static const struct {
		const char *why, *hex;
		err_t error;
	} bad[] = {
		{ "no whole header", "00010000" COOKIE "b7e7", E_INVALID },
		{ "a length beyond the packet", "00010008" COOKIE ID "80220000", E_INVALID },
		{ "a length short of the packet", "00010000" COOKIE ID "80220000", E_INVALID },
		{ "a length that is no multiple of 4", "00010002" COOKIE ID "8022", E_INVALID },
		{ "another cookie", "000100002112a443" ID, E_INVALID },
		{ "an indication", "00110000" COOKIE ID, E_INVALID },
		{ "an error response", "01110000" COOKIE ID, E_INVALID },
		{ "another method", "00030000" COOKIE ID, E_INVALID },
		{ "an answer without an address", "01010000" COOKIE ID, E_INVALID },
		{ "an attribute beyond the end", "00010004" COOKIE ID "80220004", E_INVALID },
		{ "padding beyond the end", "00010008" COOKIE ID "8022000540404040", E_INVALID },
		{ "an attribute that must be understood", "00010008" COOKIE ID "0003000400000000", E_UNSUPPORTED },
		{ "a family that there is not", "0101000c" COOKIE ID "002000080003a147e112a643", E_INVALID },
		{ "an IPv6 address of four bytes", "0101000c" COOKIE ID "002000080002a147e112a643", E_INVALID },
		{ "the address 0.0.0.0", "0101000c" COOKIE ID "002000080001a1472112a442", E_INVALID },
		{ "port 0", "0101000c" COOKIE ID "0020000800012112e112a643", E_INVALID },
		{ "a wrong FINGERPRINT", "01010014" COOKIE ID "002000080001a147e112a643802800047d281f5a", E_INVALID },
		{ "something behind FINGERPRINT", "01010018" COOKIE ID "002000080001a147e112a643802800047d281f5980220000",
		  E_INVALID },
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		uint8_t packet[128];
		struct stun_message m;
		size_t len = bytes_of(bad[i].hex, packet);
		ok(stun_get(packet, len, &m) == bad[i].error, "refused: %s", bad[i].why);
	}
	uint8_t large[STUN_MAX_BYTES + 4] = {
		0, 1, (sizeof large - 20) >> 8, (sizeof large - 20) & 0xff, 0x21, 0x12, 0xa4, 0x42
	};
	struct stun_message m;
	ok(stun_get(large, sizeof large, &m) == E_INVALID, "refused: too large");
}

/* Takes the requests that are due; returns how many, with the last one for each server. */
static int requests(struct reflexive *r, mono_time now, struct stun_id *ids)
{
	uint8_t packet[STUN_REQUEST_BYTES];
	struct address to;
	size_t len;
	int n = 0;
	while (reflexive_next(r, now, packet, &len, &to)) {
		struct stun_message m;
		assert(stun_get(packet, len, &m) == OK && m.kind == STUN_REQUEST);
		for (size_t i = 0; i < r->count; i++)
			if (address_equal(&r->servers[i].server, &to))
				ids[i] = m.id;
		n++;
	}
	return n;
}

static bool answer(struct reflexive *r, struct stun_id id, const char *from, const char *mapped, mono_time now, bool *ret_changed)
{
	uint8_t packet[STUN_ANSWER_BYTES];
	struct address a = address_of(mapped), f = address_of(from);
	size_t len = stun_put_answer(id, &a, packet);
	*ret_changed = false;
	return reflexive_take(r, packet, len, &f, now, ret_changed);
}

static void test_asking(void)
{
	struct address servers[] = { address_of("192.0.2.1:3478"), address_of("192.0.2.2:3478") }, seen[VNET_MAX_STUN_SERVERS];
	struct stun_id ids[VNET_MAX_STUN_SERVERS], stranger = { { 1 } };
	struct reflexive r;
	mono_time now = { 5000000 };
	bool changed;
	reflexive_init(&r, servers, 2, now);
	is_int(requests(&r, now, ids), 2, "both servers are asked at once");
	is_int(requests(&r, (mono_time){ now.us + 400000 }, ids), 0, "and not again before 500 ms");
	ok(!answer(&r, stranger, "192.0.2.1:3478", "198.51.100.1:1000", now, &changed), "an answer to nothing is refused");
	ok(!answer(&r, ids[0], "192.0.2.9:3478", "198.51.100.1:1000", now, &changed), "so is one from elsewhere");
	ok(answer(&r, ids[0], "192.0.2.1:3478", "198.51.100.1:1000", now, &changed) && changed, "the first answer is news");
	is_int(reflexive_mapping(&r), VNET_MAPPING_UNKNOWN, "one answer says nothing about the NAT");
	ok(!answer(&r, ids[0], "192.0.2.1:3478", "198.51.100.1:1001", now, &changed), "an answer counts once");
	ok(answer(&r, ids[1], "192.0.2.2:3478", "198.51.100.1:1000", now, &changed), "the other server answers");
	is_int(reflexive_mapping(&r), VNET_MAPPING_INDEPENDENT, "the same address: the mapping is independent");
	is_int(reflexive_addresses(&r, seen), 1, "which is one candidate");
	int64_t due = reflexive_due_us(&r) - now.us;
	ok(due >= 20 * SECOND_US && due < 26 * SECOND_US, "asked again after 20 to 26 s");

	now.us += 26 * SECOND_US;
	is_int(requests(&r, now, ids), 2, "and so it is");
	ok(answer(&r, ids[0], "192.0.2.1:3478", "198.51.100.1:1000", now, &changed) && !changed, "the same address is no news");
	ok(answer(&r, ids[1], "192.0.2.2:3478", "198.51.100.1:1003", now, &changed) && changed, "another one is");
	is_int(reflexive_mapping(&r), VNET_MAPPING_DEPENDENT, "the mapping depends on the destination");
	is_int(reflexive_addresses(&r, seen), 2, "two candidates");

	now.us += 26 * SECOND_US;
	int sent = 0;
	for (int64_t i = 0; i < 80 * 10; i++)
		sent += requests(&r, (mono_time){ now.us + i * SECOND_US / 10 }, ids);
	is_int(sent, 2 * REFLEXIVE_TRIES, "a silent server is asked seven times");
	now.us += 80 * SECOND_US;
	is_int(reflexive_addresses(&r, seen), 0, "then what it said is forgotten");
	sent = 0;
	for (int64_t i = 0; i < 30; i++)
		sent += requests(&r, (mono_time){ now.us + i * SECOND_US }, ids);
	ok(sent >= 2, "and it is asked again");
	reflexive_wake(&r, (mono_time){ now.us + 100 * SECOND_US });
	is_int(requests(&r, (mono_time){ now.us + 100 * SECOND_US }, ids), 2, "as it is when our addresses change");
}

int main(void)
{
	test_vectors();
	test_refusals();
	test_asking();
	return done_testing();
}
