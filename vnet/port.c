/* SPDX-License-Identifier: Apache-2.0
 * port.c - what all kinds of ports share
 */
#include <errno.h>
#include <sys/epoll.h>
#include "port.h"

void port_free(struct port *p)
{
	if (p)
		p->kind->free(p);
}

void port_pause(struct port *p, bool pause)
{
	if (p->kind->hold) {
		p->kind->hold(p, pause);
		return;
	}
	struct epoll_event event = { .events = pause ? 0 : EPOLLIN, .data.fd = p->read_fd };
	(void)epoll_ctl(p->epoll_fd, EPOLL_CTL_MOD, p->read_fd, &event);
}

err_t port_open_inner(struct port *p)
{
	p->read_fd = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN, .data.fd = p->read_fd };
	if (p->read_fd < 0 || epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, p->read_fd, &event) < 0)
		return err_from_errno(errno);
	return OK;
}
