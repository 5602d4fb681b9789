/* SPDX-License-Identifier: Apache-2.0
 * account.c - accounts, sessions, tokens, balances, deposits, postings as JSON
 */
#include "account.h"
#include "bytes.h"
#include "field.h"

/* ---- credentials ---- */
json_t *credentials_to_json(const struct credentials *c)
{
	json_t *json = json_object();
	json_put_text(json, "email", c->email);
	json_put_text(json, "password", c->password);
	if (*c->name)
		json_put_text(json, "name", c->name);
	if (*c->code)
		json_put_text(json, "code", c->code);
	if (c->cookie)
		json_put_bool(json, "cookie", true);
	return json;
}

bool email_valid(const char *text)
{
	const char *at = strchr(text, '@');
	if (!at || at == text || !at[1] || strchr(at + 1, '@'))
		return false;
	for (const char *p = text; *p; p++) {
		if (*p <= ' ' || *p > '~' || strchr("\"(),:;<>[\\]", *p))
			return false;
	}
	const char *host = at + 1;
	size_t len = strlen(host);
	return host[0] != '.' && host[len - 1] != '.' && !strstr(host, "..") && at - text <= 64;
}

void email_take(struct json_reader *r, char *ret_email)
{
	char text[EMAIL_SIZE] = "";
	json_take_text(r, "email", text, sizeof text);
	if (r->bad)
		return;
	if (!email_valid(text)) {
		json_refuse(r, "email", "must be an email address such as name@example.org");
		return;
	}
	for (char *p = text; *p; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	}
	memcpy(ret_email, text, sizeof text);
}

static err_t credentials_from_json(json_t *json, bool signup, struct credentials *ret, struct json_error *error)
{
	struct json_reader r;
	struct credentials c = { 0 };
	json_open(&r, json, error);
	email_take(&r, c.email);
	json_take_text(&r, "password", c.password, sizeof c.password);
	if (signup) {
		if (!r.bad && strlen(c.password) < PASSWORD_MIN)
			json_refuse(&r, "password", "must have at least %d bytes", PASSWORD_MIN);
		field_name(&r, "name", c.name, sizeof c.name);
	} else {
		field_maybe_text(&r, "code", c.code, sizeof c.code);
	}
	field_maybe_bool(&r, "cookie", &c.cookie);
	err_t e = json_close(&r);
	if (e == OK)
		*ret = c;
	explicit_bzero(&c, sizeof c);
	return e;
}

err_t signup_from_json(json_t *json, struct credentials *ret, struct json_error *error)
{
	return credentials_from_json(json, true, ret, error);
}

err_t login_from_json(json_t *json, struct credentials *ret, struct json_error *error)
{
	return credentials_from_json(json, false, ret, error);
}

json_t *signup_mailed_to_json(void)
{
	json_t *json = json_object();
	json_put_bool(json, "mailed", true);
	return json;
}

bool signup_is_mailed(json_t *json)
{
	return json_is_true(json_object_get(json, "mailed"));
}

/* ---- sessions and accounts ---- */
json_t *session_to_json(const struct session *s)
{
	json_t *json = json_object();
	json_put_uuid(json, "account", s->account);
	json_put_text(json, "email", s->email);
	json_put_text(json, "name", s->name);
	if (*s->token)
		json_put_text(json, "token", s->token);
	json_put_time(json, "expires_at", s->expires_at);
	return json;
}

err_t session_from_json(json_t *json, struct session *ret, struct json_error *error)
{
	struct json_reader r;
	struct session s = { 0 };
	json_open(&r, json, error);
	json_take_uuid(&r, "account", &s.account);
	json_take_text(&r, "email", s.email, sizeof s.email);
	json_take_text(&r, "name", s.name, sizeof s.name);
	json_take_text(&r, "token", s.token, sizeof s.token);
	field_maybe_time(&r, "expires_at", &s.expires_at);
	TRY(json_close_lenient(&r));
	*ret = s;
	return OK;
}

json_t *account_to_json(const struct account *a)
{
	json_t *json = json_object();
	json_put_uuid(json, "id", a->id);
	json_put_text(json, "email", a->email);
	json_put_text(json, "name", a->name);
	json_put_bool(json, "operator", a->operator_);
	json_put_bool(json, "second_factor", a->second_factor);
	json_put_time(json, "created_at", a->created_at);
	return json;
}

err_t account_from_json(json_t *json, struct account *ret, struct json_error *error)
{
	struct json_reader r;
	struct account a = { 0 };
	json_open(&r, json, error);
	json_take_uuid(&r, "id", &a.id);
	json_take_text(&r, "email", a.email, sizeof a.email);
	json_take_text(&r, "name", a.name, sizeof a.name);
	field_maybe_bool(&r, "operator", &a.operator_);
	field_maybe_bool(&r, "second_factor", &a.second_factor);
	field_maybe_time(&r, "created_at", &a.created_at);
	TRY(json_close_lenient(&r));
	*ret = a;
	return OK;
}

