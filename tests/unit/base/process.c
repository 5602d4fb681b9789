/* SPDX-License-Identifier: Apache-2.0
 * process.c - programs are run to their end, or to their time's end
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

int main(void)
{
	test_run();
	return done_testing();
}
