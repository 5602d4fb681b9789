/* SPDX-License-Identifier: Apache-2.0
 * event_log.c - what firmware and boot loader say that they measured
 *
 * How it works: all numbers are little-endian. The first event has the old layout with a SHA-1 and holds the Spec ID: which digests each
 * later event carries. Events of type EV_NO_ACTION extend nothing; one of them names the locality at which the TPM was started, which
 * is register 0's first value.
 */
#include "event_log.h"
#include "tpm.h"

#define SHA1_BYTES 20
#define EV_NO_ACTION 3
#define BANKS_MAX 8
#define REGISTERS 24

static uint32_t read_le32(struct reader *r)
{
	return __builtin_bswap32(read_u32(r));
}

static uint16_t read_le16(struct reader *r)
{
	return __builtin_bswap16(read_u16(r));
}

/* TCG_EfiSpecIDEvent, section 10.4.5.1 */
static enum fault spec_read(struct reader *r, struct event_log *log)
{
	static const char signature[16] = "Spec ID Event03";
	uint8_t said[sizeof signature];
	bool sha = false;
	read_copy(r, said, sizeof said);
	(void)read_bytes(r, 4 + 1 + 1 + 1 + 1); /* platform class, version, errata, size of a UINTN */
	uint32_t count = read_le32(r);
	if (r->bad || memcmp(said, signature, sizeof said) != 0 || count == 0 || count > BANKS_MAX)
		return FAULT_LOG_FORMAT;
	for (uint32_t i = 0; i < count; i++) {
		log->banks[i].algorithm = read_le16(r);
		log->banks[i].bytes = read_le16(r);
		bool is_sha = log->banks[i].algorithm == TPM_SHA256;
		if (r->bad || log->banks[i].bytes == 0 || log->banks[i].bytes > 64 ||
		    (is_sha && (sha || log->banks[i].bytes != 32)))
			return FAULT_LOG_FORMAT;
		sha |= is_sha;
	}
	log->bank_count = count;
	(void)read_bytes(r, read_u8(r)); /* the vendor's */
	if (r->bad || reader_left(r))
		return FAULT_LOG_FORMAT;
	return sha ? FAULT_NONE : FAULT_LOG_ALGORITHM;
}

enum fault event_log_open(const void *data, size_t len, struct event_log *ret)
{
	struct event_log log = { .r = reader_of(data, len) };
	if (len > EVENT_LOG_MAX)
		return FAULT_LOG_FORMAT;
	uint32_t pcr = read_le32(&log.r), type = read_le32(&log.r);
	(void)read_bytes(&log.r, SHA1_BYTES);
	uint32_t spec_len = read_le32(&log.r);
	const uint8_t *spec = read_bytes(&log.r, spec_len);
	if (!spec || pcr != 0 || type != EV_NO_ACTION)
		return FAULT_LOG_FORMAT;
	struct reader r = reader_of(spec, spec_len);
	JUDGE(spec_read(&r, &log));
	*ret = log;
	return FAULT_NONE;
}

static size_t bank_bytes(const struct event_log *log, uint16_t algorithm)
{
	for (size_t i = 0; i < log->bank_count; i++)
		if (log->banks[i].algorithm == algorithm)
			return log->banks[i].bytes;
	return 0;
}

/* TPML_DIGEST_VALUES: each bank's at most once, SHA-256's always. */
static bool digests_read(struct event_log *log, struct event *e)
{
	uint32_t count = read_le32(&log->r);
	bool sha = false;
	if (log->r.bad || count == 0 || count > log->bank_count)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		uint16_t algorithm = read_le16(&log->r);
		size_t bytes = bank_bytes(log, algorithm);
		const uint8_t *digest = read_bytes(&log->r, bytes);
		if (!digest || bytes == 0 || (algorithm == TPM_SHA256 && sha))
			return false;
		if (algorithm == TPM_SHA256) {
			memcpy(e->digest.bytes, digest, sizeof e->digest.bytes);
			sha = true;
		}
	}
	return sha;
}

bool event_log_next(struct event_log *log, struct event *ret)
{
	struct event e = { .pcr = 0 };
	if (log->fault || reader_left(&log->r) == 0)
		return false;
	e.pcr = read_le32(&log->r);
	e.type = read_le32(&log->r);
	bool digests = digests_read(log, &e);
	e.len = read_le32(&log->r);
	e.data = read_bytes(&log->r, e.len);
	/* Events that extend nothing may name no register at all. */
	bool register_known = e.pcr < REGISTERS || e.type == EV_NO_ACTION;
	if (!digests || !e.data || !register_known || ++log->events > EVENT_MAX) {
		log->fault = FAULT_LOG_FORMAT;
		return false;
	}
	*ret = e;
	return true;
}

