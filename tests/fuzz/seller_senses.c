/* SPDX-License-Identifier: Apache-2.0
 * seller_senses.c - fuzz: what the kernel says of this computer, and the owner's hours; the first byte chooses
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "file.h"
#include "hours.h"
#include "sense_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sense_cpu cpu;
	struct sense_task task;
	struct hours hours;
	int64_t number = 0;
	char interface[SENSE_INTERFACE_SIZE], error[64];
	AUTO_FREE char *text = size ? strndup((const char *)data + 1, size - 1) : NULL;
	if (!text)
		return 0;
	switch (data[0]) {
	case 'c':
		if (sense_cpu(text, &cpu) == OK && cpu.busy_ticks > cpu.all_ticks)
			abort();
		break;
	case 'p':
		if (sense_pressure(text, &number) == OK && (number < 0 || number > 1009))
			abort();
		break;
	case 'm':
		if (sense_available(text, &number) == OK && number < 0)
			abort();
		break;
	case 't':
		if (sense_task(text, &task) == OK && !task.state)
			abort();
		break;
	case 'n':
		if (sense_number(text, -40000, 150000, &number) == OK && (number < -40000 || number > 150000))
			abort();
		break;
	case 'r':
		if (sense_default_route(text, interface) == OK && (strchr(interface, '/') || !*interface || *interface == '.'))
			abort();
		break;
	default:
		if (hours_parse(text, &hours, error, sizeof error) != OK && !*error)
			abort();
	}
	return 0;
}
