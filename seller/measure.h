/* SPDX-License-Identifier: Apache-2.0
 * measure.h - lets the market measure this machine's internet line (protocol/line.h)
 */
#ifndef SELLER_MEASURE_H
#define SELLER_MEASURE_H

#include <stdatomic.h>
#include "settings.h"

/* Takes some seconds and moves at most LINE_DAY_BYTES; how many, also where it fails, is added to *moved_bytes. E_CONFLICT: it was measured
 * not long ago. E_LIMIT: the market has no time for it now. cancel: of struct client_config. */
MUST_CHECK err_t measure_line(const struct settings *settings, const struct identity *identity, const atomic_bool *cancel,
			      atomic_ullong *moved_bytes);

#endif
