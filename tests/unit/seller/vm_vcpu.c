/* SPDX-License-Identifier: Apache-2.0
 * vm_vcpu.c - metering a process whose threads are named as QEMU's vCPUs are
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "clock.h"
#include "file.h"
#include "tap.h"
#include "vcpu.h"

static void *burn(void *name)
{
	prctl(PR_SET_NAME, name);
	for (volatile unsigned i = 0;; i++)
		;
	return NULL;
}

static void *rest(void *name)
{
	prctl(PR_SET_NAME, name);
	for (;;)
		pause();
	return NULL;
}

/* "CPU 0/TCG" burns, "CPU 1/TCG" does not, and "worker" burns but is no vCPU. */
static pid_t start_fake(void)
{
	pid_t parent = getpid(), pid = fork();
	if (pid)
		return pid;
	pthread_t thread;
	setsid(); /* as QEMU has it: the autogroup that is made to yield is not that of the test's caller */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	pthread_create(&thread, NULL, burn, "CPU 0/TCG");
	pthread_create(&thread, NULL, rest, "CPU 1/TCG");
	pthread_create(&thread, NULL, burn, "worker");
	for (;;)
		pause();
}

static int idle_threads(pid_t pid)
{
	char path[64];
	int idle = 0;
	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	DIR *tasks = opendir(path);
	for (const struct dirent *e; tasks && (e = readdir(tasks));)
		idle += e->d_name[0] != '.' && sched_getscheduler((pid_t)strtol(e->d_name, NULL, 10)) == SCHED_IDLE;
	if (tasks)
		closedir(tasks);
	return idle;
}

/* True where the kernel has no such ranks. */
static bool lowest_rank(pid_t pid)
{
	char path[64], text[64] = "";
	snprintf(path, sizeof path, "/proc/%d/autogroup", (int)pid);
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 || (read(fd, text, sizeof text - 1) > 0 && strstr(text, "nice 19"));
}

static uint64_t time_after(struct vcpus *vcpus, int ms)
{
	usleep((useconds_t)ms * 1000);
	return vcpus_time_ns(vcpus);
}

int main(void)
{
	struct vcpus *vcpus = NULL, *more = NULL;
	pid_t pid = start_fake();
	err_t e = E_AGAIN;

	is_int(vcpus_new(pid, 2, false, &vcpus), OK, "a process is taken");
	for (int i = 0; i < 100 && e; i++, usleep(20000))
		e = vcpus_find(vcpus);
	is_int(e, OK, "its vCPUs are found");
	uint64_t before = vcpus_time_ns(vcpus), after = before;
	int64_t start_us = clock_mono().us;
	for (int i = 0; i < 1200 && after - before < 100000000; i++)
		after = time_after(vcpus, 50);
	ok(after - before >= 100000000, "the time grows");
	ok(after - before <= (uint64_t)(clock_mono().us - start_us) * 1000, "by no more than one thread's");

	vcpus_stop(vcpus);
	before = time_after(vcpus, 100);
	for (int i = 0; i < 50 && (after = time_after(vcpus, 200)) != before; i++) /* it stops when it next has a turn */
		before = after;
	is_int(after, before, "a stopped one's does not");
	vcpus_continue(vcpus);
	for (int i = 0; i < 100 && after <= before; i++)
		after = time_after(vcpus, 50);
	ok(after > before, "a continued one's does again");

	is_int(idle_threads(pid), 0, "a machine of normal priority has its share");
	is_int(vcpus_new(pid, 3, true, &more), OK, "a third vCPU");
	is_int(vcpus_find(more), E_AGAIN, "is not there yet");
	vcpus_free(more);
	is_int(idle_threads(pid), 2, "an idle one's vCPUs, and no other threads, have what is left");
	is_int(lowest_rank(pid), true, "and its session the lowest rank");

	is_int(vcpus_wait_end(vcpus, 10), E_TIMEOUT, "it has not ended");
	kill(pid, SIGKILL);
	is_int(vcpus_wait_end(vcpus, 5000), OK, "now it has");
	waitpid(pid, NULL, 0);
	ok(vcpus_time_ns(vcpus) >= after, "what it used stays counted");
	vcpus_free(vcpus);
	is_int(vcpus_new(pid, 1, true, &vcpus), E_NOT_FOUND, "an ended process is not taken");
	return done_testing();
}