/* ---- tokens ---- */
json_t *scopes_to_json(uint32_t scopes)
{
	json_t *array = json_array();
	for (int i = 0; i < SCOPE_COUNT; i++) {
		if (scopes & 1u << i)
			json_array_append_new(array, json_string(scope_names[i]));
	}
	return array;
}

/* Names known to us; a lenient reader passes over the scopes of a newer market. */
static void take_scopes(struct json_reader *r, enum strictness strictness, uint32_t *ret_scopes)
{
	json_t *array;
	uint32_t scopes = 0;
	if (!json_take_array(r, "scopes", 32, &array))
		return;
	for (size_t i = 0; i < json_array_size(array) && !r->bad; i++) {
		char text[32] = "", element[32];
		int scope = -1;
		json_element_text(r, "scopes", array, i, text, sizeof text);
		snprintf(element, sizeof element, "scopes[%zu]", i);
		if (r->bad)
			return;
		if (state_parse(scope_names, SCOPE_COUNT, text, &scope) == OK)
			scopes |= 1u << scope;
		else if (strictness == STRICT)
			json_refuse(r, element, "must be one of account, funds, images, orders, machines, operator");
	}
	*ret_scopes = scopes;
}

json_t *token_request_to_json(const struct token_request *t)
{
	json_t *json = json_object();
	json_put_text(json, "name", t->name);
	json_put(json, "scopes", scopes_to_json(t->scopes));
	if (t->expires_in_s)
		json_put_int(json, "expires_in_s", t->expires_in_s);
	return json;
}

err_t token_request_from_json(json_t *json, struct token_request *ret, struct json_error *error)
{
	struct json_reader r;
	struct token_request t = { 0 };
	json_open(&r, json, error);
	field_name(&r, "name", t.name, sizeof t.name);
	take_scopes(&r, STRICT, &t.scopes);
	if (!r.bad && !t.scopes)
		json_refuse(&r, "scopes", "must name at least one scope");
	if (!r.bad && t.scopes & 1u << SCOPE_MACHINE)
		json_refuse(&r, "scopes", "must not have machine: a machine gets its token when it is enrolled");
	field_maybe_int(&r, "expires_in_s", 1, TOKEN_MAX_S, &t.expires_in_s);
	TRY(json_close(&r));
	*ret = t;
	return OK;
}

json_t *token_view_to_json(const struct token_view *t)
{
	json_t *json = json_object();
	json_put_uuid(json, "id", t->id);
	json_put_text(json, "name", t->name);
	json_put(json, "scopes", scopes_to_json(t->scopes));
	json_put_time(json, "created_at", t->created_at);
	json_put_time(json, "expires_at", t->expires_at);
	json_put_time(json, "last_used_at", t->last_used_at);
	if (*t->token)
		json_put_text(json, "token", t->token);
	return json;
}

err_t token_view_from_json(json_t *json, struct token_view *ret, struct json_error *error)
{
	struct json_reader r;
	struct token_view t = { 0 };
	json_open(&r, json, error);
	json_take_uuid(&r, "id", &t.id);
	json_take_text(&r, "name", t.name, sizeof t.name);
	take_scopes(&r, LENIENT, &t.scopes);
	field_maybe_time(&r, "created_at", &t.created_at);
	field_maybe_time(&r, "expires_at", &t.expires_at);
	field_maybe_time(&r, "last_used_at", &t.last_used_at);
	field_maybe_text(&r, "token", t.token, sizeof t.token);
	TRY(json_close_lenient(&r));
	*ret = t;
	return OK;
}

/* ---- money ---- */
json_t *balance_to_json(const struct balance *b)
{
	json_t *json = json_object();
	json_put_text(json, "currency", b->currency);
	json_put_money(json, "available_micro", b->available);
	json_put_money(json, "held_micro", b->held);
	json_put_money(json, "owed_micro", b->owed);
	json_put_money(json, "accrued_micro", b->accrued);
	json_put_money(json, "earning_micro", b->earning);
	json_put_money(json, "per_hour_micro", b->per_hour);
	json_put_time(json, "runs_out_at", b->runs_out_at);
	return json;
}

err_t balance_from_json(json_t *json, struct balance *ret, struct json_error *error)
{
	struct json_reader r;
	struct balance b = { 0 };
	json_open(&r, json, error);
	json_take_text(&r, "currency", b.currency, sizeof b.currency);
	json_take_money(&r, "available_micro", &b.available);
	json_take_money(&r, "held_micro", &b.held);
	field_maybe_money(&r, "owed_micro", &b.owed);
	field_maybe_money(&r, "accrued_micro", &b.accrued);
	field_maybe_money(&r, "earning_micro", &b.earning);
	field_maybe_money(&r, "per_hour_micro", &b.per_hour);
	field_maybe_time(&r, "runs_out_at", &b.runs_out_at);
	TRY(json_close_lenient(&r));
	*ret = b;
	return OK;
}

