/* SPDX-License-Identifier: Apache-2.0
 * states.c - the names of the states
 */
#include <assert.h>
#include "states.h"

#define NAMES_OF(table, count) static_assert(sizeof(table) / sizeof(table)[0] == (count), "each value has a name")

const char *const order_state_names[] = { "open", "filled", "ended", "cancelled", "expired" };
NAMES_OF(order_state_names, ORDER_STATE_COUNT);

const char *const lease_state_names[] = { "matched", "preparing", "running", "paused", "ended" };
NAMES_OF(lease_state_names, LEASE_STATE_COUNT);

const char *const end_reason_names[] = {
	"",
	"completed",
	"cancelled_by_buyer",
	"withdrawn_by_seller",
	"funds_exhausted",
	"lost_contact",
	"image_failed",
	"boot_failed",
	"attestation_failed",
	"expired",
	"market_fault",
};
NAMES_OF(end_reason_names, END_REASON_COUNT);

const char *const machine_state_names[] = { "enrolled", "online", "paused", "offline", "retired" };
NAMES_OF(machine_state_names, MACHINE_STATE_COUNT);

const char *const deposit_state_names[] = { "created", "pending", "credited", "failed", "reversed" };
NAMES_OF(deposit_state_names, DEPOSIT_STATE_COUNT);

const char *const payout_state_names[] = { "created", "sent", "paid", "failed" };
NAMES_OF(payout_state_names, PAYOUT_STATE_COUNT);

const char *const image_state_names[] = { "uploading", "ready" };
NAMES_OF(image_state_names, IMAGE_STATE_COUNT);

const char *const accel_names[] = { "any", "kvm", "tcg" };
NAMES_OF(accel_names, ACCEL_COUNT);

const char *const cdrom_bus_names[] = { "scsi", "sata" };
NAMES_OF(cdrom_bus_names, CDROM_BUS_COUNT);

const char *const display_names[] = { "none", "vga" };
NAMES_OF(display_names, DISPLAY_COUNT);

const char *const nat_kind_names[] = { "unknown", "none", "independent", "dependent" };
NAMES_OF(nat_kind_names, NAT_KIND_COUNT);
const char *const cpu_vendor_names[] = { "any", "intel", "amd", "other" };
NAMES_OF(cpu_vendor_names, CPU_VENDOR_COUNT);

const char *const trusted_names[] = { "off", "prefer", "require" };
NAMES_OF(trusted_names, TRUSTED_COUNT);

const char *const scope_names[] = { "account", "funds", "images", "orders", "machines", "operator", "machine" };
NAMES_OF(scope_names, SCOPE_COUNT);

err_t state_parse(const char *const *names, int count, const char *text, int *ret_value)
{
	for (int i = 0; i < count; i++) {
		if (!strcmp(names[i], text)) {
			*ret_value = i;
			return OK;
		}
	}
	return E_INVALID;
}
