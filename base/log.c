/* SPDX-License-Identifier: Apache-2.0
 * log.c - one line an event on stderr, in one write
 */
#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "clock.h"
#include "log.h"

#define LINE_SIZE 2048

static const char *const level_names[] = { "error", "warn", "info", "debug" };
static_assert(sizeof level_names / sizeof level_names[0] == LOG_LEVEL_COUNT, "a name for each level");
/* syslog's numbers (RFC 5424 section 6.2.1), which sd-daemon(3) reads in "<N>". */
static const int level_priority[] = { 3, 4, 6, 7 };
static_assert(sizeof level_priority / sizeof level_priority[0] == LOG_LEVEL_COUNT, "a priority for each level");

static const char *log_program = "cpushare";
static enum log_level log_max = LOG_INFO;
static bool log_journal;

void log_init(const char *program, enum log_level max)
{
	log_program = program;
	log_max = max;
	log_journal = getenv("JOURNAL_STREAM") != NULL;
}

err_t log_level_parse(const char *name, enum log_level *ret_level)
{
	for (int i = 0; i < LOG_LEVEL_COUNT; i++)
		if (!strcmp(name, level_names[i])) {
			*ret_level = (enum log_level)i;
			return OK;
		}
	return E_INVALID;
}

/* C0 controls, DEL, and C1 controls in UTF-8 (C2 80 .. C2 9F), which some terminals obey. */
static void disarm(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i], next = i + 1 < len ? (unsigned char)text[i + 1] : 0;
		if (c < 0x20 || c == 0x7f)
			text[i] = '?';
		else if (c == 0xc2 && next >= 0x80 && next < 0xa0)
			text[i] = text[i + 1] = '?';
	}
}

void log_at(enum log_level level, const char *sentence, const char *fmt, ...)
{
	if (level > log_max)
		return;
	char line[LINE_SIZE], when[WALL_TEXT_SIZE];
	/* The last byte is the newline's: what does not fit is cut, and "..." says so. */
	const size_t room = sizeof line - 1;
	int len;
	if (log_journal)
		len = snprintf(line, room, "<%d>%s: %s", level_priority[level], log_program, sentence);
	else
		len = snprintf(line, room, "%s %s %s: %s", wall_format(clock_wall(), when), log_program, level_names[level],
			       sentence);
	if (len >= 0 && (size_t)len + 1 < room && fmt[0]) {
		va_list args;
		va_start(args, fmt);
		line[len++] = ' ';
		int more = vsnprintf(line + len, room - (size_t)len, fmt, args);
		len = more <= 0 ? len - 1 : len + more;
		va_end(args);
	}
	size_t used = len < 0 ? 0 : (size_t)len;
	if (used >= room) {
		used = room - 1;
		memcpy(line + used - 3, "...", 3);
	}
	disarm(line, used);
	line[used++] = '\n';
	/* Nothing can be done where stderr is gone. */
	if (write(STDERR_FILENO, line, used) < 0)
		return;
}

int log_allowed(struct log_bucket *bucket)
{
	enum { LINE_MILLI = 1000, FULL_MILLI = 5 * LINE_MILLI };
	int64_t now_us = clock_mono().us;
	int64_t leaked_milli = (now_us - bucket->last_us) / 1000;
	if (leaked_milli >= bucket->used_milli)
		bucket->used_milli = 0;
	else
		bucket->used_milli -= (int32_t)leaked_milli;
	bucket->last_us += leaked_milli * 1000;
	if (bucket->used_milli + LINE_MILLI > FULL_MILLI) {
		bucket->dropped++;
		return 0;
	}
	bucket->used_milli += LINE_MILLI;
	return 1;
}
