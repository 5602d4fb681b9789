/* SPDX-License-Identifier: Apache-2.0
 * fate.h - what the market should do next with a lease: a pure function of what is known of it
 *
 * The caller asks after each report and at least once a second for every lease that has not ended, and does what it is told:
 * asking again, late, or twice gives the same end. The clock is "now"; nothing is remembered between two calls.
 */
#ifndef TRADE_FATE_H
#define TRADE_FATE_H

#include "money.h"
#include "states.h"
#include "clock.h"

struct fate_bounds {
	int64_t lost_contact_us;  /* a machine silent for this long has lost its leases */
	int64_t start_timeout_us; /* a lease that did not run this long after its match never will */
	int64_t end_grace_us;	  /* a machine that was told to end a lease has this long to send the last counters */
	int64_t funds_grace_us;	  /* a lease paused for want of funds waits this long for more */
};

struct fate_facts {
	enum lease_state state;	  /* what the machine said last, or matched */
	enum lease_state desired; /* what the market wants: running, paused, ended */
	enum end_reason desired_reason;
	wall_time desired_at;		  /* when it began to want that */
	wall_time created_at, started_at; /* started_at.us 0: has not run yet */
	int64_t duration_s;		  /* from started_at */
	int64_t frozen_us;		  /* for how long its machine has had it paused though it is to run */
	int64_t max_freeze_s;		  /* that its buyer allows; 0: any */
	money held;			  /* of this lease, after the last charge and top-up */
	money cost_15s;			  /* price_window() of 15 s: below this, a running lease is paused */
	/* Since the machine's last report, or since this market began to listen where that is later: the time in which nobody
	 * could hear it is not its silence. */
	int64_t silent_us;
};

/* act: FATE_NOTHING; FATE_DESIRE: store state (running, paused, ended) and reason as the desired ones; FATE_END: end the lease
 * with reason, without waiting for the machine any longer. reason is END_NONE unless it is the end. */
enum fate_act { FATE_NOTHING, FATE_DESIRE, FATE_END };
struct fate {
	enum fate_act act;
	enum lease_state state;
	enum end_reason reason;
};

/* The first rule that holds:
 *   ended                                          nothing
 *   silent for lost_contact_us                     end, with the desired end's reason, else lost_contact
 *   an end is desired since end_grace_us           end, with its reason (before that: nothing)
 *   started and its duration is over               desire ended, expired
 *   not started after start_timeout_us             desire ended, boot_failed
 *   running desired, started, held < cost_15s      desire paused
 *   paused desired, held >= cost_15s               desire running
 *   paused desired since funds_grace_us            desire ended, funds_exhausted
 */
struct fate lease_fate(const struct fate_facts *facts, const struct fate_bounds *bounds, wall_time now);

#endif
