/* SPDX-License-Identifier: Apache-2.0
 * machine.h - what a selling machine and the market say to each other: enrolment, reports, desired state, usage
 *
 * How it works: the machine POSTs a report every interval that the market names. The report says what is; the answer says what
 * should be. Any of the two may be lost, repeated or late: both are states, not commands, and counters are cumulative.
 * Usage: record n of a lease holds cumulative counters, its predecessor's hash and the machine's Ed25519 signature over
 * usage_hash(). A machine builds record n + 1 on the last record that the market has acknowledged; where an acknowledgement
 * was lost, the market's next answer names the newer record, which the machine finds in its own journal and builds on.
 */
#ifndef PROTOCOL_MACHINE_H
#define PROTOCOL_MACHINE_H

#include "attestation.h"
#include "network.h"
#include "order.h"

#define REPORT_MAX_LEASES 64
#define REPORT_MAX_PATHS 1024 /* of all its leases: what does not fit is in one of the next reports */

/* POST /v1/machines with scope machines. The answer, 201, is struct enrolled: its token, scope machine, is shown this once. */
struct enrolment {
	char name[NAME_SIZE];
	ed25519_public key; /* JSON "public_key", hex */
	/* Proof of having the private key: signature over "cpushare-enrol-v1" NUL name (JSON "proof", hex). */
	ed25519_signature proof;
};
json_t *enrolment_to_json(const struct enrolment *e);
MUST_CHECK err_t enrolment_from_json(json_t *json, struct enrolment *ret, struct json_error *error);
struct enrolled {
	uuid id;
	char name[NAME_SIZE], token[TOKEN_TEXT_SIZE];
};
json_t *enrolled_to_json(const struct enrolled *e);
MUST_CHECK err_t enrolled_from_json(json_t *json, struct enrolled *ret, struct json_error *error);
ed25519_signature enrolment_prove(const struct ed25519_key *key, const char *name);
bool enrolment_proven(const struct enrolment *e);

struct machine {
	uuid id, account;
	char name[NAME_SIZE], country[COUNTRY_SIZE], version[NAME_SIZE];
	enum machine_state state;
	enum accel accel;
	uint32_t cores, memory_mib, leases;
	/* score: the market's own measurement where there is one, else what it claims (SHA-256 MiB/s of one core of a guest) */
	uint32_t score, claimed_score;
	enum nat_kind nat;	      /* of its line, as it measured it */
	uint32_t relay_rtt_ms;	      /* 0: unknown */
	wall_time calibrated_at;      /* the last calibration's end; us 0: never */
	char off_reason[DETAIL_SIZE]; /* why a calibration took it off the book; "": it is on */
	struct prices prices;
	wall_time created_at, seen_at;
};
json_t *machine_to_json(const struct machine *m);
MUST_CHECK err_t machine_from_json(json_t *json, struct machine *ret, struct json_error *error);

/* One usage record. All counters since the lease's start. */
struct usage {
	uint64_t seq, vcpu_ns, running_us; /* seq: 1, 2, … */
	uint64_t tx_bytes, rx_bytes;	   /* seen from the guest */
	sha256 previous;		   /* hash of record seq - 1; of record 1: zeros */
	ed25519_signature signature;
};
json_t *usage_to_json(const struct usage *u);
void usage_take(struct json_reader *r, const char *name, struct usage *ret);
/* SHA-256 over "cpushare-usage-v1" NUL, lease (16 bytes), seq, vcpu_ns, running_us, tx_bytes, rx_bytes (8 bytes each, big-endian),
 * previous (32 bytes). */
sha256 usage_hash(uuid lease, const struct usage *u);
void usage_sign(const struct ed25519_key *key, uuid lease, struct usage *u);
bool usage_verify(ed25519_public key, uuid lease, const struct usage *u);

/* A lease as the machine sees it. */
struct lease_report {
	uuid lease;
	enum lease_state state; /* preparing, running, paused, ended */
	enum end_reason reason; /* where ended */
	char detail[DETAIL_SIZE];
	int progress_permille;	     /* of preparing: the image's fetch; -1 unknown */
	bool has_usage, has_network; /* its endpoint is up: pin and candidates are there */
	struct usage usage;
	sha256 pin;
	struct vnet_candidates_text candidates;
	char path[12];		/* of the endpoint to the buyer's peer: none, connecting, direct, relayed */
	uint64_t peers_version; /* of the list the endpoint works with */
	/* "paths", optional: how the endpoint reaches its peers. They stand in the report's paths, from first_path on. */
	bool has_paths;
	size_t first_path, path_count;
};

/* What else a machine says of itself and its owner of buyers; all optional, 0 and "" where unknown or of no matter. */
struct offer_terms {
	enum cpu_vendor cpu_vendor;
	bool direct;			 /* reachable by UDP without a relay */
	enum nat_kind nat;		 /* as it was measured */
	uint32_t relay_rtt_ms;		 /* to the nearest relay, as it was measured; 0: unknown */
	uint32_t up_kbit_s, down_kbit_s; /* at most, of what the market measures; 0: all of it */
	struct region_rtt rtt[MAX_REGIONS];
	size_t rtt_count;
	uint32_t scratch_mib; /* for scratch disks, in all, also what leases use now */
	uint32_t image_mib;   /* the largest image that it has room for; UINT32_MAX: any */
	bool display;	      /* gives guests a VGA card, where they ask for one */
	uint32_t min_buyer_rating_ppm;
	uuid blocked_buyers[MAX_BLOCKED_BUYERS];
	size_t blocked_count;
};

