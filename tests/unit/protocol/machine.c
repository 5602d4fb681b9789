/* SPDX-License-Identifier: Apache-2.0
 * machine.c - tests of what machines and the market say to each other
 */
#include "bytes.h"
#include "machine.h"
#include "message.h"

/* (printf 'cpushare-usage-v1\0'; the fields in hex | xxd -r -p) | sha256sum */
#define HASH_OF_USAGE "a840190037b162998f87b60bb08601df165c96a23706783169a9d1d92238c806"
#define SIGNATURE SHA1 SHA2
#define PRICES "\"price_per_core_hour_micro\":20000,\"price_per_gib_hour_micro\":3000,\"price_per_gib_transferred_micro\":400"
#define ENROLMENT "{\"name\":\"pc\",\"public_key\":\"" SHA1 "\",\"proof\":\"" SIGNATURE "\"}"
#define ENROLLED "{\"id\":\"" ID1 "\",\"name\":\"pc\",\"token\":\"cm_abc\"}"
#define MACHINE                                                                                                            \
	"{\"id\":\"" ID1 "\",\"account\":\"" ID2                                                                           \
	"\",\"name\":\"pc\",\"country\":\"DE\",\"version\":\"0.1\",\"state\":\"paused\","                                  \
	"\"accel\":\"kvm\",\"cores\":8,\"memory_mib\":9,\"score\":10,\"claimed_score\":12,\"calibrated_at\":\"" TIME1      \
	"\",\"nat\":\"none\",\"relay_rtt_ms\":13,\"off_reason\":\"slow\",\"leases\":11," PRICES ",\"created_at\":\"" TIME1 \
	"\",\"seen_at\":\"" TIME2 "\"}"
#define USAGE                                                                                                            \
	"{\"seq\":1,\"vcpu_ns\":2,\"running_us\":3,\"tx_bytes\":4,\"rx_bytes\":9223372036854775807,\"previous\":\"" SHA1 \
	"\",\"signature\":\"" SIGNATURE "\"}"
#define CANDIDATES "[{\"kind\":\"host\",\"address\":\"192.0.2.7:41641\"}]"
#define PATH "{\"peer\":\"" ID2 "\",\"path\":\"direct\",\"rtt_us\":210,\"loss_permille\":0,\"datagram_bytes\":1472}"
#define LEASE1                                                                                                                   \
	"{\"lease\":\"" ID3 "\",\"state\":\"running\",\"reason\":\"\",\"detail\":\"\",\"progress_permille\":-1,\"usage\":" USAGE \
	",\"pin\":\"" SHA2 "\",\"candidates\":" CANDIDATES ",\"path\":\"relayed\",\"peers_version\":7,\"paths\":[" PATH "]}"
#define LEASE2                                                                                                  \
	"{\"lease\":\"" ID4                                                                                     \
	"\",\"state\":\"ended\",\"reason\":\"image_failed\",\"detail\":\"piece 3\",\"progress_permille\":1000," \
	"\"path\":\"none\",\"peers_version\":0}"
#define TERMS                                                                                                                    \
	"\"terms\":{\"cpu_vendor\":\"amd\",\"direct\":true,\"nat\":\"dependent\",\"relay_rtt_ms\":14,\"up_kbit_s\":1000,\"down_" \
	"kbit_s\":2000,\"rtt\":[{\"region\":"                                                                                    \
	"\"fra\",\"rtt_ms\":12}],"                                                                                               \
	"\"scratch_mib\":7,\"image_mib\":8,\"display\":true,\"min_buyer_rating_ppm\":5,\"blocked_buyers\":[\"" ID5 "\"]}"
#define REPORT                                                                                                        \
	"{\"boot\":\"" ID1 "\",\"seq\":5,\"version\":\"0.1\",\"accepting\":true,\"draining\":true,\"accel\":\"tcg\"," \
	"\"country\":\"DE\",\"cores\":8,"                                                                             \
	"\"memory_mib\":4096,\"score\":400," PRICES ",\"min_duration_s\":60,\"max_duration_s\":86400," TERMS          \
	",\"leases\":[" LEASE1 "," LEASE2 "]}"
