/* SPDX-License-Identifier: Apache-2.0
 * calibrate_command.c - the owner asks the market to measure this machine
 */
#include <stdio.h>
#include <string.h>
#include "client.h"
#include "codes.h"
#include "commands.h"
#include "settings.h"

static int ask(struct cli *cli, const struct settings *s, const struct identity *id)
{
	char path[128], text[UUID_TEXT_SIZE];
	struct client *client = NULL;
	struct problem problem = { .status = 0 };
	struct client_config config = {
		.url = s->market_url, .pin = s->market_pin, .token = id->token, .user_agent = "cpushare-seller/" CPUSHARE_VERSION
	};
	if (client_new(&config, &client))
		return cli_error(cli, EXIT_ERROR, "market.url cannot be used: %s", s->market_url);
	snprintf(path, sizeof path, "/v1/machines/%s/calibrations", uuid_format(id->machine, text));
	err_t e = client_call(client, "POST", path, NULL, NULL, NULL, &problem);
	client_free(client);
	if (e)
		return cli_error(cli, refusal_exit(problem.status, problem.code), "%s%s%s", problem.title,
				 *problem.detail ? " " : "", problem.detail);
	if (!strcmp(cli_text(cli, "output", "table"), "json"))
		puts("{}");
	else
		puts("asked: the market places an order here when the machine is online and has room; `status` says what came of "
		     "it");
	return EXIT_OK;
}

int command_calibrate(struct cli *cli)
{
	struct settings s;
	struct identity id = { .key = NULL };
	if (!form_is_known(cli))
		return EXIT_USAGE;
	err_t e = settings_load(cli, &s);
	if (!e)
		e = identity_load(&s, &id);
	if (e)
		return e == E_INVALID
			       ? EXIT_USAGE
			       : cli_error(cli, EXIT_NOT_FOUND, "this machine is not set up: `cpushare-seller setup --help`");
	int code = ask(cli, &s, &id);
	identity_clear(&id);
	return code;
}
