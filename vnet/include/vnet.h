/* SPDX-License-Identifier: Apache-2.0
 * vnet.h - one private ethernet over UDP: the whole API, but for what can be seen of it (vnet_status.h)
 *
 * A struct vnet is one peer's membership of one network. It has one UDP socket for all other peers and one port, where the
 * frames of one machine (or one local bridge) come in and go out: a TAP, or one of QEMU's unix sockets. Peers are introduced
 * by the caller (who has them from the market): name, MAC, addresses, pinned key, candidates. Everything between two peers is
 * sealed; keys come from a DTLS 1.2 handshake with both keys pinned. docs/VNET.md specifies the wire.
 *
 * The library has no thread, reads no clock and never blocks: the caller polls vnet_fd() until vnet_next_us() and calls
 * vnet_run() with the time. One struct vnet is used from one thread at a time; several may live in one process.
 */
#ifndef VNET_H
#define VNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include "clock.h"
#include "crypto.h"
#include "err.h"
#include "uuid.h"

struct vnet;

#define VNET_NAME_SIZE 64	/* a DNS label (RFC 1035: 63 octets) and a NUL */
#define VNET_MAX_PEERS 1024	/* of one network, without ourselves */
#define VNET_MAX_CANDIDATES 16	/* of one peer */
#define VNET_MAX_STUN_SERVERS 4 /* that one endpoint asks */
#define VNET_MAX_RELAYS 4
#define VNET_TICKET_BYTES 148	/* the market's permission to use a relay (docs/RELAY.md) */
#define VNET_BOOT_FILE_SIZE 128 /* BOOTP's file name (RFC 2131) */
#define VNET_CANDIDATE_SIZE 64	/* "192.0.2.7:41641", "[2001:db8::1]:41641" */
#define VNET_LOGIN_SIZE 256

typedef struct {
	uint8_t bytes[6];
} vnet_mac;

/* Where a candidate comes from (docs/VNET.md, "NAT"). What leads through a relay need not be announced (vnet_set_relays). */
enum vnet_candidate_kind { VNET_HOST, VNET_FIXED, VNET_MAPPED, VNET_REFLEXIVE, VNET_RELAYED, VNET_CANDIDATE_KIND_COUNT };
extern const char *const vnet_candidate_kind_names[VNET_CANDIDATE_KIND_COUNT]; /* "host", "fixed", ... */

struct vnet_candidate {
	enum vnet_candidate_kind kind;
	char address[VNET_CANDIDATE_SIZE]; /* numeric address and port */
};

/* A member of the network, as the market introduces it. */
struct vnet_peer {
	uuid id;
	char name[VNET_NAME_SIZE]; /* unique in the network; answers DNS as NAME and NAME.lan */
	vnet_mac mac;
	uint32_t ip; /* IPv4 in host byte order */
	sha256 pin;  /* SHA-256 of its P-256 SubjectPublicKeyInfo */
	struct vnet_candidate candidates[VNET_MAX_CANDIDATES];
	size_t candidate_count;
	bool gateway; /* leads into the world: DHCP and router advertisements name it, and only it may bring packets from there */
	uint32_t
		boot_server; /* what it wants DHCP to say to machines that start from the network: the member that has the file; */
	char boot_file[VNET_BOOT_FILE_SIZE]; /* "": nothing */
};

/* What the network is, the same at all of its peers. */
struct vnet_network {
	uuid id;
	uint32_t subnet;    /* IPv4 in host byte order */
	uint8_t prefix_len; /* 8 .. 30 */
	uint16_t mtu;	    /* inner MTU, 576 .. 9000; what DHCP hands out */
};
/* The member's IPv6 address that is made of the network's id and its MAC (docs/VNET.md section 8): what a kernel makes by itself. */
struct in6_addr vnet_ip6(uuid network, vnet_mac mac);
/* Questions for names of the world reach the gateway's machine at this UDP port; what it answers from there reaches who asked. */
#define VNET_GATEWAY_DNS_PORT 5335

