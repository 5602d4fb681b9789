/* SPDX-License-Identifier: Apache-2.0
 * answer.c - reading what providers answer: they may say more than we know, and what we need must be as it should
 */
#include <ctype.h>
#include "bytes.h"
#include "provider.h"

json_t *json_at(json_t *json, const char *path)
{
	while (json && *path) {
		char step[32];
		size_t len = strcspn(path, ".");
		if (len >= sizeof step)
			return NULL;
		memcpy(step, path, len);
		step[len] = 0;
		json = json_is_array(json) ? json_array_get(json, (size_t)strtoul(step, NULL, 10)) : json_object_get(json, step);
		path += len + (path[len] == '.');
	}
	return json;
}

const char *text_at(json_t *json, const char *path)
{
	const char *text = json_string_value(json_at(json, path));
	return text ? text : "";
}

bool name_at(json_t *json, const char *path, char ret_name[static PAY_NAME_SIZE])
{
	const char *text = text_at(json, path);
	size_t len = strlen(text);
	if (!len || len >= PAY_NAME_SIZE)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr("-_.", text[i]))
			return false;
	memcpy(ret_name, text, len + 1);
	return true;
}

bool uuid_at(json_t *json, const char *path, uuid *ret_id)
{
	return uuid_parse(text_at(json, path), ret_id) == OK;
}

bool amount_at(const struct pay *pay, json_t *json, const char *path, const char *code, struct pay_fact *ret_fact)
{
	json_t *amount = json_at(json, path);
	const char *value = text_at(amount, "value"), *currency = text_at(amount, code);
	money parsed;
	if (money_parse(value, &parsed) != OK || strlen(currency) != 3)
		return false;
	snprintf(ret_fact->told, sizeof ret_fact->told, "%.32s %s", value, currency);
	const money foreign = { -1 };
	ret_fact->amount = strcmp(currency, pay->config.currency) ? foreign : parsed;
	return true;
}
