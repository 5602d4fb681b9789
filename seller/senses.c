/* SPDX-License-Identifier: Apache-2.0
 * senses.c - how this computer fares, without the guests' own part
 *
 * The pressure of processors (PSI) cannot be told apart by who waits: guests of the idle class wait all the time. So it is
 * reckoned: the processors' busy time less that of our processes, and the runnable tasks less theirs. Memory's and disks'
 * pressure counts whoever waits: a guest that waits for memory is a reason to pause it as well.
 */
#include "senses.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "file.h"
#include "sense_text.h"

enum {
	TEXT_MAX = 256 * 1024, /* /proc/stat of a machine with a thousand processors */
	ENTRIES_MAX = 256,     /* of one directory */
	TREE_MAX = 64,	       /* processes of one lease */
	INPUTS_MAX = 32,
	LEAST_TICKS = 5, /* between two readings, for a quotient that says something */
};
#define INPUTS_AGAIN_US (10 * SECOND_US) /* a keyboard may be plugged in */

struct senses {
	int root_fd;
	char *text; /* TEXT_MAX + 1 bytes */
	struct sense_cpu cpu;
	uint64_t own_ticks;
	bool again; /* cpu and own_ticks are there */
	int64_t busy_permille, queue;
	int inputs[INPUTS_MAX];
	size_t input_count;
	mono_time inputs_at, last_input;
	bool input_seen, terminal_seen;
};

err_t senses_new(const char *root, struct senses **ret_senses)
{
	struct senses *s = calloc(1, sizeof *s);
	if (!s)
		return E_NOMEM;
	s->busy_permille = s->queue = POLICY_UNKNOWN;
	s->text = malloc(TEXT_MAX + 1);
	s->root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!s->text || s->root_fd < 0) {
		senses_free(s);
		return E_IO;
	}
	*ret_senses = s;
	return OK;
}

static void inputs_close(struct senses *s)
{
	while (s->input_count)
		fd_close(&s->inputs[--s->input_count]);
}

void senses_free(struct senses *s)
{
	if (!s)
		return;
	inputs_close(s);
	fd_close(&s->root_fd);
	free(s->text);
	free(s);
}

/* The text of a file below the root, in s->text; one that is too long is refused. */
PRINTF_LIKE(2, 3) static const char *read_text(struct senses *s, const char *fmt, ...)
{
	char path[256];
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(path, sizeof path, fmt, args);
	va_end(args);
	AUTO_FD fd = n < 0 || n >= (int)sizeof path ? -1 : openat(s->root_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t len = 0;
	while (fd >= 0 && len <= TEXT_MAX) {
		ssize_t got = read(fd, s->text + len, TEXT_MAX + 1 - len);
		if (got < 0)
			return NULL;
		if (got == 0) {
			s->text[len] = 0;
			return memchr(s->text, 0, len) ? NULL : s->text;
		}
		len += (size_t)got;
	}
	return NULL;
}

/* Calls fn for each entry whose name begins so; names with anything but letters, digits and -_.: are left out. */
typedef void entry_fn(struct senses *s, const char *name, void *context);
static void each_entry(struct senses *s, const char *folder, const char *begins, entry_fn *fn, void *context)
{
	int fd = openat(s->root_fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		fd_close(&fd);
		return;
	}
	int left = ENTRIES_MAX;
	for (const struct dirent *e; left && (e = readdir(dir));) {
		static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:";
		size_t len = strlen(e->d_name);
		if (e->d_name[0] == '.' || len > 64 || strspn(e->d_name, allowed) != len ||
		    strncmp(e->d_name, begins, strlen(begins)) != 0)
			continue;
		left--;
		fn(s, e->d_name, context);
	}
	closedir(dir);
}

/* ---- processors ---- */

struct own {
	uint64_t ticks;
	uint32_t runnable;
};

static void add_thread(struct senses *s, pid_t pid, const char *thread, struct own *own)
{
	struct sense_task task;
	const char *text = read_text(s, "proc/%d/task/%s/stat", (int)pid, thread);
	if (text && sense_task(text, &task) == OK && task.state == 'R')
		own->runnable++;
}

struct tree {
	struct own *own;
	pid_t pids[TREE_MAX];
	size_t count;
	pid_t now;
};

static void tree_add(struct tree *t, int64_t pid)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->pids[i] == pid)
			return;
	if (t->count < TREE_MAX)
		t->pids[t->count++] = (pid_t)pid;
}

static void tree_thread(struct senses *s, const char *thread, void *context)
{
	struct tree *t = context;
	add_thread(s, t->now, thread, t->own);
	const char *text = read_text(s, "proc/%d/task/%s/children", (int)t->now, thread);
	for (const char *at = text; at && *at;) {
		char *end;
		long pid = strtol(at, &end, 10);
		if (end == at || pid <= 1 || pid > INT32_MAX)
			return;
		tree_add(t, pid);
		at = end + strspn(end, " ");
	}
}

