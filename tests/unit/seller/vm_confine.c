/* SPDX-License-Identifier: Apache-2.0
 * vm_confine.c - each filter of the jail on its own: what it stops, and what still goes
 *
 * Every try runs in a child that puts the one layer on, so that a layer which does nothing fails here and is not hidden by
 * the others.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "confine.h"
#include "file.h"
#include "tap.h"

static char dir[] = "/tmp/vm_confine.XXXXXX", writable[64], sockets[64], outside[64];
enum { DONE = 0, STOPPED = 1, LAYER_FAILED = 100, NO_LANDLOCK = 101 };

typedef bool try_fn(void);
typedef err_t layer_fn(void);

/* How the try goes in a child under the layer: DONE or STOPPED, or how the layer itself fails. */
static int under(layer_fn *layer, try_fn *try)
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		err_t e = layer();
		if (e)
			_exit(e == E_UNSUPPORTED ? NO_LANDLOCK : LAYER_FAILED);
		_exit(try() ? DONE : STOPPED);
	}
	int status = 0;
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static err_t no_layer(void)
{
	return OK;
}

static err_t landlock(void)
{
	const struct confine_paths paths = {
		.programs = (const char *const[]){ "/bin/true", "/lib64/ld-linux-x86-64.so.2", NULL },
		.writable = (const char *const[]){ writable, NULL },
		.sockets = (const char *const[]){ sockets, NULL },
		.devices = (const char *const[]){ "/dev", NULL },
	};
	return confine_landlock(&paths);
}

static err_t rlimits(void)
{
	const struct vm_spec spec = { .memory_mib = 64, .cores = 1 };
	return confine_rlimits(&spec);
}

