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
