/* SPDX-License-Identifier: Apache-2.0
 * routes.c - everything that the market can be asked: the table of contents
 *
 * Each line: method, path, handler, scopes (any of them; 0: public), flags (http/router.h), the largest body in bytes, what it is.
 */
#include "gate.h"
#include "handlers.h"

#define S_ACCOUNT SCOPE(ACCOUNT)
#define S_FUNDS SCOPE(FUNDS)
#define S_IMAGES SCOPE(IMAGES)
#define S_ORDERS SCOPE(ORDERS)
#define S_MACHINES SCOPE(MACHINES)
#define S_OPERATOR SCOPE(OPERATOR)
#define S_MACHINE SCOPE(MACHINE)

#define TX ROUTE_TX
#define KEY (ROUTE_TX | ROUTE_KEY)
#define SECRET (ROUTE_TX | ROUTE_SECRET)
#define BYTES ROUTE_BYTES
#define MAYBE ROUTE_BODY_OPTIONAL
#define QUIET ROUTE_QUIET
#define LIMITED ROUTE_LIMITED
#define BOOK ROUTE_BOOK
#define TEXT ROUTE_TEXT

#define KIB 1024
#define JSON (64 * KIB)
#define SMALL (4 * KIB)
#define PIECE (1024 * KIB)
#define LIST (2048 * KIB)
#define REPORT (512 * KIB)

