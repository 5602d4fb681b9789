/* SPDX-License-Identifier: Apache-2.0
 * trade_query.c - tests of the language in which offers are asked for: what it takes, what it refuses and where
 */
#include <string.h>
#include "query.h"
#include "tap.h"

static const struct offer offer = {
	.seller_name = "Jane's PCs",
	.machine_name = "desk1",
	.country = "DE",
	.accel = ACCEL_KVM,
	.cores = 8,
	.cores_free = 4,
	.memory_mib = 16384,
	.memory_free_mib = 4096,
	.score = 213,
	.prices = { { 20000 }, { 5000 }, { 100000 } },
	.rating_ppm = 950000,
	.good = 40,
	.bad = 1,
	.cpu_vendor = CPU_AMD,
	.down_kbit_s = 50500,
	.rtt = { { "us", 95 }, { "eu", 12 } },
	.rtt_count = 2,
	.trusted = true,
};

static const struct {
	const char *text;
	bool taken;
} queries[] = {
	{ "", true },
	{ "  ", true },
	{ "cores=4", true },
	{ "cores==4", true },
	{ "cores!=4", false },
	{ "cores>4", false },
	{ "cores>=4", true },
	{ "cores<4", false },
	{ "cores<=4", true },
	{ "cores_total>=8", true },
	{ "cores>=4 memory>=4G", true },
	{ "cores>=4\tmemory > 4G", false },
	{ "memory=4096", true },
	{ "memory_total=16G", true },
	{ "price<=0.02", true },
	{ "price<0.02", false },
	{ "price_memory=0.005 price_transfer=0.1", true },
	{ "rating>=0.95", true },
	{ "rating>0.95", false },
	{ "good>=40 bad<2 score>200", true },
	{ "accel=kvm", true },
	{ "accel!=kvm", false },
	{ "country=de", true },
	{ "country in [FR,DE]", true },
	{ "country in[ FR , US ]", false },
	{ "country notin [FR,US]", true },
	{ "country notin [FR,DE]", false },
	{ "cores in [2,4]", true },
	{ "seller=\"jane's pcs\"", true },
	{ "machine in [desk1,desk2] cores=4", true },
	{ "country!=\"\"", true },
	{ "country=\"\"", false },
	{ "rtt<40ms", true },
	{ "rtt=12", true },
	{ "rtt<12", false },
	{ "rtt.us<40ms", false },
	{ "rtt.us=95 rtt.eu<=12ms", true },
	{ "rtt.asia<40", false },
	{ "rtt.asia>=0", false },
	{ "rtt.asia!=1", false },
	{ "rtt.asia notin [1]", false },
	{ "down>=50.5", true },
	{ "down>50.5", false },
	{ "up>=0", false },
	{ "up<1000", false },
	{ "vendor=AMD", true },
	{ "vendor in [intel,other]", false },
	{ "trusted=yes direct=no", true },
	{ "trusted!=yes", false },
	{ "direct in [yes]", false },
};

