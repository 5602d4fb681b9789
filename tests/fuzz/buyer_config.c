/* SPDX-License-Identifier: Apache-2.0
 * buyer_config.c - fuzz: lines of the buyer's settings; each that is taken has a command, an option and a value, all inside the text
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config config;
	int line;
	char *text = malloc(size + 1);
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	err_t e = config_parse(text, &config, &line);
	assert(config.count <= CONFIG_MAX && line >= 1);
	for (size_t i = 0; !e && i < config.count; i++) {
		const struct cli_default *d = &config.list[i];
		assert(d->command && !strchr(d->command, '.') && !strchr(d->option, '.'));
		assert(d->option >= text && d->option + strlen(d->option) <= text + size);
		assert(d->value >= text && d->value + strlen(d->value) <= text + size && !strchr(d->value, '\n'));
	}
	assert(e || !config.list[config.count].command);
	free(text);
	return 0;
}
