/* SPDX-License-Identifier: Apache-2.0
 * policy.c - when guests may run: tables of limits and measurements, and hysteresis under random ones
 */
#include <stdlib.h>
#include "limits.h"
#include "policy.h"
#include "tap.h"

static mono_time at_s(int64_t s)
{
	return (mono_time){ s * SECOND_US };
}

static void all_unknown(int64_t *values)
{
	for (int i = 0; i < POLICY_REASON_COUNT; i++)
		values[i] = POLICY_UNKNOWN;
}

/* The owner's settings, as the settings' table has them by default. */
static struct limits defaults(void)
{
	struct limits l = { .user = "run", .battery = "pause", .metered = "pause", .metered_is = "auto", .priority = "idle" };
	l.user_idle_us = 5 * MINUTE_US;
	l.memory_pressure = 20;
	l.heat_throttle = 85;
	l.heat_pause = 95;
	l.memory_free_bytes = 256 << 20;
	l.disk_free_bytes = 1 << 30;
	l.throttle_percent = 25;
	l.react_us = SECOND_US;
	l.calm_us = 30 * SECOND_US;
	l.freeze_us = HOUR_US;
	return l;
}

static void test_reasons(void)
{
	struct limits l = defaults();
	char error[256] = "";
	struct policy policy;
	memcpy(l.user, "throttle", 9);
	l.cpu_throttle = 40;
	l.cpu_pause = 80;
	l.queue_pause = 3;
	l.io_pressure = 30;
	l.traffic_bytes = 10LL << 30;
	is_int(limits_check(&l, error, sizeof error), OK, "the settings are fine");
	limits_policy(&l, &policy);
	static const struct {
		enum policy_reason reason;
		int64_t value;
		enum policy_level level;
	} table[] = {
		{ POLICY_OWNER, 0, POLICY_OPEN },
		{ POLICY_OWNER, 1, POLICY_PAUSED },
		{ POLICY_DRAIN, 0, POLICY_OPEN },
		{ POLICY_DRAIN, 1, POLICY_CLOSED },
		{ POLICY_HOURS, 0, POLICY_OPEN },
		{ POLICY_HOURS, 1, POLICY_PAUSED },
		{ POLICY_USER, -301, POLICY_OPEN },
		{ POLICY_USER, -300, POLICY_THROTTLED },
		{ POLICY_USER, 0, POLICY_THROTTLED },
		{ POLICY_BATTERY, 0, POLICY_OPEN },
		{ POLICY_BATTERY, 1, POLICY_PAUSED },
		{ POLICY_CPU, 399, POLICY_OPEN },
		{ POLICY_CPU, 400, POLICY_THROTTLED },
		{ POLICY_CPU, 799, POLICY_THROTTLED },
		{ POLICY_CPU, 800, POLICY_PAUSED },
		{ POLICY_QUEUE, 2999, POLICY_OPEN },
		{ POLICY_QUEUE, 3000, POLICY_PAUSED },
		{ POLICY_MEMORY, -513, POLICY_OPEN },
		{ POLICY_MEMORY, -512, POLICY_CLOSED },
		{ POLICY_MEMORY, -257, POLICY_CLOSED },
		{ POLICY_MEMORY, -256, POLICY_PAUSED },
		{ POLICY_MEMORY, 0, POLICY_PAUSED },
		{ POLICY_MEMORY_PRESSURE, 199, POLICY_OPEN },
		{ POLICY_MEMORY_PRESSURE, 200, POLICY_PAUSED },
		{ POLICY_IO_PRESSURE, 299, POLICY_OPEN },
		{ POLICY_IO_PRESSURE, 300, POLICY_PAUSED },
		{ POLICY_TEMPERATURE, 84999, POLICY_OPEN },
		{ POLICY_TEMPERATURE, 85000, POLICY_THROTTLED },
		{ POLICY_TEMPERATURE, 95000, POLICY_PAUSED },
		{ POLICY_METERED, 0, POLICY_OPEN },
		{ POLICY_METERED, 1, POLICY_PAUSED },
		{ POLICY_TRAFFIC, 9215, POLICY_OPEN },
		{ POLICY_TRAFFIC, 9216, POLICY_CLOSED },
		{ POLICY_TRAFFIC, 10240, POLICY_PAUSED },
		{ POLICY_DISK, -1025, POLICY_OPEN },
		{ POLICY_DISK, -1024, POLICY_CLOSED },
		{ POLICY_DISK, 0, POLICY_CLOSED },
		{ POLICY_CPU, POLICY_UNKNOWN, POLICY_OPEN },
		{ POLICY_TEMPERATURE, POLICY_UNKNOWN, POLICY_OPEN },
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		int64_t values[POLICY_REASON_COUNT];
		char text[POLICY_TEXT_SIZE];
		struct policy_state state = { 0 };
		all_unknown(values);
		values[table[i].reason] = table[i].value;
		(void)policy_decide(&policy, &state, values, at_s(10));
		enum policy_level level = policy_decide(&policy, &state, values, at_s(12));
		is_text(policy_level_names[level], policy_level_names[table[i].level], "%s at %lld: %s",
			policy_reason_names[table[i].reason], (long long)table[i].value,
			policy_explain(table[i].reason, table[i].value, text));
	}
	/* Nothing is limited that the owner does not want limited. */
	struct limits free = { .user = "run", .battery = "run", .metered = "run", .metered_is = "no" };
	int64_t worst[POLICY_REASON_COUNT];
	struct policy_state state = { 0 };
	limits_policy(&free, &policy);
	for (int i = 0; i < POLICY_REASON_COUNT; i++)
		worst[i] = i <= POLICY_HOURS ? 0 : INT64_MAX / 2;
	is_int(policy_decide(&policy, &state, worst, at_s(1)), POLICY_OPEN, "with every limit off nothing stops a guest");
}

