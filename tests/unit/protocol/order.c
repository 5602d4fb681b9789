/* SPDX-License-Identifier: Apache-2.0
 * order.c - tests of the messages about orders, leases, offers and sellers
 */
#include "message.h"
#include "order.h"

#define MAX_PRICES                                                                                                               \
	"\"max_price_per_core_hour_micro\":20000,\"max_price_per_gib_hour_micro\":3000,\"max_price_per_gib_transferred_micro\":" \
	"400"
#define PRICES "\"price_per_core_hour_micro\":20000,\"price_per_gib_hour_micro\":3000,\"price_per_gib_transferred_micro\":400"
#define CONSTRAINTS                                                                                                             \
	"\"constraints\":{\"countries\":[\"DE\",\"FR\"],\"countries_not\":[\"US\"],\"min_score\":5,\"min_rating_ppm\":6,\"min_" \
	"ratings\":7,"                                                                                                          \
	"\"min_up_kbit_s\":8,\"min_down_kbit_s\":9,\"region\":\"fra\",\"max_rtt_ms\":10,\"accel\":\"kvm\",\"cpu_vendor\":"      \
	"\"amd\",\"direct\":true,"                                                                                              \
	"\"trusted\":\"prefer\",\"distinct_sellers\":true,\"distinct_countries\":false,\"distinct_cpu_vendors\":true,\"all_or_" \
	"none\":true,\"warm\":false,\"scratch_mib\":12,\"max_freeze_s\":11,\"display\":\"vga\","                                \
	"\"preferred\":[\"" ID3 "\"],\"blocked\":[\"" ID4 "\",\"" ID5 "\"]}"
#define REQUEST                                                                                               \
	"{\"name\":\"render\",\"image\":\"" SHA1 "\",\"count\":8,\"cores\":2,\"memory_mib\":2048," MAX_PRICES \
	",\"duration_s\":7200,\"open_s\":60,\"max_price_per_hour_micro\":77,\"not_before\":\"" TIME1          \
	"\",\"budget_micro\":5000000," CONSTRAINTS ",\"mtu\":8900,\"user_data\":\"#cloud-config\\n\"}"
#define LEAST "{\"image\":\"" SHA1 "\",\"count\":1,\"cores\":1,\"memory_mib\":64," MAX_PRICES "}"
#define ORDER                                                                                                         \
	"{\"id\":\"" ID1 "\",\"buyer\":\"" ID2 "\",\"name\":\"render\",\"state\":\"filled\",\"image\":\"" SHA1        \
	"\",\"count\":8,\"filled\":3,\"ended\":2,\"cores\":4,\"memory_mib\":512," MAX_PRICES                          \
	",\"max_price_per_hour_micro\":78,\"duration_s\":7200,\"budget_micro\":1,\"held_micro\":2,\"charged_micro\":" \
	"3," CONSTRAINTS ",\"mtu\":576,\"created_at\":\"" TIME1 "\",\"not_before\":null,\"open_until\":\"" TIME2      \
	"\",\"ended_at\":\"" TIME3 "\"}"
#define LEASE                                                                                                                   \
	"{\"id\":\"" ID1 "\",\"order\":\"" ID2 "\",\"machine\":\"" ID3 "\",\"buyer\":\"" ID4 "\",\"seller\":\"" ID5             \
	"\",\"seller_name\":\"Bob\",\"machine_name\":\"pc\",\"country\":\"DE\",\"number\":7,\"name\":\"vm7\",\"ip\":\"10.77.1." \
	"7\",\"ip6\":\"fd9f:59e2:f50:b78:5054:ff:fe00:7\","                                                                     \
	"\"mac\":\"52:54:00:00:00:07\",\"state\":\"ended\",\"reason\":\"completed\",\"detail\":\"off\",\"accel\":\"tcg\","      \
	"\"cores\":2,"                                                                                                          \
	"\"memory_mib\":256," PRICES ",\"vcpu_ns\":11,\"running_us\":12,\"tx_bytes\":13,\"rx_bytes\":14,\"charged_micro\":15,"  \
	"\"commission_micro\":16,\"held_micro\":17,\"usage_cut\":true,\"path\":\"direct\",\"feedback\":-1,\"created_at\":"      \
	"\"" TIME1 "\",\"started_at\":\"" TIME2 "\",\"ended_at\":\"" TIME3 "\",\"withdrawable_at\":\"" TIME1 "\"}"
