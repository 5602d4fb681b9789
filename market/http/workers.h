/* SPDX-License-Identifier: Apache-2.0
 * workers.h - threads for what would hold up the loop: scrypt, files
 */
#ifndef HTTP_WORKERS_H
#define HTTP_WORKERS_H

#include "loop.h"

struct workers;
MUST_CHECK err_t workers_new(struct loop *loop, int threads, int queue_max, struct workers **ret_workers);
/* run(job) on a thread, then done(job) on the loop. E_LIMIT where queue_max jobs wait already. */
typedef void work_fn(void *job);
MUST_CHECK err_t workers_submit(struct workers *w, work_fn *run, work_fn *done, void *job);
/* Finishes what is queued, calls each done, ends the threads. */
void workers_free(struct workers *w);

#endif
