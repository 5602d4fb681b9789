/* SPDX-License-Identifier: Apache-2.0
 * commands.h - the owner's commands; main.c has their table
 */
#ifndef SELLER_COMMANDS_H
#define SELLER_COMMANDS_H

#include "cli.h"

int command_setup(struct cli *cli);
int command_run(struct cli *cli);
int command_status(struct cli *cli);
int command_pause(struct cli *cli);
int command_resume(struct cli *cli);
int command_drain(struct cli *cli);
int command_calibrate(struct cli *cli);
int command_selftest(struct cli *cli);

/* Is -o table or json? Says so where not. */
bool form_is_known(const struct cli *cli);

#endif