static void take_provider(struct json_reader *r, char *ret_provider)
{
	char text[PROVIDER_SIZE] = "";
	json_take_text(r, "provider", text, sizeof text);
	if (r->bad)
		return;
	if (strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(text))
		json_refuse(r, "provider", "must be lower-case letters, digits, - and _");
	else
		memcpy(ret_provider, text, sizeof text);
}

json_t *deposit_request_to_json(const struct deposit_request *d)
{
	json_t *json = json_object();
	json_put_money(json, "amount_micro", d->amount);
	json_put_text(json, "provider", d->provider);
	return json;
}

err_t deposit_request_from_json(json_t *json, struct deposit_request *ret, struct json_error *error)
{
	struct json_reader r;
	struct deposit_request d = { 0 };
	json_open(&r, json, error);
	json_take_int(&r, "amount_micro", 1, MONEY_MAX_MICRO, &d.amount.micro);
	take_provider(&r, d.provider);
	TRY(json_close(&r));
	*ret = d;
	return OK;
}

json_t *deposit_to_json(const struct deposit *d)
{
	json_t *json = json_object();
	json_put_uuid(json, "id", d->id);
	json_put_uuid(json, "account", d->account);
	json_put_text(json, "provider", d->provider);
	json_put_text(json, "state", deposit_state_names[d->state]);
	json_put_money(json, "amount_micro", d->amount);
	json_put_money(json, "commission_micro", d->commission);
	json_put_money(json, "credit_micro", d->credit);
	json_put_text(json, "instructions", d->instructions);
	json_put_text(json, "pay_url", d->pay_url);
	json_put_text(json, "note", d->note);
	json_put_money(json, "reversed_micro", d->reversed);
	json_put_time(json, "created_at", d->created_at);
	json_put_time(json, "credited_at", d->credited_at);
	return json;
}

err_t deposit_from_json(json_t *json, struct deposit *ret, struct json_error *error)
{
	struct json_reader r;
	struct deposit d = { 0 };
	json_open(&r, json, error);
	json_take_uuid(&r, "id", &d.id);
	field_maybe_uuid(&r, "account", &d.account);
	take_provider(&r, d.provider);
	d.state = (enum deposit_state)field_enum(&r, "state", deposit_state_names, 0, DEPOSIT_STATE_COUNT);
	json_take_money(&r, "amount_micro", &d.amount);
	json_take_money(&r, "commission_micro", &d.commission);
	json_take_money(&r, "credit_micro", &d.credit);
	field_maybe_text(&r, "instructions", d.instructions, sizeof d.instructions);
	field_maybe_text(&r, "pay_url", d.pay_url, sizeof d.pay_url);
	field_maybe_text(&r, "note", d.note, sizeof d.note);
	field_maybe_money(&r, "reversed_micro", &d.reversed);
	field_maybe_time(&r, "created_at", &d.created_at);
	field_maybe_time(&r, "credited_at", &d.credited_at);
	TRY(json_close_lenient(&r));
	*ret = d;
	return OK;
}

json_t *posting_to_json(const struct posting *p)
{
	json_t *json = json_object();
	json_put_uuid(json, "id", p->id);
	json_put_text(json, "kind", p->kind);
	json_put_int(json, "amount_micro", p->amount_micro);
	json_put_int(json, "balance_micro", p->balance_micro);
	field_put_uuid(json, "order", p->order);
	field_put_uuid(json, "lease", p->lease);
	field_put_uuid(json, "deposit", p->deposit);
	json_put_text(json, "text", p->text);
	json_put_time(json, "at", p->at);
	return json;
}

err_t posting_from_json(json_t *json, struct posting *ret, struct json_error *error)
{
	struct json_reader r;
	struct posting p = { 0 };
	json_open(&r, json, error);
	json_take_uuid(&r, "id", &p.id);
	json_take_text(&r, "kind", p.kind, sizeof p.kind);
	json_take_int(&r, "amount_micro", -MONEY_MAX_MICRO, MONEY_MAX_MICRO, &p.amount_micro);
	json_take_int(&r, "balance_micro", -MONEY_MAX_MICRO, MONEY_MAX_MICRO, &p.balance_micro);
	field_maybe_uuid(&r, "order", &p.order);
	field_maybe_uuid(&r, "lease", &p.lease);
	field_maybe_uuid(&r, "deposit", &p.deposit);
	field_maybe_text(&r, "text", p.text, sizeof p.text);
	field_maybe_time(&r, "at", &p.at);
	TRY(json_close_lenient(&r));
	*ret = p;
	return OK;
}
