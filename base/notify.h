/* SPDX-License-Identifier: Apache-2.0
 * notify.h - tells the service manager how a daemon fares: sd_notify(3)
 *
 * Nothing happens where nobody asked by NOTIFY_SOCKET, and nothing fails: a daemon runs whether or not anybody listens.
 */
#ifndef BASE_NOTIFY_H
#define BASE_NOTIFY_H

#include "loop.h"

/* It serves. Where the manager wants signs of life (WATCHDOG_USEC), the loop gives them from now on. */
void notify_ready(struct loop *loop);
/* It is ending, which may take a while. */
void notify_stopping(void);

#endif
