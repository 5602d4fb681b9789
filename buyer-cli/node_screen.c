/* SPDX-License-Identifier: Apache-2.0
 * node_screen.c - node screen: a picture of a VM's screen
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "codes.h"
#include "commands.h"
#include "file.h"
#include "machine.h"
#include "output.h"
#include "session.h"

enum { TRIES = 40, PAUSE_NS = 500000000 };

/* Its machine takes it when somebody asks, so the first answers are that there is none yet. */
static int fetch(session_t *s, const char *id, int64_t width, uint8_t *png, size_t *ret_len)
{
	char path[128];
	struct problem problem = { .status = 0 };
	snprintf(path, sizeof path, "/v1/leases/%s/screen?width=%lld", id, (long long)width);
	for (int tries = 0; tries < TRIES; tries++) {
		if (client_get_bytes(s->client, path, png, SCREEN_MAX_BYTES, ret_len, &problem) == OK)
			return EXIT_OK;
		if (refusal_parse(problem.code) != REFUSE_NO_PICTURE)
			return session_refused(s, &problem);
		nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
	}
	return cli_error(s->cli, EXIT_PENDING, "its machine has sent no picture; a screen of more than 1920 x 1200 has none");
}

int command_node_screen(struct cli *cli)
{
	static const struct column columns[] = { { "lease", "lease", CELL_TEXT },
						 { "file", "file", CELL_TEXT },
						 { "size", "size_bytes", CELL_BYTES },
						 { .title = NULL } };
	AUTO_SESSION s = { .client = NULL };
	AUTO_FREE uint8_t *png = malloc(SCREEN_MAX_BYTES);
	const char *file = cli_text(cli, "file", NULL);
	char id[UUID_TEXT_SIZE];
	int64_t width;
	size_t len = 0;
	if (cli_int(cli, "width", SCREEN_MAX_WIDTH, SCREEN_MIN_WIDTH, SCREEN_MAX_WIDTH, &width))
		return EXIT_USAGE;
	if (!file)
		return cli_error(cli, EXIT_USAGE, "--file: where to write the picture");
	if (!png)
		return cli_error(cli, EXIT_ERROR, "out of memory");
	int code = session_open(cli, true, &s);
	if (code || (code = session_node(&s, cli_arg(cli, 0), id)) || (code = fetch(&s, id, width, png, &len)))
		return code;
	if (!strcmp(file, "-"))
		return fwrite(png, 1, len, stdout) == len ? EXIT_OK : EXIT_ERROR;
	err_t e = file_write(file, png, len, 0644);
	if (e)
		return cli_error(cli, EXIT_ERROR, "%s: cannot be written: %s", file, err_name(e));
	AUTO_JSON out = json_object();
	json_put_text(out, "lease", id);
	json_put_text(out, "file", file);
	json_put_int(out, "size_bytes", (int64_t)len);
	output_object(cli, out, columns, "file");
	return EXIT_OK;
}
