/* SPDX-License-Identifier: Apache-2.0
 * port.h - where our machine's frames come in and go out: a TAP, or one of QEMU's unix sockets
 *
 * A kind of port is a table of functions; vnet.c knows no more of it.
 */
#ifndef VNET_PORT_H
#define VNET_PORT_H

#include "fragment.h"
#include "segment.h"
#include "vnet.h"

#define PORT_BATCH 32	 /* frames read in one go */
#define PORT_HEADROOM 64 /* in front of each frame read; at least MESH_HEADROOM */

struct port;
/* A frame was read; its bytes and PORT_HEADROOM bytes in front may be changed. With o->gso it is a super-frame
 * that super_of() takes. False: no more for now. */
typedef bool port_frame_fn(void *context, uint8_t *frame, size_t len, const struct offload *o);

struct port_kind {
	const char *name;
	/* Reads some frames; false where no more wait. */
	bool (*read)(struct port *p, port_frame_fn *fn, void *context);
	/* Queues or writes one frame; what the machine cannot take is dropped and counted. A segment
	 * (o->gso), or what is o->loose, must stay where it is until flush(), another frame only during the call. */
	void (*write)(struct port *p, const uint8_t *frame, size_t len, const struct offload *o);
	/* Takes a segment that goes on what write() took last; false where it does not, then nothing happened. NULL: it never does. */
	bool (*join)(struct port *p, const uint8_t *frame, size_t len, const struct offload *o);
	/* Hands queued frames over. True: some remain; the epoll descriptor tells when to call again. */
	bool (*flush)(struct port *p);
	/* Epoll found another descriptor than read_fd broken. */
	void (*hang_up)(struct port *p);
	void (*free)(struct port *p);
	/* While it is held, read() takes no frames, and looks after the connection all the same. NULL: read_fd is not looked at then. */
	void (*hold)(struct port *p, bool hold);
};
struct port {
	const struct port_kind *kind;
	int epoll_fd; /* borrowed */
	int read_fd;  /* where frames come from */
	uint16_t frame_max;
	uint64_t dropped;
};

/* All add their descriptors to epoll_fd. tap_fd is taken, also where it fails. super_frames: let the kernel hand over and take
 * super-frames where it can. */
MUST_CHECK err_t port_tap_new(int epoll_fd, int tap_fd, uint16_t frame_max, bool super_frames, struct port **ret_port);
MUST_CHECK err_t port_dgram_new(int epoll_fd, const char *our_path, const char *qemu_path, uint16_t frame_max,
				struct port **ret_port);
MUST_CHECK err_t port_vhost_new(int epoll_fd, const char *our_path, uint16_t frame_max, bool super_frames,
				struct port **ret_port);
MUST_CHECK err_t port_stream_new(int epoll_fd, const char *qemu_path, uint16_t frame_max, struct port **ret_port);
void port_free(struct port *p); /* NULL is fine */
/* Stops or resumes the attention to frames that wait, while they could not go. */
void port_pause(struct port *p, bool pause);
/* For a port of several descriptors: makes read_fd an epoll descriptor of its own and adds it to epoll_fd. */
MUST_CHECK err_t port_open_inner(struct port *p);

#endif
