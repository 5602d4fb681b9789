/* SPDX-License-Identifier: Apache-2.0
 * files.h - the pages that the market serves, read once at start: what is not in the table is not there
 */
#ifndef HTTP_FILES_H
#define HTTP_FILES_H

#include "request.h"

struct files;
/* Reads every regular file below dir (no dot files, no links, at most 4 MiB each), and puts pages together of dir/parts. A dir that does
 * not exist gives an empty table. */
MUST_CHECK err_t files_load(const char *dir, struct files **ret_files);
void files_free(struct files *f);
/* Answers with the file at the path ("/" is index.html, "/help" may be help.html, "/sellers/x" sellers/_.html), with ETag and a strict CSP; or refuses,
 * a browser with the page /404. */
err_t files_answer(const struct files *f, struct request *r, const char *path);
bool files_has(const struct files *f, const char *path);

#endif
