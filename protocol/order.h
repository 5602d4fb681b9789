/* SPDX-License-Identifier: Apache-2.0
 * order.h - orders, their leases, receipts, feedback, and the book and sellers as everyone sees them
 */
#ifndef PROTOCOL_ORDER_H
#define PROTOCOL_ORDER_H

#include "field.h"
#include "image.h"

#define COUNTRY_SIZE 3 /* ISO 3166-1 alpha-2, upper case, and NUL */
#define MAX_COUNTRIES 32
#define MAX_SELLERS 16 /* named in one order's constraints */
#define MAX_REGIONS 8
#define MAX_BLOCKED_BUYERS 16 /* by one machine */
#define REGION_SIZE 17	      /* a name of a place that machines measure their round trip to, and NUL */
#define RTT_MAX_MS 60000
#define RATE_MAX_KBIT_S 1000000000
#define USER_DATA_MAX 65536
#define RATING_MAX_PPM 1000000
#define PRICE_MAX_MICRO 1000000000000LL /* a million of the currency for an hour or a GiB */
#define ORDER_MAX_COUNT 256
/* The largest packet of an order's network, in bytes of IP. */
#define ORDER_MIN_MTU 576
#define ORDER_MAX_MTU 9000
#define ORDER_DEFAULT_MTU 1400
#define LEASE_MAX_CORES 64
#define LEASE_MIN_MEMORY_MIB 64
#define LEASE_MAX_MEMORY_MIB 1048576
#define SCRATCH_MAX_MIB 1048576
#define LEASE_MIN_S 60
#define LEASE_MAX_S 2592000
#define MACHINE_MAX_CORES 4096
#define MACHINE_MAX_MEMORY_MIB 67108864
#define SCORE_MAX 1000000

struct prices {
	money per_core_hour;	   /* of delivered vCPU time */
	money per_gib_hour;	   /* of memory while the VM is there and not paused */
	money per_gib_transferred; /* both directions, through the virtual ethernet */
};
/* As three fields of an object: price_per_core_hour_micro, price_per_gib_hour_micro, price_per_gib_transferred_micro; with
 * prefix "max_" in orders. */
void prices_put(json_t *object, const char *prefix, const struct prices *p);
void prices_take(struct json_reader *r, const char *prefix, struct prices *ret);

struct constraints {
	char countries[MAX_COUNTRIES][COUNTRY_SIZE]; /* only these, where any is given */
	size_t country_count;
	char countries_not[MAX_COUNTRIES][COUNTRY_SIZE]; /* and none of these */
	size_t country_not_count;
	uint32_t min_score;			 /* of the machine (see struct offer), 0: any */
	uint32_t min_rating_ppm;		 /* of the seller, 0: any; unrated sellers have 0 */
	uint32_t min_ratings;			 /* marks that the seller has, 0: any number */
	uint32_t min_up_kbit_s, min_down_kbit_s; /* measured; 0: any, also unknown */
	char region[REGION_SIZE];		 /* one of GET /v1/market's regions, with max_rtt_ms */
	uint32_t max_rtt_ms;			 /* to that region, 0: any */
	enum accel accel;
	enum cpu_vendor cpu_vendor;
	bool direct; /* the machine is reachable by UDP without a relay */
	enum trusted trusted;
	bool distinct_sellers, distinct_countries, distinct_cpu_vendors; /* no two VMs of the order share one */
	bool all_or_none;						 /* all places at once or none */
	bool warm; /* from a template where its machine has one; not with user-data, a scratch disk, a display or trusted "require" */
	uint32_t scratch_mib; /* of each VM's scratch disk, empty at its start and gone with it; 0: none */
	uint32_t
		max_freeze_s; /* paused for its owner's sake at a stretch, at most LEASE_MAX_S; 0: for as long as the owner says */
	enum display display;
	uuid preferred[MAX_SELLERS], blocked[MAX_SELLERS]; /* sellers: first if they fit; never */
	size_t preferred_count, blocked_count;
};
/* An optional list of ids, none of them twice. */
void ids_take(struct json_reader *r, const char *name, size_t max, uuid *ret, size_t *ret_count);
json_t *ids_to_json(const uuid *ids, size_t count);
json_t *constraints_to_json(const struct constraints *c);
/* The optional member "constraints" of what r reads. Lists have no member twice. */
void constraints_take(struct json_reader *r, enum strictness strictness, struct constraints *ret);

/* POST /v1/orders. Optional fields have the default named here. Refused too: prices at which cores and memory of all VMs for
 * the whole duration would cost more than MONEY_MAX_MICRO, so that no later sum of an order overflows. */
struct order_request {
	char name[NAME_SIZE]; /* "" */
	sha256 image;
	uint32_t count;	     /* VMs, 1 .. 256 */
	uint32_t cores;	     /* of each, 1 .. 64 */
	uint32_t memory_mib; /* of each, 64 .. 1048576 */
	struct prices max_prices;
	int64_t duration_s;   /* of each lease from its start, 60 .. 2592000; 3600 */
	int64_t open_s;	      /* how long it waits for places, 1 .. 2592000; 3600; 0: until it is cancelled */
	wall_time not_before; /* matched only from then on, and open_s counts from then; us 0: at once */
	money max_hour;	      /* of one VM, cores and memory together: at most this an hour; 0: max_prices alone decide */
	money budget;	      /* charges never exceed it; 0: the balance is the only bound */
	struct constraints constraints; /* {} */
	uint32_t mtu;			/* of its network, ORDER_MIN_MTU .. ORDER_MAX_MTU; ORDER_DEFAULT_MTU */
	char *user_data;		/* heap or NULL; NoCloud user-data for each VM, at most USER_DATA_MAX bytes */
};
void order_request_clear(struct order_request *r);
json_t *order_request_to_json(const struct order_request *r);
MUST_CHECK err_t order_request_from_json(json_t *json, struct order_request *ret, struct json_error *error);
/* The same of a text, which is taken apart: without a tree where json_flat.h can. */
MUST_CHECK err_t order_request_from_text(char *text, size_t len, struct order_request *ret, struct json_error *error);

