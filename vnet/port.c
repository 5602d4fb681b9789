/* SPDX-License-Identifier: Apache-2.0
 * port.c - what all kinds of ports share
 */
#include <sys/epoll.h>
#include "port.h"

void port_free(struct port *p)
{
	if (p)
		p->kind->free(p);
}

void port_pause(struct port *p, bool pause)
{
	struct epoll_event event = { .events = pause ? 0 : EPOLLIN, .data.fd = p->read_fd };
	(void)epoll_ctl(p->epoll_fd, EPOLL_CTL_MOD, p->read_fd, &event);
}
