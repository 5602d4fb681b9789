/* SPDX-License-Identifier: Apache-2.0
 * confine.h - what the inside gives up before it opens libvirt; QEMU inherits all of it
 */
#ifndef VM_CONFINE_H
#define VM_CONFINE_H

#include <stdbool.h>
#include "err.h"
#include "spec.h"

/* Core dumps, files, descriptors, processes, address space. */
MUST_CHECK err_t confine_rlimits(const struct vm_spec *spec);

/* What Landlock's rules speak of; each list ends with NULL. */
struct confine_paths {
	const char *const *programs; /* may be executed, nothing else */
	const char *const *writable; /* trees where anything may be made and written */
	const char *const *sockets;  /* trees where sockets may be made, and entries removed */
	const char *const *devices;  /* trees whose existing files may be written */
	bool signals;		     /* may signal processes that were there before */
};
/* Besides: no TCP, no abstract sockets of processes outside, where the kernel knows these. E_UNSUPPORTED where it has no
 * Landlock at all: the other layers stand alone then. Needs no_new_privs, before any thread is made. */
MUST_CHECK err_t confine_landlock(const struct confine_paths *paths);

/* The outer system call filter. Needs no_new_privs. Before any thread is made. memfd: files in memory may be made, which is where
 * a guest's memory is that the endpoint shares. */
MUST_CHECK err_t confine_seccomp(bool memfd);
/* Once QEMU runs: no thread of this process starts a program again. */
MUST_CHECK err_t confine_seccomp_no_exec(void);

#endif
