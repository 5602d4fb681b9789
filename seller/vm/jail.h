/* SPDX-License-Identifier: Apache-2.0
 * jail.h - one lease's jail: what is in it, and starting it
 */
#ifndef VM_JAIL_H
#define VM_JAIL_H

#include <stdbool.h>
#include <sys/types.h>
#include "buf.h"
#include "err.h"
#include "spec.h"

/* Where things are inside. */
#define JAIL_STATE "/lease/state" /* a small tmpfs: libvirt's root; gone with the jail */
#define JAIL_IMAGE "/lease/image.iso"
#define JAIL_CIDATA "/lease/cidata.iso"
#define JAIL_SCRATCH "/lease/scratch.img"
#define JAIL_CAPABILITIES "/lease/capabilities.xml" /* what libvirt found out of QEMU in an earlier jail; or not there */
#define JAIL_CONSOLE "/lease/jail/console.sock"	    /* the outer process listens, QEMU connects its serial port */
#define JAIL_NET_QEMU "/lease/net/qemu.sock"
#define JAIL_NET_IMAGE "/lease/net/image.sock"
#define JAIL_NET_VNET "/lease/net/vnet.sock"
#define JAIL_QEMU "/usr/bin/qemu-system-x86_64"

/* What the daemon starts a clone with: the template (warm.h), in a sealed file in memory. */
#define JAIL_TEMPLATE_IN_FD 3

#define JAIL_DETAIL_SIZE 512

/* The lease's directory as the outer process sees it; opened before it gives up root. */
struct jail_place {
	char *lease_dir;		/* absolute */
	char *source_dir;		/* where jail/, net/ and the discs are seen from: lease_dir, or a private mount */
	int exe_fd;			/* this program */
	int console_fd;			/* listens at jail/console.sock */
	int cgroup_fds[VM_CGROUPS_MAX]; /* cgroup.procs of each group, opened as who made them; -1: none */
	int capabilities_fd;		/* capabilities.new, to be written by the inside before there is a guest */
	int memory_fd;			/* the guest's memory, where it becomes a template or is a clone; else /dev/null */
	int template_fd;		/* template.new, where the machine becomes one; -1: none */
	bool cidata;			/* there is a second disc */
	bool capabilities;		/* and what an earlier jail found out */
};
#define JAIL_PLACE_NONE                                                          \
	{                                                                        \
		NULL, NULL, -1, -1, { -1, -1, -1, -1 }, -1, -1, -1, false, false \
	}
void jail_place_clear(struct jail_place *place);

/* Makes jail/ and net/, listens on the console's socket, and where this process is root becomes spec->uid for good. On a
 * failure detail (JAIL_DETAIL_SIZE) says what stands in the way. E_INVALID, E_DENIED, E_NOT_FOUND, E_IO. */
MUST_CHECK err_t jail_prepare(const char *lease_dir, const struct vm_spec *spec, struct jail_place *ret_place, char *detail);

/* Starts bubblewrap with this program's inside in it. channel_fd becomes the inside's descriptor JAIL_CHANNEL_FD, place's
 * capabilities_fd JAIL_CAPABILITIES_FD, its memory_fd JAIL_MEMORY_FD, whatever
 * anyone in there prints goes to output_fd. Killing the returned process kills everything in the jail, and so does the
 * end of this process. */
#define JAIL_CHANNEL_FD 3
#define JAIL_CAPABILITIES_FD 4
#define JAIL_MEMORY_FD 5
#define JAIL_LAST_FD JAIL_MEMORY_FD
MUST_CHECK err_t jail_start(const struct jail_place *place, const struct vm_spec *spec, int channel_fd, int output_fd,
			    pid_t *ret_pid);

/* Once the jail runs: the outer process starts no program any more, and writes nothing but what it has open. */
MUST_CHECK err_t jail_confine_outer(const struct jail_place *place);

/* bubblewrap's arguments, each with its NUL, for jail_start() and tests. */
void jail_arguments(const struct jail_place *place, const struct vm_spec *spec, struct buf *out);

#endif
