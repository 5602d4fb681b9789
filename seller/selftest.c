/* SPDX-License-Identifier: Apache-2.0
 * selftest.c - what this computer can do for guests and against them: each layer and condition, tried
 */
#include "selftest.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "cgroup.h"
#include "client.h"
#include "file.h"
#include "outlook.h"
#include "probe.h"
#include "process.h"

const char *const selftest_state_names[] = { "ok", "less", "bad" };
static_assert(sizeof selftest_state_names / sizeof *selftest_state_names == SELFTEST_STATE_COUNT, "one name each");

enum { PROGRAM_MS = 10000, MARKET_MS = 10000, SHARE_SECONDS = 1, SHARE_ROOT = 500, SHARE_USER = 1500 };
#define DISK_LEAST_BYTES (2LL << 30)

PRINTF_LIKE(3, 4) static void found(struct selftest_line *l, enum selftest_state state, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(l->detail, sizeof l->detail, fmt, args);
	va_end(args);
	l->state = state;
}

/* ---- programs ---- */

static void try_program(struct selftest_line *l, char *const argv[], const char *works)
{
	int status = -1;
	err_t e = process_run(argv, PROGRAM_MS, &status);
	if (e)
		found(l, SELFTEST_BAD, "%s: %s", argv[0], err_name(e));
	else if (status)
		found(l, SELFTEST_BAD, status == 127 ? "%s is not installed" : "%s ends with %d", argv[0], status);
	else
		found(l, SELFTEST_OK, "%s", works);
}

static void check_qemu(const struct settings *s, struct selftest_line *l)
{
	char *argv[] = { "qemu-system-x86_64", "-machine", "pc-q35-7.2", "-accel", "help", NULL };
	(void)s;
	l->fix = "apt-get install qemu-system-x86";
	try_program(l, argv, "QEMU is there and knows the guests' machine");
}

static void check_libvirt(const struct settings *s, struct selftest_line *l)
{
	char program[512];
	char *argv[] = { program, "--version", NULL };
	(void)s;
	l->fix = "apt-get install libvirt0 libvirt-daemon-driver-qemu, and install cpushare-vmrun beside cpushare-seller";
	if (process_sibling("cpushare-vmrun", program, sizeof program))
		found(l, SELFTEST_BAD, "cpushare-vmrun is not installed");
	else
		try_program(l, argv, "cpushare-vmrun starts with its libvirt");
	if (l->state == SELFTEST_OK && access("/usr/lib/x86_64-linux-gnu/libvirt/connection-driver/libvirt_driver_qemu.so", R_OK))
		found(l, SELFTEST_BAD, "libvirt's driver for QEMU is not installed");
}

/* The jail's own namespaces, as the daemon would have them made. */
static void check_namespaces(const struct settings *s, struct selftest_line *l)
{
	char *argv[] = { "bwrap",
			 "--unshare-user",
			 "--unshare-net",
			 "--unshare-pid",
			 "--unshare-ipc",
			 "--unshare-uts",
			 "--unshare-cgroup",
			 "--disable-userns",
			 "--die-with-parent",
			 "--ro-bind",
			 "/",
			 "/",
			 "--proc",
			 "/proc",
			 "--dev",
			 "/dev",
			 "true",
			 NULL };
	(void)s;
	l->fix = "apt-get install bubblewrap; sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000";
	try_program(l, argv, "user, network, process, IPC, host name and control group namespaces");
}

/* ---- the kernel ---- */

static void check_kvm(const struct settings *s, struct selftest_line *l)
{
	char canary[600], why[128];
	(void)s;
	l->fix = "switch on virtualisation in the BIOS; as a plain user: adduser YOU kvm. Without it guests are an order slower, "
		 "and "
		 "QEMU promises no isolation of its own";
	probe_canary_path(canary, sizeof canary);
	enum accel accel = probe_accel(canary, why, sizeof why);
	found(l, accel == ACCEL_KVM ? SELFTEST_OK : SELFTEST_LESS, "%s", why);
}

static void check_landlock(const struct settings *s, struct selftest_line *l)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	(void)s;
	l->fix = "boot with lsm=landlock,... on the kernel's command line; signals and sockets need Linux 6.12, TCP 6.7";
	if (abi < 0)
		found(l, SELFTEST_LESS, "this kernel has none: %s", strerror(errno));
	else
		found(l, abi >= 6 ? SELFTEST_OK : SELFTEST_LESS, "version %ld%s", abi,
		      abi < 6 ? " lacks some of the jail's rules" : "");
}

static void check_seccomp(const struct settings *s, struct selftest_line *l)
{
	AUTO_FREE char *text = NULL;
	size_t len;
	(void)s;
	l->fix = "a kernel with CONFIG_SECCOMP_FILTER";
	err_t e = file_read("/proc/sys/kernel/seccomp/actions_avail", 4096, &text, &len);
	if (e || !strstr(text, "kill_process"))
		found(l, SELFTEST_BAD, "this kernel has no system call filters");
	else
		found(l, SELFTEST_OK, "system call filters");
}

