/* SPDX-License-Identifier: Apache-2.0
 * vcpu.h - QEMU's vCPU threads, seen from outside of the jail: their CPU time, their priority, stopping them
 */
#ifndef VM_VCPU_H
#define VM_VCPU_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "err.h"

struct vcpus;

/* pid: QEMU. idle: its vCPUs get what nobody else wants. Its vCPU threads need not be there yet. E_NOT_FOUND where it is gone, E_NOMEM. */
MUST_CHECK err_t vcpus_new(pid_t pid, uint32_t cores, bool idle, struct vcpus **ret_vcpus);
void vcpus_free(struct vcpus *vcpus);

/* Finds the threads once all of them are there, and puts them into the host's idle class where they are to be idle. E_AGAIN not yet. Afterwards OK. */
MUST_CHECK err_t vcpus_find(struct vcpus *vcpus);

/* The sum of the vCPUs' CPU time in ns since their start; never less than it said before. */
uint64_t vcpus_time_ns(struct vcpus *vcpus);

/* SIGSTOP and SIGCONT for all of QEMU. */
void vcpus_stop(struct vcpus *vcpus);
void vcpus_continue(struct vcpus *vcpus);

/* Waits until QEMU is gone. E_TIMEOUT. */
MUST_CHECK err_t vcpus_wait_end(struct vcpus *vcpus, int timeout_ms);

#endif
