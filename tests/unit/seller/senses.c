/* SPDX-License-Identifier: Apache-2.0
 * senses.c - what is read of a computer that lies in a folder, as a kernel would show it, and as it would not
 */
#include "senses.h"
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "file.h"
#include "sense_text.h"
#include "tap.h"

static char root[] = "/tmp/cpushare-senses-XXXXXX";

__attribute__((format(printf, 2, 3))) static void put(const char *path, const char *fmt, ...)
{
	char full[256], text[8192], *slash;
	va_list args;
	va_start(args, fmt);
	int len = vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	snprintf(full, sizeof full, "%s/%s", root, path);
	slash = strrchr(full, '/');
	*slash = 0;
	if (dir_make(full, 0755) != OK)
		abort();
	*slash = '/';
	if (file_write(full, text, (size_t)len, 0644) != OK)
		abort();
}

static void drop(const char *path)
{
	char full[256];
	snprintf(full, sizeof full, "%s/%s", root, path);
	if (dir_remove(full) != OK && unlink(full))
		abort();
}

static int64_t v[POLICY_REASON_COUNT];
static mono_time now = { 1000 * SECOND_US };
static const wall_time wall = { 1800000000 * SECOND_US };

static void read_again(struct senses *s, const pid_t *own, size_t count)
{
	for (int i = 0; i < POLICY_REASON_COUNT; i++)
		v[i] = 4711;
	now.us += SECOND_US / 4;
	senses_read(s, own, count, root, wall, now, v);
}

static void put_cpu(uint64_t busy, uint64_t idle, int running)
{
	put("proc/stat", "cpu  %llu 0 0 %llu 50 0 0 7 3 0\ncpu0 1 2 3\nintr 0 1 2\nctxt 5\nprocs_running %d\nprocs_blocked 0\n",
	    (unsigned long long)busy, (unsigned long long)idle, running);
}

static void put_task(int pid, const char *state, uint64_t ticks, const char *children)
{
	char path[64];
	snprintf(path, sizeof path, "proc/%d/stat", pid);
	put(path, "%d (a ) R 1 2) %s 1 1 1 0 -1 4194304 1 0 0 0 %llu 5 0 0 20 0 1 0 1 1 1\n", pid, state,
	    (unsigned long long)ticks);
	snprintf(path, sizeof path, "proc/%d/task/%d/stat", pid, pid);
	put(path, "%d (a ) R 1 2) %s 1 1 1 0 -1 4194304 1 0 0 0 %llu 5 0 0 20 0 1 0 1 1 1\n", pid, state,
	    (unsigned long long)ticks);
	snprintf(path, sizeof path, "proc/%d/task/%d/children", pid, pid);
	put(path, "%s", children);
}

static void test_nothing(void)
{
	struct senses *s;
	ok(senses_new("/no/such/folder", &s) == E_IO, "no computer there");
	ok(senses_new(root, &s) == OK, "an empty computer");
	read_again(s, NULL, 0);
	for (int i = POLICY_USER; i < POLICY_TRAFFIC; i++)
		ok(v[i] == POLICY_UNKNOWN, "%s is not known", policy_reason_names[i]);
	ok(v[POLICY_OWNER] == 4711 && v[POLICY_HOURS] == 4711 && v[POLICY_TRAFFIC] == 4711, "what others know is left alone");
	ok(v[POLICY_DISK] < 0, "the disk is measured where it is");
	senses_free(s);
}

static void test_cpu(void)
{
	struct senses *s;
	const pid_t own[] = { 100 };
	ok(senses_new(root, &s) == OK, "a computer");
	put_cpu(1000, 1000, 3);
	put_task(100, "S", 10, "200 300 ");
	put_task(200, "R", 20, "");
	put_task(300, "S", 30, "100 "); /* a circle: two readings of /proc are no snapshot */
	read_again(s, own, 1);
	ok(v[POLICY_CPU] == POLICY_UNKNOWN, "one reading says nothing of use");
	put_cpu(1080, 1020, 3);
	put_task(200, "R", 50, "");
	read_again(s, own, 1);
	is_int(v[POLICY_CPU], 500, "80 of 100 ticks were busy, 30 of them ours");
	read_again(s, own, 1);
	is_int(v[POLICY_CPU], 500, "no tick later it is as it was");
	drop("proc/200");
	put_cpu(1100, 1100, 3);
	read_again(s, own, 1);
	is_int(v[POLICY_CPU], 200, "a process that ended takes nothing back");
	put_cpu(1200, 1100, 3);
	put_task(200, "R", 900000, "");
	read_again(s, own, 1);
	is_int(v[POLICY_CPU], 0, "guests that say they did more than there was did all of it");
	put_cpu(10, 10, 3);
	read_again(s, own, 1);
	ok(v[POLICY_CPU] == POLICY_UNKNOWN, "counters that went back begin anew");
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	for (int i = 0; i < 40; i++) {
		put_cpu(20 + 100 * (uint64_t)i, 20, (int)cpus + 2 + 5);
		read_again(s, own, 1);
	}
	ok(v[POLICY_QUEUE] > 4900 && v[POLICY_QUEUE] <= 5000, "five tasks wait beside one of ours and this one: %lld",
	   (long long)v[POLICY_QUEUE]);
	put("proc/stat", "cpu  1 2 3 4\n");
	read_again(s, own, 1);
	ok(v[POLICY_CPU] == POLICY_UNKNOWN && v[POLICY_QUEUE] == POLICY_UNKNOWN, "a short /proc/stat is refused");
	senses_free(s);
}

