/* SPDX-License-Identifier: Apache-2.0
 * port_tap.c - a port on a TAP: the kernel's ethernet card whose wire is a file descriptor
 *
 * With IFF_VNET_HDR each frame is led by a struct virtio_net_hdr. Then we ask for checksum offload: the kernel leaves TCP's and
 * UDP's checksums partial, they travel so (sealed, thus protected by something better), and the other side's kernel or port
 * completes them. And for segmentation offload: the kernel hands over super-frames of up to 64 KiB, which segment.c cuts, and
 * takes them too (joiner.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include "bytes.h"
#include "frame.h"
#include "joiner.h"
#include "port.h"
#include "port_tap.h"

#define TAP_USO (0x20 | 0x40) /* TUN_F_USO4, TUN_F_USO6: Linux 6.2, not in every header */
#define READ_BATCH 64	      /* frames a turn */
#define READ_BYTES (16 * SUPER_MAX_BYTES)

struct tap {
	struct port port;
	bool has_header;
	struct joiner joiner;
	uint8_t *room; /* PORT_HEADROOM and one super-frame */
};

/* ---- out of the kernel ---- */
static uint8_t gso_of(uint8_t type)
{
	switch (type) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return INNER_GSO_TCP4;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return INNER_GSO_TCP6;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		return INNER_GSO_UDP;
	default:
		return 0;
	}
}

bool tap_header_read(const struct virtio_net_hdr *h, uint8_t *frame, size_t len, struct offload *ret_offload)
{
	struct frame f;
	size_t start, offset;
	struct offload o = { .gso = gso_of(h->gso_type), .gso_size = h->gso_size };
	if (h->gso_type != VIRTIO_NET_HDR_GSO_NONE && o.gso == 0)
		return false; /* not asked for */
	o.partial_csum = (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) && frame_parse(frame, len, &f) == OK &&
			 frame_checksum_place(&f, &start, &offset) == OK && start == h->csum_start && offset == h->csum_offset;
	*ret_offload = o;
	if (o.gso) {
		struct super s;
		return super_of(frame, len, &o, &s) == OK;
	}
	ret_offload->gso_size = 0;
	/* A checksum that the wire cannot speak of, not the plain case of TCP or UDP, is completed here. */
	if ((h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) && !o.partial_csum)
		return checksum_complete(frame, len, h->csum_start, h->csum_offset) == OK;
	return true;
}

