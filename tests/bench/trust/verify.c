/* SPDX-License-Identifier: Apache-2.0
 * verify.c - how many answers a core judges a second: signature, registers, clock, event log, references
 */
#include <time.h>
#include "vectors.h"

#define SECONDS 3

static double cpu_seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A log as long as desktops' are: hundreds of events. */
static void lengthen(struct proof *p)
{
	AUTO_BUF log = { .data = NULL };
	buf_append(&log, p->answer.log.data, p->answer.log.len);
	for (int i = 0; i < 300; i++)
		log_event(&log, 1, 0x80000001,
			  "a variable of the firmware, with what stands in it, some hundred bytes long as they are, and a bit "
			  "more");
	if (blob_set(&p->answer.log, log.data, log.len))
		abort();
}

static double rate(const struct proof *p, const struct attestation_key *ak)
{
	double began = cpu_seconds(), passed;
	size_t count = 0;
	do {
		for (int i = 0; i < 50; i++, count++)
			if (judge_answer(ak, &p->binding, &p->answer, &p->policy, p->before, p->resets).fault)
				abort();
		passed = cpu_seconds() - began;
	} while (passed < SECONDS);
	return (double)count / passed;
}

int main(void)
{
	struct proof p = proof_make();
	struct attestation_key ak;
	if (attestation_key_read(p.identity.ak_public.data, p.identity.ak_public.len, &ak))
		return 1;
	double small = rate(&p, &ak);
	lengthen(&p);
	double large = rate(&p, &ak);
	printf("trust-verify: %.0f /s and core (ratio %.1f to the aim of 1000)\n", small, small / 1000);
	printf("trust-verify-300-events: %.0f /s and core (ratio %.1f to the aim of 1000)\n", large, large / 1000);
	proof_clear(&p);
	return 0;
}
