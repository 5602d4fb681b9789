/* SPDX-License-Identifier: Apache-2.0
 * pid_file.c - one process holds the file, and only that one is ended
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "file.h"
#include "pid_file.h"
#include "tap.h"

static char dir[] = "/tmp/cpushare-pid-file-XXXXXX", path[64];

/* A process that takes the file, says how that went, and stays. */
static pid_t holder(err_t *ret_result)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC))
		abort();
	pid_t child = fork();
	if (child == 0) {
		int fd;
		err_t e = pid_file_take(path, &fd);
		if (write(ends[1], &e, sizeof e) == sizeof e && e == OK)
			pause();
		_exit(0);
	}
	close(ends[1]);
	if (read(ends[0], ret_result, sizeof *ret_result) != sizeof *ret_result)
		abort();
	close(ends[0]);
	return child;
}

static bool ended_by(pid_t child, int number)
{
	int status = 0;
	return waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == number;
}

int main(void)
{
	AUTO_FREE char *text = NULL;
	size_t len;
	char number[32];
	err_t e;
	if (!mkdtemp(dir))
		return EXIT_FAILURE;
	snprintf(path, sizeof path, "%s/pid", dir);
	is_int(pid_file_holder(path), 0, "a file that is not there is nobody's");
	pid_file_kill(path);

	pid_t first = holder(&e);
	is_int(e, OK, "a process takes it");
	is_int(pid_file_holder(path), first, "and is its holder");
	snprintf(number, sizeof number, "%d\n", first);
	ok(file_read(path, 64, &text, &len) == OK && !strcmp(text, number), "its number stands there");
	pid_t second = holder(&e);
	is_int(e, E_EXISTS, "another does not get it");
	ok(waitpid(second, NULL, 0) == second && pid_file_holder(path) == first, "and leaves it as it was");
	kill(first, SIGKILL);
	ok(ended_by(first, SIGKILL), "the holder ends");
	is_int(pid_file_holder(path), 0, "the file that it left is nobody's");

	/* The number in a file that nobody holds may be anybody's by now. */
	pid_t stranger = fork();
	if (stranger == 0) {
		pause();
		_exit(0);
	}
	int n = snprintf(number, sizeof number, "%d\n", stranger);
	ok(file_write(path, number, (size_t)n, 0644) == OK, "a file names a process that does not hold it");
	pid_file_kill(path);
	is_int(waitpid(stranger, NULL, WNOHANG), 0, "which is left alone");
	kill(stranger, SIGTERM);
	ok(ended_by(stranger, SIGTERM), "it was there");

	second = holder(&e);
	kill(second, SIGSTOP);
	pid_file_kill(path);
	ok(ended_by(second, SIGKILL), "the holder is ended, also one that was stopped");
	ok(dir_remove(dir) == OK, "cleaned up");
	return done_testing();
}
