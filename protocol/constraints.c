/* SPDX-License-Identifier: Apache-2.0
 * constraints.c - what an order wants of its machines and their sellers, as JSON
 */
#include "bytes.h"
#include "order.h"

static json_t *countries_to_json(const char (*countries)[COUNTRY_SIZE], size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_string(countries[i]));
	return array;
}

json_t *ids_to_json(const uuid *ids, size_t count)
{
	json_t *array = json_array();
	char text[UUID_TEXT_SIZE];
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_string(uuid_format(ids[i], text)));
	return array;
}

json_t *constraints_to_json(const struct constraints *c)
{
	json_t *json = json_object();
	json_put(json, "countries", countries_to_json(c->countries, c->country_count));
	json_put(json, "countries_not", countries_to_json(c->countries_not, c->country_not_count));
	json_put_int(json, "min_score", c->min_score);
	json_put_int(json, "min_rating_ppm", c->min_rating_ppm);
	json_put_int(json, "min_ratings", c->min_ratings);
	json_put_int(json, "min_up_kbit_s", c->min_up_kbit_s);
	json_put_int(json, "min_down_kbit_s", c->min_down_kbit_s);
	field_put_text(json, "region", c->region);
	json_put_int(json, "max_rtt_ms", c->max_rtt_ms);
	json_put_text(json, "accel", accel_names[c->accel]);
	json_put_text(json, "cpu_vendor", cpu_vendor_names[c->cpu_vendor]);
	json_put_bool(json, "direct", c->direct);
	json_put_text(json, "trusted", trusted_names[c->trusted]);
	json_put_bool(json, "distinct_sellers", c->distinct_sellers);
	json_put_bool(json, "distinct_countries", c->distinct_countries);
	json_put_bool(json, "distinct_cpu_vendors", c->distinct_cpu_vendors);
	json_put_bool(json, "all_or_none", c->all_or_none);
	json_put_bool(json, "warm", c->warm);
	json_put_int(json, "scratch_mib", c->scratch_mib);
	json_put_int(json, "max_freeze_s", c->max_freeze_s);
	json_put_text(json, "display", display_names[c->display]);
	json_put(json, "preferred", ids_to_json(c->preferred, c->preferred_count));
	json_put(json, "blocked", ids_to_json(c->blocked, c->blocked_count));
	return json;
}

static void take_countries(struct json_reader *r, const char *name, char (*ret)[COUNTRY_SIZE], size_t *ret_count)
{
	json_t *array;
	if (!json_has(r, name) || !json_take_array(r, name, MAX_COUNTRIES, &array))
		return;
	for (size_t i = 0; i < json_array_size(array) && !r->bad; i++) {
		char text[8] = "", element[48];
		json_element_text(r, name, array, i, text, sizeof text);
		snprintf(element, sizeof element, "%s[%zu]", name, i);
		if (r->bad)
			return;
		if (!country_valid(text) || text_copy(ret[i], COUNTRY_SIZE, text) != OK)
			json_refuse(r, element, "must be two upper-case letters (ISO 3166-1)");
	}
	*ret_count = json_array_size(array);
}

void ids_take(struct json_reader *r, const char *name, size_t max, uuid *ret, size_t *ret_count)
{
	json_t *array;
	if (!json_has(r, name) || !json_take_array(r, name, max, &array))
		return;
	for (size_t i = 0; i < json_array_size(array) && !r->bad; i++) {
		char text[UUID_TEXT_SIZE] = "", element[48];
		json_element_text(r, name, array, i, text, sizeof text);
		snprintf(element, sizeof element, "%s[%zu]", name, i);
		if (r->bad)
			return;
		if (uuid_parse(text, &ret[i]) != OK)
			json_refuse(r, element, "must be an id");
		for (size_t k = 0; k < i && !r->bad; k++)
			if (uuid_equal(ret[k], ret[i]))
				json_refuse(r, element, "is there twice");
	}
	*ret_count = json_array_size(array);
}

static void take_quantities(struct json_reader *r, struct constraints *c)
{
	field_maybe_u32(r, "min_score", 0, SCORE_MAX, &c->min_score);
	field_maybe_u32(r, "min_rating_ppm", 0, RATING_MAX_PPM, &c->min_rating_ppm);
	field_maybe_u32(r, "min_ratings", 0, UINT32_MAX, &c->min_ratings);
	field_maybe_u32(r, "min_up_kbit_s", 0, RATE_MAX_KBIT_S, &c->min_up_kbit_s);
	field_maybe_u32(r, "min_down_kbit_s", 0, RATE_MAX_KBIT_S, &c->min_down_kbit_s);
	field_maybe_u32(r, "max_rtt_ms", 0, RTT_MAX_MS, &c->max_rtt_ms);
	field_maybe_u32(r, "scratch_mib", 0, SCRATCH_MAX_MIB, &c->scratch_mib);
	field_maybe_u32(r, "max_freeze_s", 0, LEASE_MAX_S, &c->max_freeze_s);
	if (json_has(r, "region"))
		field_label(r, "region", c->region, sizeof c->region);
	if (!r->bad && !c->region[0] != !c->max_rtt_ms)
		json_refuse(r, c->region[0] ? "max_rtt_ms" : "region", "region and max_rtt_ms go together");
}

static void take_wishes(struct json_reader *r, struct constraints *c)
{
	c->accel = (enum accel)field_maybe_enum(r, "accel", accel_names, ACCEL_COUNT, ACCEL_ANY);
	c->cpu_vendor = (enum cpu_vendor)field_maybe_enum(r, "cpu_vendor", cpu_vendor_names, CPU_VENDOR_COUNT, CPU_ANY);
	c->trusted = (enum trusted)field_maybe_enum(r, "trusted", trusted_names, TRUSTED_COUNT, TRUSTED_OFF);
	c->display = (enum display)field_maybe_enum(r, "display", display_names, DISPLAY_COUNT, DISPLAY_NONE);
	field_maybe_bool(r, "direct", &c->direct);
	field_maybe_bool(r, "distinct_sellers", &c->distinct_sellers);
	field_maybe_bool(r, "distinct_countries", &c->distinct_countries);
	field_maybe_bool(r, "distinct_cpu_vendors", &c->distinct_cpu_vendors);
	field_maybe_bool(r, "all_or_none", &c->all_or_none);
	field_maybe_bool(r, "warm", &c->warm);
	/* A template has nothing of an order's: no disk, no card; and a guest of a trusted machine is to be started from its image. */
	if (!r->bad && c->warm && (c->scratch_mib || c->display != DISPLAY_NONE || c->trusted == TRUSTED_REQUIRE))
		json_refuse(r, "warm", "goes with neither scratch_mib, a display nor trusted \"require\"");
}

void constraints_take(struct json_reader *r, enum strictness strictness, struct constraints *ret)
{
	struct json_reader object;
	struct constraints c = { 0 };
	if (!json_has(r, "constraints") || !json_take_object(r, "constraints", &object))
		return;
	take_countries(&object, "countries", c.countries, &c.country_count);
	take_countries(&object, "countries_not", c.countries_not, &c.country_not_count);
	take_quantities(&object, &c);
	take_wishes(&object, &c);
	ids_take(&object, "preferred", MAX_SELLERS, c.preferred, &c.preferred_count);
	ids_take(&object, "blocked", MAX_SELLERS, c.blocked, &c.blocked_count);
	if (field_close(&object, strictness) == OK)
		*ret = c;
	else
		r->bad = true;
}
