/* SPDX-License-Identifier: Apache-2.0
 * hostile.c - what a guest may try against its host, its neighbours and the network; runs as root in the guest
 *
 * Each attempt prints "ATTEMPT name: outcome". What it says of itself is not believed: tests/e2e/isolation.t looks from outside at what
 * came of it. None of them harms the guest itself so much that the next could not follow.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/cdrom.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <poll.h>
#include <scsi/sg.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static void tell(const char *name, const char *outcome)
{
	printf("ATTEMPT %s: %s\n", name, outcome);
	fflush(stdout);
}

/* ---- connections ---- */

enum { SECRETS = 7777, ANSWERS_WITHIN_MS = 3000 };
static const struct target {
	const char *address;
	int type;
	uint16_t port;
} targets[] = {
	{ "10.0.2.2", SOCK_STREAM, SECRETS },
	{ "10.0.2.3", SOCK_STREAM, SECRETS },
	{ "10.77.255.254", SOCK_STREAM, SECRETS },
	{ "10.77.0.1", SOCK_STREAM, SECRETS },
	{ "192.168.7.2", SOCK_STREAM, SECRETS },
	{ "192.168.7.1", SOCK_STREAM, SECRETS },
	{ "203.0.113.5", SOCK_STREAM, SECRETS },
	{ "169.254.169.254", SOCK_STREAM, SECRETS },
	{ "100.100.100.200", SOCK_STREAM, SECRETS },
	{ "172.17.0.1", SOCK_STREAM, SECRETS },
	{ "192.168.122.1", SOCK_STREAM, SECRETS },
	{ "8.8.8.8", SOCK_STREAM, SECRETS },
	{ "255.255.255.255", SOCK_STREAM, SECRETS },
	{ "0.0.0.0", SOCK_STREAM, SECRETS },
	{ "fd00::1", SOCK_STREAM, SECRETS },
	{ "fd00:ec2::254", SOCK_STREAM, SECRETS },
	{ "fe80::1", SOCK_STREAM, SECRETS },
	{ "ff02::1", SOCK_STREAM, SECRETS },
	{ "::ffff:192.168.7.2", SOCK_STREAM, SECRETS },
	{ "2001:db8::5", SOCK_STREAM, SECRETS },
	{ "10.0.2.2", SOCK_DGRAM, 53 },
	{ "10.0.2.3", SOCK_DGRAM, 53 },
	{ "10.77.255.254", SOCK_DGRAM, 53 },
	{ "10.77.0.1", SOCK_DGRAM, 53 },
	{ "192.168.7.2", SOCK_DGRAM, 53 },
	{ "192.168.7.1", SOCK_DGRAM, 53 },
	{ "203.0.113.5", SOCK_DGRAM, 53 },
	{ "169.254.169.254", SOCK_DGRAM, 53 },
	{ "169.254.169.254", SOCK_STREAM, 80 },
};
#define TARGETS (sizeof targets / sizeof *targets)

static int begin(const struct target *t)
{
	int family = strchr(t->address, ':') ? AF_INET6 : AF_INET, on = 1;
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(t->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
				   .sin6_port = htons(t->port),
				   .sin6_scope_id = if_nametoindex("eth0") };
	int fd = socket(family, t->type | SOCK_NONBLOCK, 0);
	inet_pton(family, t->address, family == AF_INET ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr);
	setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "eth0", 4);
	(void)!connect(fd, family == AF_INET ? (void *)&v4 : (void *)&v6, family == AF_INET ? sizeof v4 : sizeof v6);
	if (t->type == SOCK_DGRAM)
		(void)!send(fd, "\0\1\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1", 19, 0);
	return fd;
}

/* All at once: who has answered with something within three seconds? */
static void connections(void)
{
	int fds[TARGETS];
	for (size_t i = 0; i < TARGETS; i++)
		fds[i] = begin(&targets[i]);
	poll(NULL, 0, ANSWERS_WITHIN_MS);
	for (size_t i = 0; i < TARGETS; i++) {
		char name[96], data[64];
		snprintf(name, sizeof name, "%s %s %u", targets[i].type == SOCK_STREAM ? "tcp" : "udp", targets[i].address,
			 targets[i].port);
		tell(name, recv(fds[i], data, sizeof data, 0) > 0 ? "REACHED" : "nothing");
	}
}

