/* SPDX-License-Identifier: Apache-2.0
 * network.c - tests of the messages about networks and peers
 */
#include "message.h"
#include "netcheck.h"

#define NETWORK "{\"id\":\"" ID1 "\",\"subnet\":\"10.77.0.0\",\"prefix_len\":16,\"mtu\":1400}"
#define CANDIDATES \
	"[{\"kind\":\"host\",\"address\":\"192.0.2.7:41641\"},{\"kind\":\"relayed\",\"address\":\"[2001:db8::1]:65535\"}]"
#define STATION "\"id\":\"" ID2 "\",\"name\":\"vm1\",\"mac\":\"52:54:00:12:34:56\",\"ip\":\"10.77.1.1\""
#define PEER "{" STATION ",\"pin\":\"" SHA1 "\",\"candidates\":" CANDIDATES "}"
#define UNKNOWN_PEER "{" STATION "}"
#define JOIN                                                                                      \
	"{\"id\":\"" ID3 "\",\"name\":\"laptop\",\"pin\":\"" SHA1 "\",\"candidates\":" CANDIDATES \
	",\"peers_version\":9,\"gateway\":true,\"boot_server\":\"10.77.1.2\",\"boot_file\":\"a.ipxe\"}"
#define ANSWER                                                                                                      \
	"{\"network\":" NETWORK ",\"self\":" UNKNOWN_PEER ",\"peers_version\":9223372036854775807,\"peers\":[" PEER \
	"," UNKNOWN_PEER "]}"
#define TICKET TEN(TEN("0a")) TEN("0b") TEN("0b") TEN("0b") TEN("0b") "0c0c0c0c0c0c0c0d"
#define RELAYS                                                                                                                   \
	"[{\"address\":\"192.0.2.7:3478\",\"ticket\":\"" TICKET "\"},{\"address\":\"192.0.2.8:3478\",\"tls\":\"192.0.2.8:443\"," \
	"\"tls_pin\":\"" SHA1 "\",\"ticket\":\"" TICKET "\"}]"
#define RELAY_ANSWER                                                                                                             \
	"{\"network\":{\"id\":\"" ID1 "\",\"subnet\":\"10.77.0.0\",\"prefix_len\":16,\"mtu\":1400,\"stun\":[\"192.0.2.7:3478\"," \
	"\"192.0.2.7:3479\"],\"relays\":" RELAYS "},\"self\":" UNKNOWN_PEER ",\"peers_version\":0}"
#define SHORT_ANSWER "{\"network\":" NETWORK ",\"self\":" UNKNOWN_PEER ",\"peers_version\":0}"

static void addresses(void)
{
	static const struct {
		const char *address;
		bool good;
	} rows[] = {
		{ "192.0.2.7:1", true },
		{ "127.0.0.1:41641", true },
		{ "10.0.0.1:65535", true },
		{ "[::1]:41641", true },
		{ "[fe80::1]:7", true },
		{ "[::ffff:192.0.2.7]:7", true },
		{ "", false },
		{ "192.0.2.7", false },
		{ "192.0.2.7:", false },
		{ "192.0.2.7:0", false },
		{ "192.0.2.7:65536", false },
		{ "192.0.2.7:99999", false },
		{ "192.0.2.7:123456", false },
		{ "192.0.2.7:01", false },
		{ "192.0.2.7:+1", false },
		{ "192.0.2.7: 1", false },
		{ "192.0.2.7:1 ", false },
		{ "192.0.2.7:1:2", false },
		{ "192.0.2:1", false },
		{ "192.0.2.256:1", false },
		{ "0192.0.2.7:1", false },
		{ "0.0.0.0:1", false },
		{ "0.1.2.3:1", false },
		{ "224.0.0.1:1", false },
		{ "255.255.255.255:1", false },
		{ "localhost:1", false },
		{ "example.org:1", false },
		{ "2001:db8::1:1", false },
		{ "[2001:db8::1]", false },
		{ "[2001:db8::1]1", false },
		{ "[2001:db8::1:1", false },
		{ "[2001:db8::1]:0", false },
		{ "[fe80::1%eth0]:7", false },
		{ "[192.0.2.7]:1", false },
		{ "[::]:1", false },
		{ "[ff02::1]:1", false },
		{ "[::ffff:224.0.0.1]:1", false },
		{ "[]:1", false },
		{ "[", false },
		{ ":", false },
		{ "[2001:0db8:0000:0000:0000:0000:0000:0001]:0000000000000000000000041641", false },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct peer_join j = { .id = { { 1 } }, .name = "a", .candidates = { 1, { { "host", "" } } } };
		struct json_error error;
		json_t *json = peer_join_to_json(&j), *list = json_object_get(json, "candidates");
		json_object_set_new(json_array_get(list, 0), "address", json_string(rows[i].address));
		ok((peer_join_from_json(json, &j, &error) == OK) == rows[i].good, "%s %s", rows[i].good ? "takes" : "refuses",
		   rows[i].address);
		if (!rows[i].good)
			is_text(error.field, "candidates[0].address", "and names the field");
		json_decref(json);
	}
}

