/* SPDX-License-Identifier: Apache-2.0
 * scratch.h - the file of a guest's scratch disk in its lease's directory
 *
 * vmrun makes the disk in it, encrypted with a key that is only in the jail's memory (vm/scratch.h). Here it is a file that is there, how
 * much of the owner's disk all of them may take, and that it goes with the guest.
 */
#ifndef SELLER_SCRATCH_H
#define SELLER_SCRATCH_H

#include "machine.h"
#include "settings.h"

/* What is offered for scratch disks in all, with what the leases of these directories have of it: what the settings say, as far as the disk
 * has it beside the owner's reserve. 0 where qemu-img is not installed. */
uint32_t scratch_offered_mib(const struct settings *s, const char *const *lease_dirs, size_t count);

/* An empty file that uid may write; uid 0: as it is made. Nothing where the lease has no scratch disk. E_LIMIT: more than is offered. */
MUST_CHECK err_t scratch_make(const struct settings *s, const char *lease_dir, const struct lease_spec *spec, uint32_t uid);
void scratch_remove(const char *lease_dir);

#endif