static void check_cgroups(const struct settings *s, struct selftest_line *l)
{
	struct cgroup_host host;
	(void)s;
	l->fix = "run the daemon as root, or by systemd with Delegate=yes";
	cgroup_open(true, &host);
	if (*host.why)
		found(l, SELFTEST_LESS, "%s", host.why);
	else
		found(l, host.idle ? SELFTEST_OK : SELFTEST_LESS, "memory, tasks and processors (%s)%s",
		      host.controllers[CGROUP_CPU].unified ? "unified hierarchy" : "older hierarchies",
		      host.idle ? "" : ", not idle against the owner's programs");
	cgroup_close(&host);
}

/* ---- politeness ---- */

static pid_t spin(const char (*groups)[CGROUP_PATH_SIZE], size_t count, bool guest)
{
	pid_t parent = getpid(), child = fork();
	if (child)
		return child;
	cpu_set_t one;
	const struct sched_param param = { 0 };
	setsid(); /* a scheduling group of its own, as QEMU and the owner's programs have */
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		/* Both on the first processor that we may use. */
		CPU_ZERO(&one);
		CPU_SET((size_t)cpu, &one);
		if (!sched_setaffinity(0, sizeof one, &one))
			break;
	}
	if (guest) {
		AUTO_FD rank = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
		if (sched_setscheduler(0, SCHED_IDLE, &param) || (rank >= 0 && write(rank, "19", 2) != 2))
			_exit(1);
	}
	for (size_t i = 0; i < count; i++) {
		char path[CGROUP_PATH_SIZE + 16];
		snprintf(path, sizeof path, "%.255s/cgroup.procs", groups[i]);
		AUTO_FD fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, "0", 1) != 1)
			_exit(1);
	}
	while (getppid() == parent)
		for (volatile int i = 0; i < 10000000; i++)
			;
	_exit(0);
}

static int64_t used_us(pid_t pid)
{
	clockid_t clock;
	struct timespec used;
	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &used))
		return -1;
	return used.tv_sec * SECOND_US + used.tv_nsec / 1000;
}

int selftest_share(bool in_group)
{
	const struct cgroup_limits limits = { .idle = true, .cores = 1, .memory_bytes = 64 << 20, .pids = 8 };
	char groups[CGROUP_CONTROLLER_COUNT][CGROUP_PATH_SIZE], name[48];
	size_t count = 0;
	snprintf(name, sizeof name, "selftest-%d", (int)getpid());
	if (in_group && (cgroup_make(name, &limits, groups, &count) || !count))
		return -1;
	pid_t owner = spin(NULL, 0, false), guest = spin(groups, count, true);
	usleep(200000); /* both have found their places */
	int64_t owner_us = used_us(owner), guest_us = used_us(guest);
	sleep(SHARE_SECONDS);
	int64_t owner_more = used_us(owner) - owner_us, guest_more = used_us(guest) - guest_us;
	bool lived = owner > 0 && guest > 0 && owner_us >= 0 && guest_us >= 0;
	const pid_t both[] = { owner, guest };
	for (size_t i = 0; i < 2; i++)
		if (both[i] > 0) {
			kill(both[i], SIGKILL);
			waitpid(both[i], NULL, 0);
		}
	if (in_group)
		cgroup_remove(name);
	return lived && owner_more > 0 && guest_more >= 0 ? (int)(guest_more * 100000 / (owner_more + guest_more)) : -1;
}

static void check_politeness(const struct settings *s, struct selftest_line *l)
{
	bool root = geteuid() == 0;
	int bound = root ? SHARE_ROOT : SHARE_USER, share = selftest_share(root);
	(void)s;
	l->fix = "stop what else is busy and try again; sysctl kernel.sched_autogroup_enabled=1, or a kernel of 5.15 or newer";
	if (share < 0)
		found(l, SELFTEST_LESS, "a busy guest's share beside a busy program cannot be measured");
	else
		found(l, share <= bound ? SELFTEST_OK : SELFTEST_LESS,
		      "a busy guest gets %d.%02d %% of a processor beside a busy program (%d.%d %% at most)", share / 1000,
		      share % 1000 / 10, bound / 1000, bound % 1000 / 100);
}

/* ---- the rest ---- */

static void check_disk(const struct settings *s, struct selftest_line *l)
{
	struct statvfs v;
	l->fix = "free some, or choose another folder with --state";
	if (statvfs(s ? s->state : "/var", &v)) {
		found(l, SELFTEST_BAD, "%s: %s", s ? s->state : "/var", strerror(errno));
		return;
	}
	int64_t bytes = (int64_t)((uint64_t)v.f_bavail * v.f_frsize), wanted = s ? s->cache_bytes : DISK_LEAST_BYTES;
	found(l,
	      bytes < DISK_LEAST_BYTES ? SELFTEST_BAD
	      : bytes < wanted	       ? SELFTEST_LESS
				       : SELFTEST_OK,
	      "%lld MiB free, up to %lld for buyers' images", (long long)(bytes >> 20), (long long)(wanted >> 20));
}