#define PEER "{\"id\":\"" ID2 "\",\"name\":\"vm2\",\"mac\":\"52:54:00:12:34:56\",\"ip\":\"10.77.1.2\"}"
#define ORDER1                                                                                            \
	"{\"lease\":\"" ID3 "\",\"state\":\"running\",\"reason\":\"\",\"ack_seq\":4,\"ack_hash\":\"" SHA1 \
	"\",\"console_from\":0,\"screen_width\":320,\"resets\":3,\"peers_version\":8,\"peers\":[" PEER "]}"
#define ORDER2                                                                                                                   \
	"{\"lease\":\"" ID4 "\",\"state\":\"ended\",\"reason\":\"expired\",\"ack_seq\":0,\"console_from\":-1,\"peers_version\":" \
	"0}"
#define ANSWER "{\"interval_ms\":2000,\"now\":\"" TIME1 "\",\"note\":\"mend it\",\"leases\":[" ORDER1 "," ORDER2 "]}"
#define SPEC                                                                                                            \
	"{\"lease\":\"" ID1 "\",\"order\":\"" ID2 "\",\"name\":\"vm1\",\"image\":\"" SHA1 "\",\"image_bytes\":17,"      \
	"\"cdrom_bus\":\"sata\",\"cores\":2,\"memory_mib\":160,\"duration_s\":60,\"scratch_mib\":6,\"max_freeze_s\":5," \
	"\"display\":\"vga\",\"warm\":true," PRICES ",\"network\":{\"id\":\"" ID3                                       \
	"\",\"subnet\":\"10.77.0.0\",\"prefix_len\":16,\"mtu\":1400},\"self\":" PEER ",\"user_data\":\"#!/bin/sh\\n\"}"
#define CHUNK "{\"from\":100,\"end\":106,\"data\":\"aGVsbG8=\",\"live\":true,\"typed\":7}"
#define KEYS "{\"data\":\"bHMK\"}"
#define TYPED "{\"from\":9,\"data\":\"bHMK\"}"

static void enrolments(void)
{
	static const struct row rows[] = {
		{ "name", "\"\"", "name" },
		{ "name", "\"a\\tb\"", "name" },
		{ "public_key", NULL, "public_key" },
		{ "public_key", "\"11\"", "public_key" },
		{ "public_key", "\"" SHA1 "11\"", "public_key" },
		{ "proof", "\"" SHA1 "\"", "proof" },
		{ "proof", "null", "proof" },
		{ "owner", "1", "owner" },
	};
	static const struct row enrolled[] = {
		{ "token", NULL, "token" },
		{ "id", "null", "id" },
		{ "tomorrow", "1", NULL },
	};
	static const struct row machine[] = {
		{ "state", "\"sleeping\"", "state" }, { "country", "null", NULL }, { "version", "null", NULL },
		{ "seen_at", "null", NULL },	      { "cores", "-1", "cores" },  { "tomorrow", "1", NULL },
	};
	message_survives(enrolment, enrolment_from_json, enrolment_to_json, no_clear, ENROLMENT);
	message_rows(enrolment, enrolment_from_json, no_clear, ENROLMENT, rows);
	message_survives(enrolled, enrolled_from_json, enrolled_to_json, no_clear, ENROLLED);
	message_rows(enrolled, enrolled_from_json, no_clear, ENROLLED, enrolled);
	message_survives(machine, machine_from_json, machine_to_json, no_clear, MACHINE);
	message_rows(machine, machine_from_json, no_clear, MACHINE, machine);

	struct ed25519_key *key = NULL, *other = NULL;
	ok(ed25519_new(&key) == OK && ed25519_new(&other) == OK, "two keys");
	struct enrolment e = { .name = "pc", .key = ed25519_public_of(key), .proof = enrolment_prove(key, "pc") };
	ok(enrolment_proven(&e), "the key's owner proves it");
	e.name[1] = 'd';
	ok(!enrolment_proven(&e), "not under another name");
	e.name[1] = 'c';
	e.key = ed25519_public_of(other);
	ok(!enrolment_proven(&e), "not with another key");
	ed25519_free(key);
	ed25519_free(other);
}

