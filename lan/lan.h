/* SPDX-License-Identifier: Apache-2.0
 * lan.h - a vnet on a loop, with a control socket: what the seller's endpoint and the buyer's "net up" have in common
 */
#ifndef LAN_H
#define LAN_H

#include <sys/types.h>
#include "loop.h"
#include "peers.h"

struct lan;

/* Takes config's copies; the loop is the caller's. */
MUST_CHECK err_t lan_new(struct loop *loop, const struct vnet_config *config, struct lan **ret_lan);
void lan_free(struct lan *lan);
struct vnet *lan_vnet(struct lan *lan);

/* Lets the control socket be asked for a capture: for the owner's own machine, never for a guest's port. */
void lan_allow_capture(struct lan *lan);

/* A status says as "space" that this process is in the network namespace that the interface is in. */
void lan_tell_space(struct lan *lan, pid_t pid);

/* Answers at path (base/ipc.h):
 * {"ask":"status"}: {"pin","candidates","port","mapping","stun_silent","tx_bytes","rx_bytes","up_bytes_s","down_bytes_s","over","spoofed",
 * "strangers","peers":[…]}; bytes are of the local port
 * {"ask":"peers","peers":[…],"relays":[…]}: exactly these from now on; {} or {"error"}. Without relays those stay as they are
 * {"ask":"rates","up_bytes_s","down_bytes_s"}: at most so much from now on, 0: any (vnet_set_rates); {} or {"error"}
 * {"ask":"ping","peer":ID}: {"token"} of a sealed ping that went to that peer, or {"error"}
 * {"ask":"pong","peer":ID,"token"}: what became of it: {"path","relay","address","rtt_us"}, rtt_us -1: no answer so far; or {"error"}
 * {"ask":"capture","path":SOCKET,"snaplen"}: {}, and records of the port's frames (capture.h) go to the unix stream socket there until it
 *   is closed; or {"error"}. One at a time.
 * {"ask":"quit"}: {}, and the loop stops */
MUST_CHECK err_t lan_serve(struct lan *lan, const char *path);

#endif
