/* SPDX-License-Identifier: Apache-2.0
 * jail.c - builds the jail with bubblewrap and starts the inside of this program in it
 *
 * How it works: everything of the lease that the jail may see is opened or bound before any privilege is given up. A plain
 * user's bubblewrap binds LEASE_DIR's entries directly. Where root started us, the unprivileged uid could not walk down
 * to LEASE_DIR (the daemon keeps its state 0700), so this process first gives itself a mount namespace in which /run holds
 * nothing but those entries, and only then becomes that uid. The outer process is left without a path to anything else
 * of the daemon's; what it still writes (console.log, vmrun.sock) it has open.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "confine.h"
#include "file.h"
#include "jail.h"

#define BWRAP "/usr/bin/bwrap"
#define PRIVATE_DIR "/run"
/* The descriptors that bubblewrap gets beside 0 to 2. */
enum {
	CHANNEL = JAIL_CHANNEL_FD,
	CAPABILITIES = JAIL_CAPABILITIES_FD,
	MEMORY = JAIL_MEMORY_FD,
	EXE,
	PASSWD,
	GROUP,
	FIRST_UNUSED
};

void jail_place_clear(struct jail_place *place)
{
	free(place->lease_dir);
	free(place->source_dir);
	fd_close(&place->exe_fd);
	fd_close(&place->console_fd);
	fd_close(&place->capabilities_fd);
	fd_close(&place->memory_fd);
	fd_close(&place->template_fd);
	for (size_t i = 0; i < VM_CGROUPS_MAX; i++)
		fd_close(&place->cgroup_fds[i]);
	place->lease_dir = place->source_dir = NULL;
}

PRINTF_LIKE(2, 3) static void explain(char *detail, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(detail, JAIL_DETAIL_SIZE, fmt, args);
	va_end(args);
}

static err_t explain_errno(char *detail, const char *what, const char *name)
{
	int error = errno;
	explain(detail, "%s %s: %s", what, name, strerror(error));
	return err_from_errno(error);
}

/* A directory of the lease's, made where it is not there, without following a link. */
static err_t open_dir(int lease_fd, const char *name, char *detail, int *ret_fd)
{
	if (mkdirat(lease_fd, name, 0700) && errno != EEXIST)
		return explain_errno(detail, "cannot make", name);
	int fd = openat(lease_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return explain_errno(detail, "cannot open", name);
	*ret_fd = fd;
	return OK;
}

/* sun_path is short and a lease's directory may be deep, so the socket is bound by way of its directory's descriptor. */
static err_t listen_for_console(int jail_fd, const struct vm_spec *spec, char *detail, int *ret_fd)
{
	AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/console.sock", jail_fd);
	if (unlinkat(jail_fd, "console.sock", 0) && errno != ENOENT)
		return explain_errno(detail, "cannot replace", "jail/console.sock");
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 1))
		return explain_errno(detail, "cannot listen at", "jail/console.sock");
	if (geteuid() == 0 && fchownat(jail_fd, "console.sock", spec->uid, spec->uid, AT_SYMLINK_NOFOLLOW))
		return explain_errno(detail, "cannot hand over", "jail/console.sock");
	*ret_fd = fd;
	fd = -1;
	return OK;
}

