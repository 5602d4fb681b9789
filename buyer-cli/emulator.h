/* SPDX-License-Identifier: Apache-2.0
 * emulator.h - QEMU with the machine that sellers give: started here, and asked what its guest does with the devices
 */
#ifndef BUYER_EMULATOR_H
#define BUYER_EMULATOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "err.h"

#define EMULATOR_PROGRAM "qemu-system-x86_64"
#define EMULATOR_MAC "52:54:00:00:00:01"

struct emulator_machine {
	const char *image, *seed; /* the two discs */
	bool sata;		  /* they hang on SATA, not virtio-scsi */
	bool kvm;
	int64_t cores, memory_mib;
};

struct emulator {
	pid_t pid;
	int console_fd, control_fd; /* the serial port; QMP */
};
/* What QEMU prints goes to log_path. The guest is on a network of its own, on which DHCP answers and nothing else. */
MUST_CHECK err_t emulator_start(const struct emulator_machine *machine, const char *log_path, struct emulator *ret);
void emulator_stop(struct emulator *e); /* kills it */

struct emulator_state {
	int64_t image_read_bytes, seed_read_bytes;
	bool network, random; /* the guest's driver has taken the device */
	int restarts;
	bool off; /* the guest has switched itself off */
};
/* Counts on in state what happened since the last look. An error: QEMU has ended, or does not answer within seconds. */
MUST_CHECK err_t emulator_look(const struct emulator *e, struct emulator_state *state);

#endif
