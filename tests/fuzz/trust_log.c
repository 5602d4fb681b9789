/* SPDX-License-Identifier: Apache-2.0
 * trust_log.c - fuzz: event logs, event by event and replayed
 */
#include <assert.h>
#include <stdlib.h>
#include "event_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct event_log log;
	struct event e;
	struct replay replay;
	size_t count = 0;
	enum fault replayed = event_log_replay(data, size, &replay);
	if (event_log_open(data, size, &log)) {
		assert(replayed != FAULT_NONE);
		return 0;
	}
	while (event_log_next(&log, &e)) {
		assert(e.data >= data && e.data + e.len <= data + size && event_type_name(e.type));
		(void)event_explained(&e);
		count++;
	}
	assert(count <= EVENT_MAX && (replayed == FAULT_NONE || replayed == FAULT_LOG_FORMAT));
	return 0;
}
