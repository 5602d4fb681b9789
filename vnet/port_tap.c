/* SPDX-License-Identifier: Apache-2.0
 * port_tap.c - a port on a TAP: the kernel's ethernet card whose wire is a file descriptor
 *
 * With IFF_VNET_HDR each frame is led by a struct virtio_net_hdr. We ask for no segmentation offload, so every frame is whole,
 * but for checksum offload where the header is there: the kernel then leaves TCP's and UDP's checksums partial, they travel so
 * (sealed, thus protected by something better), and the other side's kernel or port completes them.
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
#include "port.h"

struct tap {
	struct port port;
	bool has_header;
	uint8_t *room; /* PORT_HEADROOM and one frame */
};

/* Completes a checksum that the kernel left partial where the wire could not say so: not the plain case of TCP or UDP. */
static bool read_header(const struct virtio_net_hdr *h, uint8_t *frame, size_t len, bool *ret_partial)
{
	struct frame f;
	size_t start, offset;
	*ret_partial = false;
	if (h->gso_type != VIRTIO_NET_HDR_GSO_NONE)
		return false; /* not asked for */
	if (!(h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return true;
	if (frame_parse(frame, len, &f) == OK && frame_checksum_place(&f, &start, &offset) == OK && start == h->csum_start &&
	    offset == h->csum_offset) {
		*ret_partial = true;
		return true;
	}
	return checksum_complete(frame, len, h->csum_start, h->csum_offset) == OK;
}

static int tap_read(struct port *p, port_frame_fn *fn, void *context)
{
	struct tap *t = (struct tap *)p;
	uint8_t *frame = t->room + PORT_HEADROOM;
	int count = 0;
	for (; count < PORT_BATCH; count++) {
		struct virtio_net_hdr header = { 0 };
		struct iovec parts[2] = { { &header, sizeof header }, { frame, p->frame_max } };
		ssize_t n = readv(t->port.read_fd, t->has_header ? parts : parts + 1, t->has_header ? 2 : 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		size_t len = (size_t)n - (t->has_header ? sizeof header : 0);
		bool partial = false;
		if (t->has_header && ((size_t)n < sizeof header || !read_header(&header, frame, len, &partial)))
			p->dropped++;
		else
			fn(context, frame, len, partial);
	}
	return count;
}

static void tap_write(struct port *p, const uint8_t *frame, size_t len, bool partial_csum)
{
	struct tap *t = (struct tap *)p;
	struct virtio_net_hdr header = { 0 };
	uint8_t copy[FRAME_MAX_BYTES];
	if (len > sizeof copy)
		return;
	if (partial_csum) {
		struct frame f;
		size_t start, offset;
		memcpy(copy, frame, len);
		if (frame_parse(copy, len, &f) != OK || frame_checksum_place(&f, &start, &offset) != OK) {
			p->dropped++;
			return;
		}
		if (t->has_header)
			header = (struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
							  .csum_start = (uint16_t)start,
							  .csum_offset = (uint16_t)offset };
		else if (checksum_complete(copy, len, start, offset) == OK)
			frame = copy;
	}
	struct iovec parts[2] = { { &header, sizeof header }, { (void *)(uintptr_t)frame, len } };
	if (writev(t->port.read_fd, t->has_header ? parts : parts + 1, t->has_header ? 2 : 1) < 0)
		p->dropped++; /* the interface is down, or its queue full: an ethernet may lose frames */
}

static bool tap_flush(struct port *p)
{
	(void)p;
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

static const struct port_kind tap_kind = { "tap", tap_read, tap_write, tap_flush, tap_hang_up, tap_free };

static err_t set_up(struct tap *t)
{
	struct ifreq request = { 0 };
	if (ioctl(t->port.read_fd, TUNGETIFF, &request) < 0 || !(request.ifr_flags & IFF_TAP) || !(request.ifr_flags & IFF_NO_PI))
		return E_INVALID;
	int flags = fcntl(t->port.read_fd, F_GETFL), header_bytes = sizeof(struct virtio_net_hdr);
	if (flags < 0 || fcntl(t->port.read_fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(t->port.read_fd, F_SETFD, FD_CLOEXEC) < 0)
		return E_IO;
	t->has_header = request.ifr_flags & IFF_VNET_HDR;
	if (t->has_header &&
	    (ioctl(t->port.read_fd, TUNSETVNETHDRSZ, &header_bytes) < 0 || ioctl(t->port.read_fd, TUNSETOFFLOAD, TUN_F_CSUM) < 0))
		return E_IO;
	struct epoll_event event = { .events = EPOLLIN, .data.fd = t->port.read_fd };
	return epoll_ctl(t->port.epoll_fd, EPOLL_CTL_ADD, t->port.read_fd, &event) < 0 ? E_IO : OK;
}

err_t port_tap_new(int epoll_fd, int tap_fd, uint16_t frame_max, struct port **ret_port)
{
	struct tap *t = calloc(1, sizeof *t);
	if (!t) {
		close(tap_fd);
		return E_NOMEM;
	}
	t->port = (struct port){ .kind = &tap_kind, .epoll_fd = epoll_fd, .read_fd = tap_fd, .frame_max = frame_max };
	t->room = malloc(PORT_HEADROOM + FRAME_MAX_BYTES);
	err_t e = t->room ? set_up(t) : E_NOMEM;
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
