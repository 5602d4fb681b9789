/* SPDX-License-Identifier: Apache-2.0
 * probe.c - what this machine can do, found out by doing it
 *
 * How it works: the KVM probe sets up a guest by hand: 2 MiB of memory, page tables at 0x2000 (one PML4, one PDPT, one 2 MiB
 * page), the CPU in long mode, and at 0x1000 a loop that counts down and then tells us by an OUT. It runs in a child, because a
 * KVM_RUN that hangs can only be ended by a signal.
 */
#include "probe.h"
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "clock.h"
#include "crypto.h"
#include "file.h"
#include "process.h"
#include "work.h"

enum {
	GUEST_BYTES = 2 << 20,
	CODE_AT = 0x1000,
	PML4_AT = 0x2000,
	PDPT_AT = 0x3000,
	PD_AT = 0x4000,
	STACK_AT = 0x8000,
	LOOPS = 200000,
	MAX_NS_A_LOOP = 50,
	DEADLINE_MS = 300,
	SIGNAL_PORT = 0x10,
	SIGNAL_VALUE = 42,
};

/* mov edx, 0x10; mov ecx, 200000; 1: dec ecx; jnz 1b; mov al, 42; out dx, al; hlt */
static const uint8_t guest_code[] = { 0xba, 0x10, 0,	0,    0,    0xb9, 0x40, 0x0d, 0x03,
				      0x00, 0xff, 0xc9, 0x75, 0xfc, 0xb0, 0x2a, 0xee, 0xf4 };

static void guest_memory(uint8_t *m)
{
	const uint64_t pml4 = PDPT_AT | 7, pdpt = PD_AT | 7, pd = 0x87; /* present, writable, user; 0x80: a 2 MiB page */
	memcpy(m + CODE_AT, guest_code, sizeof guest_code);
	memcpy(m + PML4_AT, &pml4, sizeof pml4);
	memcpy(m + PDPT_AT, &pdpt, sizeof pdpt);
	memcpy(m + PD_AT, &pd, sizeof pd);
}

/* Long mode with paging (Intel SDM volume 3, section 9.8.5). */
static int guest_registers(int cpu)
{
	struct kvm_sregs s;
	struct kvm_regs r = { .rflags = 2, .rip = CODE_AT, .rsp = STACK_AT };
	struct kvm_segment code = { .limit = 0xffffffff, .selector = 8, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1 };
	struct kvm_segment data = { .limit = 0xffffffff, .selector = 16, .type = 3, .present = 1, .db = 1, .s = 1, .g = 1 };
	if (ioctl(cpu, KVM_GET_SREGS, &s))
		return -1;
	s.cr3 = PML4_AT;
	s.cr4 = 0x20;	    /* PAE */
	s.cr0 = 0x80050033; /* PG WP AM NE ET MP PE */
	s.efer = 0x500;	    /* LME LMA */
	s.cs = code;
	s.ds = s.es = s.fs = s.gs = s.ss = data;
	return ioctl(cpu, KVM_SET_SREGS, &s) || ioctl(cpu, KVM_SET_REGS, &r) ? -1 : 0;
}

/* In the child. 0 where the guest ran to its end and said so. */
static int guest_run(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0 || ioctl(kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		return 1;
	int vm = ioctl(kvm, KVM_CREATE_VM, 0UL);
	uint8_t *memory = mmap(NULL, GUEST_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (vm < 0 || memory == MAP_FAILED)
		return 1;
	(void)ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000UL);
	guest_memory(memory);
	struct kvm_userspace_memory_region region = { .memory_size = GUEST_BYTES, .userspace_addr = (uintptr_t)memory };
	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region))
		return 1;
	int cpu = ioctl(vm, KVM_CREATE_VCPU, 0UL), size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (cpu < 0 || size <= 0 || guest_registers(cpu))
		return 1;
	struct kvm_run *run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
	if (run == MAP_FAILED)
		return 1;
	for (bool signalled = false;;) {
		if (ioctl(cpu, KVM_RUN, 0) && errno != EINTR && errno != EAGAIN)
			return 1;
		if (run->exit_reason == KVM_EXIT_HLT)
			return signalled ? 0 : 1;
		if (run->exit_reason != KVM_EXIT_IO || run->io.port != SIGNAL_PORT)
			return 1;
		signalled = *((uint8_t *)run + run->io.data_offset) == SIGNAL_VALUE;
	}
}

