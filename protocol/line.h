/* SPDX-License-Identifier: Apache-2.0
 * line.h - a machine's internet line, measured by the market in a few rounds (docs/CALIBRATION.md, "The line")
 *
 * A round, with the machine's token:
 *   GET  /v1/machines/{id}/line: bytes that the market has just drawn, application/octet-stream, at most LINE_MAX_BYTES
 *   POST /v1/machines/{id}/line {"sha256"}: of all of them: here the market's clock for the way down stops. Answer: struct line_turn
 *   PUT  /v1/machines/{id}/line: the turn's seed again and again, line_turn.bytes long: the clock for the way up stops. 204
 * No byte of either way can be known before its clock began: what is measured is what passed, at least.
 */
#ifndef PROTOCOL_LINE_H
#define PROTOCOL_LINE_H

#include "account.h"

#define LINE_ROUNDS 3
#define LINE_MAX_BYTES (4 << 20)
#define LINE_DAY_BYTES (16 << 20) /* more than all rounds move, both ways */

struct line_turn {
	sha256 seed;
	uint32_t bytes; /* 1 .. LINE_MAX_BYTES */
	bool more;	/* another round follows */
};
json_t *line_turn_to_json(const struct line_turn *t);
MUST_CHECK err_t line_turn_from_json(json_t *json, struct line_turn *ret, struct json_error *error);

json_t *line_proof_to_json(sha256 proof);
MUST_CHECK err_t line_proof_from_json(json_t *json, sha256 *ret, struct json_error *error);

/* What is sent up. */
void line_fill(sha256 seed, uint8_t *bytes, size_t len);
bool line_is_filled(sha256 seed, const uint8_t *bytes, size_t len);

#endif