/* ---- frames ---- */

static int packet_fd = -1, interface;
static uint8_t own_mac[6];
static const uint8_t all[6] = { 255, 255, 255, 255, 255, 255 };

static void send_frame(const uint8_t *to, const uint8_t *from, uint16_t type, const void *payload, size_t len)
{
	static uint8_t frame[70000];
	struct sockaddr_ll where = { .sll_family = AF_PACKET, .sll_ifindex = interface, .sll_halen = 6 };
	memcpy(frame, to, 6);
	memcpy(frame + 6, from, 6);
	frame[12] = (uint8_t)(type >> 8);
	frame[13] = (uint8_t)type;
	memcpy(frame + 14, payload, len);
	(void)!sendto(packet_fd, frame, 14 + len, 0, (struct sockaddr *)&where, sizeof where);
}

static void arp(const uint8_t *from, const uint8_t *says_mac, const char *says_ip, const char *for_ip, uint8_t operation)
{
	uint8_t p[46] = { 0, 1, 8, 0, 6, 4, 0, operation };
	memcpy(p + 8, says_mac, 6);
	inet_pton(AF_INET, says_ip, p + 14);
	inet_pton(AF_INET, for_ip, p + 24);
	send_frame(all, from, ETHERTYPE_ARP, p, sizeof p);
}

/* An IPv4 header before len bytes, with what is broken in it. */
static void ipv4(const char *from, const char *to, uint8_t protocol, uint8_t first, uint16_t total, uint16_t fragment,
		 const void *data, size_t len, const uint8_t *mac)
{
	uint8_t p[2048] = { first, 0,	    (uint8_t)(total >> 8),    (uint8_t)total,
			    1,	   2,	    (uint8_t)(fragment >> 8), (uint8_t)fragment,
			    64,	   protocol };
	inet_pton(AF_INET, from, p + 12);
	inet_pton(AF_INET, to, p + 16);
	memcpy(p + 20, data, len);
	uint32_t sum = 0;
	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	sum = ~((sum & 0xffff) + (sum >> 16));
	p[10] = (uint8_t)(sum >> 8);
	p[11] = (uint8_t)sum;
	send_frame(all, mac, ETHERTYPE_IP, p, 20 + len);
}

