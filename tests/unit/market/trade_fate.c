/* SPDX-License-Identifier: Apache-2.0
 * trade_fate.c - the table of what happens to a lease next, at each bound and one microsecond before it
 */
#include "fate.h"
#include "tap.h"

static const struct fate_bounds bounds = {
	.lost_contact_us = 90 * SECOND_US,
	.start_timeout_us = 600 * SECOND_US,
	.end_grace_us = 30 * SECOND_US,
	.funds_grace_us = 300 * SECOND_US,
};

#define MATCHED LEASE_MATCHED, LEASE_RUNNING, END_NONE
#define PREPARING LEASE_PREPARING, LEASE_RUNNING, END_NONE
#define RUNNING LEASE_RUNNING, LEASE_RUNNING, END_NONE
#define PAUSED LEASE_PAUSED, LEASE_PAUSED, END_NONE
#define ENDING LEASE_RUNNING, LEASE_ENDED
#define NOTHING FATE_NOTHING, LEASE_MATCHED, END_NONE
#define DESIRE(state, reason) FATE_DESIRE, LEASE_##state, END_##reason
#define FATE_IS_END(reason) FATE_END, LEASE_ENDED, END_##reason
#define NOT_YET INT64_MIN

/* Times are seconds before now; less_us is taken off now, to stand just before a bound. */
static const struct {
	const char *name;
	enum lease_state state, desired;
	enum end_reason desired_reason;
	int64_t desired_s, created_s, started_s, duration_s, held, cost, silent_s, less_us;
	enum fate_act act;
	enum lease_state want_state;
	enum end_reason want_reason;
} table[] = {
	/* clang-format off */
	{ "matched just now",                   MATCHED,   0,   0,   NOT_YET, 60, 10, 10, 0, 0, NOTHING },
	{ "preparing within its time",          PREPARING, 599, 599, NOT_YET, 60, 10, 10, 0, 0, NOTHING },
	{ "1 us before the start's timeout",    PREPARING, 600, 600, NOT_YET, 60, 10, 10, 0, 1, NOTHING },
	{ "never started",                      PREPARING, 600, 600, NOT_YET, 60, 10, 10, 0, 0, DESIRE(ENDED, BOOT_FAILED) },
	{ "never taken up",                     MATCHED,   700, 700, NOT_YET, 60, 10, 10, 0, 0, DESIRE(ENDED, BOOT_FAILED) },
	{ "not started: its hold is untouched", PREPARING, 1,   1,   NOT_YET, 60, 0,  10, 0, 0, NOTHING },

	{ "running, paid",                      RUNNING, 5,  9,    5,    60,   10, 10, 0, 0, NOTHING },
	{ "running, free of charge",            RUNNING, 5,  9,    5,    60,   0,  0,  0, 0, NOTHING },
	{ "running past the start's timeout",   RUNNING, 5,  9000, 8000, 9000, 10, 10, 0, 0, NOTHING },
	{ "paused by its owner",                LEASE_PAUSED, LEASE_RUNNING, END_NONE,
	                                                 5,  9,    5,    60,   10, 10, 0, 0, NOTHING },
	{ "1 us before its duration is over",   RUNNING, 60, 99,   60,   60,   10, 10, 0, 1, NOTHING },
	{ "its duration is over",               RUNNING, 60, 99,   60,   60,   10, 10, 0, 0, DESIRE(ENDED, EXPIRED) },
	{ "its duration is over while paused",  PAUSED,  10, 99,   60,   60,   10, 10, 0, 0, DESIRE(ENDED, EXPIRED) },
	{ "an absurd duration",                 RUNNING, 60, 99,   60,   INT64_MAX, 10, 10, 0, 0, NOTHING },
	{ "a clock that went back",             RUNNING, -100, -100, -100, 60, 10, 10, 0, 0, NOTHING },

	{ "short of funds by one micro",        RUNNING, 5,   9,    5,    60,   9,  10, 0, 0, DESIRE(PAUSED, NONE) },
	{ "short of funds, told so already",    PAUSED,  299, 999,  999,  9999, 9,  10, 0, 0, NOTHING },
	{ "told to pause, still running",       LEASE_RUNNING, LEASE_PAUSED, END_NONE,
	                                                 1,   999,  999,  9999, 9,  10, 0, 0, NOTHING },
	{ "funds came",                         PAUSED,  299, 999,  999,  9999, 10, 10, 0, 0, DESIRE(RUNNING, NONE) },
	{ "funds came at the last moment",      PAUSED,  999, 1999, 1999, 9999, 10, 10, 0, 0, DESIRE(RUNNING, NONE) },
	{ "1 us before the funds' grace ends",  PAUSED,  300, 999,  999,  9999, 9,  10, 0, 1, NOTHING },
	{ "no funds came",                      PAUSED,  300, 999,  999,  9999, 9,  10, 0, 0, DESIRE(ENDED, FUNDS_EXHAUSTED) },

	{ "silent for a while",                 RUNNING, 5,  99, 99,      999, 10, 10, 89, 0, NOTHING },
	{ "silent for too long",                RUNNING, 5,  99, 99,      999, 10, 10, 90, 0, FATE_IS_END(LOST_CONTACT) },
	{ "silent before it knew",              MATCHED, 95, 95, NOT_YET, 60,  10, 10, 95, 0, FATE_IS_END(LOST_CONTACT) },
	{ "silent, and its duration is over",   RUNNING, 5,  99, 99,      60,  10, 10, 95, 0, FATE_IS_END(LOST_CONTACT) },
	{ "silent after its end was desired",   ENDING, END_CANCELLED_BY_BUYER,
	                                                 5,  99, 99,      999, 10, 10, 95, 0, FATE_IS_END(CANCELLED_BY_BUYER) },

	{ "ending",                             ENDING, END_EXPIRED, 29, 99, 99, 60, 0, 10, 0, 0, NOTHING },
	{ "1 us before the end's grace",        ENDING, END_EXPIRED, 30, 99, 99, 60, 0, 10, 0, 1, NOTHING },
	{ "did not end by itself",              ENDING, END_EXPIRED, 30, 99, 99, 60, 0, 10, 0, 0, FATE_IS_END(EXPIRED) },
	{ "cancelled, never started",           LEASE_PREPARING, LEASE_ENDED, END_CANCELLED_BY_BUYER,
	                                                 30, 999, NOT_YET, 60, 0, 10, 0, 0, FATE_IS_END(CANCELLED_BY_BUYER) },
	{ "ended as desired",                   LEASE_ENDED, LEASE_ENDED, END_COMPLETED,
	                                                 999, 999, 999, 60, 0, 10, 999, 0, NOTHING },
	{ "ended by itself",                    LEASE_ENDED, LEASE_RUNNING, END_NONE,
	                                                 999, 999, 999, 60, 0, 10, 999, 0, NOTHING },
	/* clang-format on */
};

