/* SPDX-License-Identifier: Apache-2.0
 * calibrations.h - what the market keeps of its calibrations (docs/CALIBRATION.md)
 */
#ifndef STORE_CALIBRATIONS_H
#define STORE_CALIBRATIONS_H

#include "answers.h"
#include "store.h"

struct calibration_row {
	uuid id, machine, buyer, order, lease;
	sha256 image;
	uint32_t cores, memory_mib, claimed;
	wall_time began_at, ended_at;
	enum calibration_result result;
	uint32_t score;
	int64_t took_us;
	char detail[257];
	char machine_name[NAME_SIZE]; /* of lists */
};

/* What everybody may know of it (calibrations.c). */
json_t *calibration_to_json(const struct calibration_row *row);

/* Of the last one that has ended; null where none has (calibrations.c). */
MUST_CHECK err_t calibration_last(struct store *s, uuid machine, json_t **ret_json);

/* An account of the market's own that this seller has never met; made where there is none. */
MUST_CHECK err_t store_calibration_buyer(struct store *s, uuid seller, wall_time now, uuid *ret_account);
/* Out of the market's commission. E_FUNDS. */
MUST_CHECK err_t store_calibration_pay(struct store *s, uuid buyer, money amount, wall_time now);
/* What is left on its balance goes back. */
MUST_CHECK err_t store_calibration_return(struct store *s, uuid buyer, wall_time now);
/* The operator's own money, into the commission. */
MUST_CHECK err_t store_calibration_fund(struct store *s, money amount, const char *by, wall_time now);

MUST_CHECK err_t store_calibration_begin(struct store *s, const struct calibration_row *row);
/* Its id, ended_at, result, score, took_us and detail; and the machine is on the book, or off it for the reason. */
MUST_CHECK err_t store_calibration_end(struct store *s, const struct calibration_row *row);
/* Newest first. machine zero: of all. */
MUST_CHECK err_t store_calibration_list(struct store *s, uuid machine, uint32_t limit, struct calibration_row **ret_rows,
					size_t *ret_count);
/* Those that are under way. */
MUST_CHECK err_t store_calibration_unended(struct store *s, struct calibration_row **ret_rows, size_t *ret_count);
/* Of this machine since then. */
MUST_CHECK err_t store_calibration_count(struct store *s, uuid machine, wall_time since, int64_t *ret_count);
/* E_NOT_FOUND: no such machine in service. */
MUST_CHECK err_t store_calibration_ask(struct store *s, uuid machine);
/* As its owner: E_NOT_FOUND also where that account asked after `since`. */
MUST_CHECK err_t store_calibration_want(struct store *s, uuid account, uuid machine, wall_time since, wall_time now);
/* What there is to pay calibrations with. */
/* What those that began since then may cost. */
MUST_CHECK err_t store_calibration_spent(struct store *s, wall_time since, money *ret);
MUST_CHECK err_t store_calibration_funds(struct store *s, money *ret);
/* Images, each of one calibration whose order has ended. */
struct calibration_left {
	uuid buyer;
	sha256 image;
};
MUST_CHECK err_t store_calibration_left(struct store *s, struct calibration_left **ret_rows, size_t *ret_count);
MUST_CHECK err_t store_calibration_asked(struct store *s, uuid **ret_machines, size_t *ret_count);

#endif
