/* SPDX-License-Identifier: Apache-2.0
 * vcpu.c - meters and holds QEMU's vCPU threads from outside of the jail
 *
 * How it works: the kernel tells who connected to the console's socket, so QEMU's process is known without asking anyone in
 * the jail, and what is charged for does not depend on what a captured QEMU says. Each vCPU is a thread named "CPU n/TCG"
 * or "CPU n/KVM" that lives as long as the machine; its schedstat (first field: ns on a processor, exact, not sampled by
 * ticks) is opened once: an open /proc file never turns into another process's.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "file.h"
#include "vcpu.h"

/* autogroup is a nice value, from -20 to 19 (sched(7), "The autogroup feature"). */
#define AUTOGROUP_LOWEST "19"

struct vcpus {
	int pidfd, proc_fd; /* QEMU, and its folder in /proc */
	uint32_t cores;
	bool idle;
	bool ranks; /* its scheduling group has to get the lowest rank yet */
	uint32_t found;
	int *schedstat_fds;
	uint64_t *last_ns;
};

void vcpus_free(struct vcpus *vcpus)
{
	if (!vcpus)
		return;
	for (uint32_t i = 0; i < vcpus->found; i++)
		fd_close(&vcpus->schedstat_fds[i]);
	fd_close(&vcpus->pidfd);
	fd_close(&vcpus->proc_fd);
	free(vcpus->schedstat_fds);
	free(vcpus->last_ns);
	free(vcpus);
}

err_t vcpus_new(pid_t pid, uint32_t cores, bool idle, struct vcpus **ret_vcpus)
{
	char path[32];
	struct vcpus *vcpus = calloc(1, sizeof *vcpus);
	if (!vcpus)
		return E_NOMEM;
	vcpus->cores = cores;
	vcpus->idle = idle;
	vcpus->schedstat_fds = calloc(cores, sizeof *vcpus->schedstat_fds);
	vcpus->last_ns = calloc(cores, sizeof *vcpus->last_ns);
	snprintf(path, sizeof path, "/proc/%d", (int)pid);
	vcpus->proc_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	vcpus->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (!vcpus->schedstat_fds || !vcpus->last_ns || vcpus->proc_fd < 0 || vcpus->pidfd < 0) {
		vcpus_free(vcpus);
		return E_NOT_FOUND;
	}
	*ret_vcpus = vcpus;
	return OK;
}

static bool read_text(int dir_fd, const char *path, char *text, size_t size)
{
	AUTO_FD fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, size - 1);
	if (len < 0)
		return false;
	text[len] = 0;
	return true;
}

/* What the seller's own programs want comes first: the idle class gets what nobody else asks for. The session that libvirt
 * gave QEMU is a group of its own to the scheduler and needs its own lowest rank, or it would still get its equal share. */
static void make_idle(struct vcpus *vcpus, pid_t thread)
{
	const struct sched_param param = { 0 };
	vcpus->ranks |= sched_setscheduler(thread, SCHED_IDLE, &param) == 0;
}

static void rank(struct vcpus *vcpus)
{
	AUTO_FD fd = openat(vcpus->proc_fd, "autogroup", O_WRONLY | O_CLOEXEC);
	/* The kernel has no autogroups, or allows all of us one change a tenth of a second: then the next time. */
	vcpus->ranks = fd >= 0 && write(fd, AUTOGROUP_LOWEST, sizeof AUTOGROUP_LOWEST - 1) < 0 && errno == EAGAIN;
}

static void take_thread(struct vcpus *vcpus, const char *thread)
{
	char path[64], name[32];
	unsigned cpu;

	snprintf(path, sizeof path, "task/%s/comm", thread);
	if (!read_text(vcpus->proc_fd, path, name, sizeof name) || sscanf(name, "CPU %u/", &cpu) != 1 ||
	    vcpus->found >= vcpus->cores)
		return;
	snprintf(path, sizeof path, "task/%s/schedstat", thread);
	int fd = openat(vcpus->proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	vcpus->schedstat_fds[vcpus->found] = fd;
	vcpus->last_ns[vcpus->found++] = 0;
	if (vcpus->idle)
		make_idle(vcpus, (pid_t)strtol(thread, NULL, 10));
}

err_t vcpus_find(struct vcpus *vcpus)
{
	if (vcpus->ranks)
		rank(vcpus);
	if (vcpus->found == vcpus->cores)
		return OK;
	while (vcpus->found)
		fd_close(&vcpus->schedstat_fds[--vcpus->found]);
	int fd = openat(vcpus->proc_fd, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *tasks = fd < 0 ? NULL : fdopendir(fd);
	if (!tasks) {
		fd_close(&fd);
		return E_AGAIN;
	}
	for (const struct dirent *entry; (entry = readdir(tasks));)
		if (entry->d_name[0] != '.' && strlen(entry->d_name) < 16)
			take_thread(vcpus, entry->d_name);
	closedir(tasks);
	if (vcpus->ranks)
		rank(vcpus);
	return vcpus->found == vcpus->cores ? OK : E_AGAIN;
}

uint64_t vcpus_time_ns(struct vcpus *vcpus)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < vcpus->found; i++) {
		char text[96];
		uint64_t ns;
		/* Fails once the thread has ended: what it had used stays counted. */
		ssize_t len = pread(vcpus->schedstat_fds[i], text, sizeof text - 1, 0);
		text[len > 0 ? len : 0] = 0;
		if (sscanf(text, "%" SCNu64, &ns) == 1 && ns > vcpus->last_ns[i])
			vcpus->last_ns[i] = ns;
		sum += vcpus->last_ns[i];
	}
	return sum;
}

static void send_signal(struct vcpus *vcpus, int signal)
{
	/* ESRCH: it has ended, which is as good. */
	(void)!syscall(SYS_pidfd_send_signal, vcpus->pidfd, signal, NULL, 0);
}

void vcpus_stop(struct vcpus *vcpus)
{
	send_signal(vcpus, SIGSTOP);
}

void vcpus_continue(struct vcpus *vcpus)
{
	send_signal(vcpus, SIGCONT);
}

err_t vcpus_wait_end(struct vcpus *vcpus, int timeout_ms)
{
	struct pollfd end = { .fd = vcpus->pidfd, .events = POLLIN };
	return poll(&end, 1, timeout_ms) > 0 ? OK : E_TIMEOUT;
}
