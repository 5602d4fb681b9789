/* SPDX-License-Identifier: Apache-2.0
 * inside.h - this program within the jail
 */
#ifndef VM_INSIDE_H
#define VM_INSIDE_H

/* Takes vm.json's text from JAIL_CHANNEL_FD, confines itself, starts the machine, reports and obeys until the other end of
 * the channel closes. Returns the exit code. */
int vm_inside(void);

#endif
