/* SPDX-License-Identifier: Apache-2.0
 * policy.h - what an operator asks of machines: which registers, which boots are known. One document, each change a new version
 *
 * {"quoted": [0, 2, 4, 7], "replayed": [0, 2, 4, 7], "log": "optional", "first_use": false, "denied_firmware": ["0123456789abcdef"],
 *  "references": [{"name": "desk", "registers": [{"register": 4, "values": ["…"], "events": []}]}]}
 */
#ifndef TRUST_POLICY_H
#define TRUST_POLICY_H

#include "attestation.h"

#define POLICY_REFERENCES 256
#define POLICY_VALUES 64
#define POLICY_EVENTS 1024
#define POLICY_FIRMWARES 64
#define POLICY_MAX_BYTES (4 << 20) /* as JSON */

struct reference {
	char name[NAME_SIZE];
	struct expectation {
		uint8_t pcr;
		/* One of values is the register's; or, where there are none, every event of the log that extends it is one of events.
		 * Both: both hold. */
		sha256 *values, *events; /* heap */
		size_t value_count, event_count;
	} expectations[ATTESTATION_REGISTERS];
	size_t expectation_count;
};
struct policy {
	uint16_t quoted;   /* the registers that are asked for */
	uint16_t replayed; /* of these: their values must follow from the event log, where there is one */
	bool log_required;
	bool first_use; /* a TPM without a certificate may enrol; it is shown as such for ever */
	uint64_t denied_firmware[POLICY_FIRMWARES];
	size_t denied_count;
	struct reference *references; /* heap */
	size_t reference_count;
};
void policy_clear(struct policy *p);
/* What holds until an operator says otherwise: firmware, boot path and Secure Boot; no references, so nobody booted what is known. */
struct policy policy_default(void);
json_t *policy_to_json(const struct policy *p);
MUST_CHECK err_t policy_from_json(json_t *json, struct policy *ret, struct json_error *error);

/* A new reference, named as none is yet (E_EXISTS), empty. E_LIMIT, E_NOMEM. It stays the policy's. */
MUST_CHECK err_t policy_reference_add(struct policy *p, const char *name, struct reference **ret);
MUST_CHECK err_t policy_reference_remove(struct policy *p, const char *name); /* E_NOT_FOUND */
/* The register must have this value; or its events must be among these. E_LIMIT, E_NOMEM. */
MUST_CHECK err_t reference_add_value(struct reference *r, uint8_t pcr, sha256 value);
MUST_CHECK err_t reference_add_event(struct reference *r, uint8_t pcr, sha256 digest);

#endif
