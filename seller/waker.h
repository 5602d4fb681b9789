/* SPDX-License-Identifier: Apache-2.0
 * waker.h - listens for the market's word that this machine should report at once
 */
#ifndef SELLER_WAKER_H
#define SELLER_WAKER_H

#include "settings.h"

struct waker;
/* A thread that writes to wake_fd, an eventfd, at each such word. Where the market gives no stream, it asks again every minute; reports
 * go on by their interval meanwhile. Settings and identity are borrowed. */
MUST_CHECK err_t waker_new(const struct settings *settings, const struct identity *identity, int wake_fd,
			   struct waker **ret_waker);
void waker_free(struct waker *w); /* takes a second or so */

#endif