static void frames(void)
{
	static const uint8_t foreign[6] = { 0x52, 0x54, 0, 1, 2, 3 }, stp[6] = { 1, 0x80, 0xc2, 0, 0, 0 },
			     lldp[6] = { 1, 0x80, 0xc2, 0, 0, 14 };
	static uint8_t junk[65000];
	struct ifreq request = { .ifr_name = "eth0" };
	packet_fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	interface = (int)if_nametoindex("eth0");
	if (!ioctl(packet_fd, SIOCGIFHWADDR, &request))
		memcpy(own_mac, request.ifr_hwaddr.sa_data, 6);
	memset(junk, 0x5a, sizeof junk);

	arp(own_mac, own_mac, "10.77.255.254", "10.77.255.254", 2), tell("arp claims the router", "sent");
	arp(own_mac, own_mac, "10.77.1.3", "10.77.1.3", 2), tell("arp claims a neighbour", "sent");
	arp(own_mac, own_mac, "10.77.1.2", "192.168.7.1", 1), tell("arp asks for the seller's router", "sent");
	arp(foreign, foreign, "10.77.1.2", "10.77.1.3", 1), tell("arp of a foreign card", "sent");
	arp(all, all, "10.77.1.2", "10.77.1.3", 2), tell("arp from everybody", "sent");
	/* DHCP: an offer to whoever asks, with us for a router; and a request in a neighbour's name. */
	uint8_t dhcp[300] = { 0, 67, 0, 68, 1, 44, 0, 0, 2, 1, 6, 0 };
	memcpy(dhcp + 8 + 236, "\x63\x82\x53\x63\x35\1\2\3\4\12\115\1\2\377", 14);
	ipv4("10.77.255.254", "255.255.255.255", 17, 0x45, 320, 0, dhcp, 300, own_mac), tell("dhcp offer", "sent");
	dhcp[1] = 68, dhcp[3] = 67, dhcp[8] = 1;
	memcpy(dhcp + 36, foreign, 6);
	ipv4("0.0.0.0", "255.255.255.255", 17, 0x45, 320, 0, dhcp, 300, foreign), tell("dhcp for a foreign card", "sent");
	/* A router advertisement with a prefix, from a link-local address. */
	uint8_t ra[72] = { 0x60, 0, 0, 0, 0, 32, 58, 255, 0xfe, 0x80, [23] = 1, 0xff, 2, [39] = 1, 134, 0, 0, 0, 64, 0, 7, 8 };
	static const uint8_t all_nodes[6] = { 0x33, 0x33, 0, 0, 0, 1 };
	send_frame(all_nodes, own_mac, ETHERTYPE_IPV6, ra, sizeof ra), tell("router advertisement", "sent");
	ra[40] = 136, send_frame(all_nodes, own_mac, ETHERTYPE_IPV6, ra, sizeof ra), tell("neighbour advertisement", "sent");
	ra[40] = 137, send_frame(all_nodes, own_mac, ETHERTYPE_IPV6, ra, sizeof ra), tell("redirect", "sent");
	ra[6] = 0, ra[40] = 0, send_frame(all_nodes, own_mac, ETHERTYPE_IPV6, ra, sizeof ra),
	tell("a chain of IPv6 headers", "sent");
	send_frame(stp, own_mac, 38, junk, 38), tell("spanning tree", "sent");
	send_frame(lldp, own_mac, 0x88cc, junk, 60), tell("lldp", "sent");
	send_frame(all, own_mac, 0x8100, junk, 100), tell("vlan tag", "sent");
	send_frame(all, own_mac, 0x88a8, junk, 100), tell("two vlan tags", "sent");
	send_frame(all, own_mac, 0x8863, junk, 100), tell("pppoe", "sent");
	send_frame(all, own_mac, ETHERTYPE_IP, junk, 0), tell("a frame of nothing", "sent");
	send_frame(all, own_mac, ETHERTYPE_IP, junk, 1), tell("a frame of one byte", "sent");
	send_frame(all, own_mac, ETHERTYPE_IP, junk, 9000), tell("a jumbo frame", "sent");
	send_frame(all, own_mac, ETHERTYPE_IP, junk, 64000), tell("a giant frame", "sent");
	ipv4("192.168.7.2", "192.168.7.1", 1, 0x45, 60, 0, junk, 40, own_mac), tell("ip of the seller's own address", "sent");
	ipv4("127.0.0.1", "127.0.0.1", 17, 0x45, 60, 0, junk, 40, own_mac), tell("ip from loopback", "sent");
	ipv4("10.77.1.2", "10.77.255.254", 17, 0x4f, 28, 0, junk, 8, own_mac), tell("ip options beyond the end", "sent");
	ipv4("10.77.1.2", "10.77.255.254", 17, 0x41, 60, 0, junk, 40, own_mac), tell("ip header too short", "sent");
	ipv4("10.77.1.2", "10.77.255.254", 17, 0x45, 65535, 0, junk, 40, own_mac), tell("ip longer than its frame", "sent");
	ipv4("10.77.1.2", "10.77.255.254", 17, 0x45, 60, 0x3fff, junk, 40, own_mac), tell("a fragment beyond 64 KiB", "sent");
	ipv4("10.77.1.2", "10.77.255.254", 17, 0x45, 60, 0x2000, junk, 40, own_mac), tell("a fragment that never ends", "sent");
	ipv4("10.77.1.2", "10.77.255.254", 6, 0x45, 40, 0, junk, 20, own_mac), tell("tcp with a broken offset", "sent");
	for (int i = 0; i < 5000; i++)
		send_frame(all, own_mac, ETHERTYPE_IP, junk, 1000);
	tell("five thousand broadcasts", "sent");
	for (int i = 0; i < 2000; i++) {
		uint8_t card[6] = { 2, 0, 0, 0, (uint8_t)(i >> 8), (uint8_t)i };
		arp(card, card, "10.77.9.9", "10.77.1.3", 1);
	}
	tell("two thousand cards", "sent");
}