static void add_tree(struct senses *s, pid_t pid, struct own *own)
{
	struct tree t = { .own = own, .pids = { pid }, .count = 1 };
	for (size_t i = 0; i < t.count; i++) {
		char folder[64];
		struct sense_task task;
		const char *text = read_text(s, "proc/%d/stat", (int)t.pids[i]);
		if (!text || sense_task(text, &task))
			continue;
		own->ticks += task.ticks;
		t.now = t.pids[i];
		snprintf(folder, sizeof folder, "proc/%d/task", (int)t.now);
		each_entry(s, folder, "", tree_thread, &t);
	}
}

static void read_cpu(struct senses *s, const pid_t *pids, size_t count, int64_t *values)
{
	struct sense_cpu cpu;
	struct own own = { 0, 0 };
	for (size_t i = 0; i < count; i++)
		add_tree(s, pids[i], &own);
	const char *text = read_text(s, "proc/stat");
	values[POLICY_CPU] = values[POLICY_QUEUE] = POLICY_UNKNOWN;
	if (!text || sense_cpu(text, &cpu)) {
		s->again = false;
		return;
	}
	uint64_t all = cpu.all_ticks - s->cpu.all_ticks, busy = cpu.busy_ticks - s->cpu.busy_ticks;
	if (!s->again || cpu.all_ticks < s->cpu.all_ticks || cpu.busy_ticks < s->cpu.busy_ticks) {
		s->cpu = cpu;
		s->own_ticks = own.ticks;
		s->again = true;
		return;
	}
	if (all >= LEAST_TICKS) {
		/* A process of ours that ended took its ticks along. */
		uint64_t ours = own.ticks > s->own_ticks ? own.ticks - s->own_ticks : 0;
		uint64_t others = busy > ours ? busy - ours : 0;
		s->busy_permille = (int64_t)((others < all ? others : all) * 1000 / all);
		s->cpu = cpu;
		s->own_ticks = own.ticks;
	}
	/* This thread is one of the runnable. Each reading counts a quarter: the queue of one instant says little. */
	int64_t waiting = (int64_t)cpu.runnable - 1 - own.runnable - sysconf(_SC_NPROCESSORS_ONLN);
	waiting = waiting > 0 ? waiting * 1000 : 0;
	s->queue = s->queue == POLICY_UNKNOWN ? waiting : (3 * s->queue + waiting) / 4;
	values[POLICY_CPU] = s->busy_permille;
	values[POLICY_QUEUE] = s->queue;
}

/* ---- the user ---- */

/* A switch of the lid or an accelerometer is nobody's hand: what has no keys or buttons is left out. */
static bool has_keys(int fd)
{
	struct stat st;
	unsigned long types = 0;
	return fstat(fd, &st) || !S_ISCHR(st.st_mode) || ioctl(fd, EVIOCGBIT(0, sizeof types), &types) < 0 ||
	       (types & (1UL << EV_KEY));
}

static void open_input(struct senses *s, const char *name, void *context)
{
	char path[96];
	(void)context;
	snprintf(path, sizeof path, "dev/input/%s", name);
	int fd = s->input_count == INPUTS_MAX ? -1 : openat(s->root_fd, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd >= 0 && has_keys(fd))
		s->inputs[s->input_count++] = fd;
	else
		fd_close(&fd);
}

static bool was_touched(int fd)
{
	char gone[4096];
	bool touched = false;
	for (int i = 0; i < 16 && read(fd, gone, sizeof gone) > 0; i++)
		touched = true;
	explicit_bzero(gone, sizeof gone);
	return touched;
}

/* A terminal's atime is when somebody last typed there, by steps of eight seconds. */
struct terminals {
	const char *folder;
	int64_t latest_us, now_us;
};
static void look_at_terminal(struct senses *s, const char *name, void *context)
{
	struct terminals *t = context;
	struct stat st;
	char path[96];
	snprintf(path, sizeof path, "%s/%s", t->folder, name);
	if (fstatat(s->root_fd, path, &st, AT_SYMLINK_NOFOLLOW) || S_ISDIR(st.st_mode))
		return;
	int64_t at_us = st.st_atim.tv_sec * SECOND_US + st.st_atim.tv_nsec / 1000;
	/* One in the future comes from a clock that was set back, and says nothing. */
	if (at_us <= t->now_us && at_us > t->latest_us)
		t->latest_us = at_us;
}

static void read_user(struct senses *s, wall_time now_wall, mono_time now, int64_t *values)
{
	if (!s->input_count || now.us - s->inputs_at.us >= INPUTS_AGAIN_US) {
		for (size_t i = 0; i < s->input_count; i++)
			s->input_seen |= was_touched(s->inputs[i]);
		inputs_close(s);
		each_entry(s, "dev/input", "event", open_input, NULL);
		if (!s->inputs_at.us)
			s->last_input = now; /* nobody knows what was before: as if somebody were here */
		s->inputs_at = now;
	}
	for (size_t i = 0; i < s->input_count; i++)
		s->input_seen |= was_touched(s->inputs[i]);
	if (s->input_seen)
		s->last_input = now;
	s->input_seen = false;
	struct terminals t = { .folder = "dev/pts", .now_us = now_wall.us };
	each_entry(s, "dev/pts", "", look_at_terminal, &t);
	t.folder = "dev";
	each_entry(s, "dev", "tty", look_at_terminal, &t);
	s->terminal_seen = t.latest_us != 0;
	int64_t idle_us = t.latest_us ? now_wall.us - t.latest_us : INT64_MAX;
	if (s->input_count && now.us - s->last_input.us < idle_us)
		idle_us = now.us - s->last_input.us;
	values[POLICY_USER] = idle_us == INT64_MAX ? POLICY_UNKNOWN : -(idle_us / SECOND_US);
}