/* What seals the packets between two peers: both know the first, and take the second where both have it (docs/VNET.md section 4). */
enum vnet_cipher { VNET_AES_256_GCM, VNET_AEGIS_128L, VNET_CIPHER_COUNT };
extern const char *const vnet_cipher_names[VNET_CIPHER_COUNT]; /* "aes-256-gcm", "aegis-128l" */

/* Offloads carry many packets in one call. Each is tried out and left where it does not work; these bits, or the environment's
 * CPUSHARE_VNET_WITHOUT ("udp-gso,udp-gro,tap-gso,port-mapping,aegis-128l"), leave them from the start. */
enum vnet_without {
	VNET_WITHOUT_UDP_GSO = 1,      /* sending datagrams of one size to one peer as one (UDP_SEGMENT) */
	VNET_WITHOUT_UDP_GRO = 2,      /* receiving them so */
	VNET_WITHOUT_TAP_GSO = 4,      /* frames of up to 64 KiB from and to a TAP or vhost-user's rings */
	VNET_WITHOUT_PORT_MAPPING = 8, /* asking the gateways for a port (PCP, NAT-PMP) */
	VNET_WITHOUT_AEGIS_128L = 16,  /* AES-256-GCM only, whatever the processors have */
};

struct vnet_config {
	struct vnet_network network;
	struct vnet_peer self; /* its pin and candidates are ignored: they are made here */
	const char *key_pem;   /* P-256 private key and certificate as certificate_make() gives them; copied */
	const char *cert_pem;
	struct sockaddr_storage bind_address; /* family 0: any address, IPv6 with IPv4 mapped where there is IPv6 */
	uint16_t bind_port;		      /* 0: any */
	bool learn_macs;  /* the port leads to a bridge: many MACs behind it. Else frames from the port must bear
				    * self.mac, and IPv4 and ARP senders self.ip (0.0.0.0 before DHCP) */
	bool answer_dhcp; /* DHCP (RFC 2131) and DNS for the port's machine, answered here */
	unsigned
		without; /* what is not to be used, VNET_WITHOUT_...; for kernels and network cards that get it wrong, and owners' wishes */
	/* STUN servers (RFC 8489) that are asked under which address our packets reach them: numeric address and port. Two of
	 * different addresses also tell what kind of NAT there is. "" and what is no such address is left out. */
	char stun_servers[VNET_MAX_STUN_SERVERS][VNET_CANDIDATE_SIZE];
	/* Where the machine's owner has opened a way in, as "203.0.113.7:41641": a fixed candidate. "" where none. */
	char fixed_address[VNET_CANDIDATE_SIZE];
	/* An HTTP proxy by which relays are reached where UDP to them is not: numeric address and port, "" for none, and the credentials
	 * for it, "user:password", or "". */
	char proxy[VNET_CANDIDATE_SIZE], proxy_login[VNET_LOGIN_SIZE];
	/* Called from vnet_run(); NULL: silence. line has no newline. */
	void (*log)(void *context, int level, const char *line);
	void *log_context;
};

/* Makes the endpoint and its UDP socket. The port is attached later. E_INVALID names nothing: the caller checks fields. */
MUST_CHECK err_t vnet_new(const struct vnet_config *config, mono_time now, struct vnet **ret_vnet);
void vnet_free(struct vnet *v); /* closes what vnet_new and vnet_attach_* opened; NULL is fine */

/* ---- ports: one per endpoint; a second attach replaces the first ---- */
/* A TAP's descriptor, opened by the caller with IFF_TAP | IFF_NO_PI | IFF_VNET_HDR or without (told apart by TUNGETIFF).
 * Takes the descriptor. */
MUST_CHECK err_t vnet_attach_tap(struct vnet *v, int tap_fd);
/* QEMU's "-netdev dgram,local.type=unix,local.path=QEMU_PATH,remote.type=unix,remote.path=OUR_PATH": one raw frame a datagram.
 * Binds our_path (replacing an old socket) and sends to qemu_path; either end may come later or restart. Both paths must fit
 * sun_path: chdir() first. */