static void check_clock(const struct settings *s, struct selftest_line *l)
{
	struct timex t = { .modes = 0 };
	int state = adjtimex(&t);
	(void)s;
	l->fix = "timedatectl set-ntp true";
	if (state == TIME_ERROR || state < 0)
		found(l, SELFTEST_LESS, "nothing keeps it right");
	else
		found(l, SELFTEST_OK, "kept right, off by at most %lld ms", (long long)(t.maxerror / 1000));
}

static void check_market(const struct settings *s, struct selftest_line *l)
{
	struct client *client = NULL;
	struct problem problem = { .status = 0 };
	AUTO_JSON answer = NULL;
	l->fix = "cpushare-seller setup --help";
	if (!s) {
		found(l, SELFTEST_BAD, "this machine is not set up");
		return;
	}
	l->fix = "is the address in seller.conf right, does a firewall let HTTPS out?";
	struct client_config config = { .url = s->market_url,
					.pin = s->market_pin,
					.user_agent = "cpushare-seller/" CPUSHARE_VERSION,
					.timeout_ms = MARKET_MS };
	err_t e = client_new(&config, &client);
	if (!e)
		e = client_call(client, "GET", "/v1/market", NULL, NULL, &answer, &problem);
	client_free(client);
	if (e)
		found(l, SELFTEST_BAD, "%s: %s", s->market_url, *problem.title ? problem.title : err_name(e));
	else
		found(l, SELFTEST_OK, "%s answers", s->market_url);
}

/* As peers will meet it: what stands between this machine and them. */
static void check_nat(const struct settings *s, struct selftest_line *l)
{
	struct identity id = { .key = NULL };
	struct netcheck servers;
	struct survey survey;
	char regions[SURVEY_REGIONS_SIZE];
	l->fix = "cpushare-seller setup --help";
	if (!s || identity_load(s, &id)) {
		found(l, SELFTEST_LESS, "this machine is not set up");
		return;
	}
	l->fix = "is the market there? It names the servers to try it with";
	err_t e = outlook_servers(s, &id, NULL, &servers);
	identity_clear(&id);
	if (e || survey_make(&servers, &survey)) {
		found(l, SELFTEST_LESS, "it cannot be tried");
		return;
	}
	if (!servers.stun_count && !servers.relay_count) {
		found(l, SELFTEST_OK, "unknown: the market names no servers to try it with");
		return;
	}
	l->fix = "let UDP out, to any port; until then guests are reached through a relay's TLS, slower";
	if (!survey_answer(&survey, false) && !survey_answer(&survey, true)) {
		found(l, SELFTEST_LESS, "UDP is blocked: no server answers");
		return;
	}
	enum nat_kind nat = outlook_nat(&survey);
	bool hard = nat == NAT_DEPENDENT && !survey.mapped && !s->address[0];
	l->fix = "switch on PCP or NAT-PMP at the router, or forward a port and name it in seller.conf, or use IPv6";
	survey_regions_text(&survey, &servers, regions);
	found(l, hard ? SELFTEST_LESS : SELFTEST_OK, "%s%s%s%s",
	      nat == NAT_NONE	       ? "none"
	      : nat == NAT_INDEPENDENT ? "gives all destinations the same port"
	      : nat == NAT_DEPENDENT   ? "gives each destination another port"
				       : "it takes two servers' answers to tell its kind",
	      survey.mapped ? ", and a port on request"
	      : hard	    ? ": many peers are reached through a relay only"
			    : "",
	      *regions ? "; to " : "", regions);
}

size_t selftest_run(const struct settings *settings, struct selftest_line *ret_lines)
{
	static const struct {
		const char *name;
		void (*check)(const struct settings *s, struct selftest_line *l);
	} checks[] = {
		{ "kvm", check_kvm },		{ "qemu", check_qemu },
		{ "libvirt", check_libvirt },	{ "namespaces", check_namespaces },
		{ "landlock", check_landlock }, { "seccomp", check_seccomp },
		{ "cgroups", check_cgroups },	{ "politeness", check_politeness },
		{ "disk", check_disk },		{ "clock", check_clock },
		{ "market", check_market },	{ "nat", check_nat },
	};
	static_assert(sizeof checks / sizeof *checks <= SELFTEST_LINES, "the caller has room for all");
	size_t count = sizeof checks / sizeof *checks;
	for (size_t i = 0; i < count; i++) {
		ret_lines[i] = (struct selftest_line){ .name = checks[i].name, .fix = "" };
		checks[i].check(settings, &ret_lines[i]);
		if (ret_lines[i].state == SELFTEST_OK)
			ret_lines[i].fix = "";
	}
	return count;
}
