/* SPDX-License-Identifier: Apache-2.0
 * cluster.h - the embedded default: a private PostgreSQL under the market's data folder, and migrations
 */
#ifndef STORE_CLUSTER_H
#define STORE_CLUSTER_H

#include <stddef.h>
#include <sys/types.h>
#include "err.h"

struct cluster;

/* Makes (initdb) where needed and starts a cluster under dir/postgres, reachable only by a unix socket in dir/run; adopts one that
 * still runs from a market that was killed. Where we are root, the server runs as the user "postgres" and dir's parts are
 * given to it. Waits until it accepts connections. Settings: docs/MARKET.md. */
MUST_CHECK err_t cluster_start(const char *dir, struct cluster **ret_cluster);
/* Starts it again where it has died; cheap to call each second. E_AGAIN while it recovers. */
MUST_CHECK err_t cluster_check(struct cluster *c);
/* Connection strings, owned by c: the owner's (migrations), and the market's role. */
const char *cluster_owner_uri(const struct cluster *c);
const char *cluster_market_uri(const struct cluster *c);
pid_t cluster_pid(const struct cluster *c);
/* A fast shutdown, waited for; then frees. */
void cluster_stop(struct cluster *c);

/* Applies db/migrations/NNNN_name.sql in order, each once, each in a transaction, under an advisory lock; then db/procedures/ *.sql
 * where their checksum changed. E_CONFLICT while a market is connected and there is a migration to apply. A migration whose text changed after it was applied is an error that names it. error (512
 * bytes) tells. sql_dir: where db/ lies (installed: PREFIX/share/cpushare/db). */
#define MIGRATE_ERROR_SIZE 512
MUST_CHECK err_t migrate(const char *owner_uri, const char *sql_dir, char *error);

#endif
