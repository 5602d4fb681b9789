/* SPDX-License-Identifier: Apache-2.0
 * event_log.h - what firmware and boot loader say that they measured (TCG PC Client Platform Firmware Profile 1.05 section 10)
 *
 * Only the digests are covered by the registers. A type or a text is the word of whoever wrote the log; event_explained() says
 * whether the text is what was hashed.
 */
#ifndef TRUST_EVENT_LOG_H
#define TRUST_EVENT_LOG_H

#include "bytes.h"
#include "crypto.h"
#include "fault.h"
#include "quote.h"

#define EVENT_LOG_MAX (256 * 1024)
#define EVENT_MAX 4096

struct event {
	uint32_t pcr, type;
	sha256 digest;
	const uint8_t *data; /* in the log */
	size_t len;
};
struct event_log {
	struct reader r;
	struct {
		uint16_t algorithm, bytes;
	} banks[8];
	size_t bank_count, events;
	enum fault fault;
};

/* A crypto-agile log, its first event read; the bytes must stay. */
MUST_JUDGE enum fault event_log_open(const void *data, size_t len, struct event_log *ret);
/* The next event; false at the end, and where log->fault says why. */
bool event_log_next(struct event_log *log, struct event *ret);

/* What the registers hold after all of it. seen, bit n: it extends register n. */
struct replay {
	sha256 values[PCR_COUNT];
	uint16_t seen;
};
MUST_JUDGE enum fault event_log_replay(const void *data, size_t len, struct replay *ret);

const char *event_type_name(uint32_t type); /* "EV_SEPARATOR"; "?" of an unknown one */
bool event_extends(const struct event *e);
bool event_explained(const struct event *e);

#endif
