/* SPDX-License-Identifier: Apache-2.0
 * setup.h - from the command line to settings, folders and a database; shared by serving and by the operator's commands
 */
#ifndef MARKET_SETUP_H
#define MARKET_SETUP_H

#include "cli.h"
#include "settings.h"
#include "store.h"

struct cluster;

struct setup {
	const struct cli *cli; /* to whom is told what is wrong */
	struct settings settings;
	char data_dir[1024], resources_dir[1024];
	char database[1024];	 /* of --database, else "" */
	struct cluster *cluster; /* where we run the server */
	int lock_fd;
};
/* Reads --config, --set and the rest; serving: the options of serve too. Prints what is wrong; returns an exit code. */
int setup_read(const struct cli *cli, bool serving, struct setup *ret);
/* Connects as the market: to --database, to the server of a market that runs on the data folder, or to one started for this
 * command. Prints what is wrong. */
MUST_CHECK err_t setup_store(struct setup *s, struct store **ret_store);
/* Takes the data folder for us, for as long as we run. E_AGAIN: another market has it. */
MUST_CHECK err_t setup_lock(struct setup *s);
/* Starts the embedded server where there is no --database. */
MUST_CHECK err_t setup_cluster(struct setup *s);
/* Applies the migrations to it, or to --database. */
MUST_CHECK err_t setup_migrate(struct setup *s);
const char *setup_market_uri(const struct setup *s);
void setup_clear(struct setup *s);

#endif
