/* SPDX-License-Identifier: Apache-2.0
 * work.c - the known-answer work of a calibration
 *
 * How it works: the memory is pages of 512 words, each word made of the one before it in its page by xorshift64, the first by a
 * compression over seed and page. So a visited word can be made anew at the price of a compression and some 256 shifts.
 */
#include "work.h"
#include "bytes.h"
#include "clock.h"
#include <stdio.h>

#define PAGE_WORDS 512

/* FIPS 180-4, sections 4.2.2, 5.3.3 and 6.2.2 */
static const uint32_t K[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
	0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
	0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
	0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
	0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};
static const uint32_t START[8] = {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19
};

static inline uint32_t turn(uint32_t x, int n)
{
	return x >> n | x << (32 - n);
}

static inline void round_of(uint32_t a, uint32_t b, uint32_t c, uint32_t *d, uint32_t e, uint32_t f, uint32_t g, uint32_t *h,
			    uint32_t added)
{
	uint32_t t = *h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + added;
	*d += t;
	*h = t + (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
}

static void compress(uint32_t state[8], const uint32_t block[16])
{
	uint32_t w[64], s[8];
	memcpy(w, block, 16 * sizeof *w);
	for (int i = 16; i < 64; i++)
		w[i] = w[i - 16] + (turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >> 3) + w[i - 7] +
		       (turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ w[i - 2] >> 10);
	memcpy(s, state, sizeof s);
	for (int i = 0; i < 64; i += 8) { /* after eight rounds every variable is where it was */
		round_of(s[0], s[1], s[2], &s[3], s[4], s[5], s[6], &s[7], K[i] + w[i]);
		round_of(s[7], s[0], s[1], &s[2], s[3], s[4], s[5], &s[6], K[i + 1] + w[i + 1]);
		round_of(s[6], s[7], s[0], &s[1], s[2], s[3], s[4], &s[5], K[i + 2] + w[i + 2]);
		round_of(s[5], s[6], s[7], &s[0], s[1], s[2], s[3], &s[4], K[i + 3] + w[i + 3]);
		round_of(s[4], s[5], s[6], &s[7], s[0], s[1], s[2], &s[3], K[i + 4] + w[i + 4]);
		round_of(s[3], s[4], s[5], &s[6], s[7], s[0], s[1], &s[2], K[i + 5] + w[i + 5]);
		round_of(s[2], s[3], s[4], &s[5], s[6], s[7], s[0], &s[1], K[i + 6] + w[i + 6]);
		round_of(s[1], s[2], s[3], &s[4], s[5], s[6], s[7], &s[0], K[i + 7] + w[i + 7]);
	}
	for (int i = 0; i < 8; i++)
		state[i] += s[i];
}

/* One compression over a label, a number and the seed. */
static void seeded(const struct work *w, uint32_t label, uint32_t number, uint32_t state[8])
{
	uint32_t block[16] = { label, number };
	memcpy(state, START, sizeof START);
	for (size_t i = 0; i < WORK_SEED_SIZE && w->seed[i]; i++)
		block[2 + i / 4 % 14] ^= (uint32_t)(uint8_t)w->seed[i] << (8 * (i % 4));
	compress(state, block);
}

static uint64_t page_first(const struct work *w, uint32_t page)
{
	uint32_t s[8];
	seeded(w, 1, page, s);
	return ((uint64_t)s[0] << 32 | s[1]) | 1; /* xorshift stays at zero */
}

static inline uint64_t page_next(uint64_t x)
{
	x ^= x << 13;
	x ^= x >> 7;
	return x ^ x << 17;
}

static uint64_t word_at(const struct work *w, uint32_t page, uint32_t at)
{
	uint64_t x = page_first(w, page);
	for (uint32_t i = 0; i < at; i++)
		x = page_next(x);
	return x;
}

void work_fill(const struct work *w, uint32_t part, uint32_t parts, uint64_t *memory)
{
	size_t pages = work_words(w) / PAGE_WORDS;
	for (size_t page = pages * part / parts; page < pages * (part + 1) / parts; page++) {
		uint64_t x = page_first(w, (uint32_t)page);
		for (size_t i = 0; i < PAGE_WORDS; i++, x = page_next(x))
			memory[page * PAGE_WORDS + i] = x;
	}
}

/* A double of [1, 2) from the upper bits, so that nothing is ever infinite or denormal. */
static inline double unit(uint64_t x)
{
	double d;
	x = x >> 12 | 0x3ff0000000000000;
	memcpy(&d, &x, sizeof d);
	return d;
}

static inline uint64_t floats(uint64_t a, uint64_t b)
{
	double x = unit(a), y = unit(b);
	uint64_t bits;
	for (int i = 0; i < 4; i++)
		y = y * x + 0.5 / y;
	memcpy(&bits, &y, sizeof bits);
	return bits;
}

static sha256 digest_of(const uint32_t state[8])
{
	sha256 digest;
	struct writer w = writer_of(digest.bytes, sizeof digest.bytes);
	for (int i = 0; i < 8; i++)
		write_u32(&w, state[i]);
	return digest;
}

sha256 work_begin(const struct work *w, uint32_t core)
{
	uint32_t state[8];
	seeded(w, 2, core, state);
	return digest_of(state);
}

sha256 work_chunk(const struct work *w, sha256 before, const uint64_t *memory)
{
	uint32_t s[8], pages = (uint32_t)(work_words(w) / PAGE_WORDS);
	struct reader r = reader_of(before.bytes, sizeof before.bytes);
	for (int i = 0; i < 8; i++)
		s[i] = read_u32(&r);
	for (uint32_t step = 0; step < w->steps; step++) {
		uint32_t page = (uint32_t)((uint64_t)s[0] * pages >> 32), at = s[1] % PAGE_WORDS;
		uint64_t word = memory ? memory[(size_t)page * PAGE_WORDS + at] : word_at(w, page, at);
		uint64_t f = floats(word, (uint64_t)s[2] << 32 | s[3]);
		const uint32_t block[16] = { (uint32_t)word, (uint32_t)(word >> 32), (uint32_t)f, (uint32_t)(f >> 32), step };
		compress(s, block);
	}
	return digest_of(s);
}

/* ---- how much, and how fast ---- */

#define MIB_STEPS ((int64_t)(1 << 20) / WORK_STEP_BYTES)

uint32_t work_steps_for(uint32_t score, int64_t time_us)
{
	int64_t steps = (int64_t)score * MIB_STEPS * (time_us / 1000) / 1000 / WORK_CHUNKS;
	return steps < 1 ? 1 : steps > WORK_STEPS_MAX ? WORK_STEPS_MAX : (uint32_t)steps;
}

uint32_t work_score(const struct work *w, int64_t took_us)
{
	int64_t us = took_us < 1 ? 1 : took_us, score = ((int64_t)w->steps * WORK_CHUNKS * SECOND_US / MIB_STEPS + us - 1) / us;
	return score > UINT32_MAX ? UINT32_MAX : (uint32_t)score;
}

/* ---- lines ---- */

char *work_line_write(uint32_t core, uint32_t chunk, sha256 digest, char text[WORK_LINE_SIZE])
{
	char hex[SHA256_TEXT_SIZE];
	snprintf(text, WORK_LINE_SIZE, "w %u %u %s\n", core, chunk, hex_encode(digest.bytes, sizeof digest.bytes, hex));
	return text;
}

/* Digits without leading zeros, and the blank behind them. */
static bool number_take(const char **at, const char *end, uint32_t below, uint32_t *ret)
{
	const char *digits = *at;
	uint32_t n = 0;
	while (*at < end && **at >= '0' && **at <= '9' && *at - digits < 3)
		n = n * 10 + (uint32_t)(*(*at)++ - '0');
	if (*at == digits || *at == end || **at != ' ' || (*digits == '0' && *at - digits > 1) || n >= below)
		return false;
	++*at;
	*ret = n;
	return true;
}

err_t work_line_read(const char *text, size_t len, uint32_t *ret_core, uint32_t *ret_chunk, sha256 *ret_digest)
{
	const char *at = text, *end = text + len;
	char hex[SHA256_TEXT_SIZE];
	uint32_t core, chunk;
	sha256 digest;
	if (len < 2 || memcmp(at, "w ", 2) != 0)
		return E_INVALID;
	at += 2;
	if (!number_take(&at, end, WORK_CORES, &core) || !number_take(&at, end, WORK_CHUNKS, &chunk) ||
	    (size_t)(end - at) != sizeof hex - 1)
		return E_INVALID;
	memcpy(hex, at, sizeof hex - 1);
	hex[sizeof hex - 1] = 0;
	TRY(hex_decode(hex, digest.bytes, sizeof digest.bytes));
	*ret_core = core;
	*ret_chunk = chunk;
	*ret_digest = digest;
	return OK;
}
