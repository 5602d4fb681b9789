/* SPDX-License-Identifier: Apache-2.0
 * settings.h - what the owner decides: one table, one file, STATE/seller.conf
 */
#ifndef SELLER_SETTINGS_H
#define SELLER_SETTINGS_H

#include <stdbool.h>
#include "cli.h"
#include "conf.h"
#include "limits.h"
#include "order.h"

#define PATH_SIZE 512

struct settings {
	char state[PATH_SIZE]; /* not from the file: where the file lies */
	char market_url[256], market_pin[80];
	char name[NAME_SIZE], country[8];
	int64_t cores, memory_bytes; /* offered; 0: all but one core, half of the memory */
	struct prices prices;
	int64_t up_mbit_s, down_mbit_s; /* offered at most; 0: all that is measured */
	int64_t min_duration_us, max_duration_us;
	money min_buyer_rating; /* 0 .. 1, in millionths */
	char blocked_buyers[MAX_BLOCKED_BUYERS * UUID_TEXT_SIZE];
	char accel[8];		  /* auto, kvm, tcg */
	char launch_security[12]; /* none, sev-snp */
	char port[16];		  /* auto, or one of port_kind_names */
	int64_t udp_port;	  /* the first of ENDPOINT_PORTS that endpoints use; 0: any */
	char address[64];	  /* the IP address that leads to them */
	char cipher[16];	  /* auto, aes-256-gcm */
	int64_t cache_bytes, scratch_bytes;
	bool display;
	int64_t warm_bytes;	  /* of templates; 0: none */
	int64_t boot_early_bytes; /* 0: never */
	int64_t unreachable_us;
	int64_t jail_uid;
	struct limits limits;
	money price_kwh; /* of electricity */
	int64_t watts_core;
	char tcti[128], event_log[256];
};
extern const struct conf_entry settings_table[];

/* Defaults, then STATE/seller.conf. STATE is --state, else /var/lib/cpushare-seller for root, else XDG_STATE_HOME. Prints what is
 * wrong. E_NOT_FOUND: this machine was not set up (not printed). */
MUST_CHECK err_t settings_load(const struct cli *cli, struct settings *ret);
MUST_CHECK err_t settings_state_dir(const struct cli *cli, char *ret_path, size_t size);
/* What the table cannot say. Makes the country's letters capitals. error (CONF_ERROR_SIZE) says what is wrong. */
MUST_CHECK err_t settings_check(struct settings *s, char *error);
/* ret has MAX_BLOCKED_BUYERS. E_INVALID. */
MUST_CHECK err_t settings_blocked_buyers(const struct settings *s, uuid *ret, size_t *ret_count);
/* What is offered once the zeros are filled in from this computer. */
void settings_capacity(const struct settings *s, uint32_t *ret_cores, uint32_t *ret_memory_mib);
/* The prices to ask: a core's hour never for less than the electricity that it burns. */
struct prices settings_prices(const struct settings *s);
/* "STATE/part" in a buffer of PATH_SIZE; E_LIMIT. */
MUST_CHECK err_t settings_path(const struct settings *s, const char *part, char *ret_path);

/* Who this machine is at the market: STATE/identity.json, 0600, and STATE/machine.key. */
struct identity {
	uuid machine;
	char token[TOKEN_TEXT_SIZE];
	struct ed25519_key *key;
};
MUST_CHECK err_t identity_load(const struct settings *s, struct identity *ret);
MUST_CHECK err_t identity_save(const struct settings *s, const struct identity *id);
void identity_clear(struct identity *id);

#endif
