/* SPDX-License-Identifier: Apache-2.0
 * field.c - kinds of fields that several messages have
 */
#include <arpa/inet.h>
#include <assert.h>
#include "bytes.h"
#include "field.h"

err_t field_close(struct json_reader *r, enum strictness strictness)
{
	return strictness == STRICT ? json_close(r) : json_close_lenient(r);
}

void field_maybe_text(struct json_reader *r, const char *name, char *ret_text, size_t size)
{
	if (json_has(r, name))
		json_take_text_or_empty(r, name, ret_text, size);
}

void field_maybe_u32(struct json_reader *r, const char *name, uint32_t min, uint32_t max, uint32_t *ret_value)
{
	if (json_has(r, name))
		json_take_u32(r, name, min, max, ret_value);
}

void field_maybe_u64(struct json_reader *r, const char *name, uint64_t *ret_value)
{
	if (json_has(r, name))
		json_take_u64(r, name, ret_value);
}

void field_maybe_int(struct json_reader *r, const char *name, int64_t min, int64_t max, int64_t *ret_value)
{
	if (json_has(r, name))
		json_take_int(r, name, min, max, ret_value);
}

void field_maybe_bool(struct json_reader *r, const char *name, bool *ret_value)
{
	if (json_has(r, name))
		json_take_bool(r, name, ret_value);
}

void field_maybe_money(struct json_reader *r, const char *name, money *ret_value)
{
	if (json_has(r, name))
		json_take_money(r, name, ret_value);
}

void field_maybe_uuid(struct json_reader *r, const char *name, uuid *ret_value)
{
	if (json_has(r, name))
		json_take_uuid(r, name, ret_value);
}

void field_maybe_time(struct json_reader *r, const char *name, wall_time *ret_value)
{
	if (json_has(r, name))
		json_take_time(r, name, ret_value);
}

int field_enum(struct json_reader *r, const char *name, const char *const *names, int first, int count)
{
	int value = 0;
	json_take_enum(r, name, names + first, (size_t)(count - first), &value);
	return first + value;
}

int field_maybe_enum(struct json_reader *r, const char *name, const char *const *names, int count, int fallback)
{
	return json_has(r, name) ? field_enum(r, name, names, 0, count) : fallback;
}

void field_name(struct json_reader *r, const char *name, char *ret_text, size_t size)
{
	char text[256] = "";
	assert(size <= sizeof text);
	json_take_text(r, name, text, size);
	if (r->bad)
		return;
	if (strpbrk(text, "\n\t"))
		json_refuse(r, name, "must have no control characters");
	else if (text_copy(ret_text, size, text) != OK)
		json_refuse(r, name, "must have at most %zu bytes", size - 1);
}

void field_maybe_name(struct json_reader *r, const char *name, char *ret_text, size_t size)
{
	char text[2] = "";
	if (!json_has(r, name))
		return;
	/* "" is how a form says nothing. */
	if (json_has_empty(r, name))
		json_take_text_or_empty(r, name, text, sizeof text);
	else
		field_name(r, name, ret_text, size);
}

static bool label_valid(const char *text)
{
	size_t len = strlen(text);
	if (len < 1 || len > 63 || text[0] == '-' || text[len - 1] == '-')
		return false;
	return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

void field_label(struct json_reader *r, const char *name, char *ret_text, size_t size)
{
	char text[65] = "";
	json_take_text(r, name, text, sizeof text);
	if (r->bad)
		return;
	if (!label_valid(text) || text_copy(ret_text, size, text) != OK)
		json_refuse(r, name, "must be 1 to 63 lower-case letters, digits and inner hyphens");
}

bool country_valid(const char *text)
{
	return strlen(text) == 2 && text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'A' && text[1] <= 'Z';
}

void field_maybe_country(struct json_reader *r, const char *name, char *ret_text)
{
	char text[8] = "";
	if (!json_has(r, name))
		return;
	json_take_text_or_empty(r, name, text, sizeof text);
	if (r->bad)
		return;
	if ((*text && !country_valid(text)) || text_copy(ret_text, 3, text) != OK)
		json_refuse(r, name, "must be two upper-case letters (ISO 3166-1)");
}

void field_ip(struct json_reader *r, const char *name, char *ret_text)
{
	char text[16] = "";
	struct in_addr address;
	json_take_text(r, name, text, sizeof text);
	if (r->bad)
		return;
	if (inet_pton(AF_INET, text, &address) != 1 || text_copy(ret_text, 16, text) != OK)
		json_refuse(r, name, "must be an IPv4 address such as 10.77.0.1");
}

static bool mac_valid(const char *text)
{
	static const char digits[] = "0123456789abcdef";
	if (strlen(text) != 17)
		return false;
	for (int i = 0; i < 17; i++) {
		if (i % 3 == 2 ? text[i] != ':' : !strchr(digits, text[i]))
			return false;
	}
	/* IEEE 802: bit 0 of the first octet is set for groups; all zeros is nobody. */
	bool group = (strchr(digits, text[1]) - digits) & 1;
	return !group && strcmp(text, "00:00:00:00:00:00") != 0;
}

void field_mac(struct json_reader *r, const char *name, char *ret_text)
{
	char text[18] = "";
	json_take_text(r, name, text, sizeof text);
	if (r->bad)
		return;
	if (!mac_valid(text) || text_copy(ret_text, 18, text) != OK)
		json_refuse(r, name, "must be a MAC address such as 52:54:00:12:34:56");
}

void field_maybe_path(struct json_reader *r, const char *name, char *ret_text)
{
	static const char *const names[] = { "none", "connecting", "direct", "relayed" };
	int value = field_maybe_enum(r, name, names, 4, 0);
	if (text_copy(ret_text, 12, names[value]) != OK)
		json_refuse(r, name, "must be the name of a path");
}

void field_put_uuid(json_t *object, const char *name, uuid value)
{
	if (uuid_is_zero(value))
		json_put_text(object, name, NULL);
	else
		json_put_uuid(object, name, value);
}

void field_put_text(json_t *object, const char *name, const char *text)
{
	json_put_text(object, name, *text ? text : NULL);
}
