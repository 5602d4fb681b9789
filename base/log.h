/* SPDX-License-Identifier: Apache-2.0
 * log.h - one line an event on stderr: time, level, sentence, then key=value
 *
 * Programs log; libraries return errors. No secret, token or key is ever logged. Control characters in what is logged are
 * replaced, so that a stranger cannot forge a line.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdint.h>
#include "err.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_LEVEL_COUNT };

/* program: shown in each line, not copied. Under systemd (JOURNAL_STREAM set) the time is left out and "<N>" leads. */
void log_init(const char *program, enum log_level max);
MUST_CHECK err_t log_level_parse(const char *name, enum log_level *ret_level);

/* A line without values has the format "". */
#pragma GCC diagnostic ignored "-Wformat-zero-length"

/* sentence: fixed text. fmt: "key=%s other=%d", or "" for none. Thread-safe. */
void log_at(enum log_level level, const char *sentence, const char *fmt, ...) PRINTF_LIKE(3, 4);
#define log_error(sentence, ...) log_at(LOG_ERROR, sentence, __VA_ARGS__)
#define log_warn(sentence, ...) log_at(LOG_WARN, sentence, __VA_ARGS__)
#define log_info(sentence, ...) log_at(LOG_INFO, sentence, __VA_ARGS__)
#define log_debug(sentence, ...) log_at(LOG_DEBUG, sentence, __VA_ARGS__)

/* A bucket for lines that a stranger can cause: at most 5 at once, one more a second. Zero-initialised is full. */
struct log_bucket {
	int64_t last_us;
	int32_t used_milli;
	uint32_t dropped;
};
/* True where a line may be written now. */
int log_allowed(struct log_bucket *bucket);

#endif
