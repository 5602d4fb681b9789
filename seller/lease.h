/* SPDX-License-Identifier: Apache-2.0
 * lease.h - one lease on this machine: its directory, its processes, what is reported of it
 *
 * How it works: preparing runs in a thread of its own (fetch the lease's spec, the image, write the seed, start endpoint and vmrun);
 * everything else happens on the agent's thread. The directory is the truth: a daemon that starts anew finds it (lease_adopt) and
 * goes on from what runs. docs/SELLER.md lists the files.
 */
#ifndef SELLER_LEASE_H
#define SELLER_LEASE_H

#include <pthread.h>
#include <stdatomic.h>
#include "cache.h"
#include "client.h"
#include "endpoint.h"
#include "journal.h"
#include "machine.h"
#include "policy.h"
#include "settings.h"
#include "vmrun.h"
#include "warm.h"

/* What all leases share; outlives them. */
struct lease_host {
	const struct settings *settings;
	const struct identity *identity;
	enum accel accel;
	enum port_kind port; /* of new leases */
	int wake_fd;	     /* an eventfd: written when a lease has something to report */
	struct warm_store *warm;
	/* What each of them has of the line (share.h): written by the agent, read by the threads that prepare. */
	_Atomic int64_t up_bytes_s, down_bytes_s, image_bytes_s;
};

struct lease_here {
	uuid id;
	const struct lease_host *host;
	char dir[PATH_SIZE];
	uint32_t uid; /* that its jail runs as; 0: our own */
	enum port_kind port;
	struct lease_spec spec;
	bool has_spec;
	bool served; /* its image is, as it was not all there when it started */

	enum lease_state state; /* what is: preparing, running, paused, ended */
	enum end_reason reason;
	char detail[DETAIL_SIZE];
	uint64_t vcpu_ns, running_us;
	bool ran;
	struct journal journal;
	uint64_t peers_version; /* of what the endpoint was told; 0: nothing */
	bool has_network;
	int unanswered; /* the endpoint's last questions */
	bool revived;	/* the endpoint is not the first one */
	sha256 pin;
	struct vnet_candidates_text candidates;
	struct vnet_rates rates; /* that the endpoint keeps */
	char path[12];
	size_t path_count;
	struct path_view paths[PEER_MAX]; /* of the endpoint to its peers */
	int64_t paths_told_us;		  /* the market was told last */

	uint64_t screen_sent;	 /* the number of the last picture of it that the market took */
	struct warm_start start; /* of its guest; its template is kept once it is there */

	uint64_t traffic_counted; /* bytes that are in the month's sum */
	int64_t throttle_percent; /* vmrun was told last; 0: nothing */
	mono_time frozen_at;	  /* since then paused for the owner's sake; 0: not */

	enum lease_state desired; /* what the market wants */
	enum end_reason desired_reason;
	uint32_t resets, desired_resets; /* that vmrun has made, and should have */

	/* Preparing: written by the thread, read after `prepared`. */
	pthread_t thread;
	bool preparing;
	atomic_bool cancel, prepared;
	struct image_fetch *_Atomic fetch; /* also behind it, until the lease is over */
	err_t prepare_error;
	enum end_reason prepare_reason;
	char prepare_detail[DETAIL_SIZE];
};

/* A new one starts preparing. slot: 0 .. 63, picks its user id. */
MUST_CHECK err_t lease_start(const struct lease_host *host, uuid id, int slot, struct lease_here **ret_lease);
/* One whose directory was found: running if its vmrun answers, else prepared anew where it had not been started, else ended. */
MUST_CHECK err_t lease_adopt(const struct lease_host *host, uuid id, int slot, struct lease_here **ret_lease);
/* One that never was here, only to tell the market that it is over. */
MUST_CHECK err_t lease_refuse(const struct lease_host *host, uuid id, enum end_reason reason, const char *detail,
			      struct lease_here **ret_lease);

/* Looks at what runs, and restarts an endpoint that is dead, or that hangs. */
void lease_look(struct lease_here *l);
/* Makes what is into what should be: the governor's level comes before what the market wants. */
void lease_steer(struct lease_here *l, enum policy_level level);
/* Tells its endpoint what it has of the line, where that changed. */
void lease_share(struct lease_here *l);
bool lease_fetches(const struct lease_here *l); /* is its image on its way? */
bool lease_moves(const struct lease_here *l);	/* may its guest send and receive? */
/* For how long it has been paused for the owner's sake, in us. */
int64_t lease_frozen_us(struct lease_here *l, enum policy_level level, mono_time now);
/* Bytes that it moved since the last call, over all daemons. */
uint64_t lease_new_traffic(struct lease_here *l);
/* What the seller has earned by it, as this machine reckons; the market's part is still in it. */
money lease_earned(const struct lease_here *l);
/* Ends it now: the VM is destroyed, the last counters kept. */
void lease_stop(struct lease_here *l, enum end_reason reason, const char *detail);
void lease_report(struct lease_here *l, struct lease_report *ret);
/* How much of its image is there; -1 unknown. */
int lease_permille(const struct lease_here *l);
/* Adds its endpoint's paths to the report, if the market has not heard of them for a while and they fit. */
void lease_report_paths(struct lease_here *l, struct report *report, struct lease_report *ret, mono_time now);
void lease_answer(struct lease_here *l, const struct lease_order *order);
/* The console from an offset on. */
MUST_CHECK err_t lease_console(const struct lease_here *l, int64_t from, struct console_chunk *ret);
/* What the buyer typed; what was typed already is passed over. */
MUST_CHECK err_t lease_type(const struct lease_here *l, const struct console_input *input);
/* The last picture of the screen, at most that wide; len 0 where the market has it already, or there is none yet. */
MUST_CHECK err_t lease_screen(const struct lease_here *l, uint32_t width, struct screen_picture *ret);
/* Stops what runs, removes the directory, frees. */
void lease_forget(struct lease_here *l);
/* Frees and leaves everything running, for the next daemon. */
void lease_leave(struct lease_here *l);

#endif
