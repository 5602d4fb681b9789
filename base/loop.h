/* SPDX-License-Identifier: Apache-2.0
 * loop.h - one epoll loop a thread: descriptors, timers, signals
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <stdint.h>
#include "clock.h"
#include "err.h"

struct loop;

MUST_CHECK err_t loop_new(struct loop **ret_loop);
void loop_free(struct loop *loop); /* closes no descriptor of the caller's */

/* events: EPOLLIN | EPOLLOUT. The callback may add and remove any descriptor, its own too. */
typedef void loop_fd_fn(void *context, int fd, uint32_t events);
MUST_CHECK err_t loop_fd_add(struct loop *loop, int fd, uint32_t events, loop_fd_fn *fn, void *context);
MUST_CHECK err_t loop_fd_change(struct loop *loop, int fd, uint32_t events);
void loop_fd_remove(struct loop *loop, int fd);

/* Calls fn every period_us until it is removed; the first time after one period. Returns an id > 0, or 0 without memory. */
typedef void loop_timer_fn(void *context, mono_time now);
int loop_timer_add(struct loop *loop, int64_t period_us, loop_timer_fn *fn, void *context);
void loop_timer_change(struct loop *loop, int id, int64_t period_us); /* and start the period anew */
void loop_timer_remove(struct loop *loop, int id);

/* Blocks the signal for the process and calls fn on the loop. */
typedef void loop_signal_fn(void *context, int signal);
MUST_CHECK err_t loop_signal_add(struct loop *loop, int signal, loop_signal_fn *fn, void *context);

/* Runs until loop_stop(). */
MUST_CHECK err_t loop_run(struct loop *loop);
/* One round, waiting at most max_wait_us. */
MUST_CHECK err_t loop_once(struct loop *loop, int64_t max_wait_us);
void loop_stop(struct loop *loop);

#endif
