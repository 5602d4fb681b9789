/* SPDX-License-Identifier: Apache-2.0
 * signin.c - messages of coming in and going as JSON
 */
#include "signin.h"

#include <assert.h>
#include "field.h"

json_t *session_view_to_json(const struct session_view *s)
{
	json_t *json = json_object();
	json_put_uuid(json, "id", s->id);
	json_put_text(json, "client", s->client);
	json_put_time(json, "created_at", s->created_at);
	json_put_time(json, "expires_at", s->expires_at);
	json_put_time(json, "last_used_at", s->last_used_at);
	json_put_bool(json, "current", s->current);
	return json;
}

static void take_new_password(struct json_reader *r, char *password)
{
	json_take_text(r, "new_password", password, PASSWORD_SIZE);
	if (!r->bad && strlen(password) < PASSWORD_MIN)
		json_refuse(r, "new_password", "must have at least %d bytes", PASSWORD_MIN);
}

err_t password_change_from_json(json_t *json, struct password_change *ret, struct json_error *error)
{
	struct json_reader r;
	struct password_change c = { 0 };
	json_open(&r, json, error);
	json_take_text(&r, "password", c.password, sizeof c.password);
	take_new_password(&r, c.new_password);
	err_t e = json_close(&r);
	if (e == OK)
		*ret = c;
	explicit_bzero(&c, sizeof c);
	return e;
}

err_t address_change_from_json(json_t *json, struct address_change *ret, struct json_error *error)
{
	struct json_reader r;
	struct address_change c = { 0 };
	json_open(&r, json, error);
	json_take_text(&r, "password", c.password, sizeof c.password);
	email_take(&r, c.email);
	err_t e = json_close(&r);
	if (e == OK)
		*ret = c;
	explicit_bzero(&c, sizeof c);
	return e;
}

err_t password_reset_from_json(json_t *json, struct password_reset *ret, struct json_error *error)
{
	struct json_reader r;
	struct password_reset c = { 0 };
	json_open(&r, json, error);
	json_take_text(&r, "token", c.token, sizeof c.token);
	take_new_password(&r, c.new_password);
	err_t e = json_close(&r);
	if (e == OK)
		*ret = c;
	explicit_bzero(&c, sizeof c);
	return e;
}

/* An object that has one text. */
static err_t only_text(json_t *json, const char *name, char *ret_text, size_t size, struct json_error *error)
{
	struct json_reader r;
	char text[TOKEN_TEXT_SIZE > CODE_SIZE ? TOKEN_TEXT_SIZE : CODE_SIZE] = "";
	json_open(&r, json, error);
	json_take_text(&r, name, text, size);
	TRY(json_close(&r));
	memcpy(ret_text, text, size);
	return OK;
}

err_t code_from_json(json_t *json, char *ret_code, struct json_error *error)
{
	return only_text(json, "code", ret_code, CODE_SIZE, error);
}

/* ---- mail ---- */

const char *const mail_kind_names[] = { "funds", "orders", "payouts", "disputes", "logins" };
static_assert(sizeof mail_kind_names / sizeof *mail_kind_names == MAIL_KIND_COUNT, "each kind has a name");

err_t forgotten_from_json(json_t *json, char *ret_email, struct json_error *error)
{
	struct json_reader r;
	char email[EMAIL_SIZE] = "";
	json_open(&r, json, error);
	email_take(&r, email);
	TRY(json_close(&r));
	memcpy(ret_email, email, sizeof email);
	return OK;
}

err_t confirmation_from_json(json_t *json, char *ret_token, struct json_error *error)
{
	return only_text(json, "token", ret_token, TOKEN_TEXT_SIZE, error);
}

err_t mail_choice_from_json(json_t *json, uint32_t *ret_kinds, struct json_error *error)
{
	struct json_reader r;
	json_t *array;
	uint32_t kinds = 0;
	json_open(&r, json, error);
	if (json_take_array(&r, "kinds", MAIL_KIND_COUNT, &array))
		for (size_t i = 0; i < json_array_size(array); i++) {
			char name[16] = "";
			int kind;
			json_element_text(&r, "kinds", array, i, name, sizeof name);
			if (!r.bad && state_parse(mail_kind_names, MAIL_KIND_COUNT, name, &kind) != OK)
				json_refuse(&r, "kinds", "must be of funds, orders, payouts, disputes, logins");
			else if (!r.bad)
				kinds |= 1u << kind;
		}
	TRY(json_close(&r));
	*ret_kinds = kinds;
	return OK;
}

json_t *mail_view_to_json(const struct mail_view *v)
{
	json_t *json = json_object(), *kinds = json_array();
	for (int i = 0; i < MAIL_KIND_COUNT; i++)
		if (v->kinds & 1u << i)
			json_array_append_new(kinds, json_string(mail_kind_names[i]));
	json_put_bool(json, "sends", v->sends);
	json_put_text(json, "email", v->email);
	json_put_bool(json, "confirmed", v->confirmed);
	json_put(json, "kinds", kinds);
	return json;
}

err_t farewell_from_json(json_t *json, struct farewell *ret, struct json_error *error)
{
	struct json_reader r;
	struct farewell f = { 0 };
	json_open(&r, json, error);
	json_take_text(&r, "password", f.password, sizeof f.password);
	field_maybe_text(&r, "code", f.code, sizeof f.code);
	field_maybe_money(&r, "forfeit_micro", &f.forfeit);
	err_t e = json_close(&r);
	if (e == OK)
		*ret = f;
	explicit_bzero(&f, sizeof f);
	return e;
}

/* ---- devices ---- */

err_t device_request_from_json(json_t *json, char *ret_client, struct json_error *error)
{
	struct json_reader r;
	char client[CLIENT_SIZE] = "";
	json_open(&r, json, error);
	field_name(&r, "client", client, sizeof client);
	TRY(json_close(&r));
	memcpy(ret_client, client, sizeof client);
	return OK;
}

json_t *device_login_to_json(const struct device_login *d)
{
	json_t *json = json_object();
	json_put_text(json, "device_code", d->device_code);
	json_put_text(json, "user_code", d->user_code);
	json_put_text(json, "verification_uri", d->verification_uri);
	json_put_text(json, "verification_uri_complete", d->verification_uri_complete);
	json_put_int(json, "expires_in", d->expires_in);
	json_put_int(json, "interval", d->interval);
	return json;
}

err_t device_login_from_json(json_t *json, struct device_login *ret, struct json_error *error)
{
	struct json_reader r;
	struct device_login d = { 0 };
	json_open(&r, json, error);
	json_take_text(&r, "device_code", d.device_code, sizeof d.device_code);
	json_take_text(&r, "user_code", d.user_code, sizeof d.user_code);
	json_take_text(&r, "verification_uri", d.verification_uri, sizeof d.verification_uri);
	json_take_text(&r, "verification_uri_complete", d.verification_uri_complete, sizeof d.verification_uri_complete);
	json_take_int(&r, "expires_in", 1, 86400, &d.expires_in);
	json_take_int(&r, "interval", 1, 3600, &d.interval);
	TRY(json_close_lenient(&r));
	*ret = d;
	return OK;
}

err_t device_poll_from_json(json_t *json, char *ret_device_code, struct json_error *error)
{
	struct json_reader r;
	char code[TOKEN_TEXT_SIZE] = "";
	json_open(&r, json, error);
	json_take_text(&r, "device_code", code, sizeof code);
	TRY(json_close(&r));
	memcpy(ret_device_code, code, sizeof code);
	return OK;
}
