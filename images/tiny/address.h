/* SPDX-License-Identifier: Apache-2.0
 * address.h - an address from the LAN's DHCP server, as soon as it says one
 */
#ifndef IMAGES_ADDRESS_H
#define IMAGES_ADDRESS_H

#include <stdbool.h>

/* card: its name. name: what to say that we are called; "": nothing. True: the card is up and has its address, its routes and its MTU, and
 * /run/address, /etc/resolv.conf and, where there was no name, the host's say what was told. False after a second without an answer, or
 * where the answer asks for more than is done here: nothing was set then. */
bool address_take(const char *card, const char *name);

#endif
