/* SPDX-License-Identifier: Apache-2.0
 * uuid.h - identifiers: UUID version 7 (RFC 9562 section 5.7), sortable by the time they were made
 */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include <stdbool.h>
#include <stdint.h>
#include "clock.h"
#include "err.h"

typedef struct {
	uint8_t bytes[16];
} uuid;

#define UUID_TEXT_SIZE 37

uuid uuid_make(wall_time now);
/* The same without asking the kernel for random bits: 62 of these. For what need not be hard to guess. */
uuid uuid_make_of(wall_time now, uint64_t bits);
bool uuid_equal(uuid a, uuid b);
bool uuid_is_zero(uuid id);
/* Lower case with hyphens; text has UUID_TEXT_SIZE bytes. Returns text. */
char *uuid_format(uuid id, char *text);
/* The 36-character form only, either case, any version. E_INVALID. */
MUST_CHECK err_t uuid_parse(const char *text, uuid *ret_id);

#endif
