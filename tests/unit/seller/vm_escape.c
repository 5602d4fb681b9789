/* SPDX-License-Identifier: Apache-2.0
 * vm_escape.c - what could a captured QEMU do? This program takes its place in the jail and tries
 *
 * How it works: the test starts a real jail whose inside is this program. There it puts on the same layers that QEMU is
 * born with (all but QEMU's own -sandbox, which a captured QEMU has too, so this is the worse case), tries each attempt
 * in a process of its own and sends the names of those that went through. None may. The same attempts are then made in the
 * jail without the filters, and without any jail: there many go through, or this test could not fail.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/io_uring.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "file.h"
#include "inside.h"
#include "jail.h"
#include "tap.h"

#ifndef AF_VSOCK
#define AF_VSOCK 40
#endif
#define SPRAY_BYTES (128 * 1024 * 1024)

typedef bool attempt_fn(void);

static bool opens(const char *path, int flags)
{
	return open(path, flags | O_CLOEXEC, 0600) >= 0;
}
static bool lists(const char *path)
{
	DIR *dir = opendir(path);
	return dir && readdir(dir);
}
static bool socket_of(int family, int type)
{
	return socket(family, type, 0) >= 0;
}
/* The call exists and is allowed, whatever it says to nonsense. */
static bool reaches(long result)
{
	return result >= 0 || (errno != EPERM && errno != ENOSYS && errno != EACCES && errno != EAFNOSUPPORT);
}
static bool runs(const char *program)
{
	pid_t pid = fork();
	int status = 1;
	if (pid == 0) {
		execl(program, program, "-c", ":", NULL);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}
static bool copies(const char *from, int to)
{
	char data[65536];
	ssize_t len;
	int fd = open(from, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (len = read(fd, data, sizeof data)) > 0)
		if (write(to, data, (size_t)len) != len)
			return false;
	return fd >= 0;
}
/* Could that much be written there? */
static bool fills(const char *path, size_t bytes)
{
	static char data[1024 * 1024];
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	bool all = fd >= 0;
	signal(SIGXFSZ, SIG_IGN);
	memset(data, 'x', sizeof data);
	for (size_t i = 0; all && i < bytes / sizeof data; i++)
		all = write(fd, data, sizeof data) == (ssize_t)sizeof data;
	unlink(path);
	return all;
}

/* ---- files ---- */
#define READS(name, path)                     \
	static bool name(void)                \
	{                                     \
		return opens(path, O_RDONLY); \
	}
#define WRITES(name, path)                                 \
	static bool name(void)                             \
	{                                                  \
		return opens(path, O_WRONLY | O_NONBLOCK); \
	}
#define MAKES(name, path)                               \
	static bool name(void)                          \
	{                                               \
		return opens(path, O_WRONLY | O_CREAT); \
	}
READS(read_packages, "/var/lib/dpkg/status")
READS(read_machine_id, "/etc/machine-id")
READS(read_shadow, "/etc/shadow")
READS(open_kvm, "/dev/kvm")
READS(open_tun, "/dev/net/tun")
READS(open_fuse, "/dev/fuse")
READS(open_vsock, "/dev/vsock")
READS(open_mem, "/dev/mem")
READS(read_kernel_log, "/dev/kmsg")
WRITES(write_core_pattern, "/proc/sys/kernel/core_pattern")
WRITES(write_sysrq, "/proc/sysrq-trigger")
WRITES(write_parent_memory, "/proc/1/mem")
WRITES(write_cpu_online, "/sys/devices/system/cpu/cpu1/online")
WRITES(write_image, JAIL_IMAGE)
WRITES(write_passwd, "/etc/passwd")
MAKES(write_usr, "/usr/escape")
MAKES(write_root, "/escape")
MAKES(write_dev, "/dev/escape")
MAKES(write_shm, "/dev/shm/escape")
MAKES(write_jail, "/lease/jail/escape")
MAKES(write_net, "/lease/net/escape")

static bool list_home(void)
{
	return lists("/home") || lists("/root");
}
static bool list_run(void)
{
	return lists("/run");
}
static bool list_cgroups(void)
{
	return lists("/sys/fs/cgroup");
}
static bool list_init_root(void)
{
	return lists("/proc/1/root/var");
}
static bool remove_console(void)
{
	return unlink(JAIL_CONSOLE) == 0;
}
static bool link_net(void)
{
	return symlink("/etc/passwd", "/lease/net/link") == 0;
}
static bool hard_link_net(void)
{
	return link("/lease/state/libvirt", "/lease/net/hard") == 0 || link(JAIL_IMAGE, "/lease/net/hard") == 0;
}
static bool folder_net(void)
{
	return mkdir("/lease/net/folder", 0700) == 0;
}
static bool fifo_net(void)
{
	return mkfifo("/lease/net/fifo", 0600) == 0;
}
static bool make_device(void)
{
	return mknod("/tmp/disk", S_IFBLK | 0600, makedev(254, 0)) == 0;
}
static bool fill_net(void)
{
	return fills("/lease/net/fill", SPRAY_BYTES);
}
static bool fill_state(void)
{
	return fills(JAIL_STATE "/fill", SPRAY_BYTES);
}
static bool fill_tmp(void)
{
	return fills("/tmp/fill", SPRAY_BYTES);
}
static bool make_setuid(void)
{
	int fd = open("/usr/bin/su", O_RDONLY | O_CLOEXEC);
	return fd >= 0 && fchmod(fd, 04777) == 0;
}

/* ---- sockets ---- */
#define SOCKET(name, family, type)              \
	static bool name(void)                  \
	{                                       \
		return socket_of(family, type); \
	}
SOCKET(socket_inet, AF_INET, SOCK_STREAM)
SOCKET(socket_inet6, AF_INET6, SOCK_DGRAM)
SOCKET(socket_netlink, AF_NETLINK, SOCK_RAW)
SOCKET(socket_packet, AF_PACKET, SOCK_RAW)
SOCKET(socket_vsock, AF_VSOCK, SOCK_STREAM)
SOCKET(socket_crypto, AF_ALG, SOCK_SEQPACKET)

static int test_pid; /* the outermost process's */
static socklen_t abstract_address(struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	int len = snprintf(address->sun_path + 1, sizeof address->sun_path - 1, "cpushare-vm-escape-%d", test_pid);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
}
static bool connect_abstract(void)
{
	struct sockaddr_un address;
	socklen_t len = abstract_address(&address);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	return connect(fd, (struct sockaddr *)&address, len) == 0;
}

/* ---- processes ---- */
static bool see_others(void)
{
	int count = 0;
	DIR *dir = opendir("/proc");
	for (struct dirent *entry; dir && (entry = readdir(dir));)
		count += entry->d_name[0] >= '0' && entry->d_name[0] <= '9';
	return count > 8;
}
static bool signal_init(void)
{
	return kill(1, 0) == 0;
}
static bool signal_outer(void)
{
	/* Process 1's parent is not to be seen in here; nothing above 1000 exists in a young jail. */
	for (pid_t pid = 1000; pid < 40000; pid++)
		if (kill(pid, 0) == 0)
			return true;
	return false;
}
static bool trace_parent(void)
{
	return ptrace(PTRACE_SEIZE, getppid(), 0, 0) == 0;
}
static bool read_parent(void)
{
	char data[16];
	struct iovec here = { data, sizeof data }, there = { (void *)&read_parent, sizeof data };
	return syscall(SYS_process_vm_readv, getppid(), &here, 1, &there, 1, 0) > 0;
}
static bool steal_descriptor(void)
{
	int fd = (int)syscall(SYS_pidfd_open, getppid(), 0);
	return fd >= 0 && reaches(syscall(SYS_pidfd_getfd, fd, 0, 0));
}
static bool run_shell(void)
{
	return runs("/bin/sh");
}
static bool run_from_memory(void)
{
	char path[64];
	int fd = memfd_create("sh", 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return copies("/bin/dash", fd) && runs(path);
}
static bool run_from_tmp(void)
{
	int fd = open("/tmp/sh", O_CREAT | O_WRONLY | O_CLOEXEC, 0700);
	if (fd < 0 || !copies("/bin/dash", fd))
		return false;
	close(fd);
	return runs("/tmp/sh");
}
static bool become_root(void)
{
	return setuid(0) == 0;
}
static bool gain_capability(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { .effective = ~0U, .permitted = ~0U }, { 0 } };
	return syscall(SYS_capset, &header, data) == 0;
}
static bool forget_no_new_privs(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0;
}
static bool many_tasks(void)
{
	int count = 0;
	pid_t group = setpgid(0, 0) ? 0 : getpid();
	for (; count < 600; count++) {
		pid_t pid = fork();
		if (pid < 0)
			break;
		if (pid == 0)
			for (;;)
				pause();
	}
	signal(SIGTERM, SIG_IGN);
	if (group)
		kill(-group, SIGTERM);
	return count == 600;
}
static bool many_descriptors(void)
{
	for (int i = 0; i < 1000; i++)
		if (dup(0) < 0)
			return false;
	return true;
}
static bool raise_limit(void)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
	return setrlimit(RLIMIT_FSIZE, &limit) == 0;
}
static bool dump_core(void)
{
	struct rlimit limit;
	return getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max > 0;
}

