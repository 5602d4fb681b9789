/* SPDX-License-Identifier: Apache-2.0
 * vm_spec.c - vm.json: what is taken and what is refused
 */
#include <string.h>
#include "file.h"
#include "spec.h"
#include "tap.h"

static const char good[] =
	"{\"lease\":\"0193f0a0-1111-7222-8333-444455556666\",\"name\":\"vm1\",\"cores\":2,\"memory_mib\":160,"
	"\"mac\":\"52:54:00:AB:34:56\",\"accel\":\"kvm\",\"uid\":64999,\"cdrom_bus\":\"sata\",\"port\":\"stream\"}";

/* The good text with one field's text replaced. */
static err_t with(const char *old, const char *new, struct json_error *error)
{
	char text[2048];
	struct vm_spec spec;
	const char *at = strstr(good, old);
	snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, new, at + strlen(old));
	*error = (struct json_error){ 0 };
	return vm_spec_from_json(text, strlen(text), &spec, error);
}

static const struct {
	const char *old, *new, *field, *why;
} refused[] = {
	{ "\"vm1\"", "\"vm1</name><devices><hostdev/>\"", "name", "XML in the name" },
	{ "\"vm1\"", "\"a&amp;b\"", "name", "an entity in the name" },
	{ "\"vm1\"", "\"../etc/passwd\"", "name", "a path as a name" },
	{ "\"vm1\"", "\"vm1,debug-threads=off\"", "name", "a QEMU option in the name" },
	{ "\"vm1\"", "\"vm 1\"", "name", "a space in the name" },
	{ "\"vm1\"", "\"VM1\"", "name", "capitals in the name" },
	{ "\"vm1\"", "\"-vm\"", "name", "a hyphen first" },
	{ "\"vm1\"", "\"vm-\"", "name", "a hyphen last" },
	{ "\"vm1\"", "\"\"", "name", "an empty name" },
	{ "\"vm1\"", "\"vm\\u0000x\"", "", "a NUL in the name" },
	{ "\"vm1\"", "\"v\\n\"", "name", "a line feed in the name" },
	{ "\"vm1\"", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"", "name", "a name of 64" },
	{ "\"vm1\"", "7", "name", "a number as a name" },
	{ "\"cores\":2", "\"cores\":0", "cores", "no core" },
	{ "\"cores\":2", "\"cores\":129", "cores", "too many cores" },
	{ "\"cores\":2", "\"cores\":-1", "cores", "cores below zero" },
	{ "\"cores\":2", "\"cores\":1.5", "cores", "half a core" },
	{ "\"cores\":2", "\"cores\":\"2\"", "cores", "cores as text" },
	{ "\"cores\":2,", "", "cores", "no cores field" },
	{ "160", "31", "memory_mib", "too little memory" },
	{ "160", "99999999999", "memory_mib", "too much memory" },
	{ "160", "160,\"scratch_mib\":1048577", "scratch_mib", "too large a scratch disk" },
	{ "160", "160,\"scratch_mib\":-1", "scratch_mib", "one below zero" },
	{ "52:54:00:AB:34:56", "53:54:00:ab:34:56", "mac", "a multicast address" },
	{ "52:54:00:AB:34:56", "52:54:00:ab:34", "mac", "a short address" },
	{ "52:54:00:AB:34:56", "52-54-00-ab-34-56", "mac", "hyphens in the address" },
	{ "52:54:00:AB:34:56", "52:54:00:ab:34:5g", "mac", "no hexadecimal digit" },
	{ "52:54:00:AB:34:56", "52:54:00:ab:34:56,addr=1", "mac", "an option behind the address" },
	{ "\"kvm\"", "\"xen\"", "accel", "an unknown accelerator" },
	{ "64999", "-1", "uid", "an uid below zero" },
	{ "64999", "4294967295", "uid", "the uid that means none" },
	{ "\"sata\"", "\"usb\"", "cdrom_bus", "an unknown bus" },
	{ "\"stream\"", "\"user\"", "port", "an unknown port" },
	{ ",\"port\":\"stream\"", "", "port", "no port field" },
	{ "0193f0a0-1111", "0193f0a0_1111", "lease", "no UUID" },
	{ "\"uid\"", "\"emulator\":\"/bin/sh\",\"uid\"", "emulator", "an unknown field" },
	{ "\"uid\":64999", "\"uid\":64999,\"uid\":0", "", "a field twice" },
	{ "\"uid\"", "\"launch_security\":\"sev\",\"uid\"", "launch_security", "an unknown launch security" },
	{ "\"kvm\"", "\"tcg\",\"launch_security\":\"sev-snp\"", "launch_security", "closed memory without KVM" },
	{ "\"stream\"", "\"vhost-user\",\"launch_security\":\"sev-snp\"", "launch_security",
	  "closed memory that the endpoint maps" },
	{ "\"uid\"", "\"image\":\"http\",\"uid\"", "image", "an image from elsewhere" },
	{ "\"uid\"", "\"display\":\"vnc\",\"uid\"", "display", "a display that listens" },
	{ "\"uid\"", "\"warm\":\"hot\",\"uid\"", "warm", "an unknown start" },
	{ "\"uid\"", "\"hardware_id\":\"1\",\"uid\"", "hardware_id", "an id that is none" },
	{ "\"stream\"", "\"vhost-user\",\"warm\":\"clone\"", "warm", "a template whose memory the endpoint has" },
	{ "\"uid\"", "\"warm\":\"template\",\"scratch_mib\":1,\"uid\"", "warm", "a template with a disk of a lease" },
	{ "\"uid\"", "\"warm\":\"template\",\"display\":\"vga\",\"uid\"", "warm", "one with a screen" },
	{ "\"uid\"", "\"warm\":\"template\",\"launch_security\":\"sev-snp\",\"uid\"", "warm", "one whose memory is closed" },
	{ "}", "", "", "half an object" },
	{ "{", "[{", "", "something else than an object" },
};

int main(void)
{
	struct vm_spec spec, again;
	struct json_error error;
	char mac[VM_MAC_TEXT_SIZE];

	is_int(vm_spec_from_json(good, strlen(good), &spec, &error), OK, "a good text is taken");
	is_text(spec.name, "vm1", "name");
	is_int(spec.cores, 2, "cores");
	is_int(spec.memory_mib, 160, "memory");
	is_text(vm_mac_format(spec.mac, mac), "52:54:00:ab:34:56", "address, in lower case");
	is_int(spec.accel, VM_ACCEL_KVM, "accelerator");
	is_int(spec.uid, 64999, "uid");
	is_int(spec.cdrom_bus, VM_BUS_SATA, "bus");
	is_int(spec.port, VM_PORT_STREAM, "port");

	AUTO_JSON json = vm_spec_to_json(&spec);
	AUTO_FREE char *text = json_dumps(json, JSON_COMPACT);
	is_int(vm_spec_from_json(text, strlen(text), &again, &error), OK, "what is written can be read");
	ok(!memcmp(&spec, &again, sizeof spec), "and is the same");

	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		is_int(with(refused[i].old, refused[i].new, &error), E_INVALID, "refused: %s", refused[i].why);
		if (refused[i].field[0])
			is_text(error.field, refused[i].field, "the field is named: %s", refused[i].field);
	}
	is_int(vm_spec_from_json("", 0, &again, &error), E_INVALID, "refused: nothing");
	return done_testing();
}