bool event_extends(const struct event *e)
{
	return e->type != EV_NO_ACTION;
}

bool event_explained(const struct event *e)
{
	return event_extends(e) && sha256_equal(sha256_of(e->data, e->len), e->digest);
}

/* TCG_EfiStartupLocalityEvent, section 10.4.5.3: before register 0 is extended, once. */
static bool locality_of(const struct event *e, uint8_t *ret_locality)
{
	static const char signature[16] = "StartupLocality";
	if (e->type != EV_NO_ACTION || e->pcr != 0 || e->len != sizeof signature + 1 ||
	    memcmp(e->data, signature, sizeof signature) != 0)
		return false;
	*ret_locality = e->data[sizeof signature];
	return true;
}

enum fault event_log_replay(const void *data, size_t len, struct replay *ret)
{
	struct event_log log;
	struct event e;
	struct replay replay = { .seen = 0 };
	uint8_t text[2 * sizeof(sha256)];
	bool placed = false;
	JUDGE(event_log_open(data, len, &log));
	while (event_log_next(&log, &e)) {
		uint8_t locality;
		if (locality_of(&e, &locality)) {
			if (placed || replay.seen & 1 || locality > 4)
				return FAULT_LOG_FORMAT;
			replay.values[0].bytes[31] = locality;
			placed = true;
		}
		if (!event_extends(&e) || e.pcr >= PCR_COUNT)
			continue;
		memcpy(text, replay.values[e.pcr].bytes, sizeof(sha256));
		memcpy(text + sizeof(sha256), e.digest.bytes, sizeof(sha256));
		replay.values[e.pcr] = sha256_of(text, sizeof text);
		replay.seen |= (uint16_t)(1u << e.pcr);
	}
	JUDGE(log.fault);
	*ret = replay;
	return FAULT_NONE;
}

const char *event_type_name(uint32_t type)
{
	static const struct {
		uint32_t type;
		const char *name;
	} names[] = {
		{ 0x00, "EV_PREBOOT_CERT" },
		{ 0x01, "EV_POST_CODE" },
		{ 0x03, "EV_NO_ACTION" },
		{ 0x04, "EV_SEPARATOR" },
		{ 0x05, "EV_ACTION" },
		{ 0x06, "EV_EVENT_TAG" },
		{ 0x07, "EV_S_CRTM_CONTENTS" },
		{ 0x08, "EV_S_CRTM_VERSION" },
		{ 0x09, "EV_CPU_MICROCODE" },
		{ 0x0a, "EV_PLATFORM_CONFIG_FLAGS" },
		{ 0x0b, "EV_TABLE_OF_DEVICES" },
		{ 0x0c, "EV_COMPACT_HASH" },
		{ 0x0d, "EV_IPL" },
		{ 0x0e, "EV_IPL_PARTITION_DATA" },
		{ 0x11, "EV_NONHOST_INFO" },
		{ 0x12, "EV_OMIT_BOOT_DEVICE_EVENTS" },
		{ 0x80000001, "EV_EFI_VARIABLE_DRIVER_CONFIG" },
		{ 0x80000002, "EV_EFI_VARIABLE_BOOT" },
		{ 0x80000003, "EV_EFI_BOOT_SERVICES_APPLICATION" },
		{ 0x80000004, "EV_EFI_BOOT_SERVICES_DRIVER" },
		{ 0x80000005, "EV_EFI_RUNTIME_SERVICES_DRIVER" },
		{ 0x80000006, "EV_EFI_GPT_EVENT" },
		{ 0x80000007, "EV_EFI_ACTION" },
		{ 0x80000008, "EV_EFI_PLATFORM_FIRMWARE_BLOB" },
		{ 0x80000009, "EV_EFI_HANDOFF_TABLES" },
		{ 0x8000000a, "EV_EFI_PLATFORM_FIRMWARE_BLOB2" },
		{ 0x8000000b, "EV_EFI_HANDOFF_TABLES2" },
		{ 0x8000000c, "EV_EFI_VARIABLE_BOOT2" },
		{ 0x800000e0, "EV_EFI_VARIABLE_AUTHORITY" },
	};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].type == type)
			return names[i].name;
	return "?";
}