static void usages(void)
{
	char text[SHA256_TEXT_SIZE];
	uuid lease = { 0 }, other = { 0 };
	struct ed25519_key *key = NULL;
	ok(uuid_parse(ID1, &lease) == OK && uuid_parse(ID2, &other) == OK && ed25519_new(&key) == OK, "a lease and a key");
	struct usage u = { .seq = 1, .vcpu_ns = 2, .running_us = 3, .tx_bytes = 4, .rx_bytes = 5 };
	memset(u.previous.bytes, 0x11, 32);
	is_text(sha256_format(usage_hash(lease, &u), text), HASH_OF_USAGE, "the hash is over what the header says");
	usage_sign(key, lease, &u);
	ok(usage_verify(ed25519_public_of(key), lease, &u), "a signed record verifies");
	ok(!usage_verify(ed25519_public_of(key), other, &u), "not for another lease");
	struct usage forged[6] = { u, u, u, u, u, u };
	forged[0].seq++, forged[1].vcpu_ns++, forged[2].running_us++, forged[3].tx_bytes++, forged[4].rx_bytes++;
	forged[5].previous.bytes[31] ^= 1;
	for (int i = 0; i < 6; i++)
		ok(!usage_verify(ed25519_public_of(key), lease, &forged[i]), "not with number %d changed", i + 1);
	ed25519_free(key);
}

/* As the market reads it. */
static err_t report_from_its_text(json_t *json, struct report *ret, struct json_error *error)
{
	struct report *read = malloc(sizeof *read);
	char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
	*read = *ret;
	err_t e = report_from_text(text, strlen(text), read, error);
	if (e == OK)
		*ret = *read;
	free(text);
	free(read);
	return e;
}

static void answers_as_text(void)
{
	static const char *const notes[] = { "", "mend it", "a \"quoted\" \\ note\n", "gr\xc3\xbcn" };
	struct lease_order order = { .state = LEASE_ENDED, .reason = END_EXPIRED, .console_from = -1 };
	struct report_answer a = { .interval_ms = 2000, .now = { 1795231740000001 }, .leases = &order };
	for (size_t i = 0; i < 2 * sizeof notes / sizeof *notes; i++) {
		snprintf(a.note, sizeof a.note, "%s", notes[i / 2]);
		a.lease_count = i % 2;
		json_t *json = report_answer_to_json(&a), *same = NULL;
		char *text = report_answer_to_text(&a);
		struct json_error error;
		ok(json_parse(text, strlen(text), &same, &error) == OK && json_equal(json, same), "%s", text);
		free(text);
		json_decref(json);
		json_decref(same);
	}
}

/* An older seller does not say how large an image it takes: then it is any, and we say nothing of it in its name. */
static void reports_of_before(void)
{
	static const char *const without[] = { "image_mib", "terms" };
	for (size_t i = 0; i < sizeof without / sizeof *without; i++) {
		AUTO_JSON json = message_parse(REPORT);
		struct report *r = calloc(1, sizeof *r);
		struct json_error error = { .what = "" };
		ok(json_object_del(i ? json : json_object_get(json, "terms"), without[i]) == 0, "a report without %s",
		   without[i]);
		ok(report_from_json(json, r, &error) == OK && r->terms.image_mib == UINT32_MAX, "takes any image");
		AUTO_JSON again = report_to_json(r);
		ok(!json_object_get(json_object_get(again, "terms"), "image_mib"), "which is not said");
		free(r);
	}
}

