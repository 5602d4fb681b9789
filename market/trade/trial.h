/* SPDX-License-Identifier: Apache-2.0
 * trial.h - a machine whose leases failed gets fewer of them until it has shown that it works
 *
 * Its failures go up by one with a failure (lost_contact, boot_failed, attestation_failed) of another buyer's lease than the last one,
 * to at most 10, and halve with each lease that was paid and ended well (machine_tried() of db/procedures). Above 0 it has one lease at
 * a time; above 1 none either for a while after the last failure.
 */
#ifndef TRADE_TRIAL_H
#define TRADE_TRIAL_H

#include <stdbool.h>
#include <stdint.h>
#include "clock.h"

/* When it may have a lease again: pause_us after its second failure, twice as long after each further one. us 0: at once. */
wall_time trial_until(uint32_t failures, wall_time failed_at, int64_t pause_us);

#endif
