/* SPDX-License-Identifier: Apache-2.0
 * spec.c - what a machine needs to start a lease, and the lease's console, as JSON
 */
#include "bytes.h"
#include "field.h"
#include "file.h"
#include "machine.h"

/* ---- lease_spec ---- */
void lease_spec_clear(struct lease_spec *s)
{
	free(s->user_data);
	*s = (struct lease_spec){ 0 };
}

json_t *lease_spec_to_json(const struct lease_spec *s)
{
	json_t *json = json_object();
	json_put_uuid(json, "lease", s->lease);
	json_put_uuid(json, "order", s->order);
	json_put_text(json, "name", s->name);
	json_put_sha256(json, "image", s->image);
	json_put_int(json, "image_bytes", s->image_bytes);
	json_put_text(json, "cdrom_bus", cdrom_bus_names[s->cdrom_bus]);
	json_put_int(json, "cores", s->cores);
	json_put_int(json, "memory_mib", s->memory_mib);
	json_put_int(json, "duration_s", s->duration_s);
	json_put_int(json, "scratch_mib", s->scratch_mib);
	json_put_int(json, "max_freeze_s", s->max_freeze_s);
	json_put_text(json, "display", display_names[s->display]);
	json_put_bool(json, "warm", s->warm);
	prices_put(json, "", &s->prices);
	json_put(json, "network", network_view_to_json(&s->network));
	json_put(json, "self", peer_view_to_json(&s->self));
	json_put_text(json, "user_data", s->user_data ? s->user_data : "");
	return json;
}

err_t lease_spec_from_json(json_t *json, struct lease_spec *ret, struct json_error *error)
{
	struct json_reader r;
	__attribute__((cleanup(lease_spec_clear))) struct lease_spec s = { 0 };
	json_open(&r, json, error);
	json_take_uuid(&r, "lease", &s.lease);
	json_take_uuid(&r, "order", &s.order);
	field_label(&r, "name", s.name, sizeof s.name);
	json_take_sha256(&r, "image", &s.image);
	json_take_int(&r, "image_bytes", 1, IMAGE_MAX_BYTES, &s.image_bytes);
	s.cdrom_bus = (enum cdrom_bus)field_maybe_enum(&r, "cdrom_bus", cdrom_bus_names, CDROM_BUS_COUNT, CDROM_SCSI);
	json_take_u32(&r, "cores", 1, LEASE_MAX_CORES, &s.cores);
	json_take_u32(&r, "memory_mib", LEASE_MIN_MEMORY_MIB, LEASE_MAX_MEMORY_MIB, &s.memory_mib);
	json_take_int(&r, "duration_s", LEASE_MIN_S, LEASE_MAX_S, &s.duration_s);
	field_maybe_u32(&r, "scratch_mib", 0, SCRATCH_MAX_MIB, &s.scratch_mib);
	field_maybe_u32(&r, "max_freeze_s", 0, LEASE_MAX_S, &s.max_freeze_s);
	s.display = (enum display)field_maybe_enum(&r, "display", display_names, DISPLAY_COUNT, DISPLAY_NONE);
	field_maybe_bool(&r, "warm", &s.warm);
	prices_take(&r, "", &s.prices);
	network_view_take(&r, "network", &s.network);
	peer_view_take(&r, "self", &s.self);
	if (json_has(&r, "user_data"))
		json_take_long_text(&r, "user_data", USER_DATA_MAX, &s.user_data);
	TRY(json_close_lenient(&r));
	if (!s.user_data && !(s.user_data = strdup("")))
		return E_NOMEM;
	*ret = s;
	s.user_data = NULL;
	return OK;
}

/* ---- console_chunk ---- */
#define BASE64_SIZE(len) (4 * (((len) + 2) / 3) + 1)

json_t *console_chunk_to_json(const struct console_chunk *c)
{
	char text[BASE64_SIZE(CONSOLE_CHUNK)];
	json_t *json = json_object();
	json_put_int(json, "from", c->from);
	json_put_int(json, "end", c->end);
	json_put_text(json, "data", base64_encode(c->data, c->len, text));
	json_put_bool(json, "live", c->live);
	json_put_int(json, "typed", c->typed);
	return json;
}

static void take_data(struct json_reader *r, uint8_t *data, size_t size, size_t *ret_len)
{
	AUTO_FREE char *text = NULL;
	json_take_long_text(r, "data", BASE64_SIZE(size) - 1, &text);
	if (text && base64_decode(text, data, size, ret_len) != OK)
		json_refuse(r, "data", "must be base64 of at most %zu bytes", size);
}

err_t console_chunk_from_json(json_t *json, struct console_chunk *ret, struct json_error *error)
{
	struct json_reader r;
	AUTO_FREE struct console_chunk *c = calloc(1, sizeof *c);
	if (!c)
		return E_NOMEM;
	json_open(&r, json, error);
	json_take_int(&r, "from", 0, INT64_MAX, &c->from);
	json_take_int(&r, "end", 0, INT64_MAX, &c->end);
	take_data(&r, c->data, sizeof c->data, &c->len);
	if (!r.bad && (c->end < c->from || (uint64_t)(c->end - c->from) < c->len))
		json_refuse(&r, "end", "must be at least from and the length of data");
	field_maybe_bool(&r, "live", &c->live);
	field_maybe_int(&r, "typed", 0, CONSOLE_OFFSET_MAX, &c->typed);
	TRY(json_close(&r));
	*ret = *c;
	return OK;
}

/* ---- console_input ---- */

json_t *console_input_to_json(const struct console_input *input)
{
	char text[BASE64_SIZE(CONSOLE_INPUT_MAX)];
	json_t *json = json_object();
	json_put_int(json, "from", input->from);
	json_put_text(json, "data", base64_encode(input->data, input->len, text));
	return json;
}

err_t console_input_from_json(json_t *json, struct console_input *ret, struct json_error *error)
{
	struct json_reader r;
	struct console_input input = { 0 };
	json_open(&r, json, error);
	json_take_int(&r, "from", 0, CONSOLE_OFFSET_MAX, &input.from);
	take_data(&r, input.data, sizeof input.data, &input.len);
	TRY(json_close(&r));
	*ret = input;
	return OK;
}

err_t console_typed_from_json(json_t *json, struct console_input *ret, struct json_error *error)
{
	struct json_reader r;
	struct console_input input = { 0 };
	json_open(&r, json, error);
	take_data(&r, input.data, sizeof input.data, &input.len);
	if (!r.bad && input.len == 0)
		json_refuse(&r, "data", "must have at least a byte");
	TRY(json_close(&r));
	*ret = input;
	return OK;
}