/* What cores and memory of VMs for so many seconds together cost at most. E_OVERFLOW: more than any amount. */
MUST_CHECK err_t order_most(const struct prices *max, uint64_t vm_s, uint32_t cores, uint32_t memory_mib, money *ret_most);

/* A longer time for an order's leases. */
struct extension {
	int64_t duration_s; /* of each from its start, in place of the order's */
};
json_t *extension_to_json(const struct extension *e);
MUST_CHECK err_t extension_from_json(json_t *json, struct extension *ret, struct json_error *error);

struct order {
	uuid id, buyer;
	char name[NAME_SIZE];
	enum order_state state;
	sha256 image;
	uint32_t count, filled, ended; /* places; those that ever had a lease; those whose lease ended */
	uint32_t cores, memory_mib;
	struct prices max_prices;
	int64_t duration_s;
	money budget, held, charged, max_hour;
	struct constraints constraints;
	uint32_t mtu;
	wall_time created_at, not_before, open_until,
		ended_at; /* not_before us 0: at once; open_until us 0: until it is cancelled */
};
json_t *order_to_json(const struct order *o);
/* The same as a text (heap; NULL: no memory), without a tree; constraints: o's, as a text. */
char *order_to_text(const struct order *o, const char *constraints);
MUST_CHECK err_t order_from_json(json_t *json, struct order *ret, struct json_error *error);

/* GET /v1/orders/{id}/leases and /v1/leases/{id}; the buyer's and the seller's view are the same. */
struct lease {
	uuid id, order, machine, buyer, seller;
	char seller_name[NAME_SIZE], machine_name[NAME_SIZE], country[COUNTRY_SIZE];
	uint32_t number;      /* 1 .. count within the order */
	char name[NAME_SIZE]; /* "vm1": its host name on the LAN */
	char ip[16], mac[18];
	enum lease_state state;
	enum end_reason reason;
	char detail[DETAIL_SIZE];
	enum accel accel;
	uint32_t cores, memory_mib;
	struct prices prices; /* the seller's, agreed */
	int64_t vcpu_ns, running_us, tx_bytes, rx_bytes;
	money charged, commission, held; /* commission: the market's part of charged */
	bool usage_cut;			 /* its counters grew faster than possible and were cut */
	char path[12];			 /* of its peer to the buyer's: none, connecting, direct, relayed */
	int feedback;			 /* the asking side's mark: 1 good, -1 bad, 0 none */
	wall_time created_at, started_at, ended_at;
	wall_time
		withdrawable_at; /* its machine is being drained: from then on its seller may end it without blame; us 0: it is not */
};
json_t *lease_to_json(const struct lease *l);
MUST_CHECK err_t lease_from_json(json_t *json, struct lease *ret, struct json_error *error);

/* POST /v1/leases/{id}/feedback {"good":bool,"comment"?} */
struct feedback {
	bool good;
	char comment[DETAIL_SIZE];
};
json_t *feedback_to_json(const struct feedback *f);
MUST_CHECK err_t feedback_from_json(json_t *json, struct feedback *ret, struct json_error *error);

/* A machine's round trip to one of the market's regions; in JSON a list of {"region","rtt_ms"}, at most MAX_REGIONS. */
struct region_rtt {
	char region[REGION_SIZE];
	uint32_t rtt_ms; /* 1 .. RTT_MAX_MS */
};
json_t *rtts_to_json(const struct region_rtt *rtt, size_t count);
void rtts_take(struct json_reader *r, const char *name, struct region_rtt *ret, size_t *ret_count);

/* Public: GET /v1/offers, /v1/sellers. */
struct offer {
	uuid machine, seller;
	char seller_name[NAME_SIZE], machine_name[NAME_SIZE], country[COUNTRY_SIZE];
	enum machine_state state;
	enum accel accel;
	uint32_t cores, cores_free, memory_mib, memory_free_mib;
	uint32_t score; /* SHA-256 MiB/s of one core of a guest */
	bool measured;	/* by the market (docs/CALIBRATION.md); else it is what the machine claims */
	struct prices prices;
	uint32_t rating_ppm, good, bad;	    /* the seller's */
	enum cpu_vendor cpu_vendor;	    /* CPU_ANY: unknown */
	uint32_t up_kbit_s, down_kbit_s;    /* of its internet line, 0: unknown */
	struct region_rtt rtt[MAX_REGIONS]; /* to those of the market's regions that it knows */
	size_t rtt_count;
	bool direct, trusted; /* reachable by UDP without a relay; what it booted is proven */
	bool first_use;	      /* by a TPM that no maker vouches for */
};
json_t *offer_to_json(const struct offer *o);
MUST_CHECK err_t offer_from_json(json_t *json, struct offer *ret, struct json_error *error);

struct seller {
	uuid id;
	char name[NAME_SIZE];
	uint32_t rating_ppm, good, bad; /* docs/RATING.md has the formula */
	/* completed: paid, and ended for nothing of the seller's doing; failed: ended for what the seller answers for */
	uint32_t machines, machines_online, leases, leases_completed, leases_failed;
	wall_time since;
};
json_t *seller_to_json(const struct seller *s);
MUST_CHECK err_t seller_from_json(json_t *json, struct seller *ret, struct json_error *error);

#endif
