/* SPDX-License-Identifier: Apache-2.0
 * event_log.c - event logs: a real one against its TPM's registers, localities, every cut
 *
 * tests/fuzz/corpus/trust_log/ovmf is what OVMF left when it booted Linux (tests/e2e/measured.t makes such a one anew).
 */
#include "vectors.h"
#include "tap.h"

/* What the guest read from its TPM after that boot. */
static const struct {
	int pcr;
	const char *value;
} registers[] = {
	{ 0, "ce729d0e02d46cecb9baa54228e55d1be49de54981fe6485a59bf9b222bcc061" },
	{ 1, "8e9d1fe23131f12d6a523e9c32eb3223d4dc25e14eb5fd60163e7ba8de0f248c" },
	{ 2, "3d458cfe55cc03ea1f443f1562beec8df51c75e14a9fcf9a7234a13f198e7969" },
	{ 3, "3d458cfe55cc03ea1f443f1562beec8df51c75e14a9fcf9a7234a13f198e7969" },
	{ 4, "1f24cc93b8bab74fc21dada63f51e89cbf53cfa2b90de2395cf7b1dece154d7c" },
	{ 5, "a5ceb755d043f32431d63e39f5161464620a3437280494b5850dc1b47cc074e0" },
	{ 6, "3d458cfe55cc03ea1f443f1562beec8df51c75e14a9fcf9a7234a13f198e7969" },
	{ 7, "65caf8dd1e0ea7a6347b635d2b379c93b9a1351edc2afc3ecda700e534eb3068" },
	{ 9, "a317cdfd52ddc8b0fed4686d3cca548897f9fcf1efaffc3a303968a4676b441b" },
};

static void test_real(void)
{
	AUTO_FREE char *data = NULL;
	struct replay replay;
	struct event_log log;
	struct event e;
	char text[SHA256_TEXT_SIZE];
	size_t len, explained = 0, cut_well = 0;
	ok(file_read("tests/fuzz/corpus/trust_log/ovmf", EVENT_LOG_MAX, &data, &len) == OK, "a real log");
	ok(event_log_replay(data, len, &replay) == FAULT_NONE, "is replayed");
	is_int(replay.seen, 0x2ff, "it extends these registers");
	for (size_t i = 0; i < sizeof registers / sizeof *registers; i++)
		is_text(sha256_format(replay.values[registers[i].pcr], text), registers[i].value, "register %d",
			registers[i].pcr);
	ok(event_log_open(data, len, &log) == FAULT_NONE, "is read again");
	while (event_log_next(&log, &e))
		explained += event_explained(&e);
	ok(explained > 0 && explained < log.events, "some texts are what was measured, not all (%zu of %zu)", explained,
	   log.events);
	for (size_t cut = 0; cut < len; cut++)
		cut_well += event_log_replay(data, cut, &replay) == FAULT_NONE;
	is_int(cut_well, log.events, "a log that is cut can only be read between two events");
}

static enum fault locality(const char *before, uint8_t level, struct replay *ret)
{
	AUTO_BUF b = { .data = NULL };
	char text[17] = "StartupLocality";
	static const uint8_t zeros[32];
	text[16] = (char)level;
	log_begin(&b, TPM_SHA256, 32);
	if (before)
		log_event(&b, 0, 8, before);
	log_le32(&b, 0);
	log_le32(&b, 3);
	log_le32(&b, 1);
	log_le16(&b, TPM_SHA256);
	buf_append(&b, zeros, 32);
	log_le32(&b, 17);
	buf_append(&b, text, 17);
	return event_log_replay(b.data, b.len, ret);
}

static void test_locality(void)
{
	struct replay replay;
	ok(locality(NULL, 3, &replay) == FAULT_NONE && replay.values[0].bytes[31] == 3 && replay.seen == 0,
	   "the TPM was started at locality 3: register 0 begins with it");
	ok(locality(NULL, 5, &replay) == FAULT_LOG_FORMAT, "there is no locality 5");
	ok(locality("first", 3, &replay) == FAULT_LOG_FORMAT, "it comes before register 0 is extended");
}

int main(void)
{
	test_real();
	test_locality();
	return done_testing();
}
