/* SPDX-License-Identifier: Apache-2.0
 * paths.c - what members say of their paths, as JSON
 */
#include "paths.h"
#include <stdlib.h>
#include <string.h>
#include "field.h"
#include "file.h"

static void path_put(json_t *json, const struct path_view *p)
{
	json_put_text(json, "path", p->path);
	json_put_int(json, "rtt_us", p->rtt_us);
	json_put_int(json, "loss_permille", p->loss_permille);
	json_put_int(json, "datagram_bytes", p->datagram_bytes);
}

json_t *paths_to_json(const struct path_view *paths, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++) {
		json_t *json = json_object();
		json_put_uuid(json, "peer", paths[i].peer);
		path_put(json, &paths[i]);
		json_array_append_new(array, json);
	}
	return array;
}

static void path_read(struct json_reader *r, const char *peer, struct path_view *ret)
{
	int64_t rtt_us = -1, loss = -1;
	json_take_uuid(r, peer, &ret->peer);
	field_maybe_path(r, "path", ret->path);
	field_maybe_int(r, "rtt_us", -1, PATH_RTT_MAX_US, &rtt_us);
	field_maybe_int(r, "loss_permille", -1, 1000, &loss);
	field_maybe_u32(r, "datagram_bytes", 0, PATH_DATAGRAM_MAX, &ret->datagram_bytes);
	ret->rtt_us = (int32_t)rtt_us;
	ret->loss_permille = (int32_t)loss;
}

static int by_peer(const void *a, const void *b)
{
	return memcmp(&((const struct path_view *)a)->peer, &((const struct path_view *)b)->peer, sizeof(uuid));
}

/* Sorts them by the way. */
static bool has_doubles(struct path_view *paths, size_t count)
{
	qsort(paths, count, sizeof *paths, by_peer);
	for (size_t i = 1; i < count; i++)
		if (uuid_equal(paths[i].peer, paths[i - 1].peer))
			return true;
	return false;
}

void paths_take(struct json_reader *r, const char *name, struct path_view *ret_paths, size_t max, size_t *ret_count)
{
	json_t *array;
	size_t count = 0;
	if (!json_take_array(r, name, max, &array))
		return;
	for (; count < json_array_size(array); count++) {
		struct json_reader object;
		if (!json_element_object(r, name, array, count, &object))
			return;
		ret_paths[count] = (struct path_view){ .rtt_us = -1 };
		path_read(&object, "peer", &ret_paths[count]);
		if (json_close(&object) != OK) {
			r->bad = true;
			return;
		}
	}
	if (has_doubles(ret_paths, count))
		json_refuse(r, name, "names a peer twice");
	else
		*ret_count = count;
}

size_t paths_of_status(const json_t *peers, struct path_view *ret_paths, size_t max)
{
	size_t i, count = 0;
	json_t *peer;
	json_array_foreach (peers, i, peer) {
		struct json_error error = { .what = "" };
		struct json_reader r;
		struct path_view p = { .rtt_us = -1 };
		if (count == max)
			break;
		json_open(&r, peer, &error);
		path_read(&r, "id", &p);
		if (json_close_lenient(&r) == OK)
			ret_paths[count++] = p;
	}
	return count;
}

json_t *network_member_to_json(const struct network_member *m)
{
	json_t *json = json_object();
	json_put_text(json, "name", m->name);
	json_put_text(json, "ip", m->ip);
	json_put_bool(json, "buyer", m->buyer);
	json_put_int(json, "paths", m->paths);
	json_put_int(json, "reached", m->reached);
	json_put_int(json, "direct", m->direct);
	return json;
}

json_t *network_path_to_json(const char *from, const char *to, const struct path_view *p)
{
	json_t *json = json_object();
	json_put_text(json, "from", from);
	json_put_text(json, "to", to);
	path_put(json, p);
	return json;
}