#define OFFER                                                                                                                 \
	"{\"machine\":\"" ID1 "\",\"seller\":\"" ID2 "\",\"seller_name\":\"Bob\",\"machine_name\":\"pc\",\"country\":\"DE\"," \
	"\"state\":\"online\",\"accel\":\"kvm\",\"cores\":8,\"cores_free\":7,\"memory_mib\":600,\"memory_free_mib\":500,"     \
	"\"score\":400,\"measured\":true," PRICES                                                                             \
	",\"rating_ppm\":999999,\"good\":3,\"bad\":2,\"cpu_vendor\":\"amd\",\"up_kbit_s\":40000,"                             \
	"\"down_kbit_s\":0,\"rtt\":[{\"region\":\"eu\",\"rtt_ms\":12}],\"direct\":true,\"trusted\":false,\"first_use\":false}"
#define SELLER                                                                                                         \
	"{\"id\":\"" ID1                                                                                               \
	"\",\"name\":\"Bob\",\"rating_ppm\":1,\"good\":2,\"bad\":3,\"machines\":4,\"machines_online\":5,\"leases\":6," \
	"\"leases_completed\":7,\"leases_failed\":8,\"since\":\"" TIME1 "\"}"

static const struct row request_rows[] = {
	{ "name", NULL, NULL },
	{ "name", "\"\"", NULL },
	{ "name", "\"a\\tb\"", "name" },
	{ "name", "\"" TEXT65 "\"", "name" },
	{ "image", NULL, "image" },
	{ "image", "\"12\"", "image" },
	{ "image", "\"zz11111111111111111111111111111111111111111111111111111111111111\"", "image" },
	{ "count", "0", "count" },
	{ "count", "257", "count" },
	{ "count", "256", NULL },
	{ "count", "-1", "count" },
	{ "count", "4294967297", "count" },
	{ "count", "9223372036854775807", "count" },
	{ "count", "2.0", "count" },
	{ "count", "true", "count" },
	{ "cores", "0", "cores" },
	{ "cores", "65", "cores" },
	{ "cores", NULL, "cores" },
	{ "memory_mib", "63", "memory_mib" },
	{ "memory_mib", "1048577", "memory_mib" },
	{ "max_price_per_core_hour_micro", NULL, "max_price_per_core_hour_micro" },
	{ "max_price_per_core_hour_micro", "-1", "max_price_per_core_hour_micro" },
	{ "max_price_per_core_hour_micro", "0", NULL },
	{ "max_price_per_core_hour_micro", "1000000000000", NULL },
	{ "max_price_per_core_hour_micro", "1000000000001", "max_price_per_core_hour_micro" },
	{ "max_price_per_gib_hour_micro", "0.5", "max_price_per_gib_hour_micro" },
	{ "max_price_per_gib_transferred_micro", "\"1\"", "max_price_per_gib_transferred_micro" },
	{ "price_per_core_hour_micro", "1", "price_per_core_hour_micro" },
	{ "duration_s", "59", "duration_s" },
	{ "duration_s", "2592001", "duration_s" },
	{ "duration_s", "null", NULL },
	{ "mtu", "575", "mtu" },
	{ "mtu", "9001", "mtu" },
	{ "mtu", "\"1400\"", "mtu" },
	{ "mtu", "9000", NULL },
	{ "open_s", "-1", "open_s" },
	{ "open_s", "0", NULL },
	{ "not_before", "\"tomorrow\"", "not_before" },
	{ "not_before", "null", NULL },
	{ "max_price_per_hour_micro", "-1", "max_price_per_hour_micro" },
	{ "open_s", "2592001", "open_s" },
	{ "open_s", NULL, NULL },
	{ "budget_micro", "-1", "budget_micro" },
	{ "budget_micro", "9007199254740992", "budget_micro" },
	{ "constraints", "[]", "constraints" },
	{ "constraints", "{}", NULL },
	{ "constraints", "null", NULL },
	{ "constraints.countries", "\"DE\"", "constraints.countries" },
	{ "constraints.countries[1]", "\"de\"", "constraints.countries[1]" },
	{ "constraints.countries[0]", "\"DEU\"", "constraints.countries[0]" },
	{ "constraints.countries[0]", "7", "constraints.countries[0]" },
	{ "constraints.countries", "null", NULL },
	{ "constraints.min_score", "1000001", "constraints.min_score" },
	{ "constraints.min_rating_ppm", "1000001", "constraints.min_rating_ppm" },
	{ "constraints.accel", "\"xen\"", "constraints.accel" },
	{ "constraints.countries_not[0]", "\"us\"", "constraints.countries_not[0]" },
	{ "constraints.min_ratings", "-1", "constraints.min_ratings" },
	{ "constraints.min_up_kbit_s", "1000000001", "constraints.min_up_kbit_s" },
	{ "constraints.min_down_kbit_s", "0.5", "constraints.min_down_kbit_s" },
	{ "constraints.region", "\"Fra!\"", "constraints.region" },
	{ "constraints.region", NULL, "constraints.region" },
	{ "constraints.max_rtt_ms", "0", "constraints.max_rtt_ms" },
	{ "constraints.max_rtt_ms", "60001", "constraints.max_rtt_ms" },
	{ "constraints.max_freeze_s", "2592001", "constraints.max_freeze_s" },
	{ "constraints.scratch_mib", "1048577", "constraints.scratch_mib" },
	{ "constraints.display", "\"qxl\"", "constraints.display" },
	{ "constraints.display", "true", "constraints.display" },
	{ "constraints.display", NULL, NULL },
	{ "constraints.max_freeze_s", "-1", "constraints.max_freeze_s" },
	{ "constraints.cpu_vendor", "\"arm\"", "constraints.cpu_vendor" },
	{ "constraints.direct", "1", "constraints.direct" },
	{ "constraints.trusted", "true", "constraints.trusted" },
	{ "constraints.all_or_none", "\"yes\"", "constraints.all_or_none" },
	{ "constraints.warm", "1", "constraints.warm" },
	{ "constraints.warm", "true", "constraints.warm" }, /* there is a scratch disk */
	{ "constraints", "{\"warm\":true,\"trusted\":\"require\"}", "constraints.warm" },
	{ "constraints", "{\"warm\":true,\"display\":\"vga\"}", "constraints.warm" },
	{ "constraints", "{\"warm\":true}", "user_data" },
	{ "constraints.preferred[0]", "\"bob\"", "constraints.preferred[0]" },
	{ "constraints.blocked[1]", "\"" ID4 "\"", "constraints.blocked[1]" },
	{ "constraints.color", "1", "constraints.color" },
	{ "user_data", "7", "user_data" },
	{ "user_data", "null", NULL },
	{ "state", "\"filled\"", "state" },
};

