/* SPDX-License-Identifier: Apache-2.0
 * warm.h - a machine as it stands where its image may be cloned: saved, and started from (docs/SELLER.md, "Warm start")
 *
 * Both are in one file in memory: the guest's, then VM_WARM_STATE_BYTES for what QEMU says of the devices, led by its length in 8
 * bytes, big-endian; 0: not saved. Within the jail it is the descriptor JAIL_MEMORY_FD, which QEMU maps: shared where the
 * machine becomes a template, privately in a clone, so that nothing that a clone writes is seen by another one.
 */
#ifndef VM_WARM_H
#define VM_WARM_H

#include <libvirt/libvirt.h>
#include "jail.h"
#include "spec.h"

#define VM_WARM_SEED JAIL_STATE "/warm-seed" /* what QEMU shows the guest as opt/org.cpushare/warm; gone once it runs */

/* Within the jail, before the machine is defined; libvirt_root is where libvirt keeps its files. */
MUST_CHECK err_t vm_warm_prepare(const struct vm_spec *spec, const char *libvirt_root);
/* Once the machine is there. */
void vm_warm_forget_seed(void);
/* Writes the state of a machine that is paused behind its memory. It can go on afterwards. */
MUST_CHECK err_t vm_warm_save(virDomainPtr domain, const struct vm_spec *spec);
/* Gives a machine that was started to wait for it the state that is behind its memory. It is paused afterwards. */
MUST_CHECK err_t vm_warm_load(virDomainPtr domain, const struct vm_spec *spec);

#endif