static bool socket_of(int family, int type)
{
	return socket(family, type, 0) >= 0;
}
static bool unix_socket(void)
{
	int pair[2];
	return socket_of(AF_UNIX, SOCK_DGRAM) && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0;
}
static bool inet_socket(void)
{
	return socket_of(AF_INET, SOCK_STREAM);
}
static bool netlink_socket(void)
{
	return socket_of(AF_NETLINK, SOCK_RAW);
}
static bool make_user_namespace(void)
{
	return unshare(CLONE_NEWUSER) == 0;
}
static int nothing(void *context)
{
	(void)context;
	return 0;
}
static bool clone_user_namespace(void)
{
	static char stack[65536];
	return clone(nothing, stack + sizeof stack, CLONE_NEWUSER | SIGCHLD, NULL) > 0;
}
static bool forks(void)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	return pid > 0;
}
static bool use_io_uring(void)
{
	struct io_uring_params params = { 0 };
	return syscall(SYS_io_uring_setup, 8, &params) >= 0;
}
static bool be_traced(void)
{
	return ptrace(PTRACE_TRACEME, 0, 0, 0) == 0;
}
static bool use_keys(void)
{
	return syscall(SYS_keyctl, 0 /* KEYCTL_GET_KEYRING_ID */, -3, 0) >= 0;
}
static bool be_another_personality(void)
{
	return syscall(SYS_personality, 0x0400000 /* READ_IMPLIES_EXEC */) >= 0;
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
static bool run_allowed(void)
{
	return runs("/bin/true");
}
static bool run_other(void)
{
	return runs("/bin/sh");
}
static bool makes_file(const char *in)
{
	char path[96];
	snprintf(path, sizeof path, "%s/f%d", in, (int)getpid());
	return open(path, O_CREAT | O_WRONLY, 0600) >= 0;
}
static bool write_inside(void)
{
	return makes_file(writable);
}
static bool write_outside(void)
{
	return makes_file(outside);
}
static bool write_among_sockets(void)
{
	return makes_file(sockets);
}
static bool link_among_sockets(void)
{
	char path[96];
	snprintf(path, sizeof path, "%s/l%d", sockets, (int)getpid());
	return symlink("/etc/passwd", path) == 0;
}
static bool socket_among_sockets(void)
{
	char path[96];
	snprintf(path, sizeof path, "%s/s%d", sockets, (int)getpid());
	return mknod(path, S_IFSOCK | 0600, 0) == 0 && unlink(path) == 0;
}
static bool write_null(void)
{
	int fd = open("/dev/null", O_WRONLY);
	return fd >= 0 && write(fd, "x", 1) == 1;
}
static bool signal_parent(void)
{
	return kill(getppid(), 0) == 0;
}

static bool grow_file(void)
{
	char path[96];
	snprintf(path, sizeof path, "%s/big", writable);
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	signal(SIGXFSZ, SIG_IGN);
	return fd >= 0 && ftruncate(fd, 1 << 30) == 0;
}
static bool dump_core(void)
{
	struct rlimit limit;
	return getrlimit(RLIMIT_CORE, &limit) || limit.rlim_max != 0;
}

static bool make_memory_file(void)
{
	return memfd_create("x", MFD_CLOEXEC) >= 0;
}

static err_t seccomp(void)
{
	return confine_seccomp(false);
}

/* Of a lease whose guest's memory is shared. */
static err_t seccomp_sharing(void)
{
	return confine_seccomp(true);
}

static const struct {
	const char *what;
	layer_fn *layer;
	try_fn *try;
	int result;
} cases[] = {
	{ "a unix socket", seccomp, unix_socket, DONE },
	{ "an internet socket", seccomp, inet_socket, STOPPED },
	{ "a netlink socket", seccomp, netlink_socket, STOPPED },
	{ "a user namespace", seccomp, make_user_namespace, STOPPED },
	{ "a user namespace by clone", seccomp, clone_user_namespace, STOPPED },
	{ "a process", seccomp, forks, DONE },
	{ "io_uring", seccomp, use_io_uring, STOPPED },
	{ "ptrace", seccomp, be_traced, STOPPED },
	{ "keyctl", seccomp, use_keys, STOPPED },
	{ "personality", seccomp, be_another_personality, STOPPED },
	{ "a file in memory", seccomp, make_memory_file, STOPPED },
	{ "a file in memory where the guest's is shared", seccomp_sharing, make_memory_file, DONE },
	{ "but not io_uring", seccomp_sharing, use_io_uring, STOPPED },
	{ "a program", seccomp, run_other, DONE },
	{ "a program after the start", confine_seccomp_no_exec, run_other, STOPPED },
	{ "a process after the start", confine_seccomp_no_exec, forks, STOPPED },
	{ "the one program", landlock, run_allowed, DONE },
	{ "another program", landlock, run_other, STOPPED },
	{ "a file where files may be", landlock, write_inside, DONE },
	{ "a file elsewhere", landlock, write_outside, STOPPED },
	{ "a file among sockets", landlock, write_among_sockets, STOPPED },
	{ "a link among sockets", landlock, link_among_sockets, STOPPED },
	{ "a socket among sockets", landlock, socket_among_sockets, DONE },
	{ "a device's file", landlock, write_null, DONE },
	{ "a large file", rlimits, grow_file, STOPPED },
	{ "a core dump", rlimits, dump_core, STOPPED },
};

static bool scopes_signals(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, 1U) >= 6;
}

static bool setup(void)
{
	if (!mkdtemp(dir))
		return false;
	snprintf(writable, sizeof writable, "%s/writable", dir);
	snprintf(sockets, sizeof sockets, "%s/sockets", dir);
	snprintf(outside, sizeof outside, "%s/outside", dir);
	return !mkdir(writable, 0700) && !mkdir(sockets, 0700) && !mkdir(outside, 0700);
}

int main(void)
{
	if (!setup())
		return 1;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int result = under(cases[i].layer, cases[i].try);
		if (result == NO_LANDLOCK)
			ok(true, "%s # SKIP this kernel has no such layer", cases[i].what);
		else
			is_int(result, cases[i].result, "%s %s", cases[i].what,
			       cases[i].result == DONE ? "can be had" : "is stopped");
	}
	if (scopes_signals())
		is_int(under(landlock, signal_parent), STOPPED, "a signal to the outside is stopped");
	else
		ok(true, "signals # SKIP this kernel's Landlock does not know them");
	is_int(under(no_layer, inet_socket), DONE, "without a layer the same try goes through");
	is_int(under(no_layer, write_among_sockets), DONE, "this one too");
	is_int(dir_remove(dir), OK, "all is cleaned up");
	return done_testing();
}
