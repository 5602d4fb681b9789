/* SPDX-License-Identifier: Apache-2.0
 * attestation.c - machines' TPMs, what they proved last, and what the operator asks of them
 */
#include <stdlib.h>
#include "attestations.h"
#include "connection.h"
#include "file.h"

/* ---- keys ---- */

void attestation_key_rows_free(struct attestation_key_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(rows[i].identity);
	free(rows);
}

static void key_read(struct row *row, void *element)
{
	struct attestation_key_row *k = element;
	k->machine = row_uuid(row);
	k->ek = row_sha256(row);
	k->certified = row_bool(row);
	k->revoked = row_bool(row);
	k->identity = row_text_new(row);
	k->clocked = row_bool(row);
	k->clock_ms = (uint64_t)row_int(row);
	k->resets = row_u32(row);
	k->restarts = row_u32(row);
}

static const char KEYS_SQL[] = "SELECT k.machine, k.ek, k.certified, k.revoked_at IS NOT NULL, k.identity, k.clock_ms IS NOT "
			       "NULL, k.clock_ms, k.resets, "
			       "k.restarts FROM attestation_key k JOIN machine m ON m.id = k.machine WHERE m.state <> 'retired'";

err_t store_attestation_key_list(struct store *s, struct attestation_key_row **ret_rows, size_t *ret_count)
{
	struct params p = { 0 };
	AUTO_RESULT *result = NULL;
	TRY(store_query(s, KEYS_SQL, &p, &result));
	return rows_read(s, result, sizeof **ret_rows, key_read, (void **)ret_rows, ret_count);
}

/* A TPM may go to another machine when the one that had it was retired, unless it is not trusted any more. */
static const char LEFT_SQL[] = "DELETE FROM attestation_key k USING machine m WHERE k.ek = $1 AND m.id = k.machine AND "
			       "m.state = 'retired' AND k.revoked_at IS NULL";
static const char REVOKED_SQL[] =
	"SELECT count(*) FROM attestation_key WHERE (ek = $1 OR machine = $2) AND revoked_at IS NOT NULL";
static const char KEY_PUT_SQL[] =
	"INSERT INTO attestation_key (machine, ek, certified, identity, enrolled_at) VALUES ($1, $2, $3, $4, $5) "
	"ON CONFLICT (machine) DO UPDATE SET ek = excluded.ek, certified = excluded.certified, identity = excluded.identity, "
	"enrolled_at = excluded.enrolled_at, clock_ms = NULL, resets = NULL, restarts = NULL";

err_t store_attestation_key_put(struct store *s, const struct attestation_key_row *row, wall_time now)
{
	struct params left = { 0 }, revoked = { 0 }, put = { 0 };
	int64_t count;
	param_sha256(&left, &row->ek);
	TRY(store_query(s, LEFT_SQL, &left, NULL));
	param_sha256(&revoked, &row->ek);
	param_uuid(&revoked, row->machine);
	TRY(store_query_int(s, REVOKED_SQL, &revoked, &count));
	if (count)
		return store_fail(s, E_DENIED, "this TPM was revoked");
	param_uuid(&put, row->machine);
	param_sha256(&put, &row->ek);
	param_bool(&put, row->certified);
	param_text(&put, row->identity);
	param_time(&put, now);
	return store_query(s, KEY_PUT_SQL, &put, NULL);
}

static const char CLOCK_SQL[] = "UPDATE attestation_key SET clock_ms = $2, resets = $3, restarts = $4 WHERE machine = $1";

err_t store_attestation_key_clock(struct store *s, const struct attestation_key_row *row)
{
	struct params p = { 0 };
	param_uuid(&p, row->machine);
	param_counter(&p, row->clock_ms);
	param_int(&p, row->resets);
	param_int(&p, row->restarts);
	return store_query_one(s, CLOCK_SQL, &p, NULL);
}

static const char REVOKE_SQL[] =
	"UPDATE attestation_key SET revoked_at = $2, revoked_reason = $3 WHERE machine = $1 AND revoked_at IS NULL";