static void test_power_and_heat(void)
{
	struct senses *s;
	ok(senses_new(root, &s) == OK, "a computer");
	put("sys/class/power_supply/AC/type", "Mains\n");
	put("sys/class/power_supply/AC/online", "1\n");
	put("sys/class/power_supply/BAT0/type", "Battery\n");
	put("sys/class/power_supply/BAT0/status", "Charging\n");
	read_again(s, NULL, 0);
	is_int(v[POLICY_BATTERY], 0, "plugged in");
	put("sys/class/power_supply/AC/online", "0\n");
	put("sys/class/power_supply/BAT0/status", "Discharging\n");
	read_again(s, NULL, 0);
	is_int(v[POLICY_BATTERY], 1, "on battery");
	put("sys/class/power_supply/BAT0/scope", "Device\n");
	read_again(s, NULL, 0);
	is_int(v[POLICY_BATTERY], 0, "a mouse's battery is not the computer's");
	put("sys/class/thermal/thermal_zone0/temp", "41000\n");
	put("sys/class/thermal/thermal_zone1/temp", "-274000\n");
	put("sys/class/thermal/thermal_zone2/temp", "9999999999999999999999\n");
	put("sys/class/hwmon/hwmon0/name", "coretemp\n");
	put("sys/class/hwmon/hwmon0/temp2_input", "67500\n");
	put("sys/class/hwmon/hwmon1/name", "nvme\n");
	put("sys/class/hwmon/hwmon1/temp1_input", "88000\n");
	read_again(s, NULL, 0);
	is_int(v[POLICY_TEMPERATURE], 67500, "the hottest sensor of a processor, broken ones left out");
	senses_free(s);
}

