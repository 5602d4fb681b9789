/* SPDX-License-Identifier: Apache-2.0
 * api.c - api: one call to the market as it stands in openapi.json
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "commands.h"
#include "file.h"
#include "json.h"
#include "output.h"
#include "session.h"

#define BODY_MAX (4 << 20)

static err_t read_all(FILE *from, struct buf *out)
{
	char part[4096];
	for (size_t n; (n = fread(part, 1, sizeof part, from)) > 0;)
		buf_append(out, part, n);
	return ferror(from) ? E_IO : out->error;
}

/* --data: JSON, @FILE, or - for standard input. An exit code. */
static int read_body(const struct cli *cli, json_t **ret)
{
	const char *data = cli_text(cli, "data", NULL);
	AUTO_BUF text = { .max = BODY_MAX };
	struct json_error error = { .what = "" };
	if (!data)
		return EXIT_OK;
	FILE *file = !strcmp(data, "-") ? stdin : *data == '@' ? fopen(data + 1, "re") : NULL;
	if (*data == '@' && !file)
		return cli_error(cli, EXIT_NOT_FOUND, "--data %s: %s", data, strerror(errno));
	err_t e = file ? read_all(file, &text) : (buf_puts(&text, data), text.error);
	if (file && file != stdin)
		fclose(file);
	if (e)
		return cli_error(cli, EXIT_USAGE, "--data: cannot be read, or is larger than %d MiB", BODY_MAX >> 20);
	if (json_parse(text.data ? text.data : "", text.len, ret, &error))
		return cli_error(cli, EXIT_USAGE, "--data: is no JSON: %s", error.what);
	return EXIT_OK;
}

int command_api(struct cli *cli)
{
	static const char *const methods[] = { "GET", "POST", "PUT", "DELETE" };
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON body = NULL;
	AUTO_JSON answer = NULL;
	const char *method = cli_arg(cli, 0), *path = cli_arg(cli, 1);
	bool known = false;
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		known |= !strcmp(method, methods[i]);
	if (!known)
		return cli_error(cli, EXIT_USAGE, "the method must be GET, POST, PUT or DELETE, not \"%s\"", method);
	if (*path != '/' || strpbrk(path, " \t\r\n#"))
		return cli_error(cli, EXIT_USAGE, "the path must begin with a /, as in /v1/market");
	int code = session_open(cli, false, &s);
	if (code || (code = read_body(cli, &body)) ||
	    (code = session_call(&s, method, path, body, !strcmp(method, "POST"), &answer)))
		return code;
	if (answer) { /* as it came: no "schema" is put to it */
		json_dumpf(answer, stdout, JSON_ENCODE_ANY | JSON_INDENT(2));
		putchar('\n');
	}
	return EXIT_OK;
}
