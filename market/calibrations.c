/* SPDX-License-Identifier: Apache-2.0
 * calibrations.c - what came of a machine's calibrations, for everybody; its owner asks for one
 */
#include "calibrations.h"
#include "file.h"
#include "gate.h"
#include "handlers.h"
#include "presence.h"

#define SHOWN 100

/* Those under way are nobody's to see: a seller would know which lease it is. */
err_t calibration_list(struct request *r)
{
	AUTO_FREE struct calibration_row *rows = NULL;
	struct machine_row machine;
	size_t count;
	TRY(store_machine_get(market_of(r)->store, r->values.id[0], &machine));
	TRY(store_calibration_list(market_of(r)->store, machine.m.id, SHOWN, &rows, &count));
	json_t *items = json_array();
	for (size_t i = 0; i < count; i++)
		if (rows[i].result != CALIBRATION_RUNS)
			json_array_append_new(items, calibration_to_json(&rows[i]));
	return answer_items(r, items);
}

/* The owner, or the machine itself. It is a hint of what comes next, but random ones go on beside it. */
err_t calibration_ask(struct request *r)
{
	struct market *m = market_of(r);
	struct machine_row machine;
	TRY(store_machine_get(m->store, r->values.id[0], &machine));
	bool itself = uuid_is_zero(r->caller.machine) || uuid_equal(r->caller.machine, machine.m.id);
	if (!uuid_equal(machine.m.account, r->caller.account) || !itself || machine.m.state == MACHINE_RETIRED)
		return E_NOT_FOUND;
	err_t e = store_calibration_want(m->store, r->caller.account, machine.m.id, (wall_time){ r->now.us - DAY_US }, r->now);
	if (e == E_NOT_FOUND) {
		refuse(r, REFUSE_TOO_MANY, NULL, "its owner may ask once a day");
		answer_header(r, "Retry-After", "3600");
		return E_LIMIT;
	}
	TRY(e);
	answer_empty(r);
	return OK;
}

err_t calibration_last(struct store *s, uuid machine, json_t **ret_json)
{
	AUTO_FREE struct calibration_row *rows = NULL;
	size_t count;
	TRY(store_calibration_list(s, machine, 2, &rows, &count)); /* the newest may be under way */
	const struct calibration_row *last = count && rows[0].result != CALIBRATION_RUNS ? rows : count > 1 ? rows + 1 : NULL;
	*ret_json = last && last->result != CALIBRATION_RUNS ? calibration_to_json(last) : json_null();
	return OK;
}

json_t *calibration_to_json(const struct calibration_row *row)
{
	json_t *json = json_object();
	json_put_uuid(json, "machine", row->machine);
	json_put_time(json, "ended_at", row->ended_at);
	json_put_text(json, "result", calibration_result_names[row->result]);
	json_put_int(json, "score", row->score);
	json_put_int(json, "claimed_score", row->claimed);
	json_put_int(json, "cores", row->cores);
	json_put_int(json, "memory_mib", row->memory_mib);
	json_put_text(json, "detail", row->detail);
	return json;
}
