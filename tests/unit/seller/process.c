/* SPDX-License-Identifier: Apache-2.0
 * process.c - programs are run to their end, or to their time's end, and only the right one is killed
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "file.h"
#include "process.h"
#include "tap.h"

static void test_run(void)
{
	int status = -1;
	char *yes[] = { "true", NULL }, *no[] = { "sh", "-c", "exit 7", NULL }, *slow[] = { "sleep", "30", NULL },
	     *none[] = { "/no/such/program", NULL };
	ok(process_run(yes, 5000, &status) == OK && status == 0, "a program's success");
	ok(process_run(no, 5000, &status) == OK && status == 7, "a program's exit code");
	ok(process_run(none, 5000, &status) == OK && status == 127, "a program that is not there");
	status = 42;
	ok(process_run(slow, 200, &status) == E_TIMEOUT && status == 42,
	   "one that takes too long is ended, and leaves no status");
}

static void test_kill_by_file(void)
{
	char dir[] = "/tmp/cpushare-process-XXXXXX", path[64], text[32];
	if (!mkdtemp(dir))
		return;
	pid_t child = fork();
	if (child == 0) {
		execlp("sleep", "sleep", "30", (char *)NULL);
		_exit(127);
	}
	usleep(200000);
	snprintf(path, sizeof path, "%s/pid", dir);
	int n = snprintf(text, sizeof text, "%d\n", child);
	ok(file_write(path, text, (size_t)n, 0600) == OK, "a pid file");
	process_kill_by_file(path, "cpushare-vmrun");
	ok(waitpid(child, NULL, WNOHANG) == 0, "another program that has the number now is left alone");
	process_kill_by_file(path, "sleep");
	int status = 0;
	ok(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "the right one is ended");
	process_kill_by_file("/no/such/file", "sleep");
	ok(dir_remove(dir) == OK, "cleaned up");
}

int main(void)
{
	test_run();
	test_kill_by_file();
	return done_testing();
}