static err_t bind_entry(int lease_fd, const char *name, bool is_dir, bool writable, char *detail)
{
	char from[32], to[sizeof PRIVATE_DIR + 32];
	AUTO_FD fd = openat(lease_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return explain_errno(detail, "cannot open", name);
	snprintf(from, sizeof from, "/proc/self/fd/%d", fd);
	snprintf(to, sizeof to, PRIVATE_DIR "/%s", name);
	AUTO_FD target = is_dir ? -1 : open(to, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
	if (is_dir ? mkdir(to, 0755) : target < 0)
		return explain_errno(detail, "cannot make", to);
	if (mount(from, to, NULL, MS_BIND, NULL) ||
	    mount(NULL, to, NULL, MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV | MS_NOEXEC | (writable ? 0 : MS_RDONLY), NULL))
		return explain_errno(detail, "cannot bind", name);
	return OK;
}

/* Root's part: a mount namespace where /run is the lease and nothing else. */
static err_t make_private_view(const struct jail_place *place, const struct vm_spec *spec, char *detail)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return explain_errno(detail, "cannot make", "a mount namespace");
	/* Opened in the new namespace, since only its own mounts can be bound, and before /run is covered. */
	AUTO_FD lease_fd = open(place->lease_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (lease_fd < 0)
		return explain_errno(detail, "cannot open", place->lease_dir);
	if (mount("tmpfs", PRIVATE_DIR, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755,size=64k"))
		return explain_errno(detail, "cannot cover", PRIVATE_DIR);
	TRY(bind_entry(lease_fd, "jail", true, true, detail));
	TRY(bind_entry(lease_fd, "net", true, true, detail));
	if (spec->image == VM_IMAGE_FILE)
		TRY(bind_entry(lease_fd, "image.iso", false, false, detail));
	if (spec->scratch_mib)
		TRY(bind_entry(lease_fd, "scratch.img", false, true, detail));
	if (place->cidata)
		TRY(bind_entry(lease_fd, "cidata.iso", false, false, detail));
	return place->capabilities ? bind_entry(lease_fd, "capabilities.xml", false, false, detail) : OK;
}

/* Becomes the lease's uid for good. /dev/kvm's group is the only one that is kept, where KVM is asked for. */
static err_t become(const struct vm_spec *spec, char *detail)
{
	struct stat kvm;
	gid_t groups[1];
	size_t count = 0;

	if (spec->accel == VM_ACCEL_KVM && !stat("/dev/kvm", &kvm) && kvm.st_gid != 0)
		groups[count++] = kvm.st_gid;
	if (setgroups(count, groups) || setresgid(spec->uid, spec->uid, spec->uid) || setresuid(spec->uid, spec->uid, spec->uid))
		return explain_errno(detail, "cannot become", "the lease's uid");
	if (setuid(0) == 0) {
		explain(detail, "root came back after it was given up");
		return E_DENIED;
	}
	return OK;
}

/* The kernel asks who opened cgroup.procs, not who writes to it (kernel/cgroup/cgroup.c, since Linux 5.16). */
static err_t open_cgroups(const struct vm_spec *spec, struct jail_place *place, char *detail)
{
	for (size_t i = 0; i < spec->cgroup_count; i++) {
		char path[VM_CGROUP_SIZE + 16];
		snprintf(path, sizeof path, "%s/cgroup.procs", spec->cgroups[i]);
		place->cgroup_fds[i] = open(path, O_WRONLY | O_CLOEXEC);
		if (place->cgroup_fds[i] < 0)
			return explain_errno(detail, "cannot open", path);
	}
	return OK;
}

static err_t check_disc(const char *dir, const char *name, char *detail)
{
	AUTO_FREE char *path = NULL;
	struct stat st;
	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return E_NOMEM;
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return explain_errno(detail, "the jail's user cannot read", name);
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		explain(detail, "%s is no regular file", name);
		return E_INVALID;
	}
	return OK;
}

#define TEMPLATE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* A template's memory comes from the daemon, sealed, so that no clone can write into another one's. */
static err_t open_memory(int lease_fd, const struct vm_spec *spec, struct jail_place *place, char *detail)
{
	if (spec->warm == VM_WARM_CLONE) {
		place->memory_fd = fcntl(JAIL_TEMPLATE_IN_FD, F_DUPFD_CLOEXEC, 64);
		int seals = fcntl(place->memory_fd, F_GET_SEALS);
		if (seals >= 0 && (seals & TEMPLATE_SEALS) == TEMPLATE_SEALS)
			return OK;
		explain(detail, "there is no template, or it can be written to");
		return E_INVALID;
	}
	if (spec->warm == VM_WARM_NONE) {
		place->memory_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		return place->memory_fd < 0 ? explain_errno(detail, "cannot open", "/dev/null") : OK;
	}
	place->template_fd = openat(lease_fd, "template.new", O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	place->memory_fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (place->template_fd < 0 || place->memory_fd < 0 ||
	    ftruncate(place->memory_fd, (off_t)(vm_memory_bytes(spec) + VM_WARM_STATE_BYTES)))
		return explain_errno(detail, "cannot make", "the guest's memory");
	/* QEMU opens it anew, as the jail's user. */
	if (spec->uid && fchown(place->memory_fd, spec->uid, spec->uid))
		return explain_errno(detail, "cannot hand over", "the guest's memory");
	return fcntl(place->memory_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW)
		       ? explain_errno(detail, "cannot seal", "the guest's memory")
		       : OK;
}

err_t jail_prepare(const char *lease_dir, const struct vm_spec *spec, struct jail_place *ret_place, char *detail)
{
	__attribute__((cleanup(jail_place_clear))) struct jail_place place = JAIL_PLACE_NONE;
	AUTO_FD lease_fd = -1;
	AUTO_FD jail_fd = -1;
	AUTO_FD net_fd = -1;
	bool root = geteuid() == 0;

	if (root != (spec->uid != 0)) {
		explain(detail, root ? "vm.json must name an uid where root starts the machine"
				     : "vm.json's uid must be 0 where a plain user starts the machine");
		return E_INVALID;
	}
	place.lease_dir = realpath(lease_dir, NULL);
	place.source_dir = root ? strdup(PRIVATE_DIR) : realpath(lease_dir, NULL);
	lease_fd = open(lease_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	place.exe_fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	if (!place.lease_dir || !place.source_dir || lease_fd < 0 || place.exe_fd < 0)
		return explain_errno(detail, "cannot open", lease_dir);
	place.cidata = faccessat(lease_fd, "cidata.iso", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	place.capabilities = faccessat(lease_fd, "capabilities.xml", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	place.capabilities_fd = openat(lease_fd, "capabilities.new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (place.capabilities_fd < 0)
		return explain_errno(detail, "cannot make", "capabilities.new");
	TRY(open_memory(lease_fd, spec, &place, detail));
	TRY(open_dir(lease_fd, "jail", detail, &jail_fd));
	TRY(open_dir(lease_fd, "net", detail, &net_fd));
	TRY(listen_for_console(jail_fd, spec, detail, &place.console_fd));
	TRY(open_cgroups(spec, &place, detail));
	if (root) {
		if (fchmod(jail_fd, 0711) || fchown(net_fd, spec->uid, spec->uid))
			return explain_errno(detail, "cannot hand over", "net");
		TRY(make_private_view(&place, spec, detail));
		TRY(become(spec, detail));
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return explain_errno(detail, "cannot set", "no_new_privs");
	if (spec->image == VM_IMAGE_FILE)
		TRY(check_disc(place.source_dir, "image.iso", detail));
	if (place.cidata)
		TRY(check_disc(place.source_dir, "cidata.iso", detail));
	*ret_place = place;
	place = (struct jail_place)JAIL_PLACE_NONE;
	return OK;
}

static void put(struct buf *out, const char *argument)
{
	buf_append(out, argument, strlen(argument) + 1);
}

static void put_all(struct buf *out, const char *const *arguments)
{
	for (; *arguments; arguments++)
		put(out, *arguments);
}

static void put_bind(struct buf *out, const struct jail_place *place, const char *how, const char *name)
{
	put(out, how);
	buf_printf(out, "%s/%s", place->source_dir, name);
	buf_append(out, "", 1);
	buf_printf(out, "/lease/%s", name);
	buf_append(out, "", 1);
}

static void put_number(struct buf *out, const char *option, int value, const char *target)
{
	put(out, option);
	buf_printf(out, "%d", value);
	buf_append(out, "", 1);
	put(out, target);
}

void jail_arguments(const struct jail_place *place, const struct vm_spec *spec, struct buf *out)
{
	static const char *const namespaces[] = { BWRAP,
						  "--unshare-user",
						  "--unshare-net",
						  "--unshare-pid",
						  "--unshare-ipc",
						  "--unshare-uts",
						  "--unshare-cgroup",
						  "--disable-userns",
						  "--die-with-parent",
						  "--new-session",
						  "--cap-drop",
						  "ALL",
						  "--hostname",
						  "lease",
						  "--clearenv",
						  "--setenv",
						  "PATH",
						  "/usr/bin",
						  "--setenv",
						  "HOME",
						  "/tmp",
						  "--setenv",
						  "LC_ALL",
						  "C",
						  NULL };
	static const char *const system[] = { "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink",
					      "usr/sbin", "/sbin", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64",
					      "/lib64", "--proc", "/proc", "--dev", "/dev",
					      /* libvirt reads the processors' topology or refuses to start a domain */
					      "--ro-bind", "/sys/devices/system", "/sys/devices/system", NULL };
	/* bubblewrap's own / and /dev are tmpfs as large as half the memory: nobody inside may write there. */
	static const char *const closing[] = { "--size",  "1048576",  "--tmpfs",      "/tmp", "--size",	      "33554432",
					       "--tmpfs", JAIL_STATE, "--remount-ro", "/dev", "--remount-ro", "/",
					       "--chdir", "/",	      "--",	      NULL };
	char exe[32];

	put_all(out, namespaces);
	put_all(out, system);
	put_number(out, "--ro-bind-data", PASSWD, "/etc/passwd");
	put_number(out, "--ro-bind-data", GROUP, "/etc/group");
	if (spec->accel == VM_ACCEL_KVM)
		put_all(out, (const char *const[]){ "--dev-bind", "/dev/kvm", "/dev/kvm", NULL });
	if (spec->launch_security == VM_LAUNCH_SEV_SNP)
		put_all(out, (const char *const[]){ "--dev-bind", "/dev/sev", "/dev/sev", NULL });
	put_bind(out, place, "--ro-bind", "jail");
	put_bind(out, place, "--bind", "net");
	if (spec->image == VM_IMAGE_FILE)
		put_bind(out, place, "--ro-bind", "image.iso");
	if (spec->scratch_mib)
		put_bind(out, place, "--bind", "scratch.img");
	if (place->cidata)
		put_bind(out, place, "--ro-bind", "cidata.iso");
	if (place->capabilities)
		put_bind(out, place, "--ro-bind", "capabilities.xml");
	put_all(out, closing);
	snprintf(exe, sizeof exe, "/proc/self/fd/%d", EXE);
	put(out, exe);
	put(out, "--inside");
}

/* A file in memory for bubblewrap to copy from. */
PRINTF_LIKE(1, 2) static int text_fd(const char *fmt, ...)
{
	char *all = NULL;
	va_list args;
	va_start(args, fmt);
	int len = vasprintf(&all, fmt, args);
	va_end(args);
	if (len < 0)
		return -1;
	int fd = memfd_create("jail", MFD_CLOEXEC);
	if (fd >= 0 && (fd_write_all(fd, all, (size_t)len) != OK || lseek(fd, 0, SEEK_SET)))
		fd_close(&fd);
	free(all);
	return fd;
}

/* In the child: the descriptors in their places and no others, no signal blocked, death with the parent; then bubblewrap. */
_Noreturn static void become_bwrap(char **arguments, const struct jail_place *place, const int *fds, int output_fd, pid_t parent)
{
	sigset_t none;
	int high[FIRST_UNUSED];

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(127);
	/* From here on; the outer process stays outside, so that it can pause the guest when the guest gets no turn. */
	for (size_t i = 0; i < VM_CGROUPS_MAX; i++)
		if (place->cgroup_fds[i] >= 0 && write(place->cgroup_fds[i], "0", 1) != 1) {
			dprintf(output_fd, "the jail does not get into its control group: %s\n", strerror(errno));
			_exit(127);
		}
	/* First out of the way, since the targets may be in use by one another. */
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	high[0] = fcntl(null, F_DUPFD_CLOEXEC, 64);
	high[1] = high[2] = fcntl(output_fd, F_DUPFD_CLOEXEC, 64);
	for (int i = CHANNEL; i < FIRST_UNUSED; i++)
		high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 64);
	for (int i = 0; i < FIRST_UNUSED; i++)
		if (high[i] < 0 || dup2(high[i], i) < 0)
			_exit(127);
	close_range(FIRST_UNUSED, ~0U, 0);
	execv(BWRAP, arguments);
	dprintf(2, "cannot start " BWRAP ": %s\n", strerror(errno));
	_exit(127);
}

err_t jail_start(const struct jail_place *place, const struct vm_spec *spec, int channel_fd, int output_fd, pid_t *ret_pid)
{
	AUTO_BUF text = { 0 };
	char *arguments[128];
	size_t count = 0;
	AUTO_FD passwd = text_fd("lease:x:%d:%d::/:/usr/sbin/nologin\n", (int)geteuid(), (int)getegid());
	AUTO_FD group = text_fd("lease:x:%d:\n", (int)getegid());
	pid_t parent = getpid();

	jail_arguments(place, spec, &text);
	if (text.error)
		return text.error;
	for (char *at = text.data; at < text.data + text.len; at += strlen(at) + 1) {
		if (count + 1 >= sizeof arguments / sizeof *arguments)
			return E_INTERNAL;
		arguments[count++] = at;
	}
	arguments[count] = NULL;
	if (passwd < 0 || group < 0)
		return err_from_errno(errno);
	const int fds[] = { -1, -1, -1, channel_fd, place->capabilities_fd, place->memory_fd, place->exe_fd, passwd, group };
	pid_t pid = fork();
	if (pid < 0)
		return err_from_errno(errno);
	if (pid == 0)
		become_bwrap(arguments, place, fds, output_fd, parent);
	*ret_pid = pid;
	return OK;
}

err_t jail_confine_outer(const struct jail_place *place)
{
	/* At its end it removes vmrun.pid and the sockets. /proc: QEMU's scheduling group. */
	const struct confine_paths paths = {
		.sockets = (const char *const[]){ place->source_dir, NULL },
		.devices = (const char *const[]){ "/proc", NULL },
		.signals = true,
	};
	err_t e = confine_landlock(&paths);
	if (e != OK && e != E_UNSUPPORTED)
		return e;
	TRY(confine_seccomp(false));
	return confine_seccomp_no_exec();
}
