/* SPDX-License-Identifier: Apache-2.0
 * machine.h - one virtual machine under libvirt's embedded driver; only the inside of the jail uses it
 */
#ifndef VM_MACHINE_H
#define VM_MACHINE_H

#include "channel.h"
#include "err.h"
#include "spec.h"

struct vm_machine;

/* Opens the driver, defines and starts. On a failure detail (VM_DETAIL_SIZE) says why. E_IO, E_INVALID, E_NOMEM. */
MUST_CHECK err_t vm_machine_start(const struct vm_spec *spec, struct vm_machine **ret_machine, char *detail);

/* The state now; of an ended one the cause, and the last words of QEMU's log where it failed. */
void vm_machine_report(struct vm_machine *machine, struct vm_report *ret_report);

/* Both wait for QEMU, without a bound of time. Doing it twice is fine. E_CONFLICT where the machine ended, E_IO. */
/* Pauses it, and writes what a clone is started from behind its memory (warm.h). */
MUST_CHECK err_t vm_machine_save(struct vm_machine *machine);
MUST_CHECK err_t vm_machine_pause(struct vm_machine *machine);
MUST_CHECK err_t vm_machine_resume(struct vm_machine *machine);
/* As by its reset button; waits for QEMU likewise. E_CONFLICT where it does not run, E_IO. */
MUST_CHECK err_t vm_machine_reset(struct vm_machine *machine);
/* What its screen shows, as picture_from_ppm() makes it; waits for QEMU likewise. E_IO where there is none to be had, and its errors. */
MUST_CHECK err_t vm_machine_screen(struct vm_machine *machine, uint32_t width, uint8_t *ret_png, size_t *ret_len);

#endif