/* What is refused, and the beginning of what is said. */
static const char *const refused[][2] = {
	{ "cores", "column 6: an operator" },
	{ ">=4", "column 1: a field" },
	{ "cores>=", "column 8: a value must stand here: a whole number" },
	{ "cores>=x", "column 8: \"x\" is not a whole number" },
	{ "cores>=-1", "column 8: \"-1\" is not" },
	{ "cores>=1.5", "column 8: \"1.5\" is not" },
	{ "cores>=99999999999999999999", "column 8: \"99999999999999999999\" is not" },
	{ "prize<=1", "column 1: there is no field \"prize\"; there are accel, bad" },
	{ "rtt<40s", "column 5: \"40s\" is not milliseconds" },
	{ "rtt<ms", "column 5: \"ms\" is not" },
	{ "rtt<0000000000000000000000000001ms", "column 5:" },
	{ "rtt.<40", "column 1: there is no field \"rtt.\"" },
	{ "rtt.seventeen-letters<40", "column 1: there is no field" },
	{ "price.eu<40", "column 1: there is no field" },
	{ "down>=fast", "column 7: \"fast\" is not Mbit/s" },
	{ "up>=-1", "column 5: \"-1\" is not" },
	{ "trusted=1", "column 9: \"1\" is not yes or no" },
	{ "trusted>no", "column 8: this field is not compared" },
	{ "vendor<amd", "column 7: this field is not compared" },
	{ "cores>=4 prize<=1", "column 10: there is no field" },
	{ "price<=1e3", "column 8: \"1e3\" is not an amount" },
	{ "price<=0.0000001", "column 8:" },
	{ "memory>=4X", "column 9: \"4X\" is not a size" },
	{ "rating>=95%", "column 11: a blank must stand" },
	{ "rating>=high", "column 9: \"high\" is not a share" },
	{ "country>DE", "column 8: this field is not compared by \">\"" },
	{ "country in DE", "column 12: a list must stand here" },
	{ "country in [DE", "column 12: this list is not closed" },
	{ "country in [DE,]", "column 16: a value must stand here" },
	{ "country in []", "column 13: a value must stand here" },
	{ "country in [DE FR]", "column 16: \",\" or \"]\"" },
	{ "country in [DE]cores=1", "column 16: a blank" },
	{ "country inside [DE]", "column 9: an operator" },
	{ "seller=\"Jane", "column 8: this quote is not closed" },
	{ "cores=4;drop", "column 8: a blank" },
	{ "cores=4 or cores=8", "column 9: there is no field \"or\"" },
	{ "cores=1\x01cores=2", "column 8: a control character" },
	{ "(cores=4)", "column 1: a field must stand here, not \"(\"" },
};

static void test_refusals(void)
{
	struct query q;
	char error[QUERY_ERROR_SIZE], text[2048] = "";
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		error[0] = '\0';
		ok(query_parse(refused[i][0], &q, error) == E_INVALID && !strncmp(error, refused[i][1], strlen(refused[i][1])),
		   "%s: %s", refused[i][0], error);
	}
	for (int i = 0; i <= QUERY_TERMS; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "bad=%d ", i);
	ok(query_parse(text, &q, error) == E_INVALID && strstr(error, "one term too many"), "too many terms: %s", error);
	snprintf(text, sizeof text, "bad in [1");
	for (int i = 0; i < QUERY_VALUES; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), ",1");
	snprintf(text + strlen(text), sizeof text - strlen(text), "]");
	ok(query_parse(text, &q, error) == E_INVALID && strstr(error, "one value too many"), "too many values: %s", error);
	memset(text, ' ', QUERY_BYTES + 1);
	text[QUERY_BYTES + 1] = '\0';
	ok(query_parse(text, &q, error) == E_INVALID && strstr(error, "too long"), "too long: %s", error);
	snprintf(text, sizeof text, "machine=%0*d", NAME_SIZE, 1);
	ok(query_parse(text, &q, error) == E_INVALID && strstr(error, "column 9: this value is too long"), "%s", error);
}

static void test_sort(void)
{
	struct query_sort sort;
	ok(query_sort_parse("price", &sort) == OK && query_sort_key(&sort, &offer) == 20000, "by price");
	ok(query_sort_parse("-score", &sort) == OK && query_sort_key(&sort, &offer) == -213, "the largest score first");
	ok(query_sort_parse("rtt", &sort) == OK && query_sort_key(&sort, &offer) == 12, "the nearest first");
	ok(query_sort_parse("-rtt.us", &sort) == OK && query_sort_key(&sort, &offer) == -95, "the farthest from a region first");
	ok(query_sort_parse("-up", &sort) == OK && query_sort_key(&sort, &offer) == INT64_MAX, "what is not known comes last");
	ok(query_sort_parse("trusted", &sort) == E_NOT_FOUND && query_sort_parse("vendor", &sort) == E_NOT_FOUND,
	   "words are not sorted by");
	ok(query_sort_parse("country", &sort) == E_NOT_FOUND && query_sort_parse("", &sort) == E_NOT_FOUND &&
		   query_sort_parse("--price", &sort) == E_NOT_FOUND,
	   "by nothing else");
}

int main(void)
{
	struct query q;
	char error[QUERY_ERROR_SIZE] = "";
	for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
		ok(query_parse(queries[i].text, &q, error) == OK && query_matches(&q, &offer) == queries[i].taken, "%s %s",
		   queries[i].taken ? "takes it:" : "does not take it:", queries[i].text);
	test_refusals();
	test_sort();
	return done_testing();
}
