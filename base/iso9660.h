/* SPDX-License-Identifier: Apache-2.0
 * iso9660.h - a small ISO 9660 volume: files in one folder, with their names by Rock Ridge and by Joliet
 */
#ifndef BASE_ISO9660_H
#define BASE_ISO9660_H

#include "buf.h"

#define ISO9660_FILES_MAX 8
#define ISO9660_NAME_MAX 28

/* name: a-z, 0-9 and hyphens, at most ISO9660_NAME_MAX of them. */
struct iso9660_file {
	const char *name, *data;
	size_t len;
};

/* files: in the order of their names, at most ISO9660_FILES_MAX. label: at most 16 letters. What is read of it is the same each time. */
MUST_CHECK err_t iso9660_make(const char *label, const struct iso9660_file *files, size_t count, struct buf *out);

#endif
