/* SPDX-License-Identifier: Apache-2.0
 * own.h - makes a machine one of its own: its card's driver, its seed's name, its address
 */
#ifndef IMAGES_OWN_H
#define IMAGES_OWN_H

#include <stdbool.h>
#include <stddef.h>

/* What it finds goes to /run, for the scripts that come after it: hostname, instance-id, user-data (if it is a script), card, address; and
 * ready, where there was an address at once, /etc/start has run and the ready line is said. */
void own(void);

/* What of it can be done earlier: the card's driver, and then its address; true where there is no card. */
void own_drive_card(void);
bool own_mac(const unsigned char *mac);

/* False where it cannot be written. */
bool own_write(const char *path, const char *text, size_t len);
/* The host's name, and in /etc/hosts; from_server: no seed says one, and /run/hostname has none yet. */
bool own_name(const char *name, bool from_server);

#endif