MUST_CHECK err_t vnet_attach_qemu_dgram(struct vnet *v, const char *our_path, const char *qemu_path);
/* QEMU's "-netdev stream,server=on,addr.type=unix,addr.path=QEMU_PATH": connects there as soon as somebody listens, and again. */
MUST_CHECK err_t vnet_attach_qemu_stream(struct vnet *v, const char *qemu_path);
/* QEMU's "-chardev socket,id=C,path=OUR_PATH,reconnect=1 -netdev vhost-user,chardev=C", its memory a shared memory-backend-memfd:
 * binds our_path. Frames go by the guest's own rings, super-frames too (VNET_WITHOUT_TAP_GSO). */
MUST_CHECK err_t vnet_attach_qemu_vhost(struct vnet *v, const char *our_path);
/* Opens a TAP in the calling thread's network namespace: name "cpu%d" or fixed; ret_name has IFNAMSIZ (16) bytes. Sets MAC and
 * MTU. Needs CAP_NET_ADMIN there. The caller sets addresses and brings it up. */
MUST_CHECK err_t vnet_tap_open(const char *name, vnet_mac mac, uint16_t mtu, int *ret_fd, char *ret_name);

/* At most so many bytes a second from the port (up) and to it (down), each frame with the VNET_FRAME_LINE_BYTES that lead and seal it on the
 * line; 0: no bound, as at first. Beyond it the port is not read, and its machine's own queue fills; what comes is dropped. Bursts are of
 * a tenth of a second, or of 128 KiB. E_INVALID: negative, or above VNET_RATE_MAX_BYTES_S. */
struct vnet_rates {
	int64_t up_bytes_s, down_bytes_s;
};
#define VNET_FRAME_LINE_BYTES 64 /* IPv4 20, UDP 8, the seal 32, the inner header 4 */
#define VNET_RATE_MAX_BYTES_S 125000000000LL
MUST_CHECK err_t vnet_set_rates(struct vnet *v, const struct vnet_rates *rates);

/* ---- peers ---- */
/* Desired state: exactly these peers, ourselves left out by id. New ones are contacted, missing ones are dropped at once (their
 * packets are then a stranger's), changed candidates are probed. Copies. E_LIMIT, E_INVALID (two with one id, pin, MAC, IP or name). */
MUST_CHECK err_t vnet_set_peers(struct vnet *v, const struct vnet_peer *peers, size_t count, mono_time now);
/* By its addresses and pin a relay is the same as before; then only the ticket is replaced. Peers are reached through each relay at which
 * they are bound as well, so all members of a network need the same ones. Where UDP to it goes unanswered for some seconds it is spoken to
 * by TLS, if it has that, until UDP passes again. Copies. E_LIMIT; E_INVALID: an address. */
struct vnet_relay {
	char address[VNET_CANDIDATE_SIZE]; /* UDP, numeric address and port */
	uint8_t ticket[VNET_TICKET_BYTES];
	char tls_address[VNET_CANDIDATE_SIZE]; /* TCP, numeric address and port; "": none */
	sha256 tls_pin;			       /* of its TLS key, SHA-256 of the P-256 SubjectPublicKeyInfo */
};
MUST_CHECK err_t vnet_set_relays(struct vnet *v, const struct vnet_relay *relays, size_t count, mono_time now);
sha256 vnet_pin(const struct vnet *v); /* of our own key */
uint16_t vnet_port_number(const struct vnet *v);
/* Our candidates for the market to hand on: the fixed address, host addresses of all interfaces that are up, with our port
 * (loopback only where there is nothing else; not addresses inside the network itself), what gateways mapped, what the STUN
 * servers said. It changes by itself: ask now and then. Returns the count, at most VNET_MAX_CANDIDATES. */
size_t vnet_candidates(struct vnet *v, struct vnet_candidate *ret_candidates);

/* ---- running ---- */
int vnet_fd(const struct vnet *v); /* an epoll descriptor, readable when there is work; do not read it */
/* Does everything that can be done without waiting: at most a few hundred packets, then returns; level-triggered. */
void vnet_run(struct vnet *v, mono_time now);
mono_time vnet_next_us(const struct vnet *v); /* call vnet_run() no later than this */

#endif