/* ---- the machine ---- */

/* A VGA card, where there is one (Bochs' VBE registers): modes that no screen has, while somebody has pictures taken of it. */
static void vga_mode(uint16_t width, uint16_t height, uint16_t depth)
{
	const uint16_t values[][2] = { { 4, 0 },     { 1, width },  { 2, height }, { 3, depth },
				       { 6, width }, { 8, 0xffff }, { 9, 0xffff }, { 4, 0x41 } };
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		outw(values[i][0], 0x1ce);
		outw(values[i][1], 0x1cf);
	}
}

static void screens(void)
{
	static const uint16_t modes[][3] = { { 16000, 12000, 32 }, { 65535, 65535, 4 }, { 0, 0, 0 },
					     { 2048, 4096, 8 },	   { 1, 1, 15 },	{ 1920, 1200, 24 } };
	int fd = open("/dev/mem", O_RDWR | O_SYNC);
	uint8_t *window = fd < 0 ? MAP_FAILED : mmap(NULL, 0x20000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0xa0000);
	if (iopl(3)) {
		tell("vga modes", "refused");
		return;
	}
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		vga_mode(modes[i][0], modes[i][1], modes[i][2]);
		for (size_t at = 0; window != MAP_FAILED && at < 0x20000; at++)
			window[at] = (uint8_t)(at * 31 + i);
		usleep(700000);
	}
	tell("vga modes", "done");
	outw(4, 0x1ce), outw(0, 0x1cf); /* text again, with each of its registers at its largest */
	for (int reg = 0; reg < 0x19; reg++)
		outb((uint8_t)reg, 0x3d4), outb(0xff, 0x3d5);
	usleep(2500000);
	tell("vga registers", "done");
}

static void ports(void)
{
	char name[64];
	if (iopl(3)) {
		tell("ports", "refused");
		return;
	}
	outb(0xff, 0xb2), tell("system management interrupt", "done");
	outl(0x564d5868, 0x5658), tell("vmware's back door", "done");
	outb('x', 0x402), tell("bios debug port", "done");
	outb(0x31, 0xf4), tell("debug exit port", "done"); /* ends a QEMU that has the device, as the canary's */
	outb(0x8f, 0x70), outb(0xff, 0x71), tell("cmos", "done");
	/* fw_cfg: the list of files that QEMU hands over. */
	outw(0x19, 0x510);
	uint32_t files = 0;
	for (int i = 0; i < 4; i++)
		files = files << 8 | inb(0x511);
	snprintf(name, sizeof name, "%u files", files);
	tell("firmware configuration", name);
	for (int i = 0; i < 0x400; i++) {
		outw((uint16_t)i, 0x510);
		outb(0xff, 0x511);
	}
	tell("firmware configuration writes", "done");
	/* Every device's identity, which cannot be written, and its expansion ROM. */
	for (uint32_t device = 0; device < 32; device++)
		for (uint32_t reg = 0; reg < 12; reg += 4) {
			outl(0x80000000 | device << 11 | reg, 0xcf8);
			uint32_t was = inl(0xcfc);
			if (reg != 4)
				outl(~was, 0xcfc);
		}
	tell("pci configuration", "done");
	for (uint16_t port = 0x3b0; port < 0x3e0; port++) /* VGA and floppy, whether they are there or not */
		outb(0xaa, port);
	outb(0x1c, 0x3f2), tell("vga and floppy ports", "done");
	for (uint16_t port = 0x1f0; port < 0x1f8; port++)
		outb(0xa1, port);
	tell("ide ports", "done");
}

static void memory_holes(void)
{
	int fd = open("/dev/mem", O_RDWR | O_SYNC);
	if (fd < 0) {
		tell("memory holes", "refused");
		return;
	}
	static const off_t holes[] = { 0xfec00000, 0xfed00000, 0xfed40000, 0xfee00000, 0xfe000000, 0xb0000000 };
	for (size_t i = 0; i < sizeof holes / sizeof *holes; i++) {
		volatile uint32_t *at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, holes[i]);
		if (at != MAP_FAILED)
			for (int k = 0; k < 64; k++)
				(void)at[k];
	}
	tell("memory holes", "read");
	close(fd);
}

