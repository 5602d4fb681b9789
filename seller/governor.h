/* SPDX-License-Identifier: Apache-2.0
 * governor.h - the owner comes first: looks at this computer, decides by policy.h, and stops or slows guests at once
 *
 * How it works: a thread of its own, four times a second and whenever it is told something. The daemon's other threads may wait for
 * the network; this one never does. On a change of the level it goes through the guests' directories and tells each vmrun. The
 * agent makes the same so on its rounds (lease_steer), for guests that came later; it asks governor_level() again
 * after it, so that the governor's word is the last.
 */
#ifndef SELLER_GOVERNOR_H
#define SELLER_GOVERNOR_H

#include <jansson.h>
#include "machine.h"
#include "settings.h"

struct governor;

/* Starts the thread. wake_fd: an eventfd, written on each change. settings stay the caller's and must outlive it. */
MUST_CHECK err_t governor_new(const struct settings *settings, int wake_fd, struct governor **ret_governor);
void governor_free(struct governor *g); /* ends the thread; guests stay as they are */

/* From any thread. */
enum policy_level governor_level(struct governor *g);
/* As measured last, or POLICY_UNKNOWN. */
int64_t governor_measured(struct governor *g, enum policy_reason reason);
/* One of the measurements that only others know: OWNER, DRAIN, TRAFFIC. OWNER: guests are frozen when it returns. */
void governor_tell(struct governor *g, enum policy_reason reason, int64_t value);
/* The leases' directories: whom to stop, and whose work is ours. */
void governor_watch(struct governor *g, const char *const *lease_dirs, size_t count);
/* { "level", "throttle_percent", "temperature_millidegrees", "reasons": [{ "reason", "level", "detail", "since_s" }], ... } */
json_t *governor_to_json(struct governor *g);
/* The worst reason in words, for a lease's end and the market: "paused: it runs on battery". Returns text, POLICY_TEXT_SIZE. */
char *governor_why(struct governor *g, char *text);

#endif
