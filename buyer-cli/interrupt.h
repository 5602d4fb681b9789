/* SPDX-License-Identifier: Apache-2.0
 * interrupt.h - Ctrl-C ends what goes on, and the command still says what came of it
 */
#ifndef BUYER_INTERRUPT_H
#define BUYER_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

void interrupt_catch(void); /* SIGINT and SIGTERM: from now on they are only noted, and end waiting calls by EINTR */
bool interrupted(void);
void interrupt_sleep(int64_t us); /* or until interrupted; nothing below 1 */

#endif
