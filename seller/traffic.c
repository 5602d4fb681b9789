/* SPDX-License-Identifier: Apache-2.0
 * traffic.c - what guests moved in this calendar month
 */
#include "traffic.h"
#include <string.h>
#include <time.h>
#include "file.h"
#include "json.h"

static int month_of(wall_time now)
{
	struct tm local = { .tm_year = 70 };
	time_t seconds = (time_t)(now.us / SECOND_US);
	(void)!localtime_r(&seconds, &local);
	return (local.tm_year + 1900) * 100 + local.tm_mon + 1;
}

void traffic_load(const char *path, struct traffic *ret_traffic)
{
	AUTO_FREE char *text = NULL;
	AUTO_JSON json = NULL;
	size_t len;
	int64_t month = 0;
	struct traffic t = { 0 };
	struct json_error error = { .what = "" };
	struct json_reader r;
	*ret_traffic = t;
	if (file_read(path, 4096, &text, &len) || json_parse(text, len, &json, &error))
		return;
	json_open(&r, json, &error);
	json_take_int(&r, "month", 197001, 999912, &month);
	json_take_u64(&r, "bytes", &t.bytes);
	t.month = (int)month;
	if (json_close(&r) == OK)
		*ret_traffic = t;
}

static err_t save(const struct traffic *t, const char *path)
{
	AUTO_JSON json = json_object();
	json_put_int(json, "month", t->month);
	json_put_int(json, "bytes", (int64_t)t->bytes);
	AUTO_FREE char *text = json_dumps(json, 0);
	return text ? file_write(path, text, strlen(text), 0600) : E_NOMEM;
}

err_t traffic_add(struct traffic *t, const char *path, uint64_t bytes, wall_time now)
{
	int month = month_of(now);
	bool turned = month != t->month;
	if (turned)
		t->bytes = 0;
	t->month = month;
	t->bytes += bytes;
	t->unsaved |= bytes > 0;
	/* A clock that was set back saves as well. */
	if (!turned && (!t->unsaved || (now.us >= t->saved_at.us && now.us - t->saved_at.us < MINUTE_US)))
		return OK;
	t->saved_at = now;
	t->unsaved = false;
	return save(t, path);
}
