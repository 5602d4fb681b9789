/* SPDX-License-Identifier: Apache-2.0
 * journal.h - a lease's usage records: signed, chained, and not forgotten by a crash
 *
 * A record builds on the last one that the market has acknowledged. What was sent and not acknowledged is kept, so that an
 * acknowledgement that was lost, and comes with a later answer, is known as ours (machine.h, "Usage").
 */
#ifndef SELLER_JOURNAL_H
#define SELLER_JOURNAL_H

#include "machine.h"

#define JOURNAL_SENT 32

struct journal {
	uuid lease;
	uint64_t ack_seq;
	sha256 ack_hash;
	struct {
		uint64_t seq;
		sha256 hash;
	} sent[JOURNAL_SENT]; /* newest last; seq 0: free */
	/* Counters of endpoints that are gone, and the last that the present one (known by its key's pin) showed. */
	sha256 endpoint;
	uint64_t tx_before, rx_before, tx_now, rx_now;
	struct usage last; /* counters only grow, also when a process that counted has died */
};

/* From LEASE_DIR/usage.json; an empty one where there is none. */
MUST_CHECK err_t journal_load(const char *lease_dir, uuid lease, struct journal *ret);
/* The endpoint's counters, which start at zero with each endpoint: a new one has a new key. */
void journal_traffic(struct journal *j, sha256 endpoint, uint64_t tx_bytes, uint64_t rx_bytes);
/* The next record with these counters, signed, and on disk before it is sent. Where the disk fails (E_IO), the record is there all the
 * same: what is lost by it is only that a daemon which starts anew does not know it again. */
MUST_CHECK err_t journal_record(struct journal *j, const char *lease_dir, const struct ed25519_key *key, uint64_t vcpu_ns,
				uint64_t running_us, struct usage *ret);
/* What the market says it has. E_CORRUPT where it is not a record of ours: the market's word is then built on, as nothing else
 * is possible, and the caller logs it. */
MUST_CHECK err_t journal_acknowledge(struct journal *j, uint64_t seq, sha256 hash);

#endif
