/* SPDX-License-Identifier: Apache-2.0
 * verify.c - verify: what a file is that was kept, and whether it is true; nobody is asked
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "commands.h"
#include "file.h"
#include "json.h"
#include "output.h"
#include "proof.h"
#include "receipt.h"

#define TEXT_MAX (8 << 20) /* none of the checkers reads more */
#define VOLUME_AT 0x8001   /* of ISO 9660: the standard's identifier in the first volume descriptor */

static const struct kind {
	const char *what, *member; /* of the JSON object; NULL: another kind of file */
	cli_run_fn *check;
} receipt = { "a receipt", "receipt_key", command_order_receipt_verify },
  proof = { "a machine's proof", "identity", command_trust_verify }, boot_log = { "a boot's event log", NULL, command_trust_log },
  image = { "an image", NULL, command_image_id };

static const struct kind *kind_of_json(const char *path)
{
	AUTO_FREE char *text = NULL;
	AUTO_JSON json = NULL;
	struct json_error error;
	size_t len;
	if (file_read(path, TEXT_MAX, &text, &len) || json_parse(text, len, &json, &error))
		return NULL;
	return json_object_get(json, receipt.member) ? &receipt : json_object_get(json, proof.member) ? &proof : NULL;
}

/* By what stands where each kind has its mark. */
static const struct kind *kind_of(const char *path, int fd)
{
	static const char log_mark[] = "Spec ID Event03", volume_mark[] = "CD001";
	char head[64] = "", volume[sizeof volume_mark - 1] = "";
	ssize_t n = pread(fd, head, sizeof head - 1, 0);
	if (n > 0 && head[strspn(head, " \t\r\n")] == '{')
		return kind_of_json(path);
	if (n > 0 && memmem(head, (size_t)n, log_mark, sizeof log_mark - 1))
		return &boot_log;
	return pread(fd, volume, sizeof volume, VOLUME_AT) == sizeof volume && !memcmp(volume, volume_mark, sizeof volume)
		       ? &image
		       : NULL;
}

int command_verify(struct cli *cli)
{
	const char *path = cli_arg(cli, 0);
	int code = output_check(cli);
	if (code)
		return code;
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return cli_error(cli, errno == ENOENT ? EXIT_NOT_FOUND : EXIT_ERROR, "%s: %s", path, strerror(errno));
	const struct kind *kind = kind_of(path, fd);
	if (!kind)
		return cli_error(cli, EXIT_USAGE, "%s is no receipt, no proof, no event log of a boot and no image", path);
	output_note(cli, "%s is %s.\n\n", path, kind->what);
	return kind->check(cli);
}
