/* SPDX-License-Identifier: Apache-2.0
 * states.h - the states of orders, leases, machines and deposits: the same names in SQL, JSON, logs and pages
 */
#ifndef PROTOCOL_STATES_H
#define PROTOCOL_STATES_H

#include "err.h"

/* open -> filled -> ended; or cancelled, expired. An open order keeps the places that it has not filled yet; a cancelled or
 * expired one may still have leases that are ending. */
enum order_state { ORDER_OPEN, ORDER_FILLED, ORDER_ENDED, ORDER_CANCELLED, ORDER_EXPIRED, ORDER_STATE_COUNT };
extern const char *const order_state_names[ORDER_STATE_COUNT];

/* matched: the market decided, the machine does not know yet. preparing: the machine fetches the image and builds the VM.
 * running <-> paused (no funds, or the owner is back). ended: with a reason; nothing is charged any more. */
enum lease_state { LEASE_MATCHED, LEASE_PREPARING, LEASE_RUNNING, LEASE_PAUSED, LEASE_ENDED, LEASE_STATE_COUNT };
extern const char *const lease_state_names[LEASE_STATE_COUNT];

enum end_reason {
	END_NONE,      /* not ended; "" */
	END_COMPLETED, /* the guest switched itself off */
	END_CANCELLED_BY_BUYER,
	END_WITHDRAWN_BY_SELLER, /* the owner took the machine back */
	END_FUNDS_EXHAUSTED,
	END_LOST_CONTACT, /* the machine did not report for too long */
	END_IMAGE_FAILED, /* the image could not be fetched or did not verify */
	END_BOOT_FAILED,  /* the VM could not be started, or stopped by itself abnormally */
	END_ATTESTATION_FAILED,
	END_EXPIRED, /* the order's duration is over */
	END_MARKET_FAULT,
	END_REASON_COUNT
};
extern const char *const end_reason_names[END_REASON_COUNT];

/* enrolled: has a key, never reported. online <-> paused (by its owner), offline (does not report). retired: for good. */
enum machine_state { MACHINE_ENROLLED, MACHINE_ONLINE, MACHINE_PAUSED, MACHINE_OFFLINE, MACHINE_RETIRED, MACHINE_STATE_COUNT };
extern const char *const machine_state_names[MACHINE_STATE_COUNT];

enum deposit_state { DEPOSIT_CREATED, DEPOSIT_PENDING, DEPOSIT_CREDITED, DEPOSIT_FAILED, DEPOSIT_REVERSED, DEPOSIT_STATE_COUNT };
extern const char *const deposit_state_names[DEPOSIT_STATE_COUNT];

/* created: taken off the balance; waits for an operator where it is large. sent: the provider has it. failed: given back. */
enum payout_state { PAYOUT_CREATED, PAYOUT_SENT, PAYOUT_PAID, PAYOUT_FAILED, PAYOUT_STATE_COUNT };
extern const char *const payout_state_names[PAYOUT_STATE_COUNT];

/* uploading: some pieces are missing. ready: whole and verified. */
enum image_state { IMAGE_UPLOADING, IMAGE_READY, IMAGE_STATE_COUNT };
extern const char *const image_state_names[IMAGE_STATE_COUNT];

/* How a machine runs guests. any: a buyer's constraint only. */
enum accel { ACCEL_ANY, ACCEL_KVM, ACCEL_TCG, ACCEL_COUNT };
extern const char *const accel_names[ACCEL_COUNT];

/* any: a buyer's constraint, and a machine that does not say. */
/* What stands between a machine and the world, as STUN servers' answers tell: nothing, one that maps alike for all destinations, or for each anew. */
enum nat_kind { NAT_UNKNOWN, NAT_NONE, NAT_INDEPENDENT, NAT_DEPENDENT, NAT_KIND_COUNT };
extern const char *const nat_kind_names[NAT_KIND_COUNT];
enum cpu_vendor { CPU_ANY, CPU_INTEL, CPU_AMD, CPU_OTHER, CPU_VENDOR_COUNT };
extern const char *const cpu_vendor_names[CPU_VENDOR_COUNT];

/* Whether what a machine booted must be proven (by its TPM), is preferred, or does not matter. */
enum trusted { TRUSTED_OFF, TRUSTED_PREFER, TRUSTED_REQUIRE, TRUSTED_COUNT };
extern const char *const trusted_names[TRUSTED_COUNT];

/* What a guest has of a screen: nothing but its serial console, or a VGA card whose picture can be looked at. */
enum display { DISPLAY_NONE, DISPLAY_VGA, DISPLAY_COUNT };
extern const char *const display_names[DISPLAY_COUNT];

enum cdrom_bus { CDROM_SCSI, CDROM_SATA, CDROM_BUS_COUNT };
extern const char *const cdrom_bus_names[CDROM_BUS_COUNT];

/* What a token may do. SCOPE_MACHINE is a machine's own token: report, and read the images of its leases. */
enum scope {
	SCOPE_ACCOUNT, /* read and change the account, make tokens */
	SCOPE_FUNDS,   /* add funds, read balance and history */
	SCOPE_IMAGES,
	SCOPE_ORDERS,
	SCOPE_MACHINES, /* enrol and retire machines */
	SCOPE_OPERATOR, /* run the market; only accounts that are operators can have it */
	SCOPE_MACHINE,
	SCOPE_COUNT
};
extern const char *const scope_names[SCOPE_COUNT];

/* The index of text in names[0..count), E_INVALID. */
MUST_CHECK err_t state_parse(const char *const *names, int count, const char *text, int *ret_value);

#endif
