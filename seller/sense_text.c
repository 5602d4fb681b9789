/* SPDX-License-Identifier: Apache-2.0
 * sense_text.c - what the kernel says in /proc and /sys, read strictly
 */
#include "sense_text.h"
#include <stdbool.h>
#include <string.h>

/* A decimal number of at most 18 digits, so that sums of a dozen fit. False where there is none. */
static bool take_number(const char **at, uint64_t *ret_value)
{
	uint64_t value = 0;
	int digits = 0;
	for (; **at >= '0' && **at <= '9'; (*at)++, digits++) {
		if (digits == 18)
			return false;
		value = value * 10 + (uint64_t)(**at - '0');
	}
	*ret_value = value;
	return digits > 0;
}

static bool take(const char **at, const char *word)
{
	size_t len = strlen(word);
	if (strncmp(*at, word, len) != 0)
		return false;
	*at += len;
	return true;
}

/* Behind the start of the line that begins so, or NULL. */
static const char *line(const char *text, const char *begins)
{
	for (const char *at = text; at; at = strchr(at, '\n'), at = at ? at + 1 : NULL)
		if (take(&at, begins))
			return at;
	return NULL;
}

err_t sense_cpu(const char *text, struct sense_cpu *ret)
{
	enum { USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL, FIELDS };
	uint64_t field[FIELDS], runnable, all = 0;
	const char *at = line(text, "cpu ");
	for (int i = 0; i < FIELDS; i++) {
		if (!at || (*at != ' ' && i > 0))
			return E_INVALID;
		at += strspn(at, " ");
		if (!take_number(&at, &field[i]))
			return E_INVALID;
		all += field[i];
	}
	at = line(text, "procs_running ");
	if (!at || !take_number(&at, &runnable) || *at != '\n' || runnable > UINT32_MAX)
		return E_INVALID;
	*ret = (struct sense_cpu){ all - field[IDLE] - field[IOWAIT] - field[STEAL], all, (uint32_t)runnable };
	return OK;
}

err_t sense_pressure(const char *text, int64_t *ret_permille)
{
	uint64_t whole, part;
	const char *at = line(text, "some avg10="), *dot;
	if (!at || !take_number(&at, &whole) || !take(&at, "."))
		return E_INVALID;
	dot = at;
	if (!take_number(&at, &part) || at - dot != 2 || *at != ' ' || whole > 100)
		return E_INVALID;
	*ret_permille = (int64_t)(whole * 10 + part / 10);
	return OK;
}

err_t sense_available(const char *text, int64_t *ret_mib)
{
	uint64_t kib;
	const char *at = line(text, "MemAvailable:");
	if (!at)
		return E_INVALID;
	at += strspn(at, " ");
	if (!take_number(&at, &kib) || !take(&at, " kB"))
		return E_INVALID;
	*ret_mib = (int64_t)(kib / 1024);
	return OK;
}

err_t sense_task(const char *text, struct sense_task *ret)
{
	/* The state and 10 more fields stand between the name and utime, stime (proc(5)). */
	const char *at = strrchr(text, ')');
	uint64_t user, system;
	if (!at || !take(&at, ") ") || !*at || !strchr("RSDZTtXxKWPI", *at))
		return E_INVALID;
	char state = *at;
	for (int skipped = 0; skipped < 11; skipped++) {
		at = strchr(at, ' ');
		if (!at)
			return E_INVALID;
		at++;
	}
	if (!take_number(&at, &user) || !take(&at, " ") || !take_number(&at, &system))
		return E_INVALID;
	*ret = (struct sense_task){ state, user + system };
	return OK;
}

err_t sense_number(const char *text, int64_t min, int64_t max, int64_t *ret_value)
{
	uint64_t value;
	const char *at = text;
	bool negative = take(&at, "-");
	if (!take_number(&at, &value) || (*at && strcmp(at, "\n") != 0))
		return E_INVALID;
	int64_t number = negative ? -(int64_t)value : (int64_t)value;
	if (number < min || number > max)
		return E_INVALID;
	*ret_value = number;
	return OK;
}

/* One line: Iface Destination Gateway Flags RefCnt Use Metric Mask ..., with tabs between. */
static bool default_route(const char *at, char *interface, uint64_t *ret_metric)
{
	size_t len = strcspn(at, "\t\n");
	if (len == 0 || len >= SENSE_INTERFACE_SIZE || *at == '.' || memchr(at, '/', len))
		return false;
	memcpy(interface, at, len);
	interface[len] = 0;
	at += len;
	if (!take(&at, "\t00000000\t"))
		return false;
	for (int skipped = 0; skipped < 4; skipped++) {
		at += strcspn(at, "\t\n");
		if (!take(&at, "\t"))
			return false;
	}
	return take_number(&at, ret_metric) && take(&at, "\t00000000");
}

err_t sense_default_route(const char *text, char *ret_interface)
{
	char interface[SENSE_INTERFACE_SIZE];
	uint64_t metric, best = UINT64_MAX;
	for (const char *at = strchr(text, '\n'); at && at[1]; at = strchr(at + 1, '\n'))
		if (default_route(at + 1, interface, &metric) && metric < best) {
			best = metric;
			memcpy(ret_interface, interface, sizeof interface);
		}
	return best == UINT64_MAX ? E_NOT_FOUND : OK;
}
