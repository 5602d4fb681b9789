/* SPDX-License-Identifier: Apache-2.0
 * vm.c - fuzzes what vmrun reads: vm.json, and the reports that come out of a jail; the first byte chooses
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "channel.h"
#include "domain_xml.h"
#include "spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void spec(const char *text, size_t len)
{
	struct vm_spec read;
	struct json_error error;
	AUTO_BUF xml = { 0 };

	if (vm_spec_from_json(text, len, &read, &error) != OK)
		return;
	domain_xml(&read, true, &xml);
	/* Whatever was let through cannot have written an element of its own. */
	if (!xml.error && (strstr(xml.data, "<hostdev") || strstr(xml.data, "<filesystem")))
		abort();
}

static void report(const uint8_t *data, size_t len)
{
	struct vm_report read, again;
	uint8_t bytes[VM_REPORT_MAX_BYTES];

	if (vm_report_decode(data, len, &read) != OK)
		return;
	size_t written = vm_report_encode(&read, bytes);
	if (vm_report_decode(bytes, written, &again) != OK || strcmp(read.detail, again.detail) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] == 'j')
		spec((const char *)data + 1, size - 1);
	else
		report(data + 1, size - 1);
	return 0;
}
