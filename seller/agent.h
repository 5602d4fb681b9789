/* SPDX-License-Identifier: Apache-2.0
 * agent.h - the daemon: reports what is, makes what should be
 *
 * How it works: one thread (agent_run) goes round: look at the leases, report, take the answer, steer, sleep until the interval
 * is over or something happened. It blocks on the network and on its own processes, so the owner's commands are answered by
 * another thread (control.c) from a snapshot; they only set flags here and wake it.
 */
#ifndef SELLER_AGENT_H
#define SELLER_AGENT_H

#include <jansson.h>
#include "settings.h"

struct agent;

MUST_CHECK err_t agent_new(const struct settings *settings, const struct identity *identity, struct agent **ret_agent);
void agent_free(struct agent *agent);

/* Until agent_quit(). Leaves guests running. */
void agent_run(struct agent *agent);

/* From any thread. */
void agent_quit(struct agent *agent);
void agent_pause(struct agent *agent, bool paused); /* freezes guests before it returns, takes no new ones */
void agent_drain(struct agent *agent, bool now);    /* takes no new ones; now: ends those that run, withdrawn */
json_t *agent_snapshot(struct agent *agent);	    /* for `status`; the caller's */

#endif
