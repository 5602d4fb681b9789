/* SPDX-License-Identifier: Apache-2.0
 * settings.h - what an operator can set: one table, a file, and --set section.name=value
 */
#ifndef MARKET_SETTINGS_H
#define MARKET_SETTINGS_H

#include <stdbool.h>
#include "conf.h"
#include "money.h"
#include "order.h"

struct settings {
	/* [market] */
	char name[65], currency[4], operator_contact[257], web_dir[1024], regions[257];
	/* [listen] */
	char address[64], internal[64], public_url[257], certificate[1024], key[1024];
	bool http;
	/* [fees] */
	int64_t deposit_bp, settlement_bp;
	/* [pay] */
	char manual_instructions[257], pay_ca[1024];
	char paypal_file[1024], paypal_url[257], paypal_certificates[513], stripe_file[1024], stripe_url[257];
	int64_t pay_interval_us, payout_bp;
	money payout_min, payout_review;
	/* [mail] */
	char mail_server[257], mail_from[EMAIL_SIZE], mail_login[1024], mail_ca[1024];
	bool mail_confirm_first, mail_confirm_signup;
	int64_t mail_a_day, mail_retry_us, mail_give_up_us;
	/* [limits] */
	int64_t connections, connections_per_address, connection_timeout_us, buffered_bytes;
	int64_t signups_burst, signups_refill_us, logins_queue;
	int64_t strangers_burst, strangers_refill_us, requests_burst, requests_refill_us;
	int64_t streams, streams_per_account, machines_per_account, tokens_per_account;
	int64_t orders_per_account, deposits_per_account, images_per_account, image_bytes, images_bytes;
	money deposit_max;
	/* [relay] */
	char relays[1025], relay_stun[257];
	int64_t relay_quota_bytes;
	/* [trust] */
	char authorities[1024];
	int64_t attest_interval_us, attest_timeout_us;
	/* [calibration] */
	char calibration_image[1024];
	bool calibration_random;
	int64_t calibration_mean_us, calibration_pause_us, calibration_work_us, calibration_least, calibration_a_day;
	money calibration_cost, calibration_day_cost;
	/* [timing] */
	int64_t report_interval_us, busy_interval_us, lost_contact_us, start_timeout_us, end_grace_us, funds_grace_us,
		funds_warning_us, trial_pause_us, drain_notice_us;
	int64_t hold_window_us, tick_interval_us, settle_interval_us, dispute_window_us, pieces_interval_us, pieces_grace_us,
		session_us, peer_timeout_us, console_wanted_us, sweep_interval_us, heartbeat_us, seen_interval_us,
		sample_interval_us, book_us, line_interval_us;
};

extern const struct conf_entry settings_table[];
/* How many regions the market has, and their names; of one that is too long, the beginning. */
size_t region_names(const struct settings *s, char ret_names[MAX_REGIONS][REGION_SIZE]);
/* The place of a region's name in regions, from 0. E_NOT_FOUND. */
MUST_CHECK err_t region_number(const struct settings *s, const char *name, uint8_t *ret_number);

#endif
