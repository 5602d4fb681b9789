/* SPDX-License-Identifier: Apache-2.0
 * seccomp.c - the outer system call filter: what neither libvirt nor QEMU needs to run one machine
 *
 * QEMU adds a filter of its own (-sandbox), but only once it has started, and libvirt has none. This one is a list of
 * refusals: it takes away what escapes are made of (other kinds of sockets, namespaces, tracing, bpf, io_uring, keys), with
 * an errno, so that a library that only tries goes on without. AF_VSOCK is on no network namespace's leash: where the
 * seller's own machine is a virtual one, it would reach that machine's hypervisor.
 */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include "confine.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef TIOCLINUX
#define TIOCLINUX 0x541C
#endif

static void filter_free(scmp_filter_ctx *filter)
{
	seccomp_release(*filter);
}
#define AUTO_FILTER __attribute__((cleanup(filter_free))) scmp_filter_ctx

static const int refused[] = {
	/* namespaces and mounts */
	SCMP_SYS(unshare),
	SCMP_SYS(setns),
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(pivot_root),
	SCMP_SYS(chroot),
	SCMP_SYS(fsopen),
	SCMP_SYS(fsconfig),
	SCMP_SYS(fsmount),
	SCMP_SYS(fspick),
	SCMP_SYS(move_mount),
	SCMP_SYS(open_tree),
	SCMP_SYS(mount_setattr),
	SCMP_SYS(name_to_handle_at),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(quotactl),
	SCMP_SYS(quotactl_fd),
	SCMP_SYS(swapon),
	SCMP_SYS(swapoff),
	/* other processes */
	SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(process_madvise),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(kcmp),
	SCMP_SYS(move_pages),
	SCMP_SYS(migrate_pages),
	/* programs from elsewhere than the file system, which Landlock does not look at */
	SCMP_SYS(memfd_create),
	SCMP_SYS(memfd_secret),
	SCMP_SYS(execveat),
	/* large parts of the kernel that were a way in before */
	SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(keyctl),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(io_uring_register),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(fanotify_init),
	SCMP_SYS(lookup_dcookie),
	SCMP_SYS(nfsservctl),
	SCMP_SYS(personality),
	SCMP_SYS(vmsplice),
	SCMP_SYS(modify_ldt),
	SCMP_SYS(uselib),
	SCMP_SYS(ustat),
	SCMP_SYS(sysfs),
	SCMP_SYS(_sysctl),
	SCMP_SYS(mq_open),
	SCMP_SYS(msgget),
	SCMP_SYS(semget),
	SCMP_SYS(mbind),
	SCMP_SYS(set_mempolicy),
	/* the machine */
	SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(reboot),
	SCMP_SYS(acct),
	SCMP_SYS(settimeofday),
	SCMP_SYS(clock_settime),
	SCMP_SYS(clock_adjtime),
	SCMP_SYS(adjtimex),
	SCMP_SYS(iopl),
	SCMP_SYS(ioperm),
	SCMP_SYS(syslog),
	SCMP_SYS(vhangup),
	SCMP_SYS(sethostname),
	SCMP_SYS(setdomainname),
};

static const unsigned new_namespace[] = { CLONE_NEWUSER, CLONE_NEWNS,  CLONE_NEWPID,   CLONE_NEWNET,
					  CLONE_NEWIPC,	 CLONE_NEWUTS, CLONE_NEWCGROUP };

static int add_arguments_rules(scmp_filter_ctx filter)
{
	int failed = 0;
	for (size_t i = 0; i < sizeof new_namespace / sizeof *new_namespace; i++)
		failed |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
					   SCMP_A0(SCMP_CMP_MASKED_EQ, new_namespace[i], new_namespace[i]));
	/* Its flags lie in memory where a filter cannot look; the C library falls back to clone(). */
	failed |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	failed |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_NE, AF_UNIX, 0));
	failed |=
		seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socketpair), 1, SCMP_A0(SCMP_CMP_NE, AF_UNIX, 0));
	/* Typing into a terminal that someone else reads. */
	failed |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
				   SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, TIOCSTI));
	failed |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
				   SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, TIOCLINUX));
	return failed;
}

err_t confine_seccomp(bool memfd)
{
	/* Another architecture's calls, x32's too, kill the process: libseccomp's default. */
	AUTO_FILTER filter = seccomp_init(SCMP_ACT_ALLOW);
	if (!filter)
		return E_NOMEM;
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		/* Negative: a call that this architecture never had. */
		if (refused[i] >= 0 && !(memfd && refused[i] == SCMP_SYS(memfd_create)) &&
		    seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), refused[i], 0))
			return E_UNSUPPORTED;
	}
	if (add_arguments_rules(filter))
		return E_UNSUPPORTED;
	return seccomp_load(filter) ? E_UNSUPPORTED : OK;
}

err_t confine_seccomp_no_exec(void)
{
	AUTO_FILTER filter = seccomp_init(SCMP_ACT_ALLOW);
	if (!filter)
		return E_NOMEM;
	if (seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) ||
	    seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(execve), 0) ||
	    seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(execveat), 0) ||
	    seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(fork), 0) ||
	    seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(vfork), 0) ||
	    seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0)))
		return E_UNSUPPORTED;
	return seccomp_load(filter) ? E_UNSUPPORTED : OK;
}
