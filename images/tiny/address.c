/* SPDX-License-Identifier: Apache-2.0
 * address.c - asks for an address by DHCP, without a program for each step
 *
 * A client is a program that starts a script that starts programs, and under emulation each of them costs more than all that is done here.
 * This one asks for the first address alone. udhcpc comes after it, keeps it, and does whatever this one does not.
 */
#include "address.h"
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "dhcp_answer.h"
#include "own.h"

/* The card's link may not be up yet when the first one is sent: soon again, then slower and slower, for 1.3 s in all. */
enum { FIRST_WAIT_MS = 20, ROUNDS = 6, BOOTP_BYTES = 300, PACKET_MAX_BYTES = 1500 };

struct asking {
	int packets, control; /* sockets: of the card's IPv4 packets; any, for ioctl */
	int timer;
	const char *card, *name;
	int index;
	uint8_t mac[6];
	uint32_t xid;
};

static struct ifreq request_of(const struct asking *a)
{
	struct ifreq r = { .ifr_flags = 0 };
	snprintf(r.ifr_name, sizeof r.ifr_name, "%s", a->card);
	return r;
}

static bool open_card(struct asking *a)
{
	a->control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	a->packets = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_IP));
	a->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	struct ifreq r = request_of(a);
	if (ioctl(a->control, SIOCGIFHWADDR, &r) || r.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		return false;
	memcpy(a->mac, r.ifr_hwaddr.sa_data, sizeof a->mac);
	if (ioctl(a->control, SIOCGIFINDEX, &r))
		return false;
	a->index = r.ifr_ifindex;
	const struct sockaddr_ll here = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = a->index };
	if (bind(a->packets, (const struct sockaddr *)&here, sizeof here) || ioctl(a->control, SIOCGIFFLAGS, &r))
		return false;
	r.ifr_flags |= IFF_UP;
	/* No secret: an answer is told from others by it. */
	return ioctl(a->control, SIOCSIFFLAGS, &r) == 0 && getrandom(&a->xid, sizeof a->xid, GRND_INSECURE) == sizeof a->xid;
}

static void put_u32(uint8_t *at, uint32_t value)
{
	value = htonl(value);
	memcpy(at, &value, sizeof value);
}

static uint8_t *put_option(uint8_t *at, uint8_t code, const void *data, size_t len)
{
	*at++ = code;
	*at++ = (uint8_t)len;
	memcpy(at, data, len);
	return at + len;
}

/* offer: that it takes; NULL: it asks for one. */
static void put_question(const struct asking *a, const struct dhcp_answer *offer, uint8_t *m)
{
	static const uint8_t wanted[] = { 1, 3, 6, 12, 15, 26, 28, 119, 121 };
	const uint8_t kind = offer ? DHCP_REQUEST : DHCP_DISCOVER;
	uint8_t number[4];
	memset(m, 0, BOOTP_BYTES);
	m[0] = m[1] = 1;
	m[2] = sizeof a->mac;
	put_u32(m + 4, a->xid);
	memcpy(m + 28, a->mac, sizeof a->mac);
	put_u32(m + 236, DHCP_MAGIC);
	uint8_t *at = put_option(m + 240, 53, &kind, 1);
	if (offer) {
		put_u32(number, offer->ip);
		at = put_option(at, 50, number, sizeof number);
		put_u32(number, offer->server);
		at = put_option(at, 54, number, sizeof number);
	}
	at = put_option(at, 55, wanted, sizeof wanted);
	if (*a->name && strlen(a->name) < 32)
		at = put_option(at, 12, a->name, strlen(a->name));
	*at = 255;
}

static uint16_t checksum(const void *data, size_t len)
{
	uint32_t sum = 0;
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)((const uint8_t *)data)[i] << 8 | ((const uint8_t *)data)[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static bool ask(const struct asking *a, const struct dhcp_answer *offer)
{
	struct {
		struct iphdr ip;
		struct udphdr udp; /* without a checksum, as IPv4 allows */
		uint8_t bootp[BOOTP_BYTES];
	} packet = { .ip = { .version = 4,
			     .ihl = 5,
			     .tot_len = htons(sizeof packet),
			     .ttl = 64,
			     .protocol = IPPROTO_UDP,
			     .daddr = INADDR_BROADCAST },
		     .udp = { .source = htons(68), .dest = htons(67), .len = htons(sizeof packet.udp + sizeof packet.bootp) } };
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = a->index, .sll_halen = 6
	};
	memset(to.sll_addr, 0xff, 6);
	packet.ip.check = checksum(&packet.ip, sizeof packet.ip);
	put_question(a, offer, packet.bootp);
	return sendto(a->packets, &packet, sizeof packet, 0, (const struct sockaddr *)&to, sizeof to) == sizeof packet;
}