/* ---- power, heat, network, memory, disk ---- */

struct power {
	bool mains, discharging, known;
};

static bool is_text(const char *text, const char *word)
{
	size_t len = strlen(word);
	return text && !strncmp(text, word, len) && (!text[len] || !strcmp(text + len, "\n"));
}

static void look_at_supply(struct senses *s, const char *name, void *context)
{
	struct power *p = context;
	int64_t online = 0;
	const char *text = read_text(s, "sys/class/power_supply/%s/type", name);
	if (is_text(text, "Battery")) {
		/* A mouse's battery is not the computer's. */
		if (is_text(read_text(s, "sys/class/power_supply/%s/scope", name), "Device"))
			return;
		text = read_text(s, "sys/class/power_supply/%s/status", name);
		p->known |= text != NULL;
		p->discharging |= is_text(text, "Discharging");
		return;
	}
	text = read_text(s, "sys/class/power_supply/%s/online", name);
	if (text && sense_number(text, 0, 2, &online) == OK) {
		p->known = true;
		p->mains |= online != 0;
	}
}

/* The zones and sensors of processors and boards; what no silicon survives is a broken sensor's number. */
static void take_temperature(const char *text, int64_t *hottest)
{
	int64_t value;
	if (text && sense_number(text, -40000, 150000, &value) == OK && value > *hottest)
		*hottest = value;
}

static void look_at_zone(struct senses *s, const char *name, void *context)
{
	take_temperature(read_text(s, "sys/class/thermal/%s/temp", name), context);
}

static void look_at_chip(struct senses *s, const char *name, void *context)
{
	static const char *const processors[] = { "coretemp", "k10temp", "zenpower", "cpu_thermal" };
	const char *text = read_text(s, "sys/class/hwmon/%s/name", name);
	bool known = false;
	for (size_t i = 0; i < sizeof processors / sizeof *processors; i++)
		known |= is_text(text, processors[i]);
	for (int i = 1; known && i <= 32; i++)
		take_temperature(read_text(s, "sys/class/hwmon/%s/temp%d_input", name, i), context);
}

/* Mobile modems, and links by telephone, bluetooth or serial line. */
static int64_t metered(struct senses *s)
{
	char interface[SENSE_INTERFACE_SIZE];
	int64_t type;
	const char *text = read_text(s, "proc/net/route");
	if (!text || sense_default_route(text, interface))
		return POLICY_UNKNOWN;
	text = read_text(s, "sys/class/net/%s/uevent", interface);
	if (text && (strstr(text, "DEVTYPE=wwan\n") || strstr(text, "DEVTYPE=bluetooth\n")))
		return 1;
	text = read_text(s, "sys/class/net/%s/type", interface);
	return text && sense_number(text, 0, 65535, &type) == OK && type == 512; /* ARPHRD_PPP */
}

void senses_read(struct senses *s, const pid_t *own, size_t own_count, const char *disk_path, wall_time now_wall, mono_time now,
		 int64_t *values)
{
	struct power power = { .known = false };
	struct statvfs disk;
	int64_t number = 0, hottest = POLICY_UNKNOWN;
	read_cpu(s, own, own_count, values);
	read_user(s, now_wall, now, values);
	each_entry(s, "sys/class/power_supply", "", look_at_supply, &power);
	values[POLICY_BATTERY] = power.known ? power.discharging && !power.mains : POLICY_UNKNOWN;
	each_entry(s, "sys/class/thermal", "thermal_zone", look_at_zone, &hottest);
	each_entry(s, "sys/class/hwmon", "hwmon", look_at_chip, &hottest);
	values[POLICY_TEMPERATURE] = hottest;
	values[POLICY_METERED] = metered(s);
	const char *text = read_text(s, "proc/meminfo");
	values[POLICY_MEMORY] = text && sense_available(text, &number) == OK ? -number : POLICY_UNKNOWN;
	text = read_text(s, "proc/pressure/memory");
	values[POLICY_MEMORY_PRESSURE] = text && sense_pressure(text, &number) == OK ? number : POLICY_UNKNOWN;
	text = read_text(s, "proc/pressure/io");
	values[POLICY_IO_PRESSURE] = text && sense_pressure(text, &number) == OK ? number : POLICY_UNKNOWN;
	bool full_known = statvfs(disk_path, &disk) == 0;
	values[POLICY_DISK] = full_known ? -(int64_t)((uint64_t)disk.f_bavail * disk.f_frsize >> 20) : POLICY_UNKNOWN;
}

struct sense_sources senses_sources(const struct senses *s)
{
	return (struct sense_sources){ s->input_count, s->terminal_seen };
}
