/* SPDX-License-Identifier: Apache-2.0
 * vm_vcpu.c - metering a process whose threads are named as QEMU's vCPUs are
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "clock.h"
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

	is_int(vcpus_new(pid, 2, &vcpus), OK, "a process is taken");
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
	is_int(time_after(vcpus, 200), before, "a stopped one's does not");
	vcpus_continue(vcpus);
	for (int i = 0; i < 100 && after <= before; i++)
		after = time_after(vcpus, 50);
	ok(after > before, "a continued one's does again");

	is_int(vcpus_new(pid, 3, &more), OK, "a third vCPU");
	is_int(vcpus_find(more), E_AGAIN, "is not there yet");
	vcpus_free(more);

	is_int(vcpus_wait_end(vcpus, 10), E_TIMEOUT, "it has not ended");
	kill(pid, SIGKILL);
	is_int(vcpus_wait_end(vcpus, 5000), OK, "now it has");
	waitpid(pid, NULL, 0);
	ok(vcpus_time_ns(vcpus) >= after, "what it used stays counted");
	vcpus_free(vcpus);
	is_int(vcpus_new(pid, 1, &vcpus), E_NOT_FOUND, "an ended process is not taken");
	return done_testing();
}
