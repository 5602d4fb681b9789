/* SPDX-License-Identifier: Apache-2.0
 * desktop.h - what a desktop's services know, asked over D-Bus: logind, whether somebody is here; NetworkManager, what the line costs
 *
 * A thread of its own asks, and those who read never wait. Each service may be absent, start and end at any time; none is started for us.
 */
#ifndef SELLER_DESKTOP_H
#define SELLER_DESKTOP_H

#include "policy.h"

struct desktop;

/* On the system's bus, or where $DBUS_SYSTEM_BUS_ADDRESS says. E_NOMEM. A bus that is not there is looked for again. */
MUST_CHECK err_t desktop_new(struct desktop **ret_desktop);
void desktop_free(struct desktop *d);

struct desktop_view {
	bool logind;	      /* it answers */
	int64_t user;	      /* policy.h's POLICY_USER: since it last said that somebody is here, or POLICY_UNKNOWN */
	bool network_manager; /* it answers, and knows */
	bool metered, guessed;
};
struct desktop_view desktop_look(struct desktop *d, mono_time now);

/* Takes it into the measurements of senses.h: whoever saw somebody last is believed. NetworkManager's word on the line counts for more than
 * the kind of its device; its guess only where it is bad news. */
void desktop_add(const struct desktop_view *view, bool logind_counts, int64_t *values);

#endif
