/* SPDX-License-Identifier: Apache-2.0
 * signin.h - messages of coming in and going: sessions, passwords, the second factor, log-ins of devices, deletion
 */
#ifndef PROTOCOL_SIGNIN_H
#define PROTOCOL_SIGNIN_H

#include "account.h"

#define CLIENT_SIZE 129	  /* what a program calls itself */
#define USER_CODE_SIZE 10 /* "WDJB-MJHT" (RFC 8628 section 6.1) */

/* GET /v1/sessions */
struct session_view {
	uuid id;
	char client[DETAIL_SIZE]; /* what the program that logged in said of itself: hearsay */
	wall_time created_at, expires_at, last_used_at;
	bool current; /* the one that asks */
};
json_t *session_view_to_json(const struct session_view *s);

/* POST /v1/account/password */
struct password_change {
	char password[PASSWORD_SIZE], new_password[PASSWORD_SIZE];
};
MUST_CHECK err_t password_change_from_json(json_t *json, struct password_change *ret, struct json_error *error);

/* POST /v1/account/address; email: the new one, in lower case then */
struct address_change {
	char password[PASSWORD_SIZE], email[EMAIL_SIZE];
};
MUST_CHECK err_t address_change_from_json(json_t *json, struct address_change *ret, struct json_error *error);

/* POST /v1/password-reset; token: as the operator gave it */
struct password_reset {
	char token[TOKEN_TEXT_SIZE], new_password[PASSWORD_SIZE];
};
MUST_CHECK err_t password_reset_from_json(json_t *json, struct password_reset *ret, struct json_error *error);

/* POST /v1/password/forgot: {"email"}, in lower case then (EMAIL_SIZE); POST /v1/address/confirm: {"token"} (TOKEN_TEXT_SIZE) */
MUST_CHECK err_t forgotten_from_json(json_t *json, char *ret_email, struct json_error *error);
MUST_CHECK err_t confirmation_from_json(json_t *json, char *ret_token, struct json_error *error);

/* PUT /v1/account/mail: {"kinds": ["funds", ...]}: of what the user wants to be told by mail, bits 1 << enum mail_kind */
enum mail_kind { MAIL_FUNDS, MAIL_ORDERS, MAIL_PAYOUTS, MAIL_DISPUTES, MAIL_LOGINS, MAIL_KIND_COUNT };
extern const char *const mail_kind_names[];
MUST_CHECK err_t mail_choice_from_json(json_t *json, uint32_t *ret_kinds, struct json_error *error);
/* GET /v1/account/mail */
struct mail_view {
	bool sends; /* this market sends mail at all */
	bool confirmed;
	char email[EMAIL_SIZE];
	uint32_t kinds;
};
json_t *mail_view_to_json(const struct mail_view *v);

/* POST /v1/account/second-factor/confirm and …/remove: {"code"} */
MUST_CHECK err_t code_from_json(json_t *json, char *ret_code, struct json_error *error); /* CODE_SIZE */

/* POST /v1/account/delete; code: where the account has a second factor; forfeit: what may stay on the balance and be lost */
struct farewell {
	char password[PASSWORD_SIZE], code[CODE_SIZE];
	money forfeit; /* forfeit_micro */
};
MUST_CHECK err_t farewell_from_json(json_t *json, struct farewell *ret, struct json_error *error);

/* POST /v1/device: {"client"}, and its answer; names of RFC 8628 section 3.2, times in seconds */
struct device_login {
	char device_code[TOKEN_TEXT_SIZE], user_code[USER_CODE_SIZE];
	char verification_uri[257], verification_uri_complete[281];
	int64_t expires_in, interval;
};
MUST_CHECK err_t device_request_from_json(json_t *json, char *ret_client, struct json_error *error); /* CLIENT_SIZE */
json_t *device_login_to_json(const struct device_login *d);
MUST_CHECK err_t device_login_from_json(json_t *json, struct device_login *ret, struct json_error *error);
/* POST /v1/device/token: {"device_code"} */
MUST_CHECK err_t device_poll_from_json(json_t *json, char *ret_device_code, struct json_error *error); /* TOKEN_TEXT_SIZE */

#endif