static void peers(void)
{
	static const struct row peer[] = {
		{ "id", NULL, "id" },
		{ "name", "\"\"", "name" },
		{ "name", "\"VM1\"", "name" },
		{ "name", "\"vm.1\"", "name" },
		{ "name", "\"vm1-\"", "name" },
		{ "name", "\"vm_1\"", "name" },
		{ "name", "\"" TEXT64 "\"", "name" },
		{ "name", "\"a-1\"", NULL },
		{ "mac", "\"52:54:00:12:34:5\"", "mac" },
		{ "mac", "\"52:54:00:12:34:566\"", "mac" },
		{ "mac", "\"52:54:00:12:34:5A\"", "mac" },
		{ "mac", "\"ff:ff:ff:ff:ff:ff\"", "mac" },
		{ "ip", "\"::1\"", "ip" },
		{ "ip", "\"10.77.1.1/16\"", "ip" },
		{ "ip", "\"10.77.001.1\"", "ip" },
		{ "pin", "\"12\"", "pin" },
		{ "pin", "null", NULL },
		{ "candidates", "{}", "candidates" },
		{ "candidates[0]", "\"192.0.2.7:1\"", "candidates[0]" },
		{ "candidates[1].kind", "\"carrier pigeon\"", "candidates[1].kind" },
		{ "candidates[1].kind", NULL, "candidates[1].kind" },
		{ "candidates[1].cost", "1", NULL },
		{ "tomorrow", "1", NULL },
	};
	static const struct row join[] = {
		{ "id", "null", "id" },
		{ "id", "\"00000000-0000-0000-0000-000000000000\"", "id" },
		{ "name", NULL, "name" },
		{ "pin", NULL, "pin" },
		{ "candidates", NULL, "candidates" },
		{ "candidates", "[]", NULL },
		{ "candidates[1].cost", "1", "candidates[1].cost" },
		{ "peers_version", "-1", "peers_version" },
		{ "peers_version", NULL, NULL },
		{ "paths", "{}", "paths" },
		{ "paths", "[]", NULL },
		{ "paths", "[1]", "paths[0]" },
		{ "paths", "[{}]", "paths[0].peer" },
		{ "paths", "[{\"peer\":\"" ID2 "\"}]", NULL },
		{ "paths", "[{\"peer\":\"" ID2 "\"},{\"peer\":\"" ID2 "\"}]", "paths" },
		{ "paths", "[{\"peer\":\"" ID2 "\",\"path\":\"teleport\"}]", "paths[0].path" },
		{ "paths", "[{\"peer\":\"" ID2 "\",\"rtt_us\":60000001}]", "paths[0].rtt_us" },
		{ "paths", "[{\"peer\":\"" ID2 "\",\"rtt_us\":-2}]", "paths[0].rtt_us" },
		{ "paths", "[{\"peer\":\"" ID2 "\",\"loss_permille\":1001}]", "paths[0].loss_permille" },
		{ "paths", "[{\"peer\":\"" ID2 "\",\"datagram_bytes\":65536}]", "paths[0].datagram_bytes" },
		{ "paths", "[{\"peer\":\"" ID2 "\",\"color\":1}]", "paths[0].color" },
		{ "mac", "\"52:54:00:12:34:56\"", "mac" },
		{ "gateway", "1", "gateway" },
		{ "boot_server", NULL, "boot_server" },
		{ "boot_server", "\"vm1\"", "boot_server" },
		{ "boot_file", NULL, "boot_file" },
		{ "boot_file", "\"\"", "boot_file" },
		{ "boot_file", "\"a b\"", "boot_file" },
	};
	static const struct row answer[] = {
		{ "network", NULL, "network" },
		{ "network", "[]", "network" },
		{ "network.subnet", "\"10.77.0.1\"", "network.subnet" },
		{ "network.subnet", "\"10.77\"", "network.subnet" },
		{ "network.prefix_len", "7", "network.prefix_len" },
		{ "network.prefix_len", "31", "network.prefix_len" },
		{ "network.prefix_len", "17", NULL },
		{ "network.mtu", "575", "network.mtu" },
		{ "network.mtu", "9001", "network.mtu" },
		{ "network.tomorrow", "1", NULL },
		{ "self", "null", "self" },
		{ "self.mac", "1", "self.mac" },
		{ "peers_version", NULL, "peers_version" },
		{ "peers_version", "-1", "peers_version" },
		{ "peers", "{}", "peers" },
		{ "peers", "null", NULL },
		{ "peers", "[]", NULL },
		{ "peers[1]", "null", "peers[1]" },
		{ "peers[1].ip", NULL, "peers[1].ip" },
		{ "peers[0].candidates[1].address", "\"1.2.3.4\"", "peers[0].candidates[1].address" },
	};
	static const struct row relays[] = {
		{ "network.stun", NULL, NULL },
		{ "network.stun", "[]", NULL },
		{ "network.stun", "{}", "network.stun" },
		{ "network.stun[1]", "1", "network.stun[1]" },
		{ "network.stun[0]", "\"stun.example:3478\"", "network.stun" },
		{ "network.stun[0]", "\"0.0.0.0:3478\"", "network.stun" },
		{ "network.stun", "[\"1.1.1.1:1\",\"1.1.1.1:2\",\"1.1.1.1:3\",\"1.1.1.1:4\",\"1.1.1.1:5\"]", "network.stun" },
		{ "network.relays", NULL, NULL },
		{ "network.relays", "[]", NULL },
		{ "network.relays", "[{},{},{},{},{}]", "network.relays" },
		{ "network.relays[0]", "1", "network.relays[0]" },
		{ "network.relays[0].address", "\"192.0.2.7\"", "network.relays[0].address" },
		{ "network.relays[0].address", NULL, "network.relays[0].address" },
		{ "network.relays[0].ticket", NULL, "network.relays[0].ticket" },
		{ "network.relays[0].ticket", "\"00\"", "network.relays[0].ticket" },
		{ "network.relays[0].tomorrow", "1", NULL },
		{ "network.relays[1].tls", "\"relay.example:443\"", "network.relays[1].tls" },
		{ "network.relays[1].tls", NULL, "network.relays[1].tls_pin" },
		{ "network.relays[1].tls_pin", NULL, "network.relays[1].tls_pin" },
		{ "network.relays[1].tls_pin", "\"00\"", "network.relays[1].tls_pin" },
	};
	message_survives(peer_answer, peer_answer_from_json, peer_answer_to_json, peer_answer_clear, RELAY_ANSWER);
	message_rows(peer_answer, peer_answer_from_json, peer_answer_clear, RELAY_ANSWER, relays);
	message_survives(peer_view, peer_view_from_json, peer_view_to_json, no_clear, PEER);
	message_survives(peer_view, peer_view_from_json, peer_view_to_json, no_clear, UNKNOWN_PEER);
	message_rows(peer_view, peer_view_from_json, no_clear, PEER, peer);
	message_survives(peer_join, peer_join_from_json, peer_join_to_json, no_clear, JOIN);
	message_rows(peer_join, peer_join_from_json, no_clear, JOIN, join);
	message_survives(peer_answer, peer_answer_from_json, peer_answer_to_json, peer_answer_clear, ANSWER);
	message_survives(peer_answer, peer_answer_from_json, peer_answer_to_json, peer_answer_clear, SHORT_ANSWER);
	message_rows(peer_answer, peer_answer_from_json, peer_answer_clear, ANSWER, answer);
}

