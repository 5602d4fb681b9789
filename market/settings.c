/* SPDX-License-Identifier: Apache-2.0
 * settings.c - the table of what an operator can set
 */
#include "settings.h"

#include <string.h>

#include "clock.h"
#include "order.h"

#define AT(field) offsetof(struct settings, field)
#define TEXT(key, field, fallback, what)                                                               \
	{                                                                                              \
		key, CONF_TEXT, AT(field), sizeof(((struct settings *)0)->field), 0, 0, fallback, what \
	}
#define NUMBER(key, field, min, max, fallback, what)                  \
	{                                                             \
		key, CONF_INT, AT(field), 0, min, max, fallback, what \
	}
#define DURATION(key, field, min, max, fallback, what)                     \
	{                                                                  \
		key, CONF_DURATION, AT(field), 0, min, max, fallback, what \
	}
#define SIZE(key, field, min, max, fallback, what)                     \
	{                                                              \
		key, CONF_SIZE, AT(field), 0, min, max, fallback, what \
	}

const struct conf_entry settings_table[] = {
	TEXT("market.name", name, "CPUShare", "what this market is called"),
	TEXT("market.currency", currency, "EUR", "ISO 4217; all amounts are in it"),
	TEXT("market.contact", operator_contact, "", "where users reach the operator: an address or URL"),
	TEXT("market.regions", regions, "",
	     "names of up to eight places that machines measure their round trip to, with blanks between; of each a relay"),
	TEXT("market.web_dir", web_dir, "", "folder of the web pages; empty: those installed with the program"),

	TEXT("listen.address", address, "127.0.0.1:8443", "address and port; [::]:8443 listens everywhere"),
	TEXT("listen.public_url", public_url, "", "what clients are told to use; empty: made from the address"),
	TEXT("listen.internal", internal, "",
	     "address and port by which other markets on the same database reach this one; empty: listen.address"),
	TEXT("listen.certificate", certificate, "", "PEM file with the certificate chain; empty: self-signed, made once"),
	TEXT("listen.key", key, "", "PEM file with the certificate's private key"),
	{ "listen.http", CONF_BOOL, AT(http), 0, 0, 0, "no", "plain HTTP, on a loopback address only, behind your own proxy" },

	NUMBER("fees.deposit_bp", deposit_bp, 0, 5000, "0", "the market's part of a deposit, in basis points (100 = 1 %)"),
	NUMBER("fees.settlement_bp", settlement_bp, 0, 5000, "500", "the market's part of what a buyer pays, in basis points"),
	NUMBER("fees.payout_bp", payout_bp, 0, 5000, "0", "the market's part of a payout, in basis points"),

	TEXT("pay.manual_instructions", manual_instructions,
	     "Pay the amount to the market's operator and name the deposit's id; the operator confirms it.",
	     "what a payer of a manual deposit is told"),
	TEXT("pay.paypal", paypal_file, "",
	     "INI file (mode 600) with PayPal's client_id, secret and webhook_id; empty: PayPal is not used"),
	TEXT("pay.paypal_url", paypal_url, "https://api-m.paypal.com",
	     "PayPal's server; its sandbox: https://api-m.sandbox.paypal.com"),
	TEXT("pay.paypal_certificates", paypal_certificates,
	     "https://api.paypal.com/v1/notifications/certs/ https://api.sandbox.paypal.com/v1/notifications/certs/",
	     "where the certificates of its webhooks may come from, each with a / at the end and blanks between"),
	TEXT("pay.stripe", stripe_file, "",
	     "INI file (mode 600) with Stripe's secret_key and webhook_secret; empty: Stripe is not used"),
	TEXT("pay.stripe_url", stripe_url, "https://api.stripe.com", "Stripe's server"),
	TEXT("pay.ca", pay_ca, "",
	     "PEM file of the authorities that providers' certificates are checked against; empty: the system's"),
	DURATION("pay.interval", pay_interval_us, 100000, HOUR_US, "30s",
		 "between two questions to a provider about one payment; longer each time"),
	{ "pay.payout_min", CONF_MONEY, AT(payout_min), 0, 1, 0, "10.00", "the smallest payout" },
	{ "pay.payout_review", CONF_MONEY, AT(payout_review), 0, 0, 0, "100.00", "larger payouts wait for an operator" },

	TEXT("mail.server", mail_server, "",
	     "smtps://HOST:465, or smtp://HOST:587, where TLS is begun by STARTTLS, and must be unless HOST is 127.0.0.1, "
	     "[::1] or localhost; empty: no mail is sent"),
	TEXT("mail.from", mail_from, "", "the address that mail comes from"),
	TEXT("mail.login", mail_login, "", "INI file (mode 600) with the server's user and password; empty: it wants none"),
	TEXT("mail.ca", mail_ca, "",
	     "PEM file of the authorities that the server's certificate is checked against; empty: the system's"),
	{ "mail.confirm_signup", CONF_BOOL, AT(mail_confirm_signup), 0, 0, 0, "yes",
	  "where mail is sent: a link that is mailed makes an account, and no stranger learns who has one; no: an account at "
	  "once" },
	{ "mail.confirm_first", CONF_BOOL, AT(mail_confirm_first), 0, 0, 0, "no",
	  "with mail.confirm_signup = no: a new account can do nothing until its address is confirmed" },
	NUMBER("mail.a_day", mail_a_day, 1, 10000, "50", "mails to one address in 24 hours"),
	DURATION("mail.retry", mail_retry_us, 1000, DAY_US, "1m",
		 "from a mail's first try that failed to its second; twice as long each time, up to 4h"),
	DURATION("mail.give_up", mail_give_up_us, SECOND_US, 30 * DAY_US, "3d", "a mail is tried no longer than this"),

	NUMBER("limits.connections", connections, 16, 1000000, "4096", "open connections at one time"),
	NUMBER("limits.connections_per_address", connections_per_address, 4, 100000, "512", "of them from one address"),
	DURATION("limits.connection_timeout", connection_timeout_us, SECOND_US, HOUR_US, "60s", "a silent connection is closed"),
	SIZE("limits.buffered", buffered_bytes, 16 << 20, 1LL << 40, "256M", "request bodies in memory at one time"),
	NUMBER("limits.signups_burst", signups_burst, 1, 1000000, "10", "sign-ups and log-ins from one address at once"),
	DURATION("limits.signups_refill", signups_refill_us, 1, HOUR_US, "6s", "and one more each"),
	NUMBER("limits.strangers_burst", strangers_burst, 1, 100000000, "2000",
	       "requests without a token from one address at once"),
	DURATION("limits.strangers_refill", strangers_refill_us, 1, HOUR_US, "10ms", "and one more each"),
	NUMBER("limits.requests_burst", requests_burst, 1, 100000000, "4000", "requests of one account, or one machine, at once"),
	DURATION("limits.requests_refill", requests_refill_us, 1, HOUR_US, "4ms", "and one more each"),
	NUMBER("limits.logins_queue", logins_queue, 1, 100000, "64", "passwords that may wait to be checked"),
	NUMBER("limits.streams", streams, 1, 100000, "1024", "event streams at one time"),
	NUMBER("limits.streams_per_account", streams_per_account, 1, 1000, "16", "of them of one account"),
	NUMBER("limits.machines_per_account", machines_per_account, 1, 1000000, "1000", "enrolled machines of one account"),
	NUMBER("limits.tokens_per_account", tokens_per_account, 1, 100000, "200", "tokens of one account"),
	NUMBER("limits.orders_per_account", orders_per_account, 1, 1000000, "200", "open orders of one account"),
	NUMBER("limits.deposits_per_account", deposits_per_account, 1, 200, "50", "deposits of one account that wait for money"),
	NUMBER("limits.images_per_account", images_per_account, 1, 100000, "200", "images of one account"),
	SIZE("limits.images", images_bytes, 1 << 20, 1LL << 50, "64G", "the images of one account together"),
	SIZE("limits.image", image_bytes, 1 << 20, 16LL << 30, "16G", "the largest image"),
	{ "limits.deposit", CONF_MONEY, AT(deposit_max), 0, 1, 0, "10000.00", "the largest single deposit" },

	TEXT("relay.relays", relays, "",
	     "up to four relays (cpushare-relay) with blanks between: ADDRESS:PORT, or with TLS "
	     "ADDRESS:PORT/TLS-ADDRESS:PORT/PIN; REGION= in front where it stands in one of market.regions; empty: none"),
	TEXT("relay.stun", relay_stun, "", "addresses and ports of up to four STUN servers; a relay's ports are some"),
	SIZE("relay.quota", relay_quota_bytes, 1 << 20, 1LL << 60, "1T",
	     "what one member of a network may have relayed in half a day"),

	TEXT("trust.authorities", authorities, "",
	     "PEM file of the authorities that vouch for sellers' TPMs, as their makers publish them; empty: none"),
	DURATION("trust.interval", attest_interval_us, SECOND_US, DAY_US, "10m",
		 "between two proofs of a machine or a lease, on average; each time between half and one and a half of it"),
	DURATION("trust.timeout", attest_timeout_us, SECOND_US, HOUR_US, "60s",
		 "a machine that is asked answers within this time"),

	{ "calibration.random", CONF_BOOL, AT(calibration_random), 0, 0, 0, "yes",
	  "measure machines at random times, where the image is there (docs/CALIBRATION.md); no: only when asked to" },
	DURATION("calibration.mean", calibration_mean_us, SECOND_US, 365 * DAY_US, "1d",
		 "between two times of a machine, on average"),
	NUMBER("calibration.a_day", calibration_a_day, 1, 1000, "4", "at most so many of one machine in 24 hours"),
	DURATION("calibration.pause", calibration_pause_us, SECOND_US, 365 * DAY_US, "1h",
		 "a machine that was taken off the book is measured again after this time"),
	DURATION("calibration.work", calibration_work_us, SECOND_US, HOUR_US, "20s",
		 "the work takes this long at the claimed score"),
	NUMBER("calibration.least", calibration_least, 1, 100, "50",
	       "a machine that does less of what it claims, in percent, is taken off the book"),
	{ "calibration.cost", CONF_MONEY, AT(calibration_cost), 0, 0, 0, "0.10", "what one may hold and cost" },
	{ "calibration.day_cost", CONF_MONEY, AT(calibration_day_cost), 0, 0, 0, "10.00",
	  "and all of 24 hours: machines are easily made, and each is paid" },
	TEXT("calibration.image", calibration_image, "",
	     "what its guest boots (make image-calibrate); empty: build/images/calibrate.iso of our tree, or that of "
	     "cpushare-images"),

	DURATION("timing.report_interval", report_interval_us, 200000, MINUTE_US, "5s", "between the reports of an idle machine"),
	DURATION("timing.busy_interval", busy_interval_us, 200000, MINUTE_US, "1s", "while a lease starts or ends or is watched"),
	DURATION("timing.lost_contact", lost_contact_us, SECOND_US, DAY_US, "60s",
		 "a machine silent for longer has lost its leases"),
	DURATION("timing.start_timeout", start_timeout_us, SECOND_US, DAY_US, "15m",
		 "a lease must run this long after its match"),
	DURATION("timing.end_grace", end_grace_us, SECOND_US, DAY_US, "30s",
		 "a machine has this long for a lease's last counters"),
	DURATION("timing.drain_notice", drain_notice_us, SECOND_US, 30 * DAY_US, "10m",
		 "a seller who drains a machine may withdraw its leases this much later without blame"),
	DURATION("timing.funds_grace", funds_grace_us, SECOND_US, DAY_US, "60s", "a lease paused without funds waits this long"),
	DURATION("timing.funds_warning", funds_warning_us, SECOND_US, 30 * DAY_US, "30m",
		 "a buyer is told when money or an order's budget ends within"),
	DURATION("timing.trial_pause", trial_pause_us, 1000, DAY_US, "1m",
		 "no lease for a machine after failures of two buyers' leases; twice as long with each further one"),
	DURATION("timing.hold_window", hold_window_us, 15 * SECOND_US, DAY_US, "5m",
		 "what a lease holds ahead: the cost of this time"),
	DURATION("timing.tick_interval", tick_interval_us, 1000, HOUR_US, "60s",
		 "what running leases have used, and are not charged for yet, is made durable this often"),
	DURATION("timing.settle_interval", settle_interval_us, 1000, HOUR_US, "2m",
		 "usage is charged this often; also when half of the hold is used up, and at the end"),
	DURATION("timing.dispute_window", dispute_window_us, SECOND_US, 365 * DAY_US, "14d",
		 "a lease can be disputed this long after its end"),
	DURATION("timing.pieces_interval", pieces_interval_us, 1000, HOUR_US, "15s",
		 "between two looks for pieces that nobody has any more, in one of 256 folders each"),
	DURATION("timing.pieces_grace", pieces_grace_us, SECOND_US, DAY_US, "1h",
		 "and they must have been untouched for this long"),
	DURATION("timing.session", session_us, MINUTE_US, 365 * DAY_US, "30d", "a log-in lasts this long"),
	DURATION("timing.peer_timeout", peer_timeout_us, SECOND_US, HOUR_US, "60s", "a buyer's peer silent for longer has left"),
	DURATION("timing.console_wanted", console_wanted_us, SECOND_US, HOUR_US, "30s",
		 "a console that was read is sent for this long"),
	DURATION("timing.sweep_interval", sweep_interval_us, 100000, MINUTE_US, "1s", "between two looks for what is overdue"),
	DURATION("timing.book", book_us, SECOND_US, MINUTE_US, "5s",
		 "a market that is silent for longer loses the book to another one on the same database"),
	DURATION("timing.heartbeat", heartbeat_us, SECOND_US, MINUTE_US, "15s", "between two signs of life of an event stream"),
	DURATION("timing.line_interval", line_interval_us, SECOND_US, 365 * DAY_US, "12h",
		 "a machine's internet line is measured no more often"),
	DURATION("timing.seen_interval", seen_interval_us, SECOND_US, HOUR_US, "60s",
		 "between two writes of when machines were seen"),
	DURATION("timing.sample_interval", sample_interval_us, SECOND_US, HOUR_US, "5m",
		 "between two samples of prices, supply and demand"),
	{ .key = NULL },
};

size_t region_names(const struct settings *s, char ret_names[MAX_REGIONS][REGION_SIZE])
{
	size_t count = 0;
	const char *at = s->regions + strspn(s->regions, " ");
	for (; *at && count < MAX_REGIONS; at += strspn(at, " ")) {
		size_t len = strcspn(at, " ");
		snprintf(ret_names[count++], REGION_SIZE, "%.*s", (int)len, at);
		at += len;
	}
	return count;
}

err_t region_number(const struct settings *s, const char *name, uint8_t *ret_number)
{
	char names[MAX_REGIONS][REGION_SIZE];
	size_t count = region_names(s, names);
	for (size_t i = 0; i < count; i++)
		if (!strcmp(names[i], name)) {
			*ret_number = (uint8_t)i;
			return OK;
		}
	return E_NOT_FOUND;
}
