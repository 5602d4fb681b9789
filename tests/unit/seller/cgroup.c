/* SPDX-License-Identifier: Apache-2.0
 * cgroup.c - a guest's control groups hold: memory, processes, priority; and nothing is left of them
 *
 * It runs on whatever hierarchy the kernel has mounted; tests/e2e/cgroup.t runs it once more in a machine of its own that has nothing
 * but the unified one.
 */
#include "cgroup.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "file.h"
#include "tap.h"

#define MIB (1024 * 1024)

static char paths[CGROUP_CONTROLLER_COUNT][CGROUP_PATH_SIZE];
static size_t count;

static void join(void)
{
	for (size_t i = 0; i < count; i++) {
		char path[CGROUP_PATH_SIZE + 16];
		snprintf(path, sizeof path, "%.255s/cgroup.procs", paths[i]);
		AUTO_FD fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, "0", 1) != 1)
			_exit(99);
	}
}

/* Takes 64 MiB, and says by its exit code that it could. */
static void hog(void)
{
	volatile char *memory = mmap(NULL, 64 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		_exit(98);
	for (size_t i = 0; i < 64 * MIB; i += 4096)
		memory[i] = 1;
	_exit(7);
}

/* As many children as it may have, at most 40; their number is the exit code. */
static void bomb(void)
{
	int made = 0;
	for (; made < 40; made++) {
		pid_t child = fork();
		if (child < 0)
			break;
		if (child == 0) {
			pause();
			_exit(0);
		}
	}
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	_exit(made);
}

static int run(bool inside, void (*what)(void))
{
	int status = 0;
	pid_t child = fork();
	if (child == 0) {
		setpgid(0, 0);
		if (inside)
			join();
		what();
	}
	waitpid(child, &status, 0);
	return status;
}

static pid_t spin(bool inside)
{
	cpu_set_t first;
	pid_t child = fork();
	if (child)
		return child;
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	setsid(); /* its own group to the scheduler, as a desktop's programs are */
	(void)!sched_setaffinity(0, sizeof first, &first);
	if (inside)
		join();
	for (;;)
		;
}

static int64_t ticks_of(pid_t pid)
{
	clockid_t clock;
	struct timespec used = { 0 };
	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &used))
		return 0;
	return used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

static void test_limits(const struct cgroup_host *host)
{
	if (host->controllers[CGROUP_MEMORY].there) {
		int status = run(true, hog);
		ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "who takes more memory than there is ends");
		status = run(false, hog);
		ok(WIFEXITED(status) && WEXITSTATUS(status) == 7, "alone: outside of it there is memory");
	}
	if (host->controllers[CGROUP_PIDS].there) {
		int status = run(true, bomb);
		is_int(WEXITSTATUS(status), 9, "ten processes, and no more");
		status = run(false, bomb);
		is_int(WEXITSTATUS(status), 40, "outside of it there are more");
	}
	if (host->controllers[CGROUP_CPU].there && host->idle) {
		pid_t guest = spin(true), owner = spin(false);
		sleep(2);
		int64_t guest_ms = ticks_of(guest), owner_ms = ticks_of(owner);
		kill(owner, SIGKILL);
		waitpid(owner, NULL, 0);
		printf("# a busy guest had %lld ms, a busy owner on the same processor %lld ms: %.2f %%\n", (long long)guest_ms,
		       (long long)owner_ms, 100.0 * (double)guest_ms / (double)(guest_ms + owner_ms + 1));
		ok(owner_ms > 0 && guest_ms * 10 < owner_ms, "it only has what the owner leaves");
		cgroup_remove("cpushare-test");
		int status = 0;
		ok(waitpid(guest, &status, 0) == guest && WIFSIGNALED(status), "the group's end is the end of what is in it");
	}
}

int main(void)
{
	const struct cgroup_limits limits = { .idle = true, .cores = 1, .memory_bytes = 24 * MIB, .pids = 10 };
	struct cgroup_host host;
	cgroup_open(true, &host);
	printf("# cpu %d (unified %d, idle %d) memory %d pids %d: %s\n", host.controllers[CGROUP_CPU].there,
	       host.controllers[CGROUP_CPU].unified, host.idle, host.controllers[CGROUP_MEMORY].there,
	       host.controllers[CGROUP_PIDS].there, *host.why ? host.why : "nothing is missing");
	bool all = true;
	for (int c = 0; c < CGROUP_CONTROLLER_COUNT; c++)
		all &= host.controllers[c].there;
	ok(all == !*host.why, "what is missing is told");
	ok(getenv("CGROUP_ALL") == NULL || (all && host.idle && host.controllers[CGROUP_CPU].unified &&
					    host.controllers[CGROUP_MEMORY].unified && host.controllers[CGROUP_PIDS].unified),
	   "where all is to be there, it is");
	is_int(cgroup_make("cpushare-test", &limits, paths, &count), OK, "a guest's groups are made");
	is_int(cgroup_make("cpushare-test", &limits, paths, &count), OK, "twice is once");
	ok((count > 0) == (host.controllers[CGROUP_CPU].there || host.controllers[CGROUP_MEMORY].there ||
			   host.controllers[CGROUP_PIDS].there),
	   "as many hierarchies as there are: %zu", count);
	test_limits(&host);
	cgroup_remove("cpushare-test");
	for (size_t i = 0; i < count; i++)
		ok(access(paths[i], F_OK) && errno == ENOENT, "%s is gone", paths[i]);
	return done_testing();
}