/* An answer of that kind, or a refusal; false when the time has passed, whatever else comes meanwhile. */
static bool hear(const struct asking *a, uint8_t kind, int wait_ms, struct dhcp_answer *ret_answer)
{
	uint8_t packet[PACKET_MAX_BYTES];
	const struct itimerspec wait = { .it_value.tv_nsec = wait_ms * 1000000L };
	struct pollfd p[2] = { { .fd = a->packets, .events = POLLIN }, { .fd = a->timer, .events = POLLIN } };
	if (timerfd_settime(a->timer, 0, &wait, NULL))
		return false;
	while (poll(p, 2, -1) > 0 && !p[1].revents) {
		ssize_t len = recv(a->packets, packet, sizeof packet, 0);
		if (len > 0 && dhcp_answer_read(packet, (size_t)len, a->xid, a->mac, ret_answer) &&
		    (ret_answer->kind == kind || ret_answer->kind == DHCP_NAK))
			return true;
	}
	return false;
}

static bool get(const struct asking *a, struct dhcp_answer *ret_answer)
{
	struct dhcp_answer offer;
	bool offered = false;
	for (int round = 0, wait_ms = FIRST_WAIT_MS; round < ROUNDS; round++, wait_ms *= 2) {
		if (!offered && (!ask(a, NULL) || !(offered = hear(a, DHCP_OFFER, wait_ms, &offer))))
			continue;
		if (offer.kind == DHCP_NAK || offer.beyond)
			return false;
		if (ask(a, &offer) && hear(a, DHCP_ACK, wait_ms, ret_answer))
			return ret_answer->kind == DHCP_ACK && !ret_answer->beyond && ret_answer->ip == offer.ip;
	}
	return false;
}

static void put_address(struct sockaddr *at, uint32_t ip)
{
	const struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(ip) };
	memcpy(at, &address, sizeof address);
}

static bool set_number(const struct asking *a, unsigned long what, uint32_t ip)
{
	struct ifreq r = request_of(a);
	put_address(&r.ifr_addr, ip);
	return ioctl(a->control, what, &r) == 0;
}

static bool set(const struct asking *a, const struct dhcp_answer *answer)
{
	struct ifreq mtu = request_of(a);
	mtu.ifr_mtu = answer->mtu;
	if (answer->mtu && ioctl(a->control, SIOCSIFMTU, &mtu))
		return false;
	if (!set_number(a, SIOCSIFADDR, answer->ip) || !set_number(a, SIOCSIFNETMASK, answer->mask) ||
	    (answer->broadcast && !set_number(a, SIOCSIFBRDADDR, answer->broadcast)))
		return false;
	struct rtentry route = { .rt_flags = RTF_UP | RTF_GATEWAY, .rt_dev = (char *)a->card };
	put_address(&route.rt_gateway, answer->router);
	put_address(&route.rt_dst, 0);
	put_address(&route.rt_genmask, 0);
	return !answer->router || ioctl(a->control, SIOCADDRT, &route) == 0;
}

static const char *text_of(uint32_t ip, char *text)
{
	const struct in_addr address = { .s_addr = htonl(ip) };
	return inet_ntop(AF_INET, &address, text, INET_ADDRSTRLEN);
}

/* As the script of the client that comes after it would (dhcp). */
static bool tell(const struct asking *a, const struct dhcp_answer *answer)
{
	char text[512], ip[INET_ADDRSTRLEN];
	int n = 0;
	if (*answer->domain)
		n = snprintf(text, sizeof text, "search %s\n", answer->domain);
	for (size_t i = 0; i < answer->dns_count; i++)
		n += snprintf(text + n, sizeof text - (size_t)n, "nameserver %s\n", text_of(answer->dns[i], ip));
	if (!own_write("/etc/resolv.conf", text, (size_t)n))
		return false;
	if (!*a->name && *answer->name && !own_name(answer->name, true))
		return false;
	n = snprintf(text, sizeof text, "%s\n", text_of(answer->ip, ip));
	/* The first deconfig of the client that comes after it is its start, and not the end of this address. */
	return own_write("/run/address.taken", "", 0) && own_write("/run/address", text, (size_t)n);
}

bool address_take(const char *card, const char *name)
{
	struct asking a = { .card = card, .name = name };
	struct dhcp_answer answer;
	return open_card(&a) && get(&a, &answer) && set(&a, &answer) && tell(&a, &answer);
}
