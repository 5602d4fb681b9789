/* SPDX-License-Identifier: Apache-2.0
 * control.h - the outer process: one machine's life, and the daemon's questions about it
 */
#ifndef VM_CONTROL_H
#define VM_CONTROL_H

/* Runs the machine of lease_dir until it is told to quit. Returns the exit code. */
int vm_control_run(const char *lease_dir);

#endif
