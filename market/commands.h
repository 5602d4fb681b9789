/* SPDX-License-Identifier: Apache-2.0
 * commands.h - the functions that main.c's table names
 */
#ifndef MARKET_COMMANDS_H
#define MARKET_COMMANDS_H

#include "cli.h"

cli_run_fn command_serve;									    /* serve.c */
cli_run_fn command_migrate, command_ledger_verify, command_operator_grant, command_operator_revoke; /* operate.c */
cli_run_fn command_deposit_list, command_deposit_confirm, command_deposit_fail;
cli_run_fn command_ledger_correct, command_dispute_list, command_dispute_show, command_dispute_decide,
	command_reputation_recompute;
cli_run_fn command_user_reset; /* user_commands.c */
cli_run_fn command_config_example, command_routes;
cli_run_fn command_trust_policy_show, command_trust_policy_set, command_trust_revoke; /* trust_commands.c */
cli_run_fn command_trust_reference_add, command_trust_reference_list, command_trust_reference_remove;
cli_run_fn command_calibration_list, command_calibration_run, command_calibration_fund; /* calibration_commands.c */

#endif
