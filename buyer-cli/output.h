/* SPDX-License-Identifier: Apache-2.0
 * output.h - tables for people, JSON for programs, progress for the patient
 */
#ifndef BUYER_OUTPUT_H
#define BUYER_OUTPUT_H

#include <jansson.h>
#include "cli.h"

/* FORM_TABLE: -o table and wide; FORM_JSON: json and ndjson. */
enum form { FORM_TABLE, FORM_JSON, FORM_CSV, FORM_NAME };
/* -o; a bad one is FORM_TABLE (checked once by output_check). */
enum form output_form(const struct cli *cli);
bool output_form_known(const char *word);
#define OUTPUT_FORMS "table, wide, json, ndjson, csv or name"
/* 0, or EXIT_USAGE with a message. */
int output_check(const struct cli *cli);

/* How a field of a JSON object becomes a cell. */
enum cell {
	CELL_TEXT,
	CELL_NUMBER,
	CELL_MONEY,    /* micro */
	CELL_BYTES,    /* "1.5 GiB" */
	CELL_SECONDS,  /* of nanoseconds */
	CELL_TIME_US,  /* seconds of microseconds */
	CELL_BUDGET,   /* micro; "-" where there is none */
	CELL_RATING,   /* percent of millionths; "-" where nobody has marked anything */
	CELL_DURATION, /* of seconds: "90m" */
	CELL_MS,       /* of microseconds; "-" below zero */
	CELL_PERMILLE, /* percent of thousandths; "-" below zero */
	CELL_SHORT,    /* the first 12 characters */
	CELL_DATE,     /* an RFC 3339 time without its fraction */
	CELL_RATE,     /* Mbit/s, of kbit/s; "-" where unknown */
	CELL_RTTS,     /* "eu 12, us 95": a list of regions and milliseconds */

	CELL_WIDE = 64, /* with any of them: only under -o wide and csv */
};
struct column {
	const char *title; /* NULL ends the table */
	const char *field;
	enum cell cell;
};

/* A list: a table of columns; {"schema":1,"items":[…]}, or an object a line; CSV; or the name_field of each. --columns chooses among the
 * columns, and any field of the JSON. */
void output_list(const struct cli *cli, json_t *items, const struct column *columns, const char *name_field);
/* One object: "title  value" lines; itself with "schema":1; or its name_field. */
void output_object(const struct cli *cli, json_t *object, const struct column *columns, const char *name_field);
/* Only for people: nothing under -o json and -o name, nor with --quiet. */
void output_note(const struct cli *cli, const char *fmt, ...) PRINTF_LIKE(2, 3);

const char *field_text(const json_t *object, const char *name); /* "" where missing or null */
int64_t field_int(const json_t *object, const char *name);

/* On a terminal a bar with rate and time left, rewritten in place; elsewhere a line each 10 s; nothing with --quiet or -o json. */
struct progress {
	const struct cli *cli;
	const char *what;
	uint64_t total;
	int64_t started_us, shown_us, first;
	bool terminal, silent;
};
void progress_start(struct progress *p, const struct cli *cli, const char *what, uint64_t total_bytes);
void progress_at(struct progress *p, uint64_t done_bytes);
void progress_end(struct progress *p);

/* "12 offers, 4 of them fit now. …": what the rules take out, in words; considered: the member that counts what noun names. */
void output_explanation(json_t *why, const char *considered, const char *noun);

#endif