static bool tap_read(struct port *p, port_frame_fn *fn, void *context)
{
	struct tap *t = (struct tap *)p;
	uint8_t *frame = t->room + PORT_HEADROOM;
	size_t bytes = 0;
	for (int count = 0; count < READ_BATCH && bytes < READ_BYTES; count++) {
		struct virtio_net_hdr header = { 0 };
		struct iovec parts[2] = { { &header, sizeof header }, { frame, SUPER_MAX_BYTES } };
		struct offload o = { 0 };
		ssize_t n = readv(t->port.read_fd, t->has_header ? parts : parts + 1, t->has_header ? 2 : 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes += (size_t)n;
		size_t head = t->has_header ? sizeof header : 0, len = (size_t)n - head;
		if ((size_t)n < head || len > SUPER_MAX_BYTES || (t->has_header && !tap_header_read(&header, frame, len, &o)))
			p->dropped++;
		else if (!fn(context, frame, len, &o))
			return false;
	}
	return true;
}

/* ---- into the kernel ---- */
static int tap_put(void *context, struct iovec *parts, int count)
{
	struct tap *t = context;
	ssize_t n;
	do
		n = writev(t->port.read_fd, t->has_header ? parts : parts + 1, t->has_header ? count : count - 1);
	while (n < 0 && errno == EINTR);
	return n < 0 ? errno : 0;
}

static bool tap_join(struct port *p, const uint8_t *frame, size_t len, const struct offload *o)
{
	return joiner_join(&((struct tap *)p)->joiner, frame, len, o);
}

static void tap_write(struct port *p, const uint8_t *frame, size_t len, const struct offload *o)
{
	joiner_write(&((struct tap *)p)->joiner, frame, len, o);
}

static bool tap_flush(struct port *p)
{
	joiner_flush(&((struct tap *)p)->joiner);
	return false;
}

static void tap_hang_up(struct port *p)
{
	(void)p;
}

static void tap_free(struct port *p)
{
	struct tap *t = (struct tap *)p;
	if (t->port.read_fd >= 0)
		close(t->port.read_fd);
	free(t->room);
	free(t);
}

static const struct port_kind tap_kind = { "tap", tap_read, tap_write, tap_join, tap_flush, tap_hang_up, tap_free, NULL };

/* Newer kernels know more of these; all that a kernel knows are asked for in one go. */
static err_t ask_offloads(struct tap *t, bool super_frames)
{
	const unsigned tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
	int header_bytes = sizeof(struct virtio_net_hdr);
	if (ioctl(t->port.read_fd, TUNSETVNETHDRSZ, &header_bytes) < 0)
		return E_IO;
	if (super_frames && ioctl(t->port.read_fd, TUNSETOFFLOAD, tcp | TAP_USO) == 0)
		t->joiner.tcp4 = t->joiner.tcp6 = t->joiner.udp = true;
	else if (super_frames && ioctl(t->port.read_fd, TUNSETOFFLOAD, tcp) == 0)
		t->joiner.tcp4 = t->joiner.tcp6 = true;
	else if (ioctl(t->port.read_fd, TUNSETOFFLOAD, TUN_F_CSUM) < 0)
		return E_IO;
	t->joiner.csum = true;
	return OK;
}

static err_t set_up(struct tap *t, bool super_frames)
{
	struct ifreq request = { 0 };
	if (ioctl(t->port.read_fd, TUNGETIFF, &request) < 0 || !(request.ifr_flags & IFF_TAP) || !(request.ifr_flags & IFF_NO_PI))
		return E_INVALID;
	int flags = fcntl(t->port.read_fd, F_GETFL);
	if (flags < 0 || fcntl(t->port.read_fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(t->port.read_fd, F_SETFD, FD_CLOEXEC) < 0)
		return E_IO;
	t->has_header = request.ifr_flags & IFF_VNET_HDR;
	if (t->has_header)
		TRY(ask_offloads(t, super_frames));
	struct epoll_event event = { .events = EPOLLIN, .data.fd = t->port.read_fd };
	return epoll_ctl(t->port.epoll_fd, EPOLL_CTL_ADD, t->port.read_fd, &event) < 0 ? E_IO : OK;
}

err_t port_tap_new(int epoll_fd, int tap_fd, uint16_t frame_max, bool super_frames, struct port **ret_port)
{
	struct tap *t = calloc(1, sizeof *t);
	if (!t) {
		close(tap_fd);
		return E_NOMEM;
	}
	t->port = (struct port){ .kind = &tap_kind, .epoll_fd = epoll_fd, .read_fd = tap_fd, .frame_max = frame_max };
	t->joiner = (struct joiner){ .put = tap_put, .context = t, .dropped = &t->port.dropped };
	t->room = malloc(PORT_HEADROOM + SUPER_MAX_BYTES);
	err_t e = t->room ? set_up(t, super_frames) : E_NOMEM;
	if (e != OK) {
		tap_free(&t->port);
		return e;
	}
	*ret_port = &t->port;
	return OK;
}

/* ---- making one ---- */
static err_t tap_settings(const char *name, vnet_mac mac, uint16_t mtu)
{
	struct ifreq request = { 0 };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s < 0)
		return err_from_errno(errno);
	err_t e = text_copy(request.ifr_name, sizeof request.ifr_name, name);
	request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(request.ifr_hwaddr.sa_data, mac.bytes, sizeof mac.bytes);
	if (e == OK && ioctl(s, SIOCSIFHWADDR, &request) < 0)
		e = err_from_errno(errno);
	request.ifr_mtu = mtu;
	if (e == OK && ioctl(s, SIOCSIFMTU, &request) < 0)
		e = err_from_errno(errno);
	close(s);
	return e;
}

err_t vnet_tap_open(const char *name, vnet_mac mac, uint16_t mtu, int *ret_fd, char *ret_name)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	TRY(text_copy(request.ifr_name, sizeof request.ifr_name, name));
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return err_from_errno(errno);
	err_t e = ioctl(fd, TUNSETIFF, &request) < 0 ? err_from_errno(errno) : OK;
	if (e == OK)
		e = tap_settings(request.ifr_name, mac, mtu);
	if (e != OK) {
		close(fd);
		return e;
	}
	*ret_fd = fd;
	memcpy(ret_name, request.ifr_name, IFNAMSIZ);
	return OK;
}
