/* SPDX-License-Identifier: Apache-2.0
 * check.h - what must hold at every moment; the first time that it does not ends the simulation
 */
#ifndef SIMULATE_CHECK_H
#define SIMULATE_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "seal.h"

struct node;

/* Says what went wrong and when, and ends the program. */
__attribute__((noreturn, format(printf, 1, 2))) void broken(const char *fmt, ...);
extern const char *check_repeat; /* the command that repeats this simulation */

void check_clear(void);

/* ---- frames: delivered to whom they were sent, once at most, as they were ---- */
#define CHECK_FRAME_MIN 64
/* Fills a frame that is about to be sent. */
void check_make_frame(const struct node *from, const struct node *to, uint8_t *frame, size_t len);
void check_frame(const struct node *from, const struct node *to, const uint8_t *frame, size_t len);
extern uint64_t frames_sent, frames_came;

/* ---- keys: each is one sender's, no counter twice, none too old ---- */
extern uint64_t keys_made, packets_sealed;
err_t __wrap_seal_init(struct seal *s, const struct seal_key *key, bool for_sending, uint64_t next);
err_t __wrap_seal_packet(struct seal *s, const struct wire_header *h, uint8_t *packet, size_t len);
err_t __wrap_seal_open(struct seal *s, uint8_t *packet, size_t len, size_t *ret_plain_len);
/* As if so many packets more had been sealed. */
void check_skip_counters(struct seal *s, uint64_t packets);
void __wrap_seal_clear(struct seal *s);
err_t __real_seal_init(struct seal *s, const struct seal_key *key, bool for_sending, uint64_t next);
err_t __real_seal_packet(struct seal *s, const struct wire_header *h, uint8_t *packet, size_t len);
err_t __real_seal_open(struct seal *s, uint8_t *packet, size_t len, size_t *ret_plain_len);
void __real_seal_clear(struct seal *s);

/* ---- of one machine ---- */
/* Its indexes, attempts and sessions belong to each other, and are as many as they may be. */
void check_node(const struct node *n);
/* After its tick, which sent so many packets: its next one is in the future, and they do not come to nothing again and again. */
void check_tick(struct node *n, size_t packets);

/* ---- victims: addresses that say nothing; packets in their name must not become more than they were ---- */
void check_lured(const struct address *victim, size_t bytes); /* an attacker sent that much in its name */
void check_hit(const struct address *victim, size_t bytes);   /* and that much came there */
void check_victims(void);

#endif
