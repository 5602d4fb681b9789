/* SPDX-License-Identifier: Apache-2.0
 * inside.h - this program within the jail
 */
#ifndef VM_INSIDE_H
#define VM_INSIDE_H

#include "err.h"
#include "spec.h"

/* Puts on every layer of confine.h that QEMU is to be born with. On a failure *ret_step names the layer. */
MUST_CHECK err_t vm_inside_confine(const struct vm_spec *spec, const char **ret_step);

/* Takes vm.json's text from JAIL_CHANNEL_FD, confines itself, starts the machine, reports and obeys until the other end of
 * the channel closes. Returns the exit code. */
int vm_inside(void);

#endif
