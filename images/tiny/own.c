/* SPDX-License-Identifier: Apache-2.0
 * own.c - makes a machine one of its own: its card's driver, its seed's name, its address
 *
 * All of it without another program: under emulation each one costs tens of milliseconds, and a clone that says "ready" after half a second
 * would have spent them on little else. What cannot be had is left out; the scripts that come after it see what there is.
 */
#include "own.h"
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "address.h"

#define PCI "/sys/bus/pci"
#define SEED_FOLDER "/media/cidata"
#define VIRTIO_VENDOR "0x1af4"
#define NETWORK_CLASS "0x02"
enum { NAME_SIZE = 64, META_DATA_MAX_BYTES = 64 * 1024 };
/* An ISO 9660 volume's label. */
enum { LABEL_AT = 16 * 2048 + 40, LABEL_BYTES = 32 };

/* At most size - 1 bytes of it, and a zero; how many. */
static size_t read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? 0 : read(fd, text, size - 1);
	if (fd >= 0)
		close(fd);
	len = len < 0 ? 0 : len;
	text[len] = 0;
	return (size_t)len;
}

/* The first line of a file; "" where there is none. */
static const char *line_of(const char *path, char *text)
{
	read_text(path, text, NAME_SIZE);
	text[strcspn(text, "\n")] = 0;
	return text;
}

static bool write_as(const char *path, const char *text, size_t len, int flags, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags, mode);
	if (fd < 0)
		return false;
	bool done = write(fd, text, len) == (ssize_t)len;
	return close(fd) == 0 && done;
}

bool own_write(const char *path, const char *text, size_t len)
{
	return write_as(path, text, len, O_CREAT | O_TRUNC, 0644);
}

/* ---- devices: as with_driver in the script of that name ---- */

void own_drive_card(void)
{
	char path[320], text[16];
	DIR *all = opendir(PCI "/devices");
	for (const struct dirent *e; all && (e = readdir(all));) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, PCI "/devices/%s/vendor", e->d_name);
		if (!read_text(path, text, sizeof text) || strncmp(text, VIRTIO_VENDOR, strlen(VIRTIO_VENDOR)) != 0)
			continue;
		snprintf(path, sizeof path, PCI "/devices/%s/class", e->d_name);
		if (!read_text(path, text, sizeof text) || strncmp(text, NETWORK_CLASS, strlen(NETWORK_CLASS)) != 0)
			continue;
		snprintf(path, sizeof path, PCI "/devices/%s/driver", e->d_name);
		if (access(path, F_OK))
			write_as(PCI "/drivers_probe", e->d_name, strlen(e->d_name), 0, 0);
	}
	if (all)
		closedir(all);
}

/* ---- the seed ---- */