static void reports(void)
{
	static const struct row rows[] = {
		{ "boot", NULL, "boot" },
		{ "seq", "0", "seq" },
		{ "seq", "-1", "seq" },
		{ "seq", "9223372036854775807", NULL },
		{ "version", NULL, "version" },
		{ "accepting", "1", "accepting" },
		{ "draining", "1", "draining" },
		{ "accel", "\"any\"", "accel" },
		{ "accel", NULL, "accel" },
		{ "country", "null", NULL },
		{ "country", "\"\"", NULL },
		{ "country", "\"Germany\"", "country" },
		{ "cores", "4097", "cores" },
		{ "cores", "0", NULL },
		{ "memory_mib", "67108865", "memory_mib" },
		{ "score", "1000001", "score" },
		{ "price_per_core_hour_micro", "1000000000001", "price_per_core_hour_micro" },
		{ "price_per_core_hour_micro", NULL, "price_per_core_hour_micro" },
		{ "min_duration_s", "-1", "min_duration_s" },
		{ "terms", NULL, NULL },
		{ "terms", "7", "terms" },
		{ "terms.cpu_vendor", "\"arm\"", "terms.cpu_vendor" },
		{ "terms.direct", "0", "terms.direct" },
		{ "terms.up_kbit_s", "-1", "terms.up_kbit_s" },
		{ "terms.rtt[0].rtt_ms", "0", "terms.rtt[0].rtt_ms" },
		{ "terms.rtt[0].region", "\"\"", "terms.rtt[0].region" },
		{ "terms.image_mib", NULL, NULL },
		{ "terms.image_mib", "-1", "terms.image_mib" },
		{ "terms.image_mib", "4294967296", "terms.image_mib" },
		{ "terms.image_mib", "1.5", "terms.image_mib" },
		{ "terms.min_buyer_rating_ppm", "1000001", "terms.min_buyer_rating_ppm" },
		{ "terms.blocked_buyers[0]", "\"alice\"", "terms.blocked_buyers[0]" },
		{ "terms.mood", "1", "terms.mood" },
		{ "max_duration_s", "-1", "max_duration_s" },
		{ "max_duration_s", NULL, NULL },
		{ "leases", NULL, "leases" },
		{ "leases", "[]", NULL },
		{ "leases", "{}", "leases" },
		{ "leases[1]", "[]", "leases[1]" },
		{ "leases[1].lease", "\"" ID3 "\"", "leases[1].lease" },
		{ "leases[0].lease", NULL, "leases[0].lease" },
		{ "leases[0].state", "\"matched\"", "leases[0].state" },
		{ "leases[0].state", "\"ended\"", "leases[0].reason" },
		{ "leases[0].reason", "\"completed\"", "leases[0].reason" },
		{ "leases[1].reason", "\"\"", "leases[1].reason" },
		{ "leases[1].reason", NULL, "leases[1].reason" },
		{ "leases[0].detail", "\"" TEXT260 "\"", "leases[0].detail" },
		{ "leases[0].detail", "\"\\u0007\"", "leases[0].detail" },
		{ "leases[0].detail", NULL, NULL },
		{ "leases[0].progress_permille", "1001", "leases[0].progress_permille" },
		{ "leases[0].progress_permille", "-2", "leases[0].progress_permille" },
		{ "leases[0].usage", NULL, NULL },
		{ "leases[0].usage", "[]", "leases[0].usage" },
		{ "leases[0].usage.seq", "0", "leases[0].usage.seq" },
		{ "leases[0].usage.vcpu_ns", "-1", "leases[0].usage.vcpu_ns" },
		{ "leases[0].usage.vcpu_ns", "1.0", "leases[0].usage.vcpu_ns" },
		{ "leases[0].usage.running_us", NULL, "leases[0].usage.running_us" },
		{ "leases[0].usage.previous", "\"\"", "leases[0].usage.previous" },
		{ "leases[0].usage.signature", "\"" SHA1 "\"", "leases[0].usage.signature" },
		{ "leases[0].usage.watts", "1", "leases[0].usage.watts" },
		{ "leases[0].pin", "null", NULL },
		{ "leases[0].pin", "1", "leases[0].pin" },
		{ "leases[0].candidates[0].address", "\"x\"", "leases[0].candidates[0].address" },
		{ "leases[0].candidates[0].cost", "1", "leases[0].candidates[0].cost" },
		{ "leases[0].path", "\"air\"", "leases[0].path" },
		{ "leases[0].peers_version", "-1", "leases[0].peers_version" },
		{ "leases[0].paths", NULL, NULL },
		{ "leases[0].paths", "[]", NULL },
		{ "leases[0].paths", "{}", "leases[0].paths" },
		{ "leases[0].paths[0].peer", NULL, "leases[0].paths[0].peer" },
		{ "leases[0].paths[0].rtt_us", "-2", "leases[0].paths[0].rtt_us" },
		{ "leases[0].paths[0].color", "1", "leases[0].paths[0].color" },
		{ "leases[0].paths", "[" PATH "," PATH "]", "leases[0].paths" },
		{ "leases[0].mood", "1", "leases[0].mood" },
		{ "mood", "1", "mood" },
	};
	static const struct row answer[] = {
		{ "interval_ms", "199", "interval_ms" },
		{ "interval_ms", "60001", "interval_ms" },
		{ "now", "null", "now" },
		{ "now", "\"1970-01-01T00:00:00Z\"", "now" },
		{ "note", NULL, NULL },
		{ "leases", NULL, "leases" },
		{ "leases[1]", "7", "leases[1]" },
		{ "leases[0].state", "\"preparing\"", "leases[0].state" },
		{ "leases[0].state", "\"paused\"", NULL },
		{ "leases[0].state", "\"ended\"", "leases[0].reason" },
		{ "leases[1].reason", "\"\"", "leases[1].reason" },
		{ "leases[0].ack_seq", "-1", "leases[0].ack_seq" },
		{ "leases[0].ack_hash", NULL, "leases[0].ack_hash" },
		{ "leases[1].ack_seq", "1", "leases[1].ack_hash" },
		{ "leases[0].console_from", "-2", "leases[0].console_from" },
		{ "leases[0].console_from", NULL, NULL },
		{ "leases[0].peers", "{}", "leases[0].peers" },
		{ "leases[0].peers[0].mac", "\"\"", "leases[0].peers[0].mac" },
		{ "leases[0].peers[0].tomorrow", "1", NULL },
		{ "leases[0].tomorrow", "1", NULL },
		{ "tomorrow", "1", NULL },
	};
	message_survives(report, report_from_json, report_to_json, no_clear, REPORT);
	message_rows(report, report_from_json, no_clear, REPORT, rows);
	message_survives(report, report_from_its_text, report_to_json, no_clear, REPORT);
	message_rows(report, report_from_its_text, no_clear, REPORT, rows);
	message_survives(report_answer, report_answer_from_json, report_answer_to_json, report_answer_clear, ANSWER);
	message_rows(report_answer, report_answer_from_json, report_answer_clear, ANSWER, answer);
}