static void scsi(const char *name, const uint8_t *command, uint8_t len, bool to_device)
{
	static uint8_t data[2048];
	uint8_t sense[64];
	int fd = open("/dev/sr0", O_RDONLY | O_NONBLOCK);
	sg_io_hdr_t io = { .interface_id = 'S',
			   .cmd_len = len,
			   .cmdp = (uint8_t *)(uintptr_t)command,
			   .dxfer_direction = to_device ? SG_DXFER_TO_DEV : SG_DXFER_FROM_DEV,
			   .dxferp = data,
			   .dxfer_len = sizeof data,
			   .sbp = sense,
			   .mx_sb_len = sizeof sense,
			   .timeout = 3000 };
	memset(data, 'X', sizeof data);
	tell(name, fd >= 0 && !ioctl(fd, SG_IO, &io) && !io.status ? "taken" : "refused");
	close(fd);
}

static void discs(void)
{
	int fd = open("/dev/sr0", O_RDWR);
	tell("open the disc for writing", fd < 0 ? "refused" : "taken");
	if (fd >= 0)
		(void)!write(fd, "X", 1);
	close(fd);
	scsi("write to the disc", (const uint8_t[]){ 0x2a, 0, 0, 0, 0, 16, 0, 0, 1, 0 }, 10, true);
	scsi("format the disc", (const uint8_t[]){ 4, 0, 0, 0, 0, 0 }, 6, true);
	scsi("blank the disc", (const uint8_t[]){ 0xa1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 12, true);
	scsi("read beyond the disc", (const uint8_t[]){ 0x28, 0, 0x7f, 255, 255, 255, 0, 255, 255, 0 }, 10, false);
	scsi("a command of no meaning", (const uint8_t[]){ 0xff, 255, 255, 255, 255, 255, 255, 255, 255, 255 }, 10, false);
	scsi("write the firmware", (const uint8_t[]){ 0x3b, 5, 0, 0, 0, 0, 0, 8, 0, 0 }, 10, true);
}

/* ---- what a computer has ---- */

static void hogs(void)
{
	pid_t bomb = fork();
	if (bomb == 0) {
		setpgid(0, 0);
		signal(SIGALRM, SIG_DFL);
		alarm(4);
		for (;;)
			(void)!fork();
	}
	sleep(3);
	kill(-bomb, SIGKILL);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	tell("fork bomb", "done");
	pid_t hog = fork();
	if (hog == 0)
		for (;;)
			(void)!mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	waitpid(hog, NULL, 0);
	tell("memory hog", "done");
	int fd = open("/tmp/fill", O_WRONLY | O_CREAT, 0600);
	static char block[1 << 20];
	while (write(fd, block, sizeof block) > 0)
		;
	unlink("/tmp/fill");
	close(fd);
	tell("disk fill", "done");
	fd = open("/dev/hwrng", O_RDONLY | O_NONBLOCK);
	for (int i = 0; i < 64; i++)
		(void)!read(fd, block, 65536);
	close(fd);
	tell("randomness drain", "done");
	struct timeval when = { .tv_sec = 4000000000 };
	tell("time jump", settimeofday(&when, NULL) ? "refused" : "done");
	for (int i = 0; i < 2048; i++)
		fputs("flood flood flood flood flood flood flood flood flood flood\n", stdout);
	tell("console flood", "done");
}

static void machine(void)
{
	discs();
	memory_holes();
	screens();
	ports();
}

static void at_once(void (*attempts)(void))
{
	if (fork() == 0) {
		attempts();
		_exit(0);
	}
}

/* With an argument: only the connections. */
int main(int argc, char **argv)
{
	(void)argv;
	at_once(connections);
	if (argc == 1) {
		at_once(frames);
		at_once(machine);
	}
	while (wait(NULL) > 0)
		;
	if (argc == 1)
		hogs();
	printf("ATTEMPTS END\n");
	return 0;
}