err_t store_attestation_key_revoke(struct store *s, uuid machine, const char *reason, wall_time now)
{
	struct params p = { 0 };
	param_uuid(&p, machine);
	param_time(&p, now);
	param_text(&p, reason);
	return store_query_one(s, REVOKE_SQL, &p, NULL);
}

/* ---- judgements ---- */

static const char MACHINE_PUT_SQL[] =
	"INSERT INTO attestation (machine, lease, tier, fault, proof, policy, at) VALUES ($1, $2, $3, $4, $5, $6, $7) "
	"ON CONFLICT (machine) WHERE lease IS NULL DO UPDATE SET tier = excluded.tier, fault = excluded.fault, "
	"proof = excluded.proof, policy = excluded.policy, at = excluded.at";
static const char LEASE_PUT_SQL[] =
	"INSERT INTO attestation (machine, lease, tier, fault, proof, policy, at) VALUES ($1, $2, $3, $4, $5, $6, $7) "
	"ON CONFLICT (lease) WHERE lease IS NOT NULL DO UPDATE SET tier = excluded.tier, fault = excluded.fault, "
	"proof = excluded.proof, policy = excluded.policy, at = excluded.at";

err_t store_attestation_put(struct store *s, const struct attestation_row *row)
{
	struct params p = { 0 };
	param_uuid(&p, row->machine);
	param_uuid(&p, row->lease);
	param_text(&p, row->tier);
	param_text(&p, row->fault);
	param_text(&p, row->proof);
	param_counter(&p, row->policy);
	param_time(&p, row->at);
	return store_query(s, uuid_is_zero(row->lease) ? MACHINE_PUT_SQL : LEASE_PUT_SQL, &p, NULL);
}

static const char MACHINE_GET_SQL[] = "SELECT proof, policy FROM attestation WHERE machine = $1 AND lease IS NULL";
static const char LEASE_GET_SQL[] = "SELECT proof, policy FROM attestation WHERE lease = $1";

err_t store_attestation_get(struct store *s, uuid machine, uuid lease, char **ret_proof, uint64_t *ret_policy)
{
	struct params p = { 0 };
	bool of_machine = uuid_is_zero(lease);
	param_uuid(&p, of_machine ? machine : lease);
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, of_machine ? MACHINE_GET_SQL : LEASE_GET_SQL, &p, &result));
	struct row row = row_of(result, 0);
	AUTO_FREE char *proof = row_text_new(&row);
	int64_t policy = row_int(&row);
	TRY(row_end(s, &row));
	if (!proof)
		return E_NOMEM;
	*ret_proof = proof;
	*ret_policy = (uint64_t)policy;
	proof = NULL;
	return OK;
}

/* ---- policies ---- */

static const char POLICY_SQL[] =
	"SELECT version, document FROM trust_policy WHERE version = $1 OR $1 = 0 ORDER BY version DESC LIMIT 1";

err_t store_policy_get(struct store *s, uint64_t version, uint64_t *ret_version, char **ret_document)
{
	struct params p = { 0 };
	param_counter(&p, version);
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, POLICY_SQL, &p, &result));
	struct row row = row_of(result, 0);
	int64_t found = row_int(&row);
	AUTO_FREE char *document = row_text_new(&row);
	TRY(row_end(s, &row));
	if (!document)
		return E_NOMEM;
	*ret_version = (uint64_t)found;
	*ret_document = document;
	document = NULL;
	return OK;
}

static const char VERSION_SQL[] = "SELECT coalesce(max(version), 0) FROM trust_policy";

err_t store_policy_version(struct store *s, uint64_t *ret_version)
{
	struct params p = { 0 };
	int64_t version;
	TRY(store_query_int(s, VERSION_SQL, &p, &version));
	*ret_version = (uint64_t)version;
	return OK;
}

static const char POLICY_ADD_SQL[] = "INSERT INTO trust_policy (version, document, operator, created_at) VALUES ($1, $2, $3, $4)";

err_t store_policy_add(struct store *s, uint64_t version, const char *document, const char *by, wall_time now)
{
	struct params p = { 0 };
	param_counter(&p, version);
	param_text(&p, document);
	param_text(&p, by);
	param_time(&p, now);
	return store_query(s, POLICY_ADD_SQL, &p, NULL);
}
