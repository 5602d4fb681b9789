/* SPDX-License-Identifier: Apache-2.0
 * offer.c - offer list and show
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "commands.h"
#include "json.h"
#include "offer.h"
#include "output.h"

#define QUERY_SIZE 1024

static const struct column offer_columns[] = { { "MACHINE", "machine_name", CELL_TEXT },
					       { "SELLER", "seller_name", CELL_TEXT },
					       { "CC", "country", CELL_TEXT },
					       { "STATE", "state", CELL_TEXT },
					       { "ACCEL", "accel", CELL_TEXT },
					       { "FREE", "cores_free", CELL_NUMBER },
					       { "CORES", "cores", CELL_NUMBER },
					       { "FREE MIB", "memory_free_mib", CELL_NUMBER },
					       { "MIB", "memory_mib", CELL_NUMBER | CELL_WIDE },
					       { "SCORE", "score", CELL_NUMBER },
					       { "CORE/H", "price_per_core_hour_micro", CELL_MONEY },
					       { "GIB/H", "price_per_gib_hour_micro", CELL_MONEY },
					       { "GIB MOVED", "price_per_gib_transferred_micro", CELL_MONEY },
					       { "RATING", "rating_ppm", CELL_RATING },
					       { "GOOD", "good", CELL_NUMBER },
					       { "BAD", "bad", CELL_NUMBER },
					       { "VENDOR", "cpu_vendor", CELL_TEXT | CELL_WIDE },
					       { "UP MBIT", "up_kbit_s", CELL_RATE | CELL_WIDE },
					       { "DOWN MBIT", "down_kbit_s", CELL_RATE | CELL_WIDE },
					       { "RTT MS", "rtt", CELL_RTTS | CELL_WIDE },
					       { "DIRECT", "direct", CELL_TEXT | CELL_WIDE },
					       { "TRUSTED", "trusted", CELL_TEXT | CELL_WIDE },
					       { "FIRST USE", "first_use", CELL_TEXT | CELL_WIDE },
					       { "ID", "machine", CELL_TEXT | CELL_WIDE },
					       { "SELLER'S ID", "seller", CELL_TEXT | CELL_WIDE },
					       { .title = NULL } };

/* RFC 3986: what is not unreserved is escaped. */
static void put_escaped(struct buf *out, const char *text)
{
	for (; *text; text++)
		if (isalnum((unsigned char)*text) || strchr("-._~", *text))
			buf_append(out, text, 1);
		else
			buf_printf(out, "%%%02X", (unsigned char)*text);
}

/* The arguments with blanks between: the query. */
static err_t join_arguments(const struct cli *cli, struct buf *out)
{
	for (int i = 0; i < cli_arg_count(cli); i++)
		buf_printf(out, "%s%s", i ? " " : "", cli_arg(cli, i));
	return out->error;
}

/* For people a refused query is shown with its column marked. */
static int query_refused(const session_t *s, const char *query, const struct problem *p)
{
	int column = 0;
	if (!strcmp(p->field, "q") && sscanf(p->detail, "column %d:", &column) == 1 && output_form(s->cli) != FORM_JSON &&
	    column > 0)
		fprintf(stderr, "  %s\n  %*s\n", query, column, "^");
	return session_refused(s, p);
}

int offers_fetch(session_t *s, const char *sort, int64_t limit, json_t **ret_items)
{
	struct cli *cli = s->cli;
	AUTO_JSON items = json_array();
	AUTO_BUF query = { .max = QUERY_SIZE }, first = { .max = 4 * QUERY_SIZE };
	buf_printf(&first, "/v1/offers?limit=%d", limit > 0 && limit < 500 ? (int)limit : 500);
	if (join_arguments(cli, &query))
		return cli_error(cli, EXIT_USAGE, "the query is too long");
	if (query.len) {
		buf_puts(&first, "&q=");
		put_escaped(&first, query.data);
	}
	if (sort) {
		buf_puts(&first, "&sort=");
		put_escaped(&first, sort);
	}
	if (first.error)
		return cli_error(cli, EXIT_USAGE, "the query is too long");
	for (char next[80] = "";;) {
		AUTO_JSON page = NULL;
		AUTO_BUF path = { .max = 4 * QUERY_SIZE + 128 };
		struct problem problem;
		buf_puts(&path, first.data);
		if (*next)
			buf_printf(&path, "&cursor=%s", next);
		if (path.error)
			return cli_error(cli, EXIT_ERROR, "out of memory");
		if (session_try(s, "GET", path.data, NULL, false, &page, &problem))
			return query_refused(s, query.len ? query.data : "", &problem);
		json_array_extend(items, json_object_get(page, "items"));
		while (limit > 0 && json_array_size(items) > (size_t)limit)
			json_array_remove(items, json_array_size(items) - 1);
		snprintf(next, sizeof next, "%s", field_text(page, "next"));
		if (!*next || (limit > 0 && json_array_size(items) == (size_t)limit))
			break;
	}
	*ret_items = json_incref(items);
	return EXIT_OK;
}

int command_offer_list(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON items = NULL;
	int64_t limit;
	int code = session_open(cli, false, &s);
	if (code || cli_int(cli, "limit", 0, 1, 1000000, &limit))
		return code ? code : EXIT_USAGE;
	if ((code = offers_fetch(&s, cli_text(cli, "sort", NULL), limit, &items)))
		return code;
	output_list(cli, items, offer_columns, "machine");
	return EXIT_OK;
}

int offer_find(struct cli *cli, json_t *items, const char *word, json_t **ret_offer)
{
	json_t *item, *found = NULL;
	size_t i, len = strlen(word), count = 0;
	json_array_foreach (items, i, item)
		if ((len >= 4 && !strncmp(field_text(item, "machine"), word, len)) ||
		    !strcmp(field_text(item, "machine_name"), word)) {
			found = item;
			count++;
		}
	if (!count)
		return cli_error(cli, EXIT_NOT_FOUND, "no machine \"%s\" offers anything now", word);
	if (count > 1)
		return cli_error(cli, EXIT_USAGE, "\"%s\" means more than one machine: give its id (offer list -o wide)", word);
	*ret_offer = found;
	return EXIT_OK;
}

int command_offer_show(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON items = NULL;
	json_t *found;
	int code = session_open(cli, false, &s);
	if (code || (code = session_list(&s, "/v1/offers", &items)) || (code = offer_find(cli, items, cli_arg(cli, 0), &found)))
		return code;
	output_object(cli, found, offer_columns, "machine");
	return EXIT_OK;
}
