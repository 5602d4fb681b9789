/* SPDX-License-Identifier: Apache-2.0
 * fate.c - what the market should do next with a lease: a pure function of what is known of it
 */
#include "fate.h"

static const struct fate nothing = { .act = FATE_NOTHING };

static struct fate desire(enum lease_state state, enum end_reason reason)
{
	return (struct fate){ FATE_DESIRE, state, reason };
}

static struct fate end(enum end_reason reason)
{
	return (struct fate){ FATE_END, LEASE_ENDED, reason };
}

/* Money decides only between running and paused: a lease that never ran has its first minutes' hold untouched. */
static struct fate fate_of_funds(const struct fate_facts *f, const struct fate_bounds *bounds, wall_time now)
{
	bool covered = f->held.micro >= f->cost_15s.micro;

	if (f->desired != LEASE_PAUSED)
		return f->started_at.us && !covered ? desire(LEASE_PAUSED, END_NONE) : nothing;
	if (covered)
		return desire(LEASE_RUNNING, END_NONE);
	if (now.us - f->desired_at.us >= bounds->funds_grace_us)
		return desire(LEASE_ENDED, END_FUNDS_EXHAUSTED);
	return nothing;
}

struct fate lease_fate(const struct fate_facts *f, const struct fate_bounds *bounds, wall_time now)
{
	bool ending = f->desired == LEASE_ENDED;

	if (f->state == LEASE_ENDED)
		return nothing;
	if (f->silent_us >= bounds->lost_contact_us)
		return end(ending ? f->desired_reason : END_LOST_CONTACT);
	if (ending)
		return now.us - f->desired_at.us >= bounds->end_grace_us ? end(f->desired_reason) : nothing;
	/* Divided, not multiplied: no duration can overflow. */
	if (f->started_at.us && (now.us - f->started_at.us) / SECOND_US >= f->duration_s)
		return desire(LEASE_ENDED, END_EXPIRED);
	if (!f->started_at.us && now.us - f->created_at.us >= bounds->start_timeout_us)
		return desire(LEASE_ENDED, END_BOOT_FAILED);
	if (f->max_freeze_s && f->frozen_us / SECOND_US > f->max_freeze_s)
		return desire(LEASE_ENDED, END_WITHDRAWN_BY_SELLER);
	return fate_of_funds(f, bounds, now);
}