static void counts(void)
{
	struct peer_join j;
	struct peer_answer a = { 0 };
	struct json_error error;
	json_t *json = message_parse(JOIN), *list = json_object_get(json, "candidates");
	while (json_array_size(list) < CANDIDATE_MAX)
		json_array_append(list, json_array_get(list, 0));
	ok(peer_join_from_json(json, &j, &error) == OK && j.candidates.count == CANDIDATE_MAX, "16 candidates");
	json_array_append(list, json_array_get(list, 0));
	ok(peer_join_from_json(json, &j, &error) == E_INVALID, "not 17");
	json_decref(json);

	json = message_parse(ANSWER);
	list = json_object_get(json, "peers");
	while (json_array_size(list) < PEER_MAX)
		json_array_append(list, json_array_get(list, 0));
	ok(peer_answer_from_json(json, &a, &error) == OK && a.peers.count == PEER_MAX, "320 peers");
	peer_answer_clear(&a);
	json_array_append(list, json_array_get(list, 0));
	ok(peer_answer_from_json(json, &a, &error) == E_INVALID, "not 321");
	json_decref(json);
}

static void netchecks(void)
{
	static const char good[] = "{\"now\":\"" TIME1 "\",\"stun\":[\"192.0.2.7:3478\",\"[2001:db8::1]:3478\"],\"relays\":"
				   "[{\"address\":\"192.0.2.7:3478\",\"tls\":\"192.0.2.7:443\",\"tls_pin\":\"" SHA1
				   "\",\"region\":\"eu-west\"},{\"address\":\"192.0.2.8:3478\"}]}";
	static const struct row rows[] = {
		{ "now", NULL, "now" },
		{ "stun", NULL, "stun" },
		{ "stun", "[]", NULL },
		{ "stun[0]", "1", "stun[0]" },
		{ "stun[0]", "\"stun.example:3478\"", "stun" },
		{ "stun[0]", "\"0.0.0.0:1\"", "stun" },
		{ "stun", "[\"1.1.1.1:1\",\"1.1.1.1:2\",\"1.1.1.1:3\",\"1.1.1.1:4\",\"1.1.1.1:5\"]", "stun" },
		{ "relays", "[{},{},{},{},{}]", "relays" },
		{ "relays[0].address", NULL, "relays[0].address" },
		{ "relays[0].address", "\"192.0.2.7\"", "relays[0].address" },
		{ "relays[0].tls", "\"localhost:1\"", "relays[0].tls" },
		{ "relays[0].tls", NULL, NULL },
		{ "relays[0].tls_pin", NULL, "relays[0].tls_pin" },
		{ "relays[0].tls_pin", "\"00\"", "relays[0].tls_pin" },
		{ "relays[0].region", NULL, NULL },
		{ "relays[0].region", "\"EU\"", "relays[0].region" },
		{ "relays[0].region", "\"seventeen-letters\"", "relays[0].region" },
		{ "relays[0].tomorrow", "1", NULL },
		{ "tomorrow", "1", NULL },
	};
	message_survives(netcheck, netcheck_from_json, netcheck_to_json, no_clear, good);
	message_rows(netcheck, netcheck_from_json, no_clear, good, rows);
}

int main(void)
{
	netchecks();
	addresses();
	peers();
	counts();
	return done_testing();
}