static err_t request_from_its_text(json_t *json, struct order_request *ret, struct json_error *error)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
	err_t e = order_request_from_text(text, strlen(text), ret, error);
	free(text);
	return e;
}

static void orders_as_text(void)
{
	static const char *const names[] = { "", "job", "a \"quoted\" \\ name", "gr\xc3\xbcn" };
	struct order o = {
		.state = ORDER_FILLED, .image = { { 1 } }, .count = 3, .filled = 2, .ended = 1, .cores = 4, .memory_mib = 64
	};
	o.max_prices = (struct prices){ { 1 }, { 2 }, { 3 } };
	o.duration_s = 3600;
	o.budget.micro = MONEY_MAX_MICRO;
	o.held.micro = 5;
	o.charged.micro = 6;
	o.max_hour.micro = 7;
	o.mtu = 1400;
	o.created_at.us = 1795231740000001;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(o.name, sizeof o.name, "%s", names[i]);
		o.open_until.us = i % 2 ? 1795231740000000 : 0;
		o.constraints.direct = i % 2;
		json_t *json = order_to_json(&o), *constraints = constraints_to_json(&o.constraints), *same = NULL;
		char *given = json_dumps(constraints, JSON_COMPACT), *text = order_to_text(&o, given);
		struct json_error error;
		ok(json_parse(text, strlen(text), &same, &error) == OK && json_equal(json, same), "%s", text);
		free(text);
		free(given);
		json_decref(json);
		json_decref(constraints);
		json_decref(same);
	}
}

