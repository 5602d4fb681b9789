/* SPDX-License-Identifier: Apache-2.0
 * rlimits.c - bounds on what one process in the jail may take
 */
#include <errno.h>
#include <sys/resource.h>
#include "confine.h"

#define MIB (1024ULL * 1024)
/* Nothing in the jail writes large files: libvirt's state and logs are kilobytes. Only shared memory and the scratch disk are files too. */
#define FILE_BYTES (64 * MIB)
#define LUKS_HEADER_BYTES (4 * MIB) /* what is before the first sector, and more */
#define DESCRIPTORS 512
/* Threads of all processes in the jail: vCPUs, QEMU's and libvirt's workers. */
#define TASKS 256
/* QEMU beside the guest's memory: translated code, libraries, threads' stacks and malloc's arenas (reserved, hardly used). */
#define OVERHEAD_MIB 6144

static err_t set(__rlimit_resource_t which, rlim_t value)
{
	struct rlimit now, limit;
	if (getrlimit(which, &now))
		return err_from_errno(errno);
	limit.rlim_cur = limit.rlim_max = value < now.rlim_max ? value : now.rlim_max;
	return setrlimit(which, &limit) ? err_from_errno(errno) : OK;
}

err_t confine_rlimits(const struct vm_spec *spec)
{
	TRY(set(RLIMIT_CORE, 0));
	rlim_t shared = spec->port == VM_PORT_VHOST_USER ? spec->memory_mib * MIB : 0;
	if (spec->warm != VM_WARM_NONE)
		shared = vm_memory_bytes(spec) + VM_WARM_STATE_BYTES;
	rlim_t scratch = spec->scratch_mib ? spec->scratch_mib * MIB + LUKS_HEADER_BYTES : 0;
	rlim_t most = shared > scratch ? shared : scratch;
	TRY(set(RLIMIT_FSIZE, most > FILE_BYTES ? most : FILE_BYTES));
	TRY(set(RLIMIT_NOFILE, DESCRIPTORS));
	TRY(set(RLIMIT_NPROC, TASKS + spec->cores));
	TRY(set(RLIMIT_MEMLOCK, 0));
	TRY(set(RLIMIT_MSGQUEUE, 0));
#ifndef __SANITIZE_ADDRESS__ /* its shadow memory reserves terabytes */
	TRY(set(RLIMIT_AS, (spec->memory_mib + OVERHEAD_MIB) * MIB));
#endif
	return OK;
}
