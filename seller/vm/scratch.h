/* SPDX-License-Identifier: Apache-2.0
 * scratch.h - makes the guest's scratch disk: LUKS, whose key is in the jail's memory and nowhere else
 *
 * How it works: the inside draws a key and writes it to a file in the jail's tmpfs; qemu-img, the one program that is let run beside QEMU,
 * makes the disk's header with it; QEMU reads it at its start; then the file goes. Only QEMU's memory has the key from there on, so
 * that whoever finds the file of the disk, or what is left of it, finds noise.
 */
#ifndef VM_SCRATCH_H
#define VM_SCRATCH_H

#include "err.h"
#include "jail.h"

#define SCRATCH_KEY JAIL_STATE "/scratch.key"
#define SCRATCH_MAKER "/usr/bin/qemu-img"

/* Before there are threads. E_IO: qemu-img could not, or is not there. */
MUST_CHECK err_t scratch_format(const struct vm_spec *spec);
/* Once QEMU has it. */
void scratch_forget_key(void);

#endif