/* POST /v1/machines/{id}/report with the machine's token. */
struct report {
	uuid boot;    /* made anew at each start of the daemon */
	uint64_t seq; /* 1, 2, … within boot; the market ignores what is older than it has seen */
	char version[NAME_SIZE];
	bool accepting; /* false: paused or draining; no new leases */
	bool draining;	/* its owner has announced that the leases here may be withdrawn; optional */
	enum accel accel;
	char country[COUNTRY_SIZE]; /* "" where the owner does not say */
	uint32_t cores, memory_mib; /* offered in all, also what leases use now */
	uint32_t score;
	struct prices prices;
	uint32_t min_duration_s, max_duration_s; /* of a lease; max 0: any */
	struct offer_terms terms;
	size_t lease_count;
	/* Large; only what is counted is ever written or copied. */
	struct lease_report leases[REPORT_MAX_LEASES];
	size_t path_count;
	struct path_view paths[REPORT_MAX_PATHS];
};
json_t *report_to_json(const struct report *r);
MUST_CHECK err_t report_from_json(json_t *json, struct report *ret, struct json_error *error);
/* The same of a text, which is taken apart: without a tree where json_flat.h can. ret is large: a refusal leaves it filled by half. */
MUST_CHECK err_t report_from_text(char *text, size_t len, struct report *ret, struct json_error *error);

/* A lease as it should be. A lease that the machine has and the answer does not name is to be ended and forgotten. */
struct lease_order {
	uuid lease;
	enum lease_state state; /* running, paused, or ended */
	enum end_reason reason; /* where ended */
	uint64_t ack_seq;	/* the last usage record that the market has, 0 none */
	sha256 ack_hash;
	int64_t console_from; /* the buyer reads the console: send from this offset (POST /v1/leases/{id}/console); -1 not */
	uint32_t
		screen_width; /* the buyer looks at the screen: send a picture at most that wide (PUT /v1/leases/{id}/screen); 0 not */
	uint32_t resets;      /* so often its guest is to have been reset; 0: never */
	uint64_t peers_version;
	bool has_peers; /* the list, where the machine's version is not this one */
	struct peer_list peers;
	struct relay_list relays; /* with peers: the relays, and the endpoint's tickets for them; absent where there are none */
};
struct report_answer {
	int64_t interval_ms; /* until the next report, 200 .. 60000 */
	wall_time now;
	char note[DETAIL_SIZE]; /* to the owner: why there is no work, what to mend; or "" */
	bool has_question;	/* to be answered by POST /v1/machines/{id}/attestation */
	struct question question;
	size_t lease_count;
	struct lease_order *leases; /* heap */
};
void report_answer_clear(struct report_answer *a);
json_t *report_answer_to_json(const struct report_answer *a);
/* The same as text; heap, NULL without memory. Most answers name no lease: those are written without a tree. */
char *report_answer_to_text(const struct report_answer *a);
MUST_CHECK err_t report_answer_from_json(json_t *json, struct report_answer *ret, struct json_error *error);

/* GET /v1/leases/{id}/spec with the machine's token: all that is needed to start it. */
struct lease_spec {
	uuid lease, order;
	char name[NAME_SIZE];
	sha256 image;
	int64_t image_bytes;
	enum cdrom_bus cdrom_bus;
	uint32_t cores, memory_mib;
	int64_t duration_s;
	uint32_t scratch_mib, max_freeze_s; /* as in struct constraints; optional */
	enum display display;		    /* likewise */
	bool warm;			    /* likewise */
	struct prices prices;
	struct network_view network;
	struct peer_view self; /* without pin and candidates */
	char *user_data;       /* heap, "" where the buyer gave none */
};
void lease_spec_clear(struct lease_spec *s);
json_t *lease_spec_to_json(const struct lease_spec *s);
MUST_CHECK err_t lease_spec_from_json(json_t *json, struct lease_spec *ret, struct json_error *error);

/* POST /v1/leases/{id}/console with the machine's token: a piece of the serial console; the answer is struct console_input. GET with the buyer's token and
 * ?from=N: the same object; "live" is false where the machine has not sent anything since the market asked. */
#define CONSOLE_CHUNK 32768
struct console_chunk {
	int64_t from, end; /* offsets since the lease's start: of data's first byte, and behind all that the machine has */
	size_t len;
	uint8_t data[CONSOLE_CHUNK]; /* JSON: base64 */
	bool live;
	int64_t typed; /* bytes that the serial port has taken of what the buyer typed */
};
json_t *console_chunk_to_json(const struct console_chunk *c);
MUST_CHECK err_t console_chunk_from_json(json_t *json, struct console_chunk *ret, struct json_error *error);

/* What the buyer types, as the answer to a machine's chunk: bytes from an offset on, where the port's are below it. They are named until
 * a chunk says that they were taken. The buyer's POST /v1/leases/{id}/console/input has data alone, at least a byte of it. */
#define CONSOLE_INPUT_MAX 1024
#define CONSOLE_OFFSET_MAX ((1LL << 53) - 1)
struct console_input {
	int64_t from;
	size_t len;
	uint8_t data[CONSOLE_INPUT_MAX]; /* JSON: base64 */
};
json_t *console_input_to_json(const struct console_input *input);
MUST_CHECK err_t console_input_from_json(json_t *json, struct console_input *ret, struct json_error *error);
MUST_CHECK err_t console_typed_from_json(json_t *json, struct console_input *ret, struct json_error *error); /* from: 0 */

/* PUT /v1/leases/{id}/screen with the machine's token: a PNG (base/png.h) of the screen, where a report's answer asked for it. GET with the buyer's and
 * ?width=N: the last one. */
#define SCREEN_MIN_WIDTH 64
#define SCREEN_MAX_WIDTH 1024
#define SCREEN_MAX_HEIGHT 1200
#define SCREEN_USUAL_WIDTH 320
#define SCREEN_MAX_BYTES 65536

#endif