/* Paused by its machine for so long, where its buyer allows ten seconds. */
static void frozen(void)
{
	struct fate_facts facts = { .state = LEASE_PAUSED,
				    .desired = LEASE_RUNNING,
				    .created_at = { 1 },
				    .started_at = { 1 },
				    .duration_s = 9999,
				    .frozen_us = 11 * SECOND_US - 1,
				    .max_freeze_s = 10 };
	ok(lease_fate(&facts, &bounds, (wall_time){ MINUTE_US }).act == FATE_NOTHING, "a freeze that its buyer allows");
	facts.frozen_us++;
	struct fate got = lease_fate(&facts, &bounds, (wall_time){ MINUTE_US });
	ok(got.act == FATE_DESIRE && got.state == LEASE_ENDED && got.reason == END_WITHDRAWN_BY_SELLER, "a longer one ends it");
	facts.max_freeze_s = 0;
	ok(lease_fate(&facts, &bounds, (wall_time){ MINUTE_US }).act == FATE_NOTHING, "where any is allowed it does not");
}

int main(void)
{
	const wall_time now = { 1800000000 * SECOND_US };

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		int64_t started_s = table[i].started_s;
		struct fate_facts facts = {
			.state = table[i].state,
			.desired = table[i].desired,
			.desired_reason = table[i].desired_reason,
			.desired_at = { now.us - table[i].desired_s * SECOND_US },
			.created_at = { now.us - table[i].created_s * SECOND_US },
			.started_at = { started_s == NOT_YET ? 0 : now.us - started_s * SECOND_US },
			.duration_s = table[i].duration_s,
			.held = { table[i].held },
			.cost_15s = { table[i].cost },
			.silent_us = table[i].silent_s * SECOND_US,
		};
		struct fate got = lease_fate(&facts, &bounds, (wall_time){ now.us - table[i].less_us });

		ok(got.act == table[i].act && got.state == table[i].want_state && got.reason == table[i].want_reason,
		   "%s: act %d, state %d, reason %d", table[i].name, got.act, got.state, got.reason);
	}
	frozen();
	return done_testing();
}