static void test_time(void)
{
	struct limits l = defaults();
	struct policy policy;
	struct policy_state state = { 0 };
	int64_t v[POLICY_REASON_COUNT];
	all_unknown(v);
	limits_policy(&l, &policy);
	v[POLICY_TEMPERATURE] = 96000;
	is_int(policy_decide(&policy, &state, v, at_s(10)), POLICY_OPEN, "a moment of heat does nothing");
	v[POLICY_TEMPERATURE] = 60000;
	(void)policy_decide(&policy, &state, v, (mono_time){ 10500000 });
	v[POLICY_TEMPERATURE] = 96000;
	is_int(policy_decide(&policy, &state, v, at_s(11)), POLICY_OPEN, "nor does a second one: the time begins anew");
	is_int(policy_decide(&policy, &state, v, at_s(12)), POLICY_PAUSED, "heat that lasts pauses");
	v[POLICY_TEMPERATURE] = 93000;
	is_int(policy_decide(&policy, &state, v, at_s(100)), POLICY_PAUSED, "a little cooler is not cool");
	is_int(policy_decide(&policy, &state, v, at_s(200)), POLICY_PAUSED, "however long it lasts");
	v[POLICY_TEMPERATURE] = 90000;
	(void)policy_decide(&policy, &state, v, at_s(201));
	is_int(policy_decide(&policy, &state, v, at_s(230)), POLICY_PAUSED, "cooler is not calm yet");
	is_int(policy_decide(&policy, &state, v, at_s(231)), POLICY_THROTTLED, "then guests go on, slowly");
	v[POLICY_TEMPERATURE] = 50000;
	(void)policy_decide(&policy, &state, v, at_s(232));
	is_int(policy_decide(&policy, &state, v, at_s(262)), POLICY_OPEN, "and at last as fast as they can");
	v[POLICY_OWNER] = 1;
	is_int(policy_decide(&policy, &state, v, at_s(263)), POLICY_PAUSED, "the owner's word counts at once");
	v[POLICY_OWNER] = 0;
	is_int(policy_decide(&policy, &state, v, at_s(263)), POLICY_OPEN, "either way");
}

static void test_refusals(void)
{
	static const struct {
		const char *user, *battery, *metered, *metered_is, *hours, *names;
	} bad[] = {
		{ "stop", "run", "run", "auto", "", "limits.user" },
		{ "", "run", "run", "auto", "", "limits.user" },
		{ "run", "Pause", "run", "auto", "", "limits.battery" },
		{ "run", "run", "open", "auto", "", "limits.metered" },
		{ "run", "run", "run", "perhaps", "", "network.metered" },
		{ "run", "run", "run", "auto", "always", "limits.hours" },
	};
	char said[256] = "";
	struct limits slow = defaults();
	memcpy(slow.priority, "lowest", 7);
	ok(limits_check(&slow, said, sizeof said) == E_INVALID && strstr(said, "limits.priority"), "refused: %s", said);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char error[256] = "";
		struct limits l = { .priority = "idle" };
		snprintf(l.user, sizeof l.user, "%s", bad[i].user);
		snprintf(l.battery, sizeof l.battery, "%s", bad[i].battery);
		snprintf(l.metered, sizeof l.metered, "%s", bad[i].metered);
		snprintf(l.metered_is, sizeof l.metered_is, "%s", bad[i].metered_is);
		snprintf(l.hours_text, sizeof l.hours_text, "%s", bad[i].hours);
		ok(limits_check(&l, error, sizeof error) == E_INVALID && strstr(error, bad[i].names), "refused: %s", error);
	}
}

