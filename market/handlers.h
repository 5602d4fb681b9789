/* SPDX-License-Identifier: Apache-2.0
 * handlers.h - the functions that routes.c names; what they take and give is in openapi.json and protocol/
 */
#ifndef MARKET_HANDLERS_H
#define MARKET_HANDLERS_H

#include "router.h"

/* accounts.c */
route_fn account_create, session_create, account_show, token_list, token_create, token_delete;
/* sessions.c */
route_fn session_end, session_list, session_delete, session_delete_all, password_change;
/* factors.c */
route_fn factor_begin, factor_confirm, factor_remove;
/* reset.c, acts.c */
route_fn password_reset, operator_acts;
/* mailing.c */
route_fn password_forgot, address_confirm, address_change, confirmation_send, mail_show, mail_choose;
/* device_login.c */
route_fn device_begin, device_show, device_approve, device_deny, device_poll;
/* farewell.c */
route_fn account_export, account_delete;
/* deposits.c */
route_fn balance_show, posting_list, deposit_create, deposit_list, deposit_show, deposit_confirm, deposit_fail;
route_fn operator_deposits, operator_ledger;
/* statement.c */
route_fn statement_show, statement_csv;
/* payouts.c, payments.c */
route_fn payout_quote, payout_create, payout_list, payout_show, payout_approve, payout_confirm, payout_fail, operator_payouts;
route_fn payment_webhook, payment_return;
/* images.c */
route_fn image_create, image_list, image_show, image_delete, image_pieces_show, image_order_put, piece_put, piece_get;
/* machines.c */
route_fn machine_enrol, machine_list, machine_show, machine_explain, machine_leases, machine_retire;
/* calibrations.c */
route_fn calibration_list, calibration_ask;
/* lines.c */
route_fn line_get, line_proof, line_put;
/* reports.c */
route_fn machine_report, lease_spec_show;
/* attestations.c */
route_fn attestation_key, attestation_activation, attestation_take, machine_attestation, lease_attestation, trust_policy_show;
/* orders.c */
route_fn order_create, order_list, order_show, order_cancel, order_extend, order_leases, order_quote, order_explain;
/* receipt.c */
route_fn order_receipt, lease_receipt;
/* leases.c */
route_fn lease_show, lease_feedback, lease_end, lease_reset, lease_console_add, lease_console_show, lease_console_type,
	lease_screen_put, lease_screen_show;
/* disputes.c */
route_fn dispute_open, dispute_show, dispute_list, dispute_decide, lease_correct;
/* peers.c */
route_fn peer_join, peer_leave;
/* reach.c */
route_fn network_show, netcheck_show;
/* public.c */
route_fn offer_list, book_show, seller_show, market_show, reputation_show, health_show, openapi_show, page_show;
/* trends.c */
route_fn trade_list, sample_list, country_list, outcome_show, seller_list, seller_history, buyer_show;
/* overview.c */
route_fn earnings_show, operator_accounts, operator_health;
/* events.c, wakes.c, metrics.c */
route_fn events_stream, machine_wake, metrics_show;

#endif