static bool mount_seed(const char *disc)
{
	char label[LABEL_BYTES + 1] = "";
	int fd = open(disc, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool is = fd >= 0 && pread(fd, label, LABEL_BYTES, LABEL_AT) == LABEL_BYTES && !strncasecmp(label, "cidata", 6) &&
		  strspn(label + 6, " ") == strlen(label + 6);
	if (fd >= 0)
		close(fd);
	return is && !mount(disc, SEED_FOLDER, "iso9660", MS_RDONLY, NULL);
}

/* It is the second disc, mostly. */
static void find_seed(void)
{
	glob_t discs;
	if (mount_seed("/dev/sr1") || glob("/dev/sr*", 0, NULL, &discs))
		return;
	for (size_t i = 0; i < discs.gl_pathc && !mount_seed(discs.gl_pathv[i]); i++)
		;
	globfree(&discs);
}

/* One of "key: value", in YAML or JSON; of the value only the characters that a name may have. */
static void take_meta_data(char *line)
{
	static const char *const keys[] = { "local-hostname", "instance-id" };
	static const char *const files[] = { "/run/hostname", "/run/instance-id" };
	char *key = line + strspn(line, " \"'"), *value = strchr(key, ':');
	if (!value)
		return;
	key[strcspn(key, "\"': ")] = 0;
	value += 1 + strspn(value + 1, " \"'");
	size_t len = 0;
	while (isalnum((unsigned char)value[len]) || (value[len] && strchr("._-", value[len])))
		len++;
	value[len++] = '\n';
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (!strcmp(key, keys[i]) && access(files[i], F_OK))
			own_write(files[i], value, len);
}

static void read_meta_data(void)
{
	static char text[META_DATA_MAX_BYTES + 1]; /* one more, for the line's end behind the last value */
	size_t len = read_text(SEED_FOLDER "/meta-data", text, sizeof text - 1);
	text[len + 1] = 0;
	char *save = NULL;
	for (char *line = strtok_r(text, ",{}\n", &save); line; line = strtok_r(NULL, ",{}\n", &save))
		take_meta_data(line);
}

static void copy_file(int from, const char *path)
{
	char data[4096];
	int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	ssize_t len;
	while (to >= 0 && (len = read(from, data, sizeof data)) > 0)
		if (write(to, data, (size_t)len) != len)
			break;
	if (to >= 0)
		close(to);
}

static void read_user_data(void)
{
	char start[2], image[NAME_SIZE];
	int fd = open(SEED_FOLDER "/user-data", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? 0 : pread(fd, start, sizeof start, 0);
	if (len == sizeof start && !memcmp(start, "#!", sizeof start)) {
		copy_file(fd, "/run/user-data");
	} else if (len > 0) {
		dprintf(STDOUT_FILENO, "cpushare-%s: user-data is not a script: ignored\n", line_of("/etc/image", image));
	}
	if (fd >= 0)
		close(fd);
}

/* ---- the name ---- */

bool own_name(const char *name, bool from_server)
{
	char text[512];
	int n = snprintf(text, sizeof text, "127.0.0.1\tlocalhost\n::1\tlocalhost\n127.0.1.1\t%s\n", name);
	if (n < 0 || (size_t)n >= sizeof text || !own_write("/etc/hosts", text, (size_t)n))
		return false;
	n = snprintf(text, sizeof text, "%s\n", name);
	return write_as("/proc/sys/kernel/hostname", text, (size_t)n, 0, 0) &&
	       (!from_server || own_write("/run/hostname", text, (size_t)n));
}

/* ---- the network ---- */

/* The first card that is a device; "" where there is none. Nothing renames cards here, so that it is eth0. */
static const char *find_card(char *name)
{
	glob_t cards;
	*name = 0;
	if (glob("/sys/class/net/*/device", 0, NULL, &cards))
		return name;
	snprintf(name, NAME_SIZE, "%s", cards.gl_pathv[0] + strlen("/sys/class/net/"));
	globfree(&cards);
	name[strcspn(name, "/")] = 0;
	return name;
}

bool own_mac(const unsigned char *mac)
{
	struct ifreq r = { .ifr_hwaddr.sa_family = ARPHRD_ETHER };
	char card[NAME_SIZE];
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	snprintf(r.ifr_name, sizeof r.ifr_name, "%s", find_card(card));
	memcpy(r.ifr_hwaddr.sa_data, mac, ETHER_ADDR_LEN);
	bool done = !*card || (fd >= 0 && ioctl(fd, SIOCSIFHWADDR, &r) == 0);
	if (fd >= 0)
		close(fd);
	return done;
}

/* ---- the end ---- */

/* What an image built on this one starts before it is ready. */
static void start(void)
{
	pid_t pid = access("/etc/start", X_OK) ? -1 : vfork();
	if (pid == 0) {
		execl("/etc/start", "start", NULL);
		_exit(127);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static void say_ready(const char *image)
{
	char name[NAME_SIZE], address[NAME_SIZE];
	line_of("/proc/sys/kernel/hostname", name);
	dprintf(STDOUT_FILENO, "cpushare-%s: ready %s %s\n", image, name, line_of("/run/address", address));
	own_write("/run/ready", "", 0);
}

void own(void)
{
	char name[NAME_SIZE], image[NAME_SIZE], card[NAME_SIZE];
	own_drive_card();
	find_seed();
	read_meta_data();
	read_user_data();
	line_of("/run/hostname", name);
	line_of("/etc/image", image);
	own_name(*name ? name : image, false);
	if (!*find_card(card) || !own_write("/run/card", card, strlen(card)) || !address_take(card, name))
		return; /* the script goes on asking */
	start();
	say_ready(image);
}
