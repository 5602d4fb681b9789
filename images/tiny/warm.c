/* SPDX-License-Identifier: Apache-2.0
 * warm.c - waits where a machine may be cloned, and makes it a machine of its own (docs/IMAGES.md, "Warm start")
 *
 * Called before anything of the machine's own is known: the network card was never up, no name, key or random number was taken.
 * It is no clone's place to go on without random numbers and an address of its own: where they cannot be had, the machine is switched off.
 * What comes then is one program with it, and in memory before: each page that a clone touches first, and each program that it starts, is time
 * until it is ready. `warm wait` and `warm own` are the two halves.
 */
#include <fcntl.h>
#include <linux/random.h>
#include <linux/rtc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include "own.h"

#define GIVEN "/sys/firmware/qemu_fw_cfg/by_name/opt/org.cpushare/warm/"
#define CONSOLE "/dev/console"
#define MARK "\ncpushare-warm: may be cloned\n" /* a line of its own: a boot loader need not have ended its last one */
#define WORD "go"
enum { SEED_BYTES = 32, MAC_BYTES = 6 };
#define KEPT_BYTES (8UL << 20) /* free for the kernel meanwhile */
#define CLEARED_MAX_BYTES (256UL << 20)

struct given {
	unsigned char seed[SEED_BYTES], mac[MAC_BYTES];
};

/* How much the host gives: the card's address comes from newer ones only. Not what: all that a template has read is in its clones' memory,
 * and what it will reseed itself from is no business of theirs. */
static size_t given_bytes(void)
{
	char text[16] = "";
	int fd = open(GIVEN "size", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof text - 1) < 0)
		*text = 0;
	if (fd >= 0)
		close(fd);
	size_t len = strtoul(text, NULL, 10);
	return len < sizeof(struct given) ? len : sizeof(struct given);
}

/* The device is asked anew by each read of the file. */
static bool read_given(struct given *given, size_t len)
{
	int fd = open(GIVEN "raw", O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, given, len) == (ssize_t)len && close(fd) == 0;
}

/* Whatever stood in the line before is passed over. */
static bool wait_for_word(void)
{
	struct termios before, silent;
	char line[64];
	FILE *console = fopen(CONSOLE, "r+e");
	if (!console || tcgetattr(fileno(console), &before))
		return false;
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	if (tcsetattr(fileno(console), TCSANOW, &silent) || write(fileno(console), MARK, sizeof MARK - 1) != sizeof MARK - 1)
		return false;
	do
		if (!fgets(line, sizeof line, console))
			return false;
	while (strcmp(line, WORD "\n") != 0);
	return tcsetattr(fileno(console), TCSANOW, &before) == 0 && fclose(console) == 0;
}

/* The kernel's generator starts anew from it: what the template's one would have said next is not said. */
static bool reseed(const struct given *given)
{
	struct {
		struct rand_pool_info info;
		unsigned char seed[SEED_BYTES];
	} pool = { .info = { .entropy_count = 8 * SEED_BYTES, .buf_size = SEED_BYTES } };
	int fd = open("/dev/urandom", O_WRONLY | O_CLOEXEC);
	memcpy(pool.seed, given->seed, sizeof pool.seed);
	if (fd < 0 || ioctl(fd, RNDADDENTROPY, &pool) || ioctl(fd, RNDRESEEDCRNG))
		return false;
	explicit_bzero(&pool, sizeof pool);
	return close(fd) == 0;
}

/* A clone's clock stands where the template's stood. */
static void set_clock(void)
{
	struct rtc_time rtc = { 0 };
	int fd = open("/dev/rtc0", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, RTC_RD_TIME, &rtc))
		return;
	struct tm utc = { .tm_sec = rtc.tm_sec,
			  .tm_min = rtc.tm_min,
			  .tm_hour = rtc.tm_hour,
			  .tm_mday = rtc.tm_mday,
			  .tm_mon = rtc.tm_mon,
			  .tm_year = rtc.tm_year };
	const struct timeval now = { .tv_sec = timegm(&utc) };
	settimeofday(&now, NULL);
	close(fd);
}

/* What the kernel had and has no use for any more would be in each clone, and take its time to be copied. */
static void clear_free_memory(void)
{
	struct sysinfo system;
	if (sysinfo(&system))
		return;
	size_t bytes = (size_t)system.freeram * system.mem_unit;
	if (bytes <= KEPT_BYTES)
		return;
	bytes = bytes - KEPT_BYTES < CLEARED_MAX_BYTES ? bytes - KEPT_BYTES : CLEARED_MAX_BYTES;
	void *all = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (all != MAP_FAILED)
		munmap(all, bytes);
}

/* Its card has its driver before, where the host says what its address will be: finding the driver is a fourth of a clone's start. It is not up
 * yet: neither has it sent anything, nor can it have received. */
static bool wait_where_cloned(void)
{
	struct given given;
	size_t len = given_bytes();
	if (len < SEED_BYTES)
		return true; /* nobody clones this machine */
	if (len == sizeof given)
		own_drive_card();
	clear_free_memory();
	mlockall(MCL_CURRENT);
	bool its_own = wait_for_word() && read_given(&given, len) && reseed(&given);
	explicit_bzero(given.seed, sizeof given.seed);
	if (!its_own || (len == sizeof given && !own_mac(given.mac))) {
		dprintf(STDERR_FILENO, "cpushare-warm: nothing to be a machine of its own by: switched off\n");
		reboot(RB_POWER_OFF);
		return false;
	}
	set_clock();
	return true;
}

int main(int argc, char **argv)
{
	const char *half = argc > 1 ? argv[1] : "";
	if (strcmp(half, "own") != 0 && !wait_where_cloned())
		return 1;
	if (strcmp(half, "wait") != 0)
		own();
	return 0;
}