static void most_leases(void)
{
	static struct report r;
	struct json_error error;
	json_t *json = message_parse(REPORT), *leases = json_object_get(json, "leases");
	json_array_clear(leases);
	for (int i = 0; i < REPORT_MAX_LEASES; i++) {
		char id[UUID_TEXT_SIZE];
		json_t *lease = message_parse(LEASE1);
		snprintf(id, sizeof id, "01938e1c-7a2b-7c3d-8e4f-%012d", i);
		json_object_set_new(lease, "lease", json_string(id));
		json_array_append_new(leases, lease);
	}
	ok(report_from_json(json, &r, &error) == OK && r.lease_count == REPORT_MAX_LEASES, "64 leases");
	json_array_append(leases, json_array_get(leases, 0));
	ok(report_from_json(json, &r, &error) == E_INVALID, "not 65");
	is_text(error.field, "leases", "which is what the refusal names");
	json_decref(json);
}

static void specs(void)
{
	static const struct row rows[] = {
		{ "lease", "null", "lease" },
		{ "name", "\"..\"", "name" },
		{ "image", NULL, "image" },
		{ "image_bytes", "0", "image_bytes" },
		{ "cores", "0", "cores" },
		{ "cores", "65", "cores" },
		{ "memory_mib", "1048577", "memory_mib" },
		{ "duration_s", "1", "duration_s" },
		{ "network.mtu", "0", "network.mtu" },
		{ "self.ip", "\"\"", "self.ip" },
		{ "user_data", NULL, NULL },
		{ "user_data", "1", "user_data" },
		{ "tomorrow", "1", NULL },
	};
	message_survives(lease_spec, lease_spec_from_json, lease_spec_to_json, lease_spec_clear, SPEC);
	message_rows(lease_spec, lease_spec_from_json, lease_spec_clear, SPEC, rows);
}

