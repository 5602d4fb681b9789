/* SPDX-License-Identifier: Apache-2.0
 * probe.h - what this machine can do, found out by doing it
 */
#ifndef SELLER_PROBE_H
#define SELLER_PROBE_H

#include <stddef.h>
#include <stdint.h>
#include "endpoint.h"
#include "err.h"
#include "states.h"

/* The guest that is tried: beside the build, or in the share/ beside our bin/, or where it was to be installed. */
void probe_canary_path(char *path, size_t size);

/* Does KVM run guest code, and at a sane speed? Opening /dev/kvm proves nothing: some hosts emulate ring 0 a thousand times slower.
 * Stage 1 runs a loop of 200,000 iterations in long mode in a child (300 ms at most; over 50 ns an iteration is unusable). Stage 2
 * boots canary_iso under QEMU with KVM (1.5 s at most). why (size bytes) says in words what was found. */
enum accel probe_accel(const char *canary_iso, char *ret_why, size_t size);

/* By what QEMU is to hand a guest's frames over where the owner does not say: vhost-user, the fastest by far (make bench-vnet), or stream
 * where this QEMU and kernel cannot give it memory that is shared and cannot shrink. */
enum port_kind probe_port(void);

enum cpu_vendor probe_cpu_vendor(void);

/* The work of a calibration (work.h) on one core over about 200 ms: what a report claims as its score. Emulated guests are said to do a
 * sixteenth of it. */
uint32_t probe_score(enum accel accel);

#endif
