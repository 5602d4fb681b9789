/* SPDX-License-Identifier: Apache-2.0
 * frame.h - reading and making ethernet frames: ARP, IPv4, UDP, checksums (IPv6: ipv6.h)
 */
#ifndef VNET_FRAME_H
#define VNET_FRAME_H

#include "err.h"
#include "vnet.h"

#define ETHERNET_BYTES 14
#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_ARP 0x0806
#define ETHERTYPE_IPV6 0x86dd
#define PROTOCOL_ICMP 1
#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17

/* What a frame says of itself. The pointers go into it. */
struct frame {
	uint8_t *data;
	size_t len;
	uint64_t to, from;  /* MAC addresses as numbers */
	uint16_t ethertype; /* behind up to two VLAN tags */
	bool in_vlan;	    /* a tag names a VLAN: another segment than untagged frames and those of VLAN 0 are in */
	uint8_t *payload;   /* behind them too */
	size_t payload_len;
};
/* E_INVALID: shorter than its headers, more than two tags, a multicast or zero source. */
MUST_CHECK err_t frame_parse(uint8_t *data, size_t len, struct frame *ret_frame);
bool mac_is_multicast(uint64_t mac);
uint64_t mac_number(vnet_mac mac);
/* The first ETHERNET_BYTES. */
void ethernet_put(uint8_t *to, uint64_t to_mac, uint64_t from_mac, uint16_t ethertype);
#define MAC_BROADCAST 0xffffffffffffull

enum arp_operation { ARP_REQUEST = 1, ARP_REPLY = 2 };
struct arp {
	uint16_t operation;
	uint64_t sender_mac, target_mac;
	uint32_t sender_ip, target_ip;
};
#define ARP_BYTES 28
/* Ethernet and IPv4 only. E_INVALID. */
MUST_CHECK err_t arp_parse(const struct frame *f, struct arp *ret_arp);
/* A whole frame from sender_mac to target_mac. Returns its length; to has ETHERNET_BYTES + ARP_BYTES. */
size_t arp_put(const struct arp *a, uint8_t *to);

struct ipv4 {
	uint32_t from, to;
	uint8_t protocol;
	bool fragment; /* not the first: no ports */
	uint8_t *payload;
	size_t payload_len; /* by the total length, without ethernet's padding */
};
/* E_INVALID: version, lengths. The checksum is not looked at. */
MUST_CHECK err_t ipv4_parse(const struct frame *f, struct ipv4 *ret_ip);

struct udp {
	uint16_t from, to;
	const uint8_t *payload;
	size_t payload_len;
};
MUST_CHECK err_t udp_parse(const struct ipv4 *ip, struct udp *ret_udp);

/* Makes an IPv4 frame around protocol bytes of payload_len that stand at to + IPV4_HEAD_BYTES. Returns its length. */
#define IPV4_HEAD_BYTES (ETHERNET_BYTES + 20)
size_t ipv4_put(uint8_t *to, uint64_t to_mac, uint64_t from_mac, const struct ipv4 *ip);
/* The same for UDP with the payload at to + UDP_HEAD_BYTES. */
#define UDP_HEAD_BYTES (IPV4_HEAD_BYTES + 8)
size_t udp_put(uint8_t *to, uint64_t to_mac, uint64_t from_mac, uint32_t from_ip, uint32_t to_ip, const struct udp *udp);

/* RFC 1071, the complement of the sum; 0 where a checksum in the data is right. */
uint16_t internet_checksum(const uint8_t *data, size_t len, uint32_t sum);
/* Where the TCP or UDP checksum of an IPv4 or IPv6 frame stands and what it covers. E_INVALID: neither, or cut short. */
MUST_CHECK err_t frame_checksum_place(const struct frame *f, size_t *ret_start, size_t *ret_offset);
/* Sums from start on and writes it there: makes a partial checksum whole. E_INVALID where that is outside. */
MUST_CHECK err_t checksum_complete(uint8_t *data, size_t len, size_t start, size_t offset);
/* Copies a frame, and completes its checksum where that is partial. E_INVALID: it has none. */
MUST_CHECK err_t frame_copy_complete(uint8_t *to, const uint8_t *frame, size_t len, bool partial_csum);

#endif