/* Random measurements, limits and times: what the header promises holds at every step. */
static bool random_series(unsigned seed)
{
	enum { STEPS = 400 };
	struct policy policy;
	struct policy_state state = { 0 };
	int64_t v[POLICY_REASON_COUNT], series[STEPS];
	mono_time times[STEPS];
	enum policy_level was = POLICY_OPEN;
	srand(seed);
	policy_init(&policy);
	struct policy_limit *limit = &policy.limits[POLICY_CPU];
	limit->at[POLICY_CLOSED] = 100 + rand() % 100;
	limit->at[POLICY_THROTTLED] = 300 + rand() % 100;
	limit->at[POLICY_PAUSED] = 500 + rand() % 100;
	limit->slack = rand() % 90;
	limit->enter_us = rand() % 3000;
	limit->leave_us = rand() % 9000;
	all_unknown(v);
	int64_t now_us = 1;
	for (int i = 0; i < STEPS; i++) {
		now_us += 1 + rand() % 700;
		times[i] = (mono_time){ now_us };
		/* It lingers, jumps, and is not known at times. */
		series[i] = rand() % 20 == 0 ? POLICY_UNKNOWN : i && rand() % 4 ? series[i - 1] : rand() % 700;
		v[POLICY_CPU] = series[i];
		enum policy_level level = policy_decide(&policy, &state, v, times[i]);
		for (int l = POLICY_CLOSED; l < POLICY_LEVEL_COUNT; l++) {
			/* Since when has each level's limit been reached, and not been? */
			int above = i, below = i;
			while (above > 0 && series[above - 1] >= limit->at[l])
				above--;
			while (below > 0 && series[below - 1] < limit->at[l] - limit->slack)
				below--;
			bool is_above = series[i] >= limit->at[l], is_below = series[i] < limit->at[l] - limit->slack;
			if (is_above && now_us - times[above].us >= limit->enter_us && level < (enum policy_level)l)
				return false; /* that bad for so long, and not told */
			if (is_below && now_us - times[below].us >= limit->leave_us && level == (enum policy_level)l)
				return false; /* better for so long, and still held */
			if (level > was && level == (enum policy_level)l &&
			    (!is_above || now_us - times[above].us < limit->enter_us))
				return false; /* worse without a cause that lasted */
			if (level < was && was == (enum policy_level)l &&
			    (!is_below || now_us - times[below].us < limit->leave_us))
				return false; /* better without a cause that lasted */
		}
		was = level;
	}
	return true;
}

/* Noise around a limit, within the slack, changes the level once. */
static int changes_by_noise(unsigned seed)
{
	struct limits l = defaults();
	struct policy policy;
	struct policy_state state = { 0 };
	int64_t v[POLICY_REASON_COUNT];
	enum policy_level was = POLICY_OPEN;
	int changes = 0;
	srand(seed);
	all_unknown(v);
	l.cpu_pause = 50;
	limits_policy(&l, &policy);
	for (int64_t now_us = SECOND_US; now_us < HOUR_US; now_us += 250000) {
		v[POLICY_CPU] = 500 + (now_us < 5 * SECOND_US ? 10 : rand() % 100 - 50);
		enum policy_level level = policy_decide(&policy, &state, v, (mono_time){ now_us });
		changes += level != was;
		was = level;
	}
	return changes;
}

int main(void)
{
	int bad = 0, noisy = 0;
	test_reasons();
	test_time();
	test_refusals();
	for (unsigned seed = 1; seed <= 500; seed++)
		bad += !random_series(seed);
	is_int(bad, 0, "500 random series of 400 measurements keep the hysteresis");
	for (unsigned seed = 1; seed <= 20; seed++)
		noisy += changes_by_noise(seed) != 1;
	is_int(noisy, 0, "an hour of noise around a limit changes the level once, in 20 of 20 series");
	return done_testing();
}