static void requests(void)
{
	message_survives(order_request, request_from_its_text, order_request_to_json, order_request_clear, REQUEST);
	message_rows(order_request, request_from_its_text, order_request_clear, REQUEST, request_rows);
	orders_as_text();
	message_survives(order_request, order_request_from_json, order_request_to_json, order_request_clear, REQUEST);
	message_rows(order_request, order_request_from_json, order_request_clear, REQUEST, request_rows);

	struct order_request o = { 0 };
	struct json_error error;
	json_t *json = message_parse(LEAST);
	ok(order_request_from_json(json, &o, &error) == OK, "only what has no default is needed");
	is_text(o.name, "", "no name");
	is_int(o.duration_s, 3600, "an hour");
	is_int(o.open_s, 3600, "open for an hour");
	is_int(o.budget.micro, 0, "no budget");
	ok(o.constraints.country_count == 0 && o.constraints.accel == ACCEL_ANY, "no constraints");
	ok(!o.user_data, "no user-data");
	order_request_clear(&o);
	json_decref(json);
}

/* The largest order at the largest price would not fit into an amount: it is refused before anybody adds up. */
static void sums(void)
{
	struct order_request o = {
		.image = { { 1 } }, .count = 256, .cores = 64, .memory_mib = 64, .duration_s = 2592000, .open_s = 1, .mtu = 1400
	};
	struct json_error error;
	o.max_prices.per_core_hour.micro = PRICE_MAX_MICRO;
	json_t *json = order_request_to_json(&o);
	ok(order_request_from_json(json, &o, &error) == E_INVALID, "the dearest order is refused");
	is_text(error.field, "max_price_per_core_hour_micro", "for its price");
	json_decref(json);

	/* 256 * 64 * 720 core-hours. */
	o.max_prices.per_core_hour.micro = MONEY_MAX_MICRO / (256 * 64 * 720);
	json = order_request_to_json(&o);
	ok(order_request_from_json(json, &o, &error) == OK, "the dearest that can be counted is taken");
	json_decref(json);
	o.max_prices.per_core_hour.micro++;
	json = order_request_to_json(&o);
	ok(order_request_from_json(json, &o, &error) == E_INVALID, "and none above it");
	json_decref(json);

	o.max_prices.per_core_hour.micro = 0;
	o.memory_mib = LEASE_MAX_MEMORY_MIB;
	o.max_prices.per_gib_hour.micro = MONEY_MAX_MICRO / (256LL * 1024 * 720);
	json = order_request_to_json(&o);
	ok(order_request_from_json(json, &o, &error) == OK, "the same for memory");
	json_decref(json);
	o.max_prices.per_gib_hour.micro++;
	json = order_request_to_json(&o);
	ok(order_request_from_json(json, &o, &error) == E_INVALID, "and none above it");
	json_decref(json);
}

static void extensions(void)
{
	static const struct row rows[] = {
		{ "duration_s", NULL, "duration_s" },	    { "duration_s", "59", "duration_s" },
		{ "duration_s", "2592000", NULL },	    { "duration_s", "2592001", "duration_s" },
		{ "duration_s", "\"7200\"", "duration_s" }, { "count", "2", "count" },
	};
	static const char text[] = "{\"duration_s\":7200}";
	message_survives(extension, extension_from_json, extension_to_json, no_clear, text);
	message_rows(extension, extension_from_json, no_clear, text, rows);
}

static void bounds(void)
{
	struct order_request o = { 0 };
	struct json_error error;
	char *text = calloc(1, USER_DATA_MAX + 2);
	memset(text, 'x', USER_DATA_MAX);
	json_t *json = message_parse(LEAST);
	json_object_set_new(json, "user_data", json_string(text));
	ok(order_request_from_json(json, &o, &error) == OK && strlen(o.user_data) == USER_DATA_MAX, "user-data may be 64 KiB");
	order_request_clear(&o);
	text[USER_DATA_MAX] = 'x';
	json_object_set_new(json, "user_data", json_string(text));
	ok(order_request_from_json(json, &o, &error) == E_INVALID, "and not more");
	is_text(error.field, "user_data", "which is what the refusal names");
	json_object_del(json, "user_data");
	json_t *many = json_array(), *constraints = json_object();
	for (int i = 0; i < MAX_COUNTRIES; i++)
		json_array_append_new(many, json_string("DE"));
	json_object_set_new(constraints, "countries", many);
	json_object_set_new(json, "constraints", constraints);
	ok(order_request_from_json(json, &o, &error) == OK && o.constraints.country_count == 32, "32 countries may be named");
	order_request_clear(&o);
	json_array_append_new(many, json_string("FR"));
	ok(order_request_from_json(json, &o, &error) == E_INVALID, "and not more");
	is_text(error.field, "constraints.countries", "which is what the refusal names");
	json_decref(json);
	free(text);
}

