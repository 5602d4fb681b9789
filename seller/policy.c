/* SPDX-License-Identifier: Apache-2.0
 * policy.c - whether guests may run, and how fast
 */
#include "policy.h"
#include <assert.h>
#include <stdio.h>

const char *const policy_level_names[] = { "open", "closed", "throttled", "paused" };
static_assert(sizeof policy_level_names / sizeof *policy_level_names == POLICY_LEVEL_COUNT, "one name each");

const char *const policy_reason_names[] = { "owner",	 "drain",  "hours",	      "user",	     "battery",	    "cpu",
					    "run_queue", "memory", "memory_pressure", "io_pressure", "temperature", "metered",
					    "traffic",	 "disk" };
static_assert(sizeof policy_reason_names / sizeof *policy_reason_names == POLICY_REASON_COUNT, "one name each");

void policy_init(struct policy *policy)
{
	*policy = (struct policy){ 0 };
	for (int reason = 0; reason < POLICY_REASON_COUNT; reason++)
		for (int level = 0; level < POLICY_LEVEL_COUNT; level++)
			policy->limits[reason].at[level] = POLICY_NEVER;
}

static void turn(struct policy_switch *sw, const struct policy_limit *limit, enum policy_level level, int64_t value,
		 mono_time now)
{
	int64_t at = limit->at[level];
	bool limited = at != POLICY_NEVER && value != POLICY_UNKNOWN;
	bool contrary = sw->on ? !limited || value < at - limit->slack : limited && value >= at;
	if (contrary && !sw->contrary)
		sw->contrary_since = now;
	sw->contrary = contrary;
	if (contrary && now.us - sw->contrary_since.us >= (sw->on ? limit->leave_us : limit->enter_us)) {
		sw->on = !sw->on;
		sw->contrary = false;
	}
}

enum policy_level policy_decide(const struct policy *policy, struct policy_state *state, const int64_t *values, mono_time now)
{
	enum policy_level worst = POLICY_OPEN;
	for (int i = 0; i < POLICY_REASON_COUNT; i++) {
		enum policy_level level = POLICY_OPEN;
		for (enum policy_level l = POLICY_CLOSED; l < POLICY_LEVEL_COUNT; l++) {
			turn(&state->reasons[i].switches[l], &policy->limits[i], l, values[i], now);
			if (state->reasons[i].switches[l].on)
				level = l;
		}
		if (level != state->reasons[i].level)
			state->reasons[i].since = now;
		state->reasons[i].level = level;
		worst = level > worst ? level : worst;
	}
	return worst;
}

char *policy_explain(enum policy_reason reason, int64_t value, char *text)
{
	static const struct {
		const char *before;
		int64_t divisor; /* 0: there is no number in it */
		const char *after;
	} words[] = {
		[POLICY_OWNER] = { "the owner paused", 0, "" },
		[POLICY_DRAIN] = { "the owner drains this machine", 0, "" },
		[POLICY_HOURS] = { "it is outside of the hours", 0, "" },
		[POLICY_USER] = { "somebody used this computer ", -1, " s ago" },
		[POLICY_BATTERY] = { "it runs on battery", 0, "" },
		[POLICY_CPU] = { "other programs use ", 10, " % of the processors" },
		[POLICY_QUEUE] = { "", 1000, " tasks of other programs wait for a processor" },
		[POLICY_MEMORY] = { "", -1, " MiB of memory are available" },
		[POLICY_MEMORY_PRESSURE] = { "programs wait for memory ", 10, " % of the time" },
		[POLICY_IO_PRESSURE] = { "programs wait for disks ", 10, " % of the time" },
		[POLICY_TEMPERATURE] = { "the hottest sensor has ", 1000, " degrees Celsius" },
		[POLICY_METERED] = { "the internet is paid by the byte", 0, "" },
		[POLICY_TRAFFIC] = { "guests moved ", 1, " MiB this month" },
		[POLICY_DISK] = { "", -1, " MiB of disk are free" },
	};
	static_assert(sizeof words / sizeof *words == POLICY_REASON_COUNT, "a sentence each");
	if (value == POLICY_UNKNOWN)
		snprintf(text, POLICY_TEXT_SIZE, "not known any more");
	else if (!words[reason].divisor)
		snprintf(text, POLICY_TEXT_SIZE, "%s", words[reason].before);
	else
		snprintf(text, POLICY_TEXT_SIZE, "%s%lld%s", words[reason].before, (long long)(value / words[reason].divisor),
			 words[reason].after);
	return text;
}
