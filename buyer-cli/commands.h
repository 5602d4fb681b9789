/* SPDX-License-Identifier: Apache-2.0
 * commands.h - one command, one function; main.c has their table
 */
#ifndef BUYER_COMMANDS_H
#define BUYER_COMMANDS_H

#include "cli.h"

/* account.c */
int command_signup(struct cli *cli);
int command_login(struct cli *cli);
int command_logout(struct cli *cli);
int command_whoami(struct cli *cli);
int command_token_create(struct cli *cli);
int command_token_list(struct cli *cli);
int command_token_revoke(struct cli *cli);
/* sessions.c */
int command_session_list(struct cli *cli);
int command_session_end(struct cli *cli);
int command_account_export(struct cli *cli);
int command_account_address(struct cli *cli);
int command_account_mail(struct cli *cli);
/* config.c */
int command_config_list(struct cli *cli);
int command_config_get(struct cli *cli);
int command_config_set(struct cli *cli);
int command_config_unset(struct cli *cli);
int command_config_path(struct cli *cli);
/* book.c */
int command_book_show(struct cli *cli);
int command_book_depth(struct cli *cli);
int command_book_trades(struct cli *cli);
int command_book_history(struct cli *cli);
/* download.c */
int command_image_download(struct cli *cli);
int command_image_id(struct cli *cli);
int command_image_verify(struct cli *cli);
/* funds.c */
int command_funds_add(struct cli *cli);
int command_funds_balance(struct cli *cli);
int command_funds_earnings(struct cli *cli);
int command_funds_history(struct cli *cli);
int command_funds_deposits(struct cli *cli);
int command_funds_confirm(struct cli *cli);
/* payout.c */
int command_funds_withdraw(struct cli *cli);
int command_funds_payouts(struct cli *cli);
int command_funds_approve(struct cli *cli);
/* trust.c */
int command_trust_policy(struct cli *cli);
int command_trust_show(struct cli *cli);
int command_trust_verify(struct cli *cli);
int command_trust_log(struct cli *cli);
/* image.c */
int command_image_upload(struct cli *cli);
int command_image_list(struct cli *cli);
int command_image_show(struct cli *cli);
int command_image_delete(struct cli *cli);
/* image_test.c */
int command_image_test(struct cli *cli);
/* context.c */
int command_context_list(struct cli *cli);
int command_context_create(struct cli *cli);
int command_context_use(struct cli *cli);
int command_context_show(struct cli *cli);
int command_context_rename(struct cli *cli);
int command_context_delete(struct cli *cli);
/* offer.c */
int command_offer_list(struct cli *cli);
int command_offer_show(struct cli *cli);
/* offer_watch.c */
int command_offer_watch(struct cli *cli);
int command_offer_compare(struct cli *cli);
/* api.c */
int command_api(struct cli *cli);
/* top.c */
int command_top(struct cli *cli);
/* doctor.c */
int command_doctor(struct cli *cli);
int command_bugreport(struct cli *cli);
/* market.c */
int command_seller_list(struct cli *cli);
int command_seller_show(struct cli *cli);
int command_seller_history(struct cli *cli);
int command_machine_list(struct cli *cli);
int command_machine_explain(struct cli *cli);
int command_machine_retire(struct cli *cli);
/* recipe.c */
int command_recipe_list(struct cli *cli);
int command_recipe_show(struct cli *cli);
int command_recipe_up(struct cli *cli);
/* image_build.c */
int command_image_build(struct cli *cli);
/* order_create.c */
int command_order_create(struct cli *cli);
/* order.c */
int command_order_list(struct cli *cli);
int command_order_show(struct cli *cli);
int command_order_explain(struct cli *cli);
int command_order_extend(struct cli *cli);
int command_order_cancel(struct cli *cli);
/* receipt.c */
int command_order_receipt(struct cli *cli);
int command_node_receipt(struct cli *cli);
int command_order_receipt_verify(struct cli *cli); /* of --verify: its argument is a file */
/* verify.c */
int command_verify(struct cli *cli);
/* watch.c */
int command_order_watch(struct cli *cli);
int command_event_tail(struct cli *cli);
int command_order_wait(struct cli *cli);
/* node.c */
int command_node_list(struct cli *cli);
int command_node_show(struct cli *cli);
int command_node_console(struct cli *cli);
int command_node_reset(struct cli *cli);
int command_node_stop(struct cli *cli);
int command_node_rate(struct cli *cli);
int command_node_dispute(struct cli *cli);
/* node_exec.c */
int command_node_exec(struct cli *cli);
/* node_screen.c */
int command_node_screen(struct cli *cli);
/* net.c */
int command_net_up(struct cli *cli);
/* net_status.c */
int command_net_status(struct cli *cli);
int command_net_peers(struct cli *cli);
int command_net_map(struct cli *cli);
int command_net_down(struct cli *cli);
/* net_capture.c */
int command_net_capture(struct cli *cli);
/* netcheck.c */
int command_net_netcheck(struct cli *cli);
/* net_ping.c */
int command_net_ping(struct cli *cli);

#endif
