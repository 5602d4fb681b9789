/* SPDX-License-Identifier: Apache-2.0
 * landlock.c - Landlock rules for the jail: one program, few writable places, no TCP, no signals out
 *
 * The mount namespace decides what can be seen; this decides what can be done with it, should a way out of the namespace be
 * found or a bind mount be wider than meant: net/ is the only writable place that is not the jail's own tmpfs, and only
 * sockets may be made there, so that the host's disk cannot be filled and no link can lead another process astray.
 *
 * The structure and the flags are the kernel's (include/uapi/linux/landlock.h), written out since Debian 12's header is
 * older than the kernels that this runs on.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "confine.h"
#include "file.h"

#define CREATE_RULESET_VERSION 1U
#define RULE_PATH_BENEATH 1
enum {
	FS_EXECUTE = 1 << 0,
	FS_WRITE_FILE = 1 << 1,
	FS_REMOVE_DIR = 1 << 4,
	FS_REMOVE_FILE = 1 << 5,
	FS_MAKE_CHAR = 1 << 6,
	FS_MAKE_DIR = 1 << 7,
	FS_MAKE_REG = 1 << 8,
	FS_MAKE_SOCK = 1 << 9,
	FS_MAKE_FIFO = 1 << 10,
	FS_MAKE_BLOCK = 1 << 11,
	FS_MAKE_SYM = 1 << 12,
	FS_REFER = 1 << 13,    /* from version 2 on */
	FS_TRUNCATE = 1 << 14, /* 3 */
};
enum { NET_BIND_TCP = 1 << 0, NET_CONNECT_TCP = 1 << 1 };	     /* 4 */
enum { SCOPE_ABSTRACT_UNIX_SOCKET = 1 << 0, SCOPE_SIGNAL = 1 << 1 }; /* 6 */

struct ruleset_attr {
	uint64_t fs, net, scoped;
};
struct path_beneath_attr {
	uint64_t allowed;
	int32_t parent_fd;
} __attribute__((packed));

static const uint64_t fs_version_1 = FS_EXECUTE | FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_CHAR | FS_MAKE_DIR |
				     FS_MAKE_REG | FS_MAKE_SOCK | FS_MAKE_FIFO | FS_MAKE_BLOCK | FS_MAKE_SYM;

static struct ruleset_attr handled(long version, bool signals, size_t *ret_size)
{
	struct ruleset_attr attr = { .fs = fs_version_1 };
	size_t size = sizeof attr.fs;

	if (version >= 2)
		attr.fs |= FS_REFER;
	if (version >= 3)
		attr.fs |= FS_TRUNCATE;
	if (version >= 4) {
		attr.net = NET_BIND_TCP | NET_CONNECT_TCP;
		size = sizeof attr.fs + sizeof attr.net;
	}
	if (version >= 6) {
		attr.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | (signals ? 0 : SCOPE_SIGNAL);
		size = sizeof attr;
	}
	*ret_size = size;
	return attr;
}

static err_t allow(int ruleset, const char *const *paths, uint64_t rights)
{
	for (; paths && *paths; paths++) {
		AUTO_FD fd = open(*paths, O_PATH | O_CLOEXEC);
		struct path_beneath_attr rule = { rights, fd };
		if (fd < 0 || syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0))
			return err_from_errno(errno);
	}
	return OK;
}

err_t confine_landlock(const struct confine_paths *paths)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
	size_t size;

	if (version < 1)
		return E_UNSUPPORTED;
	struct ruleset_attr attr = handled(version, paths->signals, &size);
	AUTO_FD ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (ruleset < 0)
		return err_from_errno(errno);
	TRY(allow(ruleset, paths->programs, FS_EXECUTE));
	TRY(allow(ruleset, paths->writable, attr.fs & ~(uint64_t)(FS_EXECUTE | FS_MAKE_CHAR | FS_MAKE_BLOCK)));
	TRY(allow(ruleset, paths->sockets, FS_MAKE_SOCK | FS_REMOVE_FILE));
	TRY(allow(ruleset, paths->devices, attr.fs & (FS_WRITE_FILE | FS_TRUNCATE)));
	if (syscall(SYS_landlock_restrict_self, ruleset, 0))
		return err_from_errno(errno);
	return OK;
}