/* ---- the kernel ---- */
#define CALLS(name, call)             \
	static bool name(void)        \
	{                             \
		return reaches(call); \
	}
CALLS(use_user_namespace, unshare(CLONE_NEWUSER))
CALLS(use_mount_namespace, unshare(CLONE_NEWNS))
CALLS(join_namespace, setns(open("/proc/1/ns/net", O_RDONLY | O_CLOEXEC), 0))
CALLS(use_mount, mount("x", "/tmp", "tmpfs", 0, NULL))
CALLS(use_fsopen, syscall(SYS_fsopen, "tmpfs", 0))
CALLS(use_chroot, chroot("/tmp"))
CALLS(use_bpf, syscall(SYS_bpf, 0, NULL, 0))
CALLS(use_perf, syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0))
CALLS(use_userfaultfd, syscall(SYS_userfaultfd, 1))
CALLS(use_keys, syscall(SYS_keyctl, 0, -3, 0))
CALLS(use_fanotify, syscall(SYS_fanotify_init, 0, 0))
CALLS(use_handles, syscall(SYS_open_by_handle_at, -1, NULL, 0))
CALLS(use_modules, syscall(SYS_finit_module, -1, "", 0))
CALLS(use_kexec, syscall(SYS_kexec_file_load, -1, -1, 0, "", 0))
CALLS(use_clock, syscall(SYS_clock_settime, CLOCK_REALTIME, &(struct timespec){ -1, -1 }))
CALLS(use_ports, syscall(SYS_iopl, 3))
CALLS(use_personality, syscall(SYS_personality, 0x0400000))
CALLS(use_queues, syscall(SYS_mq_open, "escape", O_CREAT | O_RDWR, 0600, NULL))
CALLS(use_quota, syscall(SYS_quotactl, 0, NULL, 0, NULL))

