/* SPDX-License-Identifier: Apache-2.0
 * port_tap.h - what the kernel says of a frame that comes out of a TAP
 */
#ifndef VNET_PORT_TAP_H
#define VNET_PORT_TAP_H

#include <linux/virtio_net.h>
#include "segment.h"

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4 /* Linux 6.2 */
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

/* Checks the header and completes a checksum that the wire cannot speak of. False: the frame is to be dropped. */
bool tap_header_read(const struct virtio_net_hdr *h, uint8_t *frame, size_t len, struct offload *ret_offload);

#endif