/* clang-format off: it is a table */
const struct route market_routes[] = {
	{ "POST", "/v1/accounts", account_create, 0, LIMITED, SMALL, "sign up" },
	{ "POST", "/v1/sessions", session_create, 0, LIMITED, SMALL, "log in" },
	{ "DELETE", "/v1/sessions/current", session_end, ~0u, TX, 0, "log out: the token ends" },
	{ "GET", "/v1/sessions", session_list, S_ACCOUNT, 0, 0, "where I am logged in" },
	{ "DELETE", "/v1/sessions", session_delete_all, S_ACCOUNT, TX, 0, "log out everywhere" },
	{ "DELETE", "/v1/sessions/{id}", session_delete, S_ACCOUNT, TX, 0, "log out there" },
	{ "GET", "/v1/account", account_show, ~0u, 0, 0, "who am I" },
	{ "POST", "/v1/account/password", password_change, S_ACCOUNT, LIMITED, SMALL,
	  "another password; ends all other sessions" },
	{ "POST", "/v1/account/address", address_change, S_ACCOUNT, LIMITED, SMALL,
	  "mail the link that makes another address mine" },
	{ "POST", "/v1/password-reset", password_reset, 0, LIMITED, SMALL, "a new password, with the operator's token" },
	{ "POST", "/v1/password/forgot", password_forgot, 0, LIMITED, SMALL, "mail me a link that sets a new one" },
	{ "POST", "/v1/address/confirm", address_confirm, 0, LIMITED, SMALL,
	  "I read the mail of my address, as the token shows" },
	{ "GET", "/v1/account/mail", mail_show, S_ACCOUNT, 0, 0, "what I am told of by mail" },
	{ "PUT", "/v1/account/mail", mail_choose, S_ACCOUNT, 0, SMALL, "choose that" },
	{ "POST", "/v1/account/mail/confirmation", confirmation_send, S_ACCOUNT, LIMITED, 0,
	  "mail me the link that confirms my address" },
	{ "POST", "/v1/account/second-factor", factor_begin, S_ACCOUNT, SECRET, 0, "begin to enrol an authenticator app" },
	{ "POST", "/v1/account/second-factor/confirm", factor_confirm, S_ACCOUNT, SECRET, SMALL,
	  "its first code; gives recovery codes" },
	{ "POST", "/v1/account/second-factor/remove", factor_remove, S_ACCOUNT, TX, SMALL, "log in by password alone again" },
	{ "GET", "/v1/account/export", account_export, S_ACCOUNT, LIMITED, 0, "all that is kept of me" },
	{ "POST", "/v1/account/delete", account_delete, S_ACCOUNT, LIMITED | BOOK, SMALL, "end the account" },
	{ "POST", "/v1/device", device_begin, 0, LIMITED, SMALL, "a program without a browser wants to log in" },
	{ "POST", "/v1/device/token", device_poll, 0, QUIET, SMALL, "has somebody let it in" },
	{ "GET", "/v1/device/{word}", device_show, S_ACCOUNT, LIMITED, 0, "what wants to log in under this code" },
	{ "POST", "/v1/device/{word}/approve", device_approve, S_ACCOUNT, TX | LIMITED, 0, "let it in" },
	{ "POST", "/v1/device/{word}/deny", device_deny, S_ACCOUNT, TX | LIMITED, 0, "do not" },
	{ "GET", "/v1/tokens", token_list, S_ACCOUNT, 0, 0, "tokens, without their secrets" },
	{ "POST", "/v1/tokens", token_create, S_ACCOUNT, SECRET, SMALL, "make a token" },
	{ "DELETE", "/v1/tokens/{id}", token_delete, S_ACCOUNT, TX | BOOK, 0, "revoke a token" },

	{ "GET", "/v1/balance", balance_show, S_FUNDS, 0, 0, "available and held" },
	{ "GET", "/v1/postings", posting_list, S_FUNDS, 0, 0, "the account's history, newest first" },
	{ "GET", "/v1/earnings", earnings_show, S_FUNDS, 0, 0, "what leases earned and cost, by day" },
	{ "GET", "/v1/statement", statement_show, S_FUNDS, 0, 0, "its movements of a time, with the balances before and after" },
	{ "GET", "/v1/statement.csv", statement_csv, S_FUNDS, 0, 0, "the same as CSV" },
	{ "GET", "/v1/deposits", deposit_list, S_FUNDS, 0, 0, "deposits, newest first" },
	{ "POST", "/v1/deposits", deposit_create, S_FUNDS, KEY, SMALL, "add funds" },
	{ "GET", "/v1/deposits/{id}", deposit_show, S_FUNDS, 0, 0, "one deposit" },
	{ "POST", "/v1/deposits/{id}/confirm", deposit_confirm, S_OPERATOR, TX | MAYBE, SMALL, "the money came: credit it" },
	{ "POST", "/v1/deposits/{id}/fail", deposit_fail, S_OPERATOR, TX | MAYBE, SMALL, "the money will not come" },
	{ "GET", "/v1/operator/deposits", operator_deposits, S_OPERATOR, 0, 0, "everybody's deposits" },
	{ "GET", "/v1/operator/disputes", dispute_list, S_OPERATOR, 0, 0, "everybody's disputes" },
	{ "GET", "/v1/operator/accounts", operator_accounts, S_OPERATOR, 0, 0, "everybody" },
	{ "GET", "/v1/operator/acts", operator_acts, S_OPERATOR, 0, 0, "what operators did, newest first" },
	{ "GET", "/v1/operator/health", operator_health, S_OPERATOR, BOOK, 0, "what works" },
	{ "GET", "/v1/operator/ledger", operator_ledger, S_OPERATOR, 0, 0, "the ledger, added up" },
	{ "GET", "/v1/payouts", payout_list, S_FUNDS, 0, 0, "payouts, newest first" },
	{ "POST", "/v1/payouts", payout_create, S_FUNDS, KEY, SMALL, "take money out" },
	{ "POST", "/v1/payouts/quote", payout_quote, S_FUNDS, 0, SMALL, "what a payout would send; changes nothing" },
	{ "GET", "/v1/payouts/{id}", payout_show, S_FUNDS, 0, 0, "one payout" },
	{ "POST", "/v1/payouts/{id}/approve", payout_approve, S_OPERATOR, TX, 0, "let it be sent" },
	{ "POST", "/v1/payouts/{id}/confirm", payout_confirm, S_OPERATOR, TX, 0, "it was paid by hand" },
	{ "POST", "/v1/payouts/{id}/fail", payout_fail, S_OPERATOR, TX, 0, "refuse it: the money goes back" },
	{ "GET", "/v1/operator/payouts", operator_payouts, S_OPERATOR, 0, 0, "everybody's payouts" },
	{ "POST", "/v1/payments/{word}/webhook", payment_webhook, 0, 0, JSON, "a payment provider tells something, signed" },
	{ "GET", "/v1/payments/{word}/return", payment_return, 0, 0, 0, "the payer comes back from the provider" },

	{ "GET", "/v1/images", image_list, S_IMAGES, 0, 0, "images" },
	{ "POST", "/v1/images", image_create, S_IMAGES, TX, LIST, "announce an image by the hashes of its pieces" },
	{ "GET", "/v1/images/{hash}", image_show, S_IMAGES, 0, 0, "one image" },
	{ "DELETE", "/v1/images/{hash}", image_delete, S_IMAGES, TX, 0, "forget an image" },
	{ "GET", "/v1/images/{hash}/pieces", image_pieces_show, S_IMAGES | S_MACHINE, 0, 0,
	  "its pieces' hashes, and which are missing" },
	{ "PUT", "/v1/images/{hash}/order", image_order_put, S_MACHINE, QUIET, JSON, "in which order a boot read its pieces" },
	{ "GET", "/v1/images/{hash}/pieces/{n}", piece_get, S_IMAGES | S_MACHINE, 0, 0, "a piece's bytes" },
	{ "PUT", "/v1/images/{hash}/pieces/{n}", piece_put, S_IMAGES, BYTES | QUIET, PIECE, "upload a piece" },

	{ "GET", "/v1/machines", machine_list, S_MACHINES, BOOK, 0, "my machines" },
	{ "POST", "/v1/machines", machine_enrol, S_MACHINES, SECRET | BOOK, SMALL, "enrol a machine by its key" },
	{ "GET", "/v1/machines/{id}", machine_show, S_MACHINES | S_MACHINE, BOOK, 0, "one machine" },
	{ "DELETE", "/v1/machines/{id}", machine_retire, S_MACHINES, TX | BOOK, 0, "retire a machine for good" },
	{ "GET", "/v1/machines/{id}/leases", machine_leases, S_MACHINES | S_MACHINE, BOOK, 0, "its leases that have not ended" },
	{ "GET", "/v1/machines/{id}/explain", machine_explain, S_MACHINES | S_MACHINE, BOOK, 0,
	  "why it gets no work: what keeps waiting orders from it" },
	{ "GET", "/v1/machines/{id}/calibrations", calibration_list, 0, 0, 0, "what came of measuring it" },
	{ "POST", "/v1/machines/{id}/calibrations", calibration_ask, S_MACHINES | S_MACHINE, TX, 0, "measure it, once a day" },
	{ "GET", "/v1/machines/{id}/line", line_get, S_MACHINE, QUIET | BOOK, 0, "a trial of its line: bytes to hash" },
	{ "POST", "/v1/machines/{id}/line", line_proof, S_MACHINE, QUIET | BOOK, SMALL,
	  "their hash; the answer says what to send" },
	{ "PUT", "/v1/machines/{id}/line", line_put, S_MACHINE, BYTES | QUIET | BOOK, 4 * PIECE, "and these bytes" },
	{ "POST", "/v1/machines/{id}/report", machine_report, S_MACHINE, QUIET | BOOK | TEXT, REPORT,
	  "what is; the answer says what should be" },
	{ "GET", "/v1/machines/{id}/wake", machine_wake, S_MACHINE, 0, 0, "says when to report at once, as Server-Sent Events" },

	{ "GET", "/v1/trust/policy", trust_policy_show, 0, BOOK, 0, "what is asked of machines that are to be trusted" },
	{ "POST", "/v1/machines/{id}/attestation/key", attestation_key, S_MACHINE, BOOK, JSON, "its TPM, and a key in it" },
	{ "POST", "/v1/machines/{id}/attestation/activation", attestation_activation, S_MACHINE, TX | BOOK, SMALL,
	  "the proof that both are one TPM's" },
	{ "POST", "/v1/machines/{id}/attestation", attestation_take, S_MACHINE, QUIET | BOOK, REPORT,
	  "a quote: the answer to a question" },
	{ "GET", "/v1/machines/{id}/attestation", machine_attestation, S_MACHINES | S_MACHINE, 0, 0, "what it proved last" },

	{ "GET", "/v1/leases/{id}", lease_show, S_ORDERS | S_MACHINES | S_MACHINE, BOOK, 0,
	  "one lease, for its buyer and its seller" },
	{ "GET", "/v1/leases/{id}/attestation", lease_attestation, S_ORDERS | S_MACHINES, 0, 0,
	  "what its machine proved for it last, with all that is needed to judge again" },
	{ "GET", "/v1/leases/{id}/receipt", lease_receipt, S_ORDERS | S_MACHINES, 0, 0,
	  "what it used, cost and earned, signed, for its buyer and its seller" },
	{ "GET", "/v1/leases/{id}/spec", lease_spec_show, S_MACHINE, BOOK, 0, "all that is needed to start it" },
	{ "GET", "/v1/leases/{id}/console", lease_console_show, S_ORDERS, BOOK, 0, "the serial console's last bytes" },
	{ "POST", "/v1/leases/{id}/console", lease_console_add, S_MACHINE, QUIET | BOOK, JSON, "a piece of the serial console" },
	{ "POST", "/v1/leases/{id}/console/input", lease_console_type, S_ORDERS, QUIET | BOOK, SMALL,
	  "type into the serial console" },
	{ "POST", "/v1/leases/{id}/end", lease_end, S_ORDERS, TX | BOOK, 0, "end it; the order's others go on" },
	{ "POST", "/v1/leases/{id}/reset", lease_reset, S_ORDERS, KEY | BOOK, 0, "let it start anew, as by a reset button" },
	{ "GET", "/v1/leases/{id}/screen", lease_screen_show, S_ORDERS, BOOK, 0, "a picture of the screen" },
	{ "PUT", "/v1/leases/{id}/screen", lease_screen_put, S_MACHINE, BYTES | QUIET | BOOK, JSON,
	  "a picture of the screen, as it was asked for" },
	{ "POST", "/v1/leases/{id}/feedback", lease_feedback, S_ORDERS | S_MACHINES, TX | BOOK, SMALL, "mark the other side" },

	{ "POST", "/v1/leases/{id}/dispute", dispute_open, S_ORDERS, KEY | BOOK, SMALL, "it was not worth its money" },
	{ "GET", "/v1/leases/{id}/dispute", dispute_show, S_ORDERS | S_MACHINES | S_OPERATOR, 0, 0, "its dispute" },
	{ "POST", "/v1/leases/{id}/dispute/decide", dispute_decide, S_OPERATOR, TX | BOOK, SMALL, "refund a part, or none" },
	{ "POST", "/v1/leases/{id}/correct", lease_correct, S_OPERATOR, KEY, SMALL, "give back what was charged wrongly" },

	{ "GET", "/v1/orders", order_list, S_ORDERS, 0, 0, "orders, newest first" },
	{ "POST", "/v1/orders", order_create, S_ORDERS, ROUTE_KEY | ROUTE_TOKEN | ROUTE_TEXT, 3 * JSON, "place an order" },
	{ "POST", "/v1/orders/quote", order_quote, S_ORDERS, BOOK | ROUTE_TEXT, 3 * JSON,
	  "what an order would hold and cost; changes nothing" },
	{ "GET", "/v1/orders/{id}", order_show, S_ORDERS, 0, 0, "one order" },
	{ "POST", "/v1/orders/{id}/cancel", order_cancel, S_ORDERS, TX | MAYBE | BOOK, SMALL, "no more places, end its leases" },
	{ "POST", "/v1/orders/{id}/extend", order_extend, S_ORDERS, TX | BOOK, SMALL, "a longer time for its leases" },
	{ "GET", "/v1/orders/{id}/leases", order_leases, S_ORDERS, BOOK, 0, "its leases" },
	{ "GET", "/v1/orders/{id}/receipt", order_receipt, S_ORDERS, 0, 0, "what it cost, lease by lease" },
	{ "GET", "/v1/orders/{id}/explain", order_explain, S_ORDERS, BOOK, 0, "why it does not fill" },
	{ "GET", "/v1/orders/{id}/network", network_show, S_ORDERS, BOOK, 0, "its members, and how they reach each other" },
	{ "POST", "/v1/orders/{id}/peers", peer_join, S_ORDERS, QUIET | BOOK, JSON,
	  "the buyer's machine joins the network, or stays" },
	{ "DELETE", "/v1/orders/{id}/peers/{id}", peer_leave, S_ORDERS, BOOK, 0, "and leaves it" },

	{ "GET", "/v1/netcheck", netcheck_show, S_ORDERS | S_MACHINES | S_MACHINE, 0, 0,
	  "servers to try a machine's network with" },
	{ "GET", "/v1/offers", offer_list, 0, BOOK, 0, "what machines offer now" },
	{ "GET", "/v1/book", book_show, 0, BOOK, 0, "the order book, by price" },
	{ "GET", "/v1/sellers", seller_list, 0, 0, 0, "sellers and their ratings, the best first" },
	{ "GET", "/v1/sellers/{id}", seller_show, 0, 0, 0, "one seller" },
	{ "GET", "/v1/sellers/{id}/history", seller_history, 0, 0, 0, "its last 90 days" },
	{ "GET", "/v1/buyers/{id}", buyer_show, 0, 0, 0, "one buyer" },
	{ "GET", "/v1/outcomes", outcome_show, 0, 0, 0, "how leases end here, how sellers stand" },
	{ "GET", "/v1/trades", trade_list, 0, 0, 0, "the last leases made" },
	{ "GET", "/v1/market/samples", sample_list, 0, 0, 0, "prices, supply and demand over time" },
	{ "GET", "/v1/market/countries", country_list, 0, BOOK, 0, "what is online, by country" },
	{ "GET", "/v1/market", market_show, 0, 0, 0, "name, currency, fees, limits, rules" },
	{ "GET", "/v1/reputation", reputation_show, 0, 0, 0, "how ratings are computed" },
	{ "GET", "/v1/events", events_stream, S_ORDERS | S_MACHINES, 0, 0, "what happens, as Server-Sent Events" },
	{ "GET", "/v1/openapi.json", openapi_show, 0, 0, 0, "this interface's description" },
	{ "GET", "/healthz", health_show, 0, 0, 0, "can it serve" },
	{ "GET", "/metrics", metrics_show, 0, 0, 0, "counters for Prometheus, to this machine" },
	{ "GET", "*", page_show, 0, 0, 0, "the web pages" },
	{ .method = NULL },
};
