/* SPDX-License-Identifier: Apache-2.0
 * field.h - kinds of fields that several messages have: optional ones, names, countries, addresses
 *
 * On a refusal the result is left alone and the reader is bad, as in base/json.h.
 */
#ifndef PROTOCOL_FIELD_H
#define PROTOCOL_FIELD_H

#include "json.h"

/* How an object ends: what the market reads is strict, what its clients read may come from a newer market. */
enum strictness { LENIENT, STRICT };
MUST_CHECK err_t field_close(struct json_reader *r, enum strictness strictness);

/* Optional: the result keeps what it has where the field is absent or null. */
void field_maybe_text(struct json_reader *r, const char *name, char *ret_text, size_t size);
void field_maybe_u32(struct json_reader *r, const char *name, uint32_t min, uint32_t max, uint32_t *ret_value);
void field_maybe_u64(struct json_reader *r, const char *name, uint64_t *ret_value);
void field_maybe_int(struct json_reader *r, const char *name, int64_t min, int64_t max, int64_t *ret_value);
void field_maybe_bool(struct json_reader *r, const char *name, bool *ret_value);
void field_maybe_money(struct json_reader *r, const char *name, money *ret_value);
void field_maybe_uuid(struct json_reader *r, const char *name, uuid *ret_value);
void field_maybe_time(struct json_reader *r, const char *name, wall_time *ret_value);

/* One of names[first..count). field_maybe_enum gives fallback where the field is absent or null. */
int field_enum(struct json_reader *r, const char *name, const char *const *names, int first, int count);
int field_maybe_enum(struct json_reader *r, const char *name, const char *const *names, int count, int fallback);

/* What people call a thing: 1 to size - 1 bytes, no control characters at all. */
void field_name(struct json_reader *r, const char *name, char *ret_text, size_t size);
void field_maybe_name(struct json_reader *r, const char *name, char *ret_text, size_t size);
/* A DNS label in lower case (RFC 1123 section 2.1): it is a host name on the LAN. */
void field_label(struct json_reader *r, const char *name, char *ret_text, size_t size);
/* ISO 3166-1 alpha-2 in upper case; optional, "" where absent. ret_text has 3 bytes. */
bool country_valid(const char *text);
void field_maybe_country(struct json_reader *r, const char *name, char *ret_text);
/* "10.77.0.1"; ret_text has 16 bytes. */
void field_ip(struct json_reader *r, const char *name, char *ret_text);
/* "52:54:00:12:34:56", lower case, of one station; ret_text has 18 bytes. */
void field_mac(struct json_reader *r, const char *name, char *ret_text);
/* How two peers reach each other: none, connecting, direct, relayed. Optional. ret_text has 12 bytes. */
void field_maybe_path(struct json_reader *r, const char *name, char *ret_text);

/* Writing: zero and "" become null. */
void field_put_uuid(json_t *object, const char *name, uuid value);
void field_put_text(json_t *object, const char *name, const char *text);

#endif