static bool use_reboot(void)
{
	return reaches(syscall(SYS_reboot, 0, 0, 0, NULL)); /* without its magic numbers it does nothing */
}
static bool use_io_uring(void)
{
	struct io_uring_params params = { 0 };
	return reaches(syscall(SYS_io_uring_setup, 8, &params));
}
static int nothing(void *context)
{
	(void)context;
	return 0;
}
static bool clone_namespace(void)
{
	static char stack[65536];
	return clone(nothing, stack + sizeof stack, CLONE_NEWUSER | CLONE_NEWNET | SIGCHLD, NULL) > 0;
}

#define ATTEMPT(fn)     \
	{               \
#fn, fn \
	}
static const struct {
	const char *name;
	attempt_fn *fn;
} attempts[] = {
	ATTEMPT(read_packages),
	ATTEMPT(read_machine_id),
	ATTEMPT(read_shadow),
	ATTEMPT(open_kvm),
	ATTEMPT(open_tun),
	ATTEMPT(open_fuse),
	ATTEMPT(open_vsock),
	ATTEMPT(open_mem),
	ATTEMPT(read_kernel_log),
	ATTEMPT(write_core_pattern),
	ATTEMPT(write_sysrq),
	ATTEMPT(write_parent_memory),
	ATTEMPT(write_cpu_online),
	ATTEMPT(write_image),
	ATTEMPT(write_passwd),
	ATTEMPT(write_usr),
	ATTEMPT(write_root),
	ATTEMPT(write_dev),
	ATTEMPT(write_shm),
	ATTEMPT(write_jail),
	ATTEMPT(write_net),
	ATTEMPT(list_home),
	ATTEMPT(list_run),
	ATTEMPT(list_cgroups),
	ATTEMPT(list_init_root),
	ATTEMPT(remove_console),
	ATTEMPT(link_net),
	ATTEMPT(hard_link_net),
	ATTEMPT(folder_net),
	ATTEMPT(fifo_net),
	ATTEMPT(make_device),
	ATTEMPT(fill_net),
	ATTEMPT(fill_state),
	ATTEMPT(fill_tmp),
	ATTEMPT(make_setuid),
	ATTEMPT(socket_inet),
	ATTEMPT(socket_inet6),
	ATTEMPT(socket_netlink),
	ATTEMPT(socket_packet),
	ATTEMPT(socket_vsock),
	ATTEMPT(socket_crypto),
	ATTEMPT(connect_abstract),
	ATTEMPT(see_others),
	ATTEMPT(signal_init),
	ATTEMPT(signal_outer),
	ATTEMPT(trace_parent),
	ATTEMPT(read_parent),
	ATTEMPT(steal_descriptor),
	ATTEMPT(run_shell),
	ATTEMPT(run_from_memory),
	ATTEMPT(run_from_tmp),
	ATTEMPT(become_root),
	ATTEMPT(gain_capability),
	ATTEMPT(forget_no_new_privs),
	ATTEMPT(many_tasks),
	ATTEMPT(many_descriptors),
	ATTEMPT(raise_limit),
	ATTEMPT(dump_core),
	ATTEMPT(use_user_namespace),
	ATTEMPT(use_mount_namespace),
	ATTEMPT(join_namespace),
	ATTEMPT(use_mount),
	ATTEMPT(use_fsopen),
	ATTEMPT(use_chroot),
	ATTEMPT(use_bpf),
	ATTEMPT(use_perf),
	ATTEMPT(use_userfaultfd),
	ATTEMPT(use_keys),
	ATTEMPT(use_fanotify),
	ATTEMPT(use_handles),
	ATTEMPT(use_modules),
	ATTEMPT(use_kexec),
	ATTEMPT(use_clock),
	ATTEMPT(use_ports),
	ATTEMPT(use_personality),
	ATTEMPT(use_queues),
	ATTEMPT(use_quota),
	ATTEMPT(use_reboot),
	ATTEMPT(use_io_uring),
	ATTEMPT(clone_namespace),
};
#define ATTEMPTS (sizeof attempts / sizeof *attempts)

