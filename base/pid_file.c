/* SPDX-License-Identifier: Apache-2.0
 * pid_file.c - a file that names the process which holds it, for as long as that lives
 */
#include "pid_file.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "file.h"

#define KILL_WAIT_MS 1000

err_t pid_file_take(const char *path, int *ret_fd)
{
	AUTO_FD fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char text[16];
	if (fd < 0)
		return err_from_errno(errno);
	if (fcntl(fd, F_SETLK, &lock))
		return errno == EAGAIN || errno == EACCES ? E_EXISTS : err_from_errno(errno);
	int len = snprintf(text, sizeof text, "%d\n", (int)getpid());
	if (ftruncate(fd, 0))
		return err_from_errno(errno);
	TRY(fd_write_all(fd, text, (size_t)len));
	*ret_fd = fd;
	fd = -1;
	return OK;
}

pid_t pid_file_holder(const char *path)
{
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	if (fd < 0 || fcntl(fd, F_GETLK, &lock) || lock.l_type == F_UNLCK || lock.l_pid < 0)
		return 0;
	return lock.l_pid;
}

void pid_file_kill(const char *path)
{
	pid_t pid = pid_file_holder(path);
	AUTO_FD pidfd = pid ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	/* Only now is it sure that the descriptor is the holder's, and stays it. */
	if (pidfd < 0 || pid_file_holder(path) != pid || syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0))
		return;
	struct pollfd end = { .fd = pidfd, .events = POLLIN };
	(void)!poll(&end, 1, KILL_WAIT_MS);
}