static void consoles(void)
{
	static const struct row rows[] = {
		{ "from", "-1", "from" },
		{ "from", "101", NULL },
		{ "from", "102", "end" },
		{ "from", "107", "end" },
		{ "from", "9223372036854775807", "end" },
		{ "end", "104", "end" },
		{ "end", "9223372036854775807", NULL },
		{ "data", "\"aGVsbG8\"", "data" },
		{ "data", "\"aGVs bG8=\"", "data" },
		{ "data", "\"\"", NULL },
		{ "data", NULL, "data" },
		{ "live", "1", "live" },
		{ "live", NULL, NULL },
		{ "typed", "-1", "typed" },
		{ "typed", "9007199254740992", "typed" },
		{ "typed", NULL, NULL },
		{ "color", "1", "color" },
	};
	static struct console_chunk c, back;
	struct json_error error;
	message_survives(console_chunk, console_chunk_from_json, console_chunk_to_json, no_clear, CHUNK);
	message_rows(console_chunk, console_chunk_from_json, no_clear, CHUNK, rows);

	c.len = CONSOLE_CHUNK, c.end = CONSOLE_CHUNK;
	for (size_t i = 0; i < c.len; i++)
		c.data[i] = (uint8_t)(i * 7);
	json_t *json = console_chunk_to_json(&c);
	ok(console_chunk_from_json(json, &back, &error) == OK && back.len == c.len && !memcmp(back.data, c.data, c.len),
	   "a whole chunk of any bytes survives");
	char *text = calloc(1, 4 * (CONSOLE_CHUNK / 3 + 2) + 1);
	base64_encode(c.data, CONSOLE_CHUNK, text);
	memcpy(text + strlen(text) - 4, "AAAA", 4); /* one byte more */
	json_object_set_new(json, "data", json_string(text));
	ok(console_chunk_from_json(json, &back, &error) == E_INVALID, "one byte more is refused");
	is_text(error.field, "data", "and names the field");
	free(text);
	json_decref(json);
}

static void typed(void)
{
	static const struct row rows[] = {
		{ "from", "-1", "from" },
		{ "from", "9007199254740991", NULL },
		{ "from", "9007199254740992", "from" },
		{ "from", NULL, "from" },
		{ "data", "\"bHMK=\"", "data" },
		{ "data", "\"\"", NULL },
		{ "data", NULL, "data" },
		{ "color", "1", "color" },
	};
	static const struct row key_rows[] = {
		{ "data", "\"\"", "data" },
		{ "data", "7", "data" },
		{ "data", NULL, "data" },
		{ "from", "1", "from" },
	};
	static struct console_input many = { .len = CONSOLE_INPUT_MAX }, back;
	char text[4 * (CONSOLE_INPUT_MAX / 3 + 2) + 1];
	struct json_error error;
	message_survives(console_input, console_input_from_json, console_input_to_json, no_clear, TYPED);
	message_rows(console_input, console_input_from_json, no_clear, TYPED, rows);
	message_rows(console_input, console_typed_from_json, no_clear, KEYS, key_rows);
	json_t *json = console_input_to_json(&many);
	is_int(console_input_from_json(json, &back, &error), OK, "as much as can wait");
	memset(text, 'A', 4 * (CONSOLE_INPUT_MAX / 3 + 2));
	text[4 * (CONSOLE_INPUT_MAX / 3 + 2)] = 0;
	json_object_set_new(json, "data", json_string(text));
	is_int(console_input_from_json(json, &back, &error), E_INVALID, "more is refused");
	is_text(error.field, "data", "and names the field");
	json_decref(json);
}

int main(void)
{
	typed();
	enrolments();
	usages();
	reports_of_before();
	reports();
	most_leases();
	answers_as_text();
	specs();
	consoles();
	return done_testing();
}
