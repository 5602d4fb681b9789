/* SPDX-License-Identifier: Apache-2.0
 * codes.h - every refusal that a user can be told: name, HTTP status, sentence
 *
 * The answer is problem+json (RFC 9457): {"type","title","status","detail","instance","code","request_id","errors":[...]}.
 */
#ifndef PROTOCOL_CODES_H
#define PROTOCOL_CODES_H

#include "err.h"

/* X(enum name, "code", HTTP status, "title: a sentence for people") */
#define REFUSALS(X)                                                                                              \
	X(BAD_JSON, "bad_json", 400, "The body is not valid JSON.")                                              \
	X(BAD_FIELD, "bad_field", 422, "A field is missing, unknown or out of range.")                           \
	X(BAD_REQUEST, "bad_request", 400, "The request is malformed.")                                          \
	X(NO_TOKEN, "no_token", 401, "This needs a token: send Authorization: Bearer.")                          \
	X(BAD_TOKEN, "bad_token", 401, "The token is unknown, expired or revoked.")                              \
	X(BAD_LOGIN, "bad_login", 401, "The email address or the password is wrong.")                            \
	X(CODE_NEEDED, "code_needed", 401, "This account also needs a code of its authenticator app.")           \
	X(BAD_CODE, "bad_code", 401, "The code is wrong, was used before, or is too old.")                       \
	X(CROSS_SITE, "cross_site", 403, "A write with a cookie must come from a page of this market.")          \
	X(MISSING_SCOPE, "missing_scope", 403, "The token lacks a scope that this needs.")                       \
	X(NOT_OPERATOR, "not_operator", 403, "Only an operator of the market may do this.")                      \
	X(NOT_FOUND, "not_found", 404, "There is no such thing, or it is not yours.")                            \
	X(NO_ROUTE, "no_route", 404, "There is nothing at this address.")                                        \
	X(BAD_METHOD, "bad_method", 405, "This address does not take this method.")                              \
	X(EMAIL_TAKEN, "email_taken", 409, "There is an account with this email address.")                       \
	X(KEY_TAKEN, "key_taken", 409, "A machine with this key is enrolled.")                                   \
	X(WRONG_STATE, "wrong_state", 409, "Its state does not allow this now.")                                 \
	X(IN_PROGRESS, "in_progress", 409, "The first request with this Idempotency-Key is not finished yet.")   \
	X(KEY_REUSED, "idempotency_key_reused", 422, "This Idempotency-Key was used with another request.")      \
	X(NO_KEY, "idempotency_key_missing", 400, "This needs an Idempotency-Key header of 8 to 64 characters.") \
	X(NO_FUNDS, "no_funds", 402, "The available balance does not cover the first minutes.")                  \
	X(IMAGE_NOT_READY, "image_not_ready", 409, "Pieces of the image are missing: upload them first.")        \
	X(BAD_PIECE, "bad_piece", 422, "The bytes do not hash to what the image's list says.")                   \
	X(IMAGE_IN_USE, "image_in_use", 409, "An order that has not ended uses the image.")                      \
	X(NO_DISPLAY, "no_display", 409, "The order asked for no display.")                                      \
	X(NO_PICTURE, "no_picture", 404, "The machine has sent no picture of the screen yet: ask again.")        \
	X(TOO_LARGE, "too_large", 413, "The body is larger than this address takes.")                            \
	X(NO_LENGTH, "no_length", 411, "A body needs Content-Length.")                                           \
	X(HEADERS, "headers_too_large", 431, "The request line and headers are larger than this market takes.")  \
	X(BAD_TYPE, "bad_content_type", 415, "The body's Content-Type is not what this takes.")                  \
	X(NOT_PAID, "not_paid", 409, "Only a lease that was charged for can be marked.")                         \
	X(ALREADY_MARKED, "already_marked", 409, "You have marked this lease.")                                  \
	X(BAD_SIGNATURE, "bad_signature", 422, "The usage record's signature or chain does not hold.")           \
	X(DEVICE_PENDING, "authorization_pending", 400, "Nobody has let the device in yet: ask again.")          \
	X(SLOW_DOWN, "slow_down", 400, "Asked too soon: wait 5 s longer between two questions.")                 \
	X(DEVICE_DENIED, "access_denied", 400, "The user has refused to let the device in.")                     \
	X(DEVICE_EXPIRED, "expired_token", 400, "The device's code is unknown or too old: begin again.")         \
	X(HAS_OBLIGATIONS, "has_obligations", 409, "Something must be settled before the account can go.")       \
	X(ATTESTATION, "attestation_refused", 422, "What the machine's TPM shows is not taken.")                 \
	X(TOO_MANY, "too_many", 429, "Too many requests: wait as Retry-After says.")                             \
	X(LIMIT, "limit", 422, "A limit of this market is reached.")                                             \
	X(UNAVAILABLE, "unavailable", 503, "A part of the market is down: try again.")                           \
	X(INTERNAL, "internal", 500, "The market made a mistake; it is logged under the request's id.")

enum refusal {
#define X(name, code, status, title) REFUSE_##name,
	REFUSALS(X)
#undef X
		REFUSAL_COUNT
};

const char *refusal_code(enum refusal r);
int refusal_status(enum refusal r);
const char *refusal_title(enum refusal r);
/* REFUSAL_COUNT where the code is not known (a newer market). */
enum refusal refusal_parse(const char *code);
/* The exit code (base/cli.h) that a command ends with after this HTTP status and code. */
int refusal_exit(int status, const char *code);

#endif
