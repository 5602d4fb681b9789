/* SPDX-License-Identifier: Apache-2.0
 * image.c - image upload, verify, list, show, delete
 *
 * Upload hashes the file piece by piece, tells the market the list, and sends what the market says is missing: what was there
 * before, or came before a break, is not sent again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "bytes.h"
#include "commands.h"
#include "file.h"
#include "image.h"
#include "json.h"
#include "listing.h"
#include "output.h"
#include "session.h"

static const struct column image_columns[] = { { "image", "id", CELL_TEXT },
					       { "name", "name", CELL_TEXT },
					       { "size", "size_bytes", CELL_BYTES },
					       { "state", "state", CELL_TEXT },
					       { "pieces", "piece_count", CELL_NUMBER },
					       { "missing", "missing_count", CELL_NUMBER },
					       { "cdrom bus", "cdrom_bus", CELL_TEXT },
					       { "created", "created_at", CELL_DATE },
					       { .title = NULL } };

struct upload {
	session_t *session;
	struct cli *cli;
	int fd;
	struct image_request request;
	char id[SHA256_TEXT_SIZE];
	uint8_t *piece;
};

static err_t read_piece(const struct upload *u, size_t i, size_t *ret_len)
{
	size_t len = image_piece_len(u->request.size_bytes, i);
	ssize_t n = pread(u->fd, u->piece, len, (off_t)i * PIECE_BYTES);
	if (n != (ssize_t)len)
		return E_IO;
	*ret_len = len;
	return OK;
}

static int open_image(struct upload *u, const char *path)
{
	struct stat st;
	u->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (u->fd < 0 || fstat(u->fd, &st))
		return cli_error(u->cli, EXIT_NOT_FOUND, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_size == 0 || st.st_size > IMAGE_MAX_BYTES)
		return cli_error(u->cli, EXIT_USAGE, "%s: must be a file of 1 byte to %lld GiB", path, IMAGE_MAX_BYTES >> 30);
	u->request.size_bytes = st.st_size;
	u->request.piece_count = image_piece_count(st.st_size);
	u->request.pieces = calloc(u->request.piece_count, sizeof(sha256));
	u->piece = malloc(PIECE_BYTES);
	return u->request.pieces && u->piece ? EXIT_OK : cli_error(u->cli, EXIT_ERROR, "out of memory");
}

static int read_options(struct upload *u, const char *path)
{
	const char *base = strrchr(path, '/'), *bus = cli_text(u->cli, "cdrom-bus", "scsi");
	int bus_number;
	if (state_parse(cdrom_bus_names, CDROM_BUS_COUNT, bus, &bus_number))
		return cli_error(u->cli, EXIT_USAGE, "--cdrom-bus: must be scsi or sata, not \"%s\"", bus);
	u->request.cdrom_bus = (enum cdrom_bus)bus_number;
	if (text_copy(u->request.name, sizeof u->request.name, cli_text(u->cli, "name", base ? base + 1 : path)))
		return cli_error(u->cli, EXIT_USAGE, "--name: at most %d bytes", NAME_SIZE - 1);
	return EXIT_OK;
}

static int hash_image(struct upload *u)
{
	struct progress progress;
	size_t len;
	progress_start(&progress, u->cli, "hashing", (uint64_t)u->request.size_bytes);
	for (size_t i = 0; i < u->request.piece_count; i++) {
		if (read_piece(u, i, &len))
			return cli_error(u->cli, EXIT_ERROR, "the image cannot be read, or changes while it is read");
		u->request.pieces[i] = sha256_of(u->piece, len);
		progress_at(&progress, (uint64_t)i * PIECE_BYTES);
	}
	progress_end(&progress);
	sha256_format(image_id(u->request.size_bytes, u->request.pieces, u->request.piece_count), u->id);
	return EXIT_OK;
}

static int send_pieces(struct upload *u, json_t *missing)
{
	struct progress progress;
	struct problem problem = { .status = 0 };
	char path[160];
	size_t i, len, total = u->request.piece_count, there = total - json_array_size(missing);
	json_t *index;
	progress_start(&progress, u->cli, "uploading", (uint64_t)u->request.size_bytes);
	json_array_foreach (missing, i, index) {
		json_int_t piece = json_integer_value(index);
		if (piece < 0 || (size_t)piece >= total || read_piece(u, (size_t)piece, &len)) {
			progress_end(&progress);
			return cli_error(u->cli, EXIT_ERROR, "the image cannot be read, or changes while it is read");
		}
		progress_at(&progress, (uint64_t)(there + i) * PIECE_BYTES);
		snprintf(path, sizeof path, "/v1/images/%s/pieces/%lld", u->id, (long long)piece);
		if (client_put_bytes(u->session->client, path, u->piece, len, &problem)) {
			progress_end(&progress);
			return session_refused(u->session, &problem);
		}
	}
	progress_end(&progress);
	return EXIT_OK;
}

static int upload(struct upload *u, const char *path)
{
	AUTO_JSON created = NULL;
	AUTO_JSON pieces = NULL;
	AUTO_JSON image = NULL;
	char at[160];
	int code = open_image(u, path);
	if (code || (code = read_options(u, path)) || (code = hash_image(u)))
		return code;
	AUTO_JSON body = image_request_to_json(&u->request);
	if ((code = session_call(u->session, "POST", "/v1/images", body, true, &created)))
		return code;
	snprintf(at, sizeof at, "/v1/images/%s/pieces", u->id);
	if ((code = session_call(u->session, "GET", at, NULL, false, &pieces)))
		return code;
	json_t *missing = json_object_get(pieces, "missing");
	size_t to_send = json_array_size(missing);
	if ((code = send_pieces(u, missing)))
		return code;
	snprintf(at, sizeof at, "/v1/images/%s", u->id);
	if ((code = session_call(u->session, "GET", at, NULL, false, &image)))
		return code;
	output_note(u->cli, "%zu of %zu pieces sent\n", to_send, u->request.piece_count);
	output_object(u->cli, image, image_columns, "id");
	return EXIT_OK;
}

static void upload_clear(struct upload *u)
{
	fd_close(&u->fd);
	free(u->piece);
	image_request_clear(&u->request);
}

int command_image_upload(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	int code = session_open(cli, true, &s);
	if (code)
		return code;
	struct upload u = { .session = &s, .cli = cli, .fd = -1 };
	code = upload(&u, cli_arg(cli, 0));
	upload_clear(&u);
	return code;
}

int command_image_id(struct cli *cli)
{
	int code = output_check(cli);
	if (code)
		return code;
	struct upload u = { .cli = cli, .fd = -1 };
	if (!(code = open_image(&u, cli_arg(cli, 0))) && !(code = hash_image(&u))) {
		AUTO_JSON out = json_object();
		json_put_text(out, "id", u.id);
		json_put_int(out, "size_bytes", u.request.size_bytes);
		json_put_int(out, "piece_count", (int64_t)u.request.piece_count);
		output_object(cli, out, image_columns, "id");
	}
	upload_clear(&u);
	return code;
}

int command_image_verify(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	char id[SHA256_TEXT_SIZE];
	int code = session_open(cli, false, &s);
	if (code || (code = session_image(&s, cli_arg(cli, 1), id)))
		return code;
	struct upload u = { .session = &s, .cli = cli, .fd = -1 };
	code = open_image(&u, cli_arg(cli, 0));
	if (!code && !(code = hash_image(&u)) && strcmp(id, u.id) != 0)
		code = cli_error(cli, EXIT_ATTEST, "%s is another image, or was changed: its id would be %s", cli_arg(cli, 0),
				 u.id);
	upload_clear(&u);
	if (!code) {
		AUTO_JSON out = json_object();
		json_put_text(out, "id", id);
		output_object(cli, out, image_columns, "id");
	}
	return code;
}

int command_image_list(struct cli *cli)
{
	static const struct column columns[] = { { "ID", "id", CELL_SHORT },
						 { "NAME", "name", CELL_TEXT },
						 { "SIZE", "size_bytes", CELL_BYTES },
						 { "STATE", "state", CELL_TEXT },
						 { "MISSING", "missing_count", CELL_NUMBER },
						 { "CREATED", "created_at", CELL_DATE },
						 { .title = NULL } };
	return show_list(cli, true, "/v1/images", columns, "id");
}

static int one_image(struct cli *cli, const char *method)
{
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON image = NULL;
	char id[SHA256_TEXT_SIZE], path[128];
	int code = session_open(cli, true, &s);
	if (code || (code = session_image(&s, cli_arg(cli, 0), id)))
		return code;
	snprintf(path, sizeof path, "/v1/images/%s", id);
	if ((code = session_call(&s, method, path, NULL, false, &image)))
		return code;
	if (image)
		output_object(cli, image, image_columns, "id");
	else
		output_note(cli, "Deleted.\n");
	return EXIT_OK;
}

int command_image_show(struct cli *cli)
{
	return one_image(cli, "GET");
}

int command_image_delete(struct cli *cli)
{
	return one_image(cli, "DELETE");
}
