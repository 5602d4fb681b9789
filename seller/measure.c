/* SPDX-License-Identifier: Apache-2.0
 * measure.c - lets the market measure this machine's internet line
 */
#include "measure.h"
#include <stdio.h>
#include <stdlib.h>
#include "client.h"
#include "file.h"
#include "line.h"
#include "log.h"

#define TIMEOUT_MS 5000 /* bytes may take ten times that */

static err_t one_round(struct client *client, const char *path, uint8_t *buffer, atomic_ullong *moved_bytes, bool *ret_more,
		       struct problem *problem)
{
	struct json_error error = { .what = "" };
	struct line_turn turn;
	size_t len;
	AUTO_JSON answer = NULL;
	TRY(client_get_bytes(client, path, buffer, LINE_MAX_BYTES, &len, problem));
	atomic_fetch_add(moved_bytes, len);
	AUTO_JSON proof = line_proof_to_json(sha256_of(buffer, len));
	TRY(client_call(client, "POST", path, proof, NULL, &answer, problem));
	TRY(line_turn_from_json(answer, &turn, &error));
	line_fill(turn.seed, buffer, turn.bytes);
	atomic_fetch_add(moved_bytes, turn.bytes);
	TRY(client_put_bytes(client, path, buffer, turn.bytes, problem));
	*ret_more = turn.more;
	return OK;
}

err_t measure_line(const struct settings *settings, const struct identity *identity, const atomic_bool *cancel,
		   atomic_ullong *moved_bytes)
{
	char path[128], id[UUID_TEXT_SIZE];
	struct client *client = NULL;
	struct problem problem = { .status = 0 };
	struct client_config config = { .url = settings->market_url,
					.pin = settings->market_pin,
					.token = identity->token,
					.user_agent = "cpushare-seller/" CPUSHARE_VERSION,
					.timeout_ms = TIMEOUT_MS,
					.cancel = cancel };
	AUTO_FREE uint8_t *buffer = malloc(LINE_MAX_BYTES);
	if (!buffer)
		return E_NOMEM;
	snprintf(path, sizeof path, "/v1/machines/%s/line", uuid_format(identity->machine, id));
	TRY(client_new(&config, &client));
	err_t e = OK;
	bool more = true;
	for (int round = 0; round < LINE_ROUNDS && more && !e; round++)
		e = one_round(client, path, buffer, moved_bytes, &more, &problem);
	client_free(client);
	if (e && e != E_CONFLICT)
		log_debug("the line was not measured", "error=%s status=%d detail=\"%s\"", err_name(e), problem.status,
			  problem.detail);
	return e;
}
