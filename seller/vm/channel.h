/* SPDX-License-Identifier: Apache-2.0
 * channel.h - what the outer process and the inside of the jail say to each other, one packet at a time
 *
 * Outwards: reports, and the screen's picture where it was asked for. Inwards: vm.json's text once, then commands. The inside may be captured by its guest, so
 * the outer process takes a report for what it is: a state, a cause and a bounded printable text; and a picture for bytes (screen.h).
 */
#ifndef VM_CHANNEL_H
#define VM_CHANNEL_H

#include <stddef.h>
#include <stdint.h>
#include "err.h"

/* starting -> running <-> paused -> ended; starting -> ended. The names are vmrun.sock's. */
enum vm_state { VM_STARTING, VM_RUNNING, VM_PAUSED, VM_ENDED, VM_STATE_COUNT };
extern const char *const vm_state_names[VM_STATE_COUNT];

/* Why an ended machine ended, as far as the inside knows. */
enum vm_cause {
	VM_CAUSE_NONE,
	VM_CAUSE_COMPLETED, /* the guest switched itself off */
	VM_CAUSE_FAILED,    /* libvirt would not start it, or QEMU died */
	VM_CAUSE_COUNT
};

#define VM_DETAIL_SIZE 512
struct vm_report {
	enum vm_state state;
	enum vm_cause cause;
	char detail[VM_DETAIL_SIZE];
};

/* A byte; behind VM_COMMAND_SCREEN a u16: how wide at most. The answer to that one begins with the same byte, which is no state. */
enum vm_command {
	VM_COMMAND_RESET = 'B',
	VM_COMMAND_PAUSE = 'P',
	VM_COMMAND_RESUME = 'R',
	VM_COMMAND_SCREEN = 'S',
	VM_COMMAND_TEMPLATE = 'T'
};
#define VM_COMMAND_MAX_BYTES 3

#define VM_REPORT_MAX_BYTES (4 + VM_DETAIL_SIZE)
/* data has VM_REPORT_MAX_BYTES. Returns the packet's length. */
size_t vm_report_encode(const struct vm_report *report, uint8_t *data);
/* E_INVALID. Control and non-ASCII characters of the text become '?'. */
MUST_CHECK err_t vm_report_decode(const uint8_t *data, size_t len, struct vm_report *ret_report);

/* Copies at most size - 1 characters, the last ones where there are more, anything unprintable as '?'. */
void vm_detail_set(char *detail, size_t size, const char *text, size_t len);

#endif
