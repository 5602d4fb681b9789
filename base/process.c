/* SPDX-License-Identifier: Apache-2.0
 * process.c - other programs: run to their end, or started
 */
#include "process.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "file.h"

static void redirect(int out)
{
	int null = open("/dev/null", O_RDWR);
	dup2(null, 0);
	dup2(out < 0 ? null : out, 1);
	dup2(out < 0 ? null : out, 2);
	if (null > 2)
		close(null);
}

/* What the daemon blocks for its own loop must not stay blocked in what it starts. */
static void default_signals(void)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
}

err_t process_run(char *const argv[], int timeout_ms, int *ret_status)
{
	return process_run_to(argv, -1, timeout_ms, ret_status);
}

err_t process_run_to(char *const argv[], int out_fd, int timeout_ms, int *ret_status)
{
	pid_t child = fork();
	if (child < 0)
		return err_from_errno(errno);
	if (child == 0) {
		default_signals();
		redirect(-1);
		if (out_fd >= 0)
			dup2(out_fd, 1);
		execvp(argv[0], argv);
		_exit(127);
	}
	AUTO_FD pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int ready = pidfd < 0 ? 1 : poll(&p, 1, timeout_ms);
	if (ready != 1)
		kill(child, SIGKILL);
	int status = 0;
	if (waitpid(child, &status, 0) != child)
		return err_from_errno(errno);
	if (ready != 1)
		return E_TIMEOUT;
	*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return OK;
}

/* As descriptor 3, which stays open; nothing else of ours does. */
static void give(int fd)
{
	if (fd == 3)
		fcntl(fd, F_SETFD, 0);
	else if (fd >= 0)
		dup2(fd, 3);
}

err_t process_start(char *const argv[], const char *log_path)
{
	return process_start_with(argv, log_path, -1);
}

err_t process_start_with(char *const argv[], const char *log_path, int given_fd)
{
	AUTO_FD log = open(log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (log < 0)
		return err_from_errno(errno);
	pid_t child = fork();
	if (child < 0)
		return err_from_errno(errno);
	if (child == 0) {
		setsid();
		if (fork() != 0)
			_exit(0);
		default_signals();
		redirect(log);
		give(given_fd);
		execv(argv[0], argv);
		_exit(127);
	}
	return waitpid(child, NULL, 0) == child ? OK : err_from_errno(errno);
}

err_t process_sibling(const char *name, char *ret_path, size_t size)
{
	static const char *const places[] = { "", "../libexec/cpushare/" };
	char self[512];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	self[n > 0 ? n : 0] = 0;
	char *slash = strrchr(self, '/');
	for (size_t i = 0; slash && i < sizeof places / sizeof *places; i++) {
		int len = snprintf(ret_path, size, "%.*s/%s%s", (int)(slash - self), self, places[i], name);
		if (len > 0 && (size_t)len < size && !access(ret_path, X_OK))
			return OK;
	}
	const char *path = getenv("PATH");
	for (const char *at = path ? path : "/usr/bin"; *at;) {
		size_t part = strcspn(at, ":");
		int len = snprintf(ret_path, size, "%.*s/%s", (int)part, at, name);
		if (len > 0 && (size_t)len < size && !access(ret_path, X_OK))
			return OK;
		at += part + (at[part] == ':');
	}
	return E_NOT_FOUND;
}
