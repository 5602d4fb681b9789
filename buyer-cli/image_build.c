/* SPDX-License-Identifier: Apache-2.0
 * image_build.c - image build: a live image by one of the recipes that come with the program, or by a folder's own
 *
 * A recipe of an image is a folder with build.sh, which is called with the file to write, and maybe `needs`: lines of a program's name or a
 * file's path (a pattern), and the Debian package that has it.
 */
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "commands.h"
#include "file.h"
#include "json.h"
#include "output.h"
#include "resource.h"

#define NEEDS_MAX 16384

static bool have_program(const char *name)
{
	const char *folders = getenv("PATH");
	AUTO_FREE char *list = strdup(folders && *folders ? folders : "/usr/bin:/bin");
	char path[PATH_MAX], *rest = list;
	for (const char *folder; list && (folder = strsep(&rest, ":"));) {
		int n = snprintf(path, sizeof path, "%s/%s", folder, name);
		if (n > 0 && (size_t)n < sizeof path && !access(path, X_OK))
			return true;
	}
	return false;
}

static bool have_file(const char *pattern)
{
	glob_t found;
	bool any = glob(pattern, GLOB_NOSORT, NULL, &found) == 0;
	globfree(&found);
	return any;
}

/* The packages that `needs` names for what is not here, with blanks before them. */
static err_t missing(const char *folder, struct buf *out)
{
	char path[PATH_MAX + 16], what[256], package[128];
	AUTO_FREE char *text = NULL;
	size_t len;
	snprintf(path, sizeof path, "%s/needs", folder);
	err_t e = file_read(path, NEEDS_MAX, &text, &len);
	if (e)
		return e == E_NOT_FOUND ? OK : e;
	char *rest = text;
	for (const char *line; (line = strsep(&rest, "\n"));) {
		if (!*line || *line == '#')
			continue;
		if (sscanf(line, "%255s %127s", what, package) != 2)
			return E_INVALID;
		if (!(strchr(what, '/') ? have_file(what) : have_program(what)))
			buf_printf(out, " %s", package);
	}
	return out->error;
}

static int find_folder(struct cli *cli, char *ret_folder)
{
	const char *word = cli_arg(cli, 0);
	char part[128], script[PATH_MAX + 16];
	snprintf(part, sizeof part, "images/%.100s", word);
	bool found = strchr(word, '/') ? realpath(word, ret_folder) != NULL
				       : word[0] != '.' && resource_find(part, ret_folder, PATH_MAX) == OK;
	snprintf(script, sizeof script, "%s/build.sh", found ? ret_folder : "");
	if (!found || access(script, X_OK))
		return cli_error(cli, EXIT_NOT_FOUND, "there is no image \"%s\" to build, nor a folder with a build.sh", word);
	return EXIT_OK;
}

/* Its words go to stderr, so that stdout is the answer's; under JSON nobody reads them. */
static int run(struct cli *cli, const char *folder, const char *file)
{
	char script[PATH_MAX + 16];
	int status = 0;
	snprintf(script, sizeof script, "%s/build.sh", folder);
	pid_t child = fork();
	if (child < 0)
		return cli_error(cli, EXIT_ERROR, "%s", strerror(errno));
	if (child == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		if (output_form(cli) == FORM_JSON && !(freopen("/dev/null", "w", stdout) && freopen("/dev/null", "w", stderr)))
			_exit(EXIT_ERROR);
		execl(script, script, file, NULL);
		_exit(127);
	}
	signal(SIGINT, SIG_IGN); /* Ctrl-C is for the script, which cleans up */
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGINT)
		return EXIT_INTERRUPTED;
	return status ? cli_error(cli, EXIT_ERROR, "%s failed", script) : EXIT_OK;
}

int command_image_build(struct cli *cli)
{
	static const struct column columns[] = { { "file", "file", CELL_TEXT },
						 { "size", "size_bytes", CELL_BYTES },
						 { .title = NULL } };
	char folder[PATH_MAX], usual[NAME_MAX + 8];
	AUTO_BUF packages = { .max = NEEDS_MAX };
	struct stat st;
	int code = find_folder(cli, folder);
	if (code)
		return code;
	snprintf(usual, sizeof usual, "%.*s.iso", NAME_MAX, strrchr(folder, '/') + 1);
	const char *file = cli_text(cli, "file", usual);
	if (missing(folder, &packages))
		return cli_error(cli, EXIT_ERROR, "%s/needs is not understood", folder);
	if (packages.len)
		return cli_error(cli, EXIT_NOT_FOUND, "missing here: apt install%s", packages.data);
	output_note(cli, "building %s, which may take some minutes\n", file);
	fflush(stdout);
	if ((code = run(cli, folder, file)))
		return code;
	if (stat(file, &st))
		return cli_error(cli, EXIT_ERROR, "%s/build.sh wrote no %s", folder, file);
	AUTO_JSON out = json_object();
	json_put_text(out, "file", file);
	json_put_int(out, "size_bytes", st.st_size);
	output_object(cli, out, columns, "file");
	return EXIT_OK;
}
