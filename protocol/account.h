/* SPDX-License-Identifier: Apache-2.0
 * account.h - accounts, sessions, tokens, balances, deposits, postings
 */
#ifndef PROTOCOL_ACCOUNT_H
#define PROTOCOL_ACCOUNT_H

#include "json.h"
#include "states.h"

#define EMAIL_SIZE 255 /* RFC 5321 section 4.5.3.1.3: a path has 256 octets with its brackets */
#define NAME_SIZE 65   /* what people call a thing: 1 to 64 bytes */
#define PASSWORD_MIN 8
#define PASSWORD_SIZE 257
#define DETAIL_SIZE 257
#define TOKEN_MAX_S (10LL * 365 * 86400)

#define CODE_SIZE 33 /* of the second factor, or a recovery code, as people type them */

/* One "@" with something before it and a host behind it, of plain ASCII without blanks, quotes and brackets, so that it can stand in a
 * mail's header and in its envelope as it is. Whether mail arrives there is for mail to find out. */
bool email_valid(const char *text);
/* The field "email", in lower case; ret_email has EMAIL_SIZE bytes. */
void email_take(struct json_reader *r, char *ret_email);

/* POST /v1/accounts and POST /v1/sessions. name: shown to others; required at sign-up, absent at log-in. */
struct credentials {
	char email[EMAIL_SIZE]; /* kept in lower case */
	char password[PASSWORD_SIZE];
	char name[NAME_SIZE];
	char code[CODE_SIZE]; /* at log-in, where the account has a second factor; else "" */
	bool cookie;	      /* for browsers: the token comes in a cookie that scripts cannot read */
};
json_t *credentials_to_json(const struct credentials *c);
MUST_CHECK err_t signup_from_json(json_t *json, struct credentials *ret, struct json_error *error);
MUST_CHECK err_t login_from_json(json_t *json, struct credentials *ret, struct json_error *error);

/* The answer to a sign-up of a market that mails a link first, 202, the same for everybody: {"mailed":true} */
json_t *signup_mailed_to_json(void);
bool signup_is_mailed(json_t *json);

/* The answer to both, 201. token is shown this once; "" and not in JSON where it went into a cookie. */
struct session {
	uuid account;
	char email[EMAIL_SIZE], name[NAME_SIZE];
	char token[TOKEN_TEXT_SIZE];
	wall_time expires_at;
};
json_t *session_to_json(const struct session *s);
MUST_CHECK err_t session_from_json(json_t *json, struct session *ret, struct json_error *error);

/* GET /v1/account */
struct account {
	uuid id;
	char email[EMAIL_SIZE], name[NAME_SIZE];
	bool operator_;	    /* JSON "operator" */
	bool second_factor; /* a log-in needs a code */
	wall_time created_at;
	wall_time address_confirmed_at; /* zero: not yet; in GET /v1/account/mail */
};
json_t *account_to_json(const struct account *a);
MUST_CHECK err_t account_from_json(json_t *json, struct account *ret, struct json_error *error);

/* POST /v1/tokens {"name","scopes":["orders",…],"expires_in_s"?}; the answer has "token" once; lists leave it out. */
struct token_request {
	char name[NAME_SIZE];
	uint32_t scopes;      /* bits 1 << enum scope */
	int64_t expires_in_s; /* 1 .. TOKEN_MAX_S; 0: never */
};
json_t *token_request_to_json(const struct token_request *t);
MUST_CHECK err_t token_request_from_json(json_t *json, struct token_request *ret, struct json_error *error);
struct token_view {
	uuid id;
	char name[NAME_SIZE];
	uint32_t scopes;
	wall_time created_at, expires_at, last_used_at; /* us 0: never */
	char token[TOKEN_TEXT_SIZE];			/* "" in lists */
};
json_t *token_view_to_json(const struct token_view *t);
MUST_CHECK err_t token_view_from_json(json_t *json, struct token_view *ret, struct json_error *error);
/* A bit set as an array of names, and back. */
json_t *scopes_to_json(uint32_t scopes);

/* GET /v1/balance */
struct balance {
	char currency[4]; /* ISO 4217 */
	money available, held;
	money owed;	       /* a payment was taken back after it had been spent: no orders until it is made good */
	money accrued;	       /* of held: used up by running VMs since they were last charged */
	money earning;	       /* used up likewise on the user's own machines: available when it is charged */
	money per_hour;	       /* what the VMs that run cost at most */
	wall_time runs_out_at; /* at that, before they are over; us 0: it lasts */
};
json_t *balance_to_json(const struct balance *b); /* …_micro for money */
MUST_CHECK err_t balance_from_json(json_t *json, struct balance *ret, struct json_error *error);

/* POST /v1/deposits {"amount_micro","provider":"manual"|"paypal"|"stripe"} */
#define PROVIDER_SIZE 17
#define PAY_URL_SIZE 2049
struct deposit_request {
	money amount; /* amount_micro >= 1 */
	char provider[PROVIDER_SIZE];
};
json_t *deposit_request_to_json(const struct deposit_request *d);
MUST_CHECK err_t deposit_request_from_json(json_t *json, struct deposit_request *ret, struct json_error *error);
struct deposit {
	uuid id, account;
	char provider[PROVIDER_SIZE];
	enum deposit_state state;
	money amount, commission, credit; /* credit = amount - commission is what the balance gets */
	char instructions[DETAIL_SIZE];	  /* what the payer does next */
	char pay_url
		[PAY_URL_SIZE]; /* where the payer pays; "" while the provider has not said it, and where there is no such place */
	char note[DETAIL_SIZE]; /* what is wrong with it */
	money reversed;		/* of amount, taken back since */
	char checkout[129];	/* the provider's name of it; not in JSON */
	wall_time created_at, credited_at;
};
json_t *deposit_to_json(const struct deposit *d); /* …_micro for money */
MUST_CHECK err_t deposit_from_json(json_t *json, struct deposit *ret, struct json_error *error);

/* GET /v1/postings: the account's history, newest first. amount is signed: what the account's balance changed by. */
struct posting {
	uuid id;
	char kind[24]; /* deposit, commission, charge, earning, payout, correction, reversal, calibration; hold, release: once */
	int64_t amount_micro;
	int64_t balance_micro;	    /* after it, what is held of it too, less what is owed */
	uuid order, lease, deposit; /* zero where none: null in JSON */
	char text[DETAIL_SIZE];
	wall_time at;
};
json_t *posting_to_json(const struct posting *p);
MUST_CHECK err_t posting_from_json(json_t *json, struct posting *ret, struct json_error *error);

#endif