static void test_pressure_and_network(void)
{
	struct senses *s;
	ok(senses_new(root, &s) == OK, "a computer");
	put("proc/pressure/memory",
	    "some avg10=12.34 avg60=1.00 avg300=0.00 total=5\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
	put("proc/pressure/io", "some avg10=100.00 avg60=1.00 avg300=0.00 total=5\n");
	put("proc/meminfo", "MemTotal:  24684096 kB\nMemFree:  22148644 kB\nMemAvailable:    2097152 kB\n");
	put("proc/net/route", "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
			      "eth0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n"
			      "wwan0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
			      "eth0\t0001A8C0\t00000000\t0001\t0\t0\t50\t00FFFFFF\t0\t0\t0\n");
	put("sys/class/net/wwan0/uevent", "DEVTYPE=wwan\nINTERFACE=wwan0\n");
	put("sys/class/net/eth0/uevent", "INTERFACE=eth0\n");
	put("sys/class/net/eth0/type", "1\n");
	put("sys/class/net/ppp0/type", "512\n");
	read_again(s, NULL, 0);
	is_int(v[POLICY_MEMORY_PRESSURE], 123, "memory's pressure");
	is_int(v[POLICY_IO_PRESSURE], 1000, "the disks'");
	is_int(v[POLICY_MEMORY], -2048, "available memory");
	is_int(v[POLICY_METERED], 1, "the best default route is a modem's");
	put("proc/net/route", "Iface\n eth0\nppp0\t00000000\t0101A8C0\t0003\t0\t0\t1\t00000000\t0\t0\t0\n");
	read_again(s, NULL, 0);
	is_int(v[POLICY_METERED], 1, "a dialled line");
	put("proc/net/route", "Iface\neth0\t00000000\t0101A8C0\t0003\t0\t0\t1\t00000000\t0\t0\t0\n");
	read_again(s, NULL, 0);
	is_int(v[POLICY_METERED], 0, "a cable");
	senses_free(s);
}

static void test_user(void)
{
	struct senses *s;
	char path[256];
	put("dev/pts/3", "x");
	snprintf(path, sizeof path, "%s/dev/pts/3", root);
	struct timespec typed[2] = { { .tv_sec = 1800000000 - 77 }, { .tv_nsec = UTIME_OMIT } };
	ok(utimensat(AT_FDCWD, path, typed, 0) == 0 && senses_new(root, &s) == OK, "a terminal where somebody typed");
	read_again(s, NULL, 0);
	is_int(v[POLICY_USER], -77, "77 seconds ago");
	typed[0].tv_sec = 1800000000 + 500;
	put("dev/tty1", "x");
	snprintf(path, sizeof path, "%s/dev/tty1", root);
	ok(utimensat(AT_FDCWD, path, typed, 0) == 0, "another one, touched in the future");
	read_again(s, NULL, 0);
	is_int(v[POLICY_USER], -77, "which says nothing");
	snprintf(path, sizeof path, "%s/dev/input", root);
	ok(mkdir(path, 0755) == 0, "input devices");
	snprintf(path, sizeof path, "%s/dev/input/event0", root);
	ok(mkfifo(path, 0600) == 0, "a keyboard");
	AUTO_FD keyboard = open(path, O_RDWR | O_CLOEXEC);
	now.us += 20 * SECOND_US;
	read_again(s, NULL, 0);
	now.us += 20 * SECOND_US;
	read_again(s, NULL, 0);
	ok(v[POLICY_USER] <= -20, "nobody types: %lld", (long long)v[POLICY_USER]);
	ok(write(keyboard, "key", 3) == 3, "a key");
	read_again(s, NULL, 0);
	is_int(v[POLICY_USER], 0, "is somebody's");
	now.us += 5 * SECOND_US;
	read_again(s, NULL, 0);
	is_int(v[POLICY_USER], -5, "five seconds later");
	senses_free(s);
}

static void test_refusals(void)
{
	struct sense_cpu cpu;
	struct sense_task task;
	int64_t number;
	char interface[SENSE_INTERFACE_SIZE];
	static const char *const stats[] = { "",
					     "cpu",
					     "cpu 1 2 3 4 5 6 7 8\n",
					     "cpu -1 2 3 4 5 6 7 8\nprocs_running 1\n",
					     "cpu 1 2 3 4 5 6 7 8\nprocs_running 99999999999\n",
					     "cpu 1 2 3 4 5 6 7 8\nprocs_running x\n",
					     "cpu 1111111111111111111 2 3 4 5 6 7 8\nprocs_running 1\n" };
	static const char *const pressures[] = { "",
						 "full avg10=1.00 ",
						 "some avg10=1 ",
						 "some avg10=101.00 ",
						 "some avg10=1.000 ",
						 "some avg10=-1.00 ",
						 "some avg10=nan " };
	static const char *const tasks[] = { "",
					     "1 (x) ",
					     "1 (x) Q 1 1 1 1 1 1 1 1 1 1 1 1",
					     "1 (x) R 1 1 1",
					     "1 x R 1 1 1 1 1 1 1 1 1 1 1 1",
					     "1 (x) R 1 1 1 1 1 1 1 1 1 1 -5 1" };
	static const char *const numbers[] = { "", "x", "1x", "1 ", "--1", "1\n2", "101", "-101", "99999999999999999999" };
	static const char *const routes[] = { "",
					      "x",
					      "Iface\n",
					      "Iface\neth0\t00000001\tx\t0\t0\t0\t1\t00000000\n",
					      "Iface\n../../x\t00000000\tx\t0\t0\t0\t1\t00000000\n",
					      "Iface\n..\t00000000\tx\t0\t0\t0\t1\t00000000\n",
					      "Iface\nanamethatistoolongforit\t00000000\tx\t0\t0\t0\t1\t00000000\n",
					      "Iface\neth0\t00000000\tx\t0\t0\n" };
	for (size_t i = 0; i < sizeof stats / sizeof *stats; i++)
		is_int(sense_cpu(stats[i], &cpu), E_INVALID, "/proc/stat %zu is refused", i);
	for (size_t i = 0; i < sizeof pressures / sizeof *pressures; i++)
		is_int(sense_pressure(pressures[i], &number), E_INVALID, "a pressure is refused: %s", pressures[i]);
	for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
		is_int(sense_task(tasks[i], &task), E_INVALID, "a task is refused: %s", tasks[i]);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		is_int(sense_number(numbers[i], -100, 100, &number), E_INVALID, "number %zu is refused", i);
	for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
		is_int(sense_default_route(routes[i], interface), E_NOT_FOUND, "no default route in %zu", i);
	is_int(sense_available("MemTotal: 5 kB\n", &number), E_INVALID, "no available memory");
	is_int(sense_available("MemAvailable: 5 MB\n", &number), E_INVALID, "nor another unit");
}

int main(void)
{
	if (!mkdtemp(root))
		return 1;
	test_nothing();
	test_cpu();
	test_power_and_heat();
	test_pressure_and_network();
	test_user();
	test_refusals();
	if (dir_remove(root) != OK)
		return 1;
	return done_testing();
}