/* What must go on working; its failure is told as an attempt of this name. */
static bool own_work(void)
{
	int pair[2];
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = JAIL_NET_QEMU };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	return opens(JAIL_IMAGE, O_RDONLY) && opens(JAIL_STATE "/file", O_CREAT | O_WRONLY) && opens("/dev/null", O_WRONLY) &&
	       opens("/dev/urandom", O_RDONLY) && lists("/sys/devices/system/cpu") &&
	       socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
	       unlink(JAIL_NET_QEMU) == 0;
}

static bool goes_through(attempt_fn *fn)
{
	pid_t pid = fork();
	int status = 0;
	if (pid == 0)
		_exit(fn() ? 0 : 1);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void attempt_all(int fd)
{
	for (size_t i = 0; i < ATTEMPTS; i++)
		if (goes_through(attempts[i].fn))
			(void)!send(fd, attempts[i].name, strlen(attempts[i].name), MSG_NOSIGNAL);
	(void)!send(fd, "done", 4, MSG_NOSIGNAL);
}

static const struct vm_spec spec = { .name = "vm1", .cores = 1, .memory_mib = 64 };
struct order {
	bool filters;
	int test_pid;
};

/* In the jail, in the place of the program's inside. */
static int inside(void)
{
	const char *step = "";
	struct order order = { 0 };
	(void)!recv(JAIL_CHANNEL_FD, &order, sizeof order, 0);
	test_pid = order.test_pid;
	if (order.filters && vm_inside_confine(&spec, &step) != OK) {
		(void)!send(JAIL_CHANNEL_FD, step, strlen(step), MSG_NOSIGNAL);
		return 1;
	}
	if (!goes_through(own_work))
		(void)!send(JAIL_CHANNEL_FD, "own_work_fails", 14, MSG_NOSIGNAL);
	attempt_all(JAIL_CHANNEL_FD);
	return 0;
}

/* How many attempts went through, with names where they are to be told; -1 where it did not come to its end. */
static int collect(int fd, bool tell)
{
	char name[64];
	ssize_t len;
	int count = 0;

	while ((len = recv(fd, name, sizeof name - 1, 0)) > 0) {
		name[len] = 0;
		if (!strcmp(name, "done"))
			return count;
		count++;
		if (tell)
			printf("# went through: %s\n", name);
	}
	return -1;
}

static char lease_dir[] = "/tmp/vm_escape.XXXXXX";

/* In a child, since root is given up on the way. */
static void run_jail(int channel_fd)
{
	struct jail_place place = JAIL_PLACE_NONE;
	struct vm_spec mine = spec;
	char detail[JAIL_DETAIL_SIZE] = "";
	pid_t pid;

	mine.uid = geteuid() == 0 ? 64996 : 0;
	if (jail_prepare(lease_dir, &mine, &place, detail) != OK || jail_start(&place, &mine, channel_fd, 2, &pid) != OK) {
		printf("# no jail: %s\n", detail);
		fflush(stdout);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
	_exit(0);
}

static int in_jail(bool filters, bool tell)
{
	int pair[2];
	const struct order order = { filters, test_pid };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -1;
	(void)!send(pair[0], &order, sizeof order, 0);
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		run_jail(pair[1]);
	close(pair[1]);
	int count = collect(pair[0], tell);
	close(pair[0]);
	waitpid(pid, NULL, 0);
	return count;
}

static int without_jail(void)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -1;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		if (geteuid() == 0 && (setresgid(64996, 64996, 64996) || setresuid(64996, 64996, 64996)))
			_exit(1);
		attempt_all(pair[1]);
		_exit(0);
	}
	close(pair[1]);
	int count = collect(pair[0], false);
	close(pair[0]);
	waitpid(pid, NULL, 0);
	return count;
}

int main(int argc, char **argv)
{
	char path[64];
	struct sockaddr_un address;
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (argc == 2 && !strcmp(argv[1], "--inside"))
		_exit(inside()); /* not through the leak checker, which the jail stops */
	test_pid = (int)getpid();
	socklen_t len = abstract_address(&address);
	if (access("/usr/bin/bwrap", X_OK)) {
		printf("1..0 # SKIP bubblewrap is not installed\n");
		return 0;
	}
	if (!mkdtemp(lease_dir) || bind(listener, (struct sockaddr *)&address, len) || listen(listener, 8))
		return 1;
	snprintf(path, sizeof path, "%s/image.iso", lease_dir);
	if (file_write(path, "image", 5, 0644) != OK)
		return 1;

	ok(ATTEMPTS >= 80, "%zu attempts", ATTEMPTS);
	is_int(in_jail(true, true), 0, "none goes through in the jail");
	int bare = in_jail(false, false), open = without_jail();
	ok(bare >= 10, "without the filters %d do", bare);
	ok(open >= 20, "without a jail %d do", open);
	is_int(dir_remove(lease_dir), OK, "cleaned up");
	return done_testing();
}
