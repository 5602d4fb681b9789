/* SPDX-License-Identifier: Apache-2.0
 * trade_answers.c - what is read off a calibration's console, how it is checked, and the verdict
 */
#include "answers.h"
#include <stdio.h>
#include "tap.h"

static struct answers a, fresh = { .work = { .seed = "abc", .cores = 2, .memory_mib = 1, .steps = 3 } };
static uint32_t picks[2 * WORK_CHUNKS];

static void hear(const char *text)
{
	answers_hear(&a, (const uint8_t *)text, strlen(text));
}

static void answer(uint32_t core)
{
	char line[WORK_LINE_SIZE];
	sha256 digest = work_begin(&a.work, core);
	for (uint32_t i = 0; i < WORK_CHUNKS; i++)
		hear(work_line_write(core, i, digest = work_chunk(&a.work, digest, NULL), line));
}

static void listening(void)
{
	char line[WORK_LINE_SIZE];
	a = fresh;
	hear("SeaBIOS\r\nw readyx\r\nxw ready\r\n");
	ok(!a.ready, "nothing of ours yet");
	hear("\r\nw re");
	hear("ady");
	ok(!a.ready, "nor before the end of the line");
	hear("\r");
	ok(a.ready, "the guest is ready");
	work_line_write(0, 5, work_begin(&a.work, 0), line);
	for (size_t i = 0; line[i]; i++)
		answers_hear(&a, (const uint8_t *)line + i, 1);
	is_int(a.count, 1, "a line that comes byte by byte");
	work_line_write(0, 5, work_begin(&a.work, 1), line);
	hear(line);
	ok(a.count == 1 && sha256_equal(a.digests[0][5], work_begin(&a.work, 0)), "of two digests the first counts");
	hear(work_line_write(2, 0, work_begin(&a.work, 1), line));
	is_int(a.count, 1, "a core that the order does not have is none");
	for (int i = 0; i < 1000; i++)
		hear("w 0 0 ");
	hear("\nw 1 1 ");
	is_int(a.count, 1, "a line without an end is cut off, the next one is read");
	hear("0000000000000000000000000000000000000000000000000000000000000000\n");
	is_int(a.count, 2, "as it is");
}

static void checking(void)
{
	a = fresh;
	answer(0);
	ok(!answers_whole(&a), "half of an answer");
	answer(1);
	ok(answers_whole(&a), "the whole answer");
	for (uint32_t i = 0; i < 2 * WORK_CHUNKS; i++)
		picks[i] = i / 2 + WORK_CHUNKS * (i % 3);
	ok(answers_right(&a, picks, 2 * WORK_CHUNKS), "is right");
	for (uint32_t core = 0; core < 2; core++) {
		sha256 kept = a.digests[core][7];
		a.digests[core][7].bytes[31] ^= 1;
		picks[core] = 7;
		picks[1 - core] = 3;
		ok(!answers_right(&a, picks, 2), "one bit of core %u's is seen", core);
		picks[core] = 8;
		ok(!answers_right(&a, picks, 2), "and what follows from it");
		picks[core] = 9;
		ok(answers_right(&a, picks, 2), "what does not is right by itself");
		a.digests[core][7] = kept;
	}
}

static void verdicts(void)
{
	is_int(answers_verdict(100, 100, 50), CALIBRATION_GOOD, "as it claims");
	is_int(answers_verdict(50, 100, 50), CALIBRATION_GOOD, "just enough");
	is_int(answers_verdict(49, 100, 50), CALIBRATION_SLOW, "too little");
	is_int(answers_verdict(0, 1, 1), CALIBRATION_SLOW, "nothing");
	is_int(answers_verdict(0, 0, 100), CALIBRATION_GOOD, "who claims nothing owes nothing");
	is_int(answers_verdict(UINT32_MAX, UINT32_MAX, 100), CALIBRATION_GOOD, "the largest");
}

int main(void)
{
	listening();
	checking();
	verdicts();
	return done_testing();
}