static void answers(void)
{
	static const struct row order[] = {
		{ "id", NULL, "id" },
		{ "state", "\"done\"", "state" },
		{ "count", "0", "count" },
		{ "filled", "-1", "filled" },
		{ "held_micro", "1.5", "held_micro" },
		{ "ended_at", "null", NULL },
		{ "constraints.color", "1", NULL },
		{ "constraints.countries[0]", "\"d\"", "constraints.countries[0]" },
		{ "tomorrow", "{}", NULL },
	};
	static const struct row lease[] = {
		{ "order", "null", "order" },
		{ "machine", "null", NULL },
		{ "country", "null", NULL },
		{ "country", "\"de\"", "country" },
		{ "number", "0", "number" },
		{ "name", "\"VM 7\"", "name" },
		{ "name", "\"-vm\"", "name" },
		{ "ip", "\"10.77.1\"", "ip" },
		{ "ip", "\"10.77.1.256\"", "ip" },
		{ "ip", "\"010.77.1.7\"", "ip" },
		{ "mac", "\"52:54:00:00:00:0G\"", "mac" },
		{ "mac", "\"52-54-00-00-00-07\"", "mac" },
		{ "mac", "\"53:54:00:00:00:07\"", "mac" },
		{ "mac", "\"00:00:00:00:00:00\"", "mac" },
		{ "state", "\"open\"", "state" },
		{ "reason", "\"bored\"", "reason" },
		{ "reason", "null", NULL },
		{ "vcpu_ns", "-1", "vcpu_ns" },
		{ "path", "\"magic\"", "path" },
		{ "path", "null", NULL },
		{ "feedback", "2", "feedback" },
		{ "usage_cut", "0", "usage_cut" },
		{ "withdrawable_at", "0", "withdrawable_at" },
		{ "price_per_gib_hour_micro", NULL, "price_per_gib_hour_micro" },
		{ "tomorrow", "1", NULL },
	};
	static const struct row offer[] = {
		{ "machine", NULL, "machine" },
		{ "state", "\"asleep\"", "state" },
		{ "cores", "4097", "cores" },
		{ "score", NULL, "score" },
		{ "rating_ppm", "1000001", "rating_ppm" },
		{ "tomorrow", "1", NULL },
		{ "cpu_vendor", "\"arm\"", "cpu_vendor" },
		{ "up_kbit_s", "1000000001", "up_kbit_s" },
		{ "rtt", "{}", "rtt" },
		{ "rtt", "[{\"region\":\"EU\",\"rtt_ms\":1}]", "rtt[0].region" },
		{ "rtt", "[{\"region\":\"eu\",\"rtt_ms\":0}]", "rtt[0].rtt_ms" },
		{ "rtt", "[1]", "rtt[0]" },
		{ "direct", "1", "direct" },
	};
	static const struct row seller[] = {
		{ "name", NULL, "name" },
		{ "bad", "-1", "bad" },
		{ "leases", "4294967296", "leases" },
		{ "since", "null", NULL },
	};
	static const struct row feedback[] = {
		{ "good", NULL, "good" },
		{ "good", "1", "good" },
		{ "comment", NULL, NULL },
		{ "comment", "\"\"", NULL },
		{ "comment", "\"" TEXT260 "\"", "comment" },
		{ "stars", "5", "stars" },
	};
	message_survives(order, order_from_json, order_to_json, no_clear, ORDER);
	message_rows(order, order_from_json, no_clear, ORDER, order);
	message_survives(lease, lease_from_json, lease_to_json, no_clear, LEASE);
	message_rows(lease, lease_from_json, no_clear, LEASE, lease);
	message_survives(offer, offer_from_json, offer_to_json, no_clear, OFFER);
	message_rows(offer, offer_from_json, no_clear, OFFER, offer);
	message_survives(seller, seller_from_json, seller_to_json, no_clear, SELLER);
	message_rows(seller, seller_from_json, no_clear, SELLER, seller);
	message_survives(feedback, feedback_from_json, feedback_to_json, no_clear, "{\"good\":false,\"comment\":\"slow\"}");
	message_rows(feedback, feedback_from_json, no_clear, "{\"good\":true,\"comment\":\"fast\"}", feedback);
}

int main(void)
{
	requests();
	sums();
	extensions();
	bounds();
	answers();
	return done_testing();
}
