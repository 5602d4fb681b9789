/* SPDX-License-Identifier: Apache-2.0
 * idle.c - what many idle peers cost one endpoint: memory and processor
 *
 * idle PEERS SECONDS: one endpoint and its peers on loopback, the peers in a process of their own. When all are connected and have
 * rested for a while it prints "BYTES_A_PEER CPU_PERMILLE": resident memory a peer, and how many thousandths of one processor the
 * endpoint took in so many seconds.
 */
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "bytes.h"
#include "vnet.h"
#include "vnet_status.h"

#define HUB_PORT 41700
#define REST_US (15 * SECOND_US)
#define CONNECT_US (90 * SECOND_US) /* 50 handshakes a second, and those that failed again */

static const struct vnet_network network = { .id = { { 9 } }, .subnet = 0x0a000000, .prefix_len = 16, .mtu = 1400 };
static struct vnet_peer members[VNET_MAX_PEERS + 1];
static struct vnet *ends[VNET_MAX_PEERS];
static struct pollfd polls[VNET_MAX_PEERS];

__attribute__((noreturn)) static void fail(const char *what)
{
	fprintf(stderr, "idle: %s\n", what);
	exit(1);
}

/* 0 is the hub. Each peer is in a /24 of its own, as strangers' machines are: handshakes are limited by origin. */
static void make_member(int i)
{
	struct vnet_peer *p = &members[i];
	p->id = (uuid){ { 1, (uint8_t)(i >> 8), (uint8_t)i } };
	p->mac = (vnet_mac){ { 0x52, 0x54, 0, 0, (uint8_t)(i >> 8), (uint8_t)i } };
	p->ip = 0x0a000001u + (uint32_t)i;
	p->candidate_count = 1;
	snprintf(p->name, sizeof p->name, "vm%d", i);
	snprintf(p->candidates[0].address, sizeof p->candidates[0].address, "127.%d.%d.1:%d", i / 200, i % 200, HUB_PORT);
}

static struct vnet *make_end(int i)
{
	struct vnet *v;
	char *key, *cert;
	if (certificate_make("peer", &key, &cert) != OK)
		fail("no key");
	struct vnet_config c = {
		.network = network, .self = members[i], .key_pem = key, .cert_pem = cert, .bind_port = HUB_PORT
	};
	struct sockaddr_in *in = (struct sockaddr_in *)&c.bind_address;
	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(0x7f000001u + ((uint32_t)(i / 200) << 16) + ((uint32_t)(i % 200) << 8));
	if (vnet_new(&c, clock_mono(), &v) != OK)
		fail("no endpoint");
	members[i].pin = vnet_pin(v);
	free(key);
	free(cert);
	return v;
}

/* Runs count endpoints until then. */
static void run_until(int count, int64_t end_us)
{
	while (clock_mono().us < end_us) {
		int64_t due = end_us;
		for (int i = 0; i < count; i++) {
			int64_t at = vnet_next_us(ends[i]).us;
			due = at < due ? at : due;
			polls[i] = (struct pollfd){ vnet_fd(ends[i]), POLLIN, 0 };
		}
		int64_t wait = due - clock_mono().us;
		poll(polls, (nfds_t)count, wait > 0 ? (int)(wait / 1000) + 1 : 0);
		mono_time now = clock_mono();
		for (int i = 0; i < count; i++)
			if (polls[i].revents || vnet_next_us(ends[i]).us <= now.us)
				vnet_run(ends[i], now);
	}
}

static void be_peers(int count, int from_hub, int to_hub)
{
	if (read(from_hub, &members[0].pin, sizeof members[0].pin) != sizeof members[0].pin)
		_exit(1);
	for (int i = 0; i < count; i++) {
		ends[i] = make_end(i + 1);
		if (write(to_hub, &members[i + 1].pin, sizeof members[0].pin) < 0)
			_exit(1);
	}
	for (int i = 0; i < count; i++)
		if (vnet_set_peers(ends[i], &members[0], 1, clock_mono()) != OK)
			_exit(1);
	for (;;)
		run_until(count, clock_mono().us + SECOND_US);
}

static int64_t resident_bytes(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	if (!f || fscanf(f, "%*d %ld", &pages) != 1)
		fail("no /proc/self/statm");
	fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

static int64_t cpu_us(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * SECOND_US + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

static size_t connected(void)
{
	struct vnet_status s;
	vnet_status(ends[0], &s);
	return s.connected;
}

int main(int argc, char **argv)
{
	int64_t count, seconds;
	int down[2], up[2];
	if (argc != 3 || int_parse(argv[1], &count) != OK || count < 1 || count > VNET_MAX_PEERS ||
	    int_parse(argv[2], &seconds) != OK || seconds < 1 || seconds > 3600)
		fail("usage: idle PEERS SECONDS");
	struct rlimit files = { 8192, 8192 };
	if (setrlimit(RLIMIT_NOFILE, &files) < 0 || pipe(down) < 0 || pipe(up) < 0)
		fail("no descriptors");
	for (int i = 0; i <= count; i++)
		make_member(i);
	pid_t child = fork();
	if (child == 0)
		be_peers((int)count, down[0], up[1]);
	ends[0] = make_end(0);
	if (child < 0 || write(down[1], &members[0].pin, sizeof members[0].pin) < 0)
		fail("no peers");
	for (int i = 1; i <= count; i++)
		if (read(up[0], &members[i].pin, sizeof members[i].pin) != sizeof members[i].pin)
			fail("no peers");
	int64_t before = resident_bytes(), begun = clock_mono().us;
	if (vnet_set_peers(ends[0], &members[1], (size_t)count, clock_mono()) != OK)
		fail("the peers were refused");
	while (connected() < (size_t)count && clock_mono().us < begun + CONNECT_US)
		run_until(1, clock_mono().us + SECOND_US / 10);
	fprintf(stderr, "idle: %zu of %d connected after %lld ms\n", connected(), (int)count,
		(long long)((clock_mono().us - begun) / 1000));
	run_until(1, clock_mono().us + REST_US);
	int64_t after = resident_bytes(), cpu = cpu_us();
	run_until(1, clock_mono().us + seconds * SECOND_US);
	printf("%lld %.1f\n", (long long)((after - before) / count),
	       (double)(cpu_us() - cpu) * 1000 / (double)(seconds * SECOND_US));
	bool all = connected() == (size_t)count;
	kill(child, SIGKILL);
	return all ? 0 : 1;
}
