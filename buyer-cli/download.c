/* SPDX-License-Identifier: Apache-2.0
 * download.c - image download: an image's bytes, piece by piece, each checked
 *
 * The pieces go to FILE.part, which becomes FILE when all of them are there. What FILE.part has from an earlier run is checked like
 * what comes, and not fetched again.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "commands.h"
#include "file.h"
#include "image.h"
#include "json.h"
#include "output.h"
#include "session.h"

struct download {
	session_t *session;
	struct image_pieces pieces;
	int fd;
	uint8_t *piece; /* PIECE_BYTES */
	size_t fetched;
};

static bool has_piece(const struct download *d, size_t i, size_t len)
{
	if (pread(d->fd, d->piece, len, (off_t)i * PIECE_BYTES) != (ssize_t)len)
		return false;
	return sha256_equal(sha256_of(d->piece, len), d->pieces.pieces[i]);
}

static int fetch_piece(struct download *d, const char *id, size_t i)
{
	struct cli *cli = d->session->cli;
	struct problem problem;
	char path[160];
	size_t len = image_piece_len(d->pieces.size_bytes, i), got;
	if (has_piece(d, i, len))
		return EXIT_OK;
	snprintf(path, sizeof path, "/v1/images/%s/pieces/%zu", id, i);
	if (client_get_bytes(d->session->client, path, d->piece, PIECE_BYTES, &got, &problem))
		return session_refused(d->session, &problem);
	if (got != len || !sha256_equal(sha256_of(d->piece, got), d->pieces.pieces[i]))
		return cli_error(cli, EXIT_ATTEST, "piece %zu is not what the image's id says", i);
	if (pwrite(d->fd, d->piece, len, (off_t)i * PIECE_BYTES) != (ssize_t)len)
		return cli_error(cli, EXIT_ERROR, "the file cannot be written: %s", strerror(errno));
	d->fetched++;
	return EXIT_OK;
}

static int fetch_all(struct download *d, const char *id)
{
	struct progress progress;
	int code = EXIT_OK;
	progress_start(&progress, d->session->cli, "downloading", (uint64_t)d->pieces.size_bytes);
	for (size_t i = 0; !code && i < d->pieces.piece_count; i++) {
		progress_at(&progress, (uint64_t)i * PIECE_BYTES);
		code = fetch_piece(d, id, i);
	}
	progress_end(&progress);
	return code;
}

static int fetch(struct download *d, const char *id, const char *to)
{
	struct cli *cli = d->session->cli;
	AUTO_JSON list = NULL;
	struct json_error error = { .what = "" };
	char path[160], part[PATH_MAX];
	snprintf(path, sizeof path, "/v1/images/%s/pieces", id);
	int code = session_call(d->session, "GET", path, NULL, false, &list);
	if (code)
		return code;
	if (image_pieces_from_json(list, &d->pieces, &error))
		return cli_error(cli, EXIT_ATTEST, "the market's list of pieces is not that image's: %s %s", error.field,
				 error.what);
	if ((size_t)snprintf(part, sizeof part, "%s.part", to) >= sizeof part || !(d->piece = malloc(PIECE_BYTES)))
		return cli_error(cli, EXIT_ERROR, "out of memory, or the file's name is too long");
	d->fd = open(part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (d->fd < 0)
		return cli_error(cli, EXIT_ERROR, "%s: %s", part, strerror(errno));
	if ((code = fetch_all(d, id)))
		return code;
	/* link() refuses a name that is there, where rename() would write over it. */
	if (ftruncate(d->fd, d->pieces.size_bytes) || fsync(d->fd) || link(part, to) || unlink(part))
		return cli_error(cli, errno == EEXIST ? EXIT_CONFLICT : EXIT_ERROR, "%s: %s", to, strerror(errno));
	return EXIT_OK;
}

int command_image_download(struct cli *cli)
{
	static const struct column columns[] = { { "image", "id", CELL_TEXT },
						 { "file", "file", CELL_TEXT },
						 { "size", "size_bytes", CELL_BYTES },
						 { "pieces fetched", "fetched", CELL_NUMBER },
						 { .title = NULL } };
	AUTO_SESSION s = { .client = NULL };
	char id[SHA256_TEXT_SIZE];
	const char *to = cli_arg(cli, 1);
	int code = session_open(cli, true, &s);
	if (code || (code = session_image(&s, cli_arg(cli, 0), id)))
		return code;
	if (!access(to, F_OK))
		return cli_error(cli, EXIT_CONFLICT, "%s is there already; image verify compares it", to);
	struct download d = { .session = &s, .fd = -1 };
	code = fetch(&d, id, to);
	if (!code) {
		AUTO_JSON out = json_pack("{s:s, s:I, s:I}", "id", id, "size_bytes", (json_int_t)d.pieces.size_bytes, "fetched",
					  (json_int_t)d.fetched);
		json_put_text(out, "file", to);
		output_object(cli, out, columns, "file");
	}
	fd_close(&d.fd);
	free(d.piece);
	image_pieces_clear(&d.pieces);
	return code;
}