/* Nanoseconds an iteration, or -1. */
static int64_t loop_ns(void)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC))
		return -1;
	pid_t child = fork();
	if (child == 0) {
		mono_time start = clock_mono();
		int64_t took_us = guest_run() ? -1 : clock_mono().us - start.us;
		_exit(write(ends[1], &took_us, sizeof took_us) != sizeof took_us);
	}
	close(ends[1]);
	int64_t took_us = -1;
	struct pollfd p = { .fd = ends[0], .events = POLLIN };
	if (child > 0 && poll(&p, 1, DEADLINE_MS) == 1 && read(ends[0], &took_us, sizeof took_us) != sizeof took_us)
		took_us = -1;
	close(ends[0]);
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	return took_us < 0 ? -1 : took_us * 1000 / LOOPS;
}

/* The canary's boot sector writes 0x10 to QEMU's debug-exit device, which makes QEMU exit with 0x10 * 2 + 1. */
static bool canary_boots(const char *canary_iso)
{
	char *argv[] = { "qemu-system-x86_64",
			 "-machine",
			 "q35,accel=kvm",
			 "-m",
			 "64",
			 "-display",
			 "none",
			 "-nodefaults",
			 "-no-user-config",
			 "-device",
			 "isa-debug-exit,iobase=0xf4,iosize=1",
			 "-cdrom",
			 (char *)canary_iso,
			 NULL };
	int status = -1;
	return process_run(argv, 1500, &status) == OK && status == 33;
}

void probe_canary_path(char *path, size_t size)
{
	char self[512];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	const char *resources = getenv("CPUSHARE_RESOURCES");
	if (resources) {
		snprintf(path, size, "%s/images/canary.iso", resources);
		return;
	}
	self[n > 0 ? n : 0] = 0;
	char *slash = strrchr(self, '/');
	if (slash)
		*slash = 0;
	snprintf(path, size, "%s/../images/canary.iso", self);
	if (access(path, R_OK))
		snprintf(path, size, "%s/../share/cpushare/images/canary.iso", self);
	if (access(path, R_OK))
		snprintf(path, size, CPUSHARE_PREFIX "/share/cpushare/images/canary.iso");
}

enum accel probe_accel(const char *canary_iso, char *ret_why, size_t size)
{
	if (access("/dev/kvm", R_OK | W_OK)) {
		snprintf(ret_why, size, "no KVM: /dev/kvm: %s", strerror(errno));
		return ACCEL_TCG;
	}
	int64_t ns = loop_ns();
	if (ns < 0 || ns > MAX_NS_A_LOOP) {
		if (ns < 0)
			snprintf(ret_why, size, "KVM is there but does not run a guest in time");
		else
			snprintf(ret_why, size, "KVM is there but emulated: %lld ns a loop", (long long)ns);
		return ACCEL_TCG;
	}
	if (!canary_boots(canary_iso)) {
		snprintf(ret_why, size, "KVM is there but QEMU does not boot with it");
		return ACCEL_TCG;
	}
	snprintf(ret_why, size, "KVM works: %lld ns a loop", (long long)ns);
	return ACCEL_KVM;
}

enum port_kind probe_port(void)
{
	/* QEMU has the type only where a sealed memfd can be made. */
	char *argv[] = { "qemu-system-x86_64", "-object", "memory-backend-memfd,help", NULL };
	int status = -1;
	return process_run(argv, 5000, &status) == OK && status == 0 ? PORT_VHOST_USER : PORT_STREAM;
}

uint32_t probe_score(enum accel accel)
{
	enum { MEMORY_MIB = 16, STEPS = 2000, PROBE_US = 200000, EMULATION = 16 };
	struct work work = { .seed = "probe", .cores = 1, .memory_mib = MEMORY_MIB, .steps = STEPS };
	uint64_t *memory = malloc(work_words(&work) * sizeof *memory);
	if (!memory)
		return 0;
	work_fill(&work, 0, 1, memory);
	sha256 digest = work_begin(&work, 0);
	int64_t took_us, done = 0;
	mono_time start = clock_mono();
	do {
		digest = work_chunk(&work, digest, memory);
		done += (int64_t)STEPS * WORK_STEP_BYTES;
		took_us = clock_mono().us - start.us;
	} while (took_us < PROBE_US);
	free(memory);
	int64_t score = (done * SECOND_US / took_us >> 20) / (accel == ACCEL_KVM ? 1 : EMULATION);
	return score < 1 ? 1 : (uint32_t)score;
}

enum cpu_vendor probe_cpu_vendor(void)
{
	unsigned int highest, ebx, ecx, edx;
	char name[13] = "";
	if (!__get_cpuid(0, &highest, &ebx, &ecx, &edx))
		return CPU_OTHER;
	memcpy(name, &ebx, 4);
	memcpy(name + 4, &edx, 4);
	memcpy(name + 8, &ecx, 4);
	return !strcmp(name, "GenuineIntel") ? CPU_INTEL : !strcmp(name, "AuthenticAMD") ? CPU_AMD : CPU_OTHER;
}
