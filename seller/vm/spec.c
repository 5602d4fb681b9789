/* SPDX-License-Identifier: Apache-2.0
 * spec.c - reads and writes vm.json
 *
 * The daemon writes the file, but names and numbers in it began as a buyer's words; nothing but what is allowed here reaches
 * libvirt's XML or QEMU's command line.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include "bytes.h"
#include "spec.h"

const char *const vm_accel_names[] = { "tcg", "kvm" };
static_assert(sizeof vm_accel_names / sizeof *vm_accel_names == VM_ACCEL_COUNT, "one name each");
const char *const vm_bus_names[] = { "scsi", "sata" };
static_assert(sizeof vm_bus_names / sizeof *vm_bus_names == VM_BUS_COUNT, "one name each");

const char *const vm_port_names[] = { "dgram", "stream", "vhost-user" };
static_assert(sizeof vm_port_names / sizeof *vm_port_names == VM_PORT_COUNT, "one name each");

const char *const vm_priority_names[] = { "idle", "normal" };
static_assert(sizeof vm_priority_names / sizeof *vm_priority_names == VM_PRIORITY_COUNT, "one name each");
const char *const vm_launch_names[] = { "none", "sev-snp" };
static_assert(sizeof vm_launch_names / sizeof *vm_launch_names == VM_LAUNCH_COUNT, "one name each");

const char *const vm_image_names[] = { "file", "nbd" };
static_assert(sizeof vm_image_names / sizeof *vm_image_names == VM_IMAGE_COUNT, "one name each");

const char *const vm_display_names[] = { "none", "vga" };
static_assert(sizeof vm_display_names / sizeof *vm_display_names == VM_DISPLAY_COUNT, "one name each");
const char *const vm_warm_names[] = { "none", "template", "clone" };
static_assert(sizeof vm_warm_names / sizeof *vm_warm_names == VM_WARM_COUNT, "one name each");

#define CORES_MAX 128
#define SCRATCH_MAX_MIB (1024 * 1024)
#define MEMORY_MIN_MIB 32
#define MEMORY_MAX_MIB (1024 * 1024)
/* Uids from 2^31 on are trouble in too many programs; (uid_t)-1 means "leave it" to setresuid(). */
#define UID_MAX_ALLOWED 0x7fffffff

/* RFC 1123 section 2.1: letters, digits and hyphens, neither end a hyphen; at most 63. */
static bool label_ok(const char *name)
{
	size_t len = strlen(name);
	return len > 0 && len < VM_NAME_SIZE && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len && name[0] != '-' &&
	       name[len - 1] != '-';
}

static bool mac_parse(const char *text, uint8_t *ret_mac)
{
	if (strlen(text) != VM_MAC_TEXT_SIZE - 1)
		return false;
	for (int i = 0; i < 6; i++) {
		char digits[3] = { text[3 * i], text[3 * i + 1], 0 };
		if (i < 5 && text[3 * i + 2] != ':')
			return false;
		if (hex_decode(digits, &ret_mac[i], 1) != OK)
			return false;
	}
	return true;
}

char *vm_mac_format(const uint8_t *mac, char *text)
{
	int len =
		snprintf(text, VM_MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	assert(len == VM_MAC_TEXT_SIZE - 1);
	return text;
}

static void take_mac(struct json_reader *r, uint8_t *ret_mac)
{
	char text[VM_MAC_TEXT_SIZE] = "";
	uint8_t mac[6];
	json_take_text(r, "mac", text, sizeof text);
	if (r->bad)
		return;
	if (!mac_parse(text, mac))
		json_refuse(r, "mac", "must be six pairs of hexadecimal digits with colons between");
	else if (mac[0] & 1)
		json_refuse(r, "mac", "must be a unicast address");
	else
		memcpy(ret_mac, mac, sizeof mac);
}

/* Optional. What is no folder of control groups has no cgroup.procs, and is then refused by jail_prepare(). */
static void take_cgroups(struct json_reader *r, struct vm_spec *spec)
{
	json_t *array = NULL;
	if (!json_has(r, "cgroups") || !json_take_array(r, "cgroups", VM_CGROUPS_MAX, &array))
		return;
	for (size_t i = 0; i < json_array_size(array); i++) {
		char *path = spec->cgroups[spec->cgroup_count++];
		json_element_text(r, "cgroups", array, i, path, VM_CGROUP_SIZE);
		if (!r->bad && *path != '/')
			json_refuse(r, "cgroups", "must be absolute paths");
	}
}

/* Optional. A template's endpoint must not have its memory, and QEMU cannot save a machine whose card another process has. */
static void take_warm(struct json_reader *r, struct vm_spec *spec, bool alone)
{
	int warm = VM_WARM_NONE;
	spec->hardware_id = spec->lease;
	if (json_has(r, "warm"))
		json_take_enum(r, "warm", vm_warm_names, VM_WARM_COUNT, &warm);
	if (json_has(r, "hardware_id"))
		json_take_uuid(r, "hardware_id", &spec->hardware_id);
	if (json_has(r, "template_bytes"))
		json_take_u64(r, "template_bytes", &spec->template_bytes);
	if (!r->bad && warm != VM_WARM_NONE && (!alone || spec->scratch_mib))
		json_refuse(r, "warm", "goes with neither vhost-user, launch_security, a display nor a scratch disk");
	spec->warm = (enum vm_warm)warm;
}

err_t vm_spec_from_json(const char *text, size_t len, struct vm_spec *ret_spec, struct json_error *error)
{
	AUTO_JSON json = NULL;
	struct vm_spec spec = { 0 };
	struct json_reader r;
	int accel = 0, bus = 0, port = 0, priority = VM_PRIORITY_IDLE, launch = VM_LAUNCH_NONE, image = VM_IMAGE_FILE,
	    display = VM_DISPLAY_NONE;

	TRY(json_parse(text, len, &json, error));
	json_open(&r, json, error);
	json_take_uuid(&r, "lease", &spec.lease);
	json_take_text(&r, "name", spec.name, sizeof spec.name);
	if (!r.bad && !label_ok(spec.name))
		json_refuse(&r, "name", "must be a host name's label: a-z, 0-9 and hyphens between them");
	json_take_u32(&r, "cores", 1, CORES_MAX, &spec.cores);
	json_take_u32(&r, "memory_mib", MEMORY_MIN_MIB, MEMORY_MAX_MIB, &spec.memory_mib);
	if (json_has(&r, "scratch_mib"))
		json_take_u32(&r, "scratch_mib", 0, SCRATCH_MAX_MIB, &spec.scratch_mib);
	take_mac(&r, spec.mac);
	json_take_enum(&r, "accel", vm_accel_names, VM_ACCEL_COUNT, &accel);
	json_take_u32(&r, "uid", 0, UID_MAX_ALLOWED, &spec.uid);
	json_take_enum(&r, "cdrom_bus", vm_bus_names, VM_BUS_COUNT, &bus);
	json_take_enum(&r, "port", vm_port_names, VM_PORT_COUNT, &port);
	if (json_has(&r, "priority"))
		json_take_enum(&r, "priority", vm_priority_names, VM_PRIORITY_COUNT, &priority);
	if (json_has(&r, "image"))
		json_take_enum(&r, "image", vm_image_names, VM_IMAGE_COUNT, &image);
	if (json_has(&r, "display"))
		json_take_enum(&r, "display", vm_display_names, VM_DISPLAY_COUNT, &display);
	take_cgroups(&r, &spec);
	if (json_has(&r, "launch_security"))
		json_take_enum(&r, "launch_security", vm_launch_names, VM_LAUNCH_COUNT, &launch);
	/* Memory that is closed to the host is closed to the endpoint, too. */
	if (!r.bad && launch != VM_LAUNCH_NONE && (accel != VM_ACCEL_KVM || port == VM_PORT_VHOST_USER))
		json_refuse(&r, "launch_security", "needs KVM, and another port than vhost-user");
	take_warm(&r, &spec, port != VM_PORT_VHOST_USER && launch == VM_LAUNCH_NONE && display == VM_DISPLAY_NONE);
	TRY(json_close(&r));
	spec.launch_security = (enum vm_launch)launch;
	spec.accel = (enum vm_accel)accel;
	spec.cdrom_bus = (enum vm_bus)bus;
	spec.port = (enum vm_port)port;
	spec.image = (enum vm_image)image;
	spec.display = (enum vm_display)display;
	spec.priority = (enum vm_priority)priority;
	*ret_spec = spec;
	return OK;
}

json_t *vm_spec_to_json(const struct vm_spec *spec)
{
	char mac[VM_MAC_TEXT_SIZE];
	json_t *json = json_object();
	json_put_uuid(json, "lease", spec->lease);
	json_put_text(json, "name", spec->name);
	json_put_int(json, "cores", spec->cores);
	json_put_int(json, "memory_mib", spec->memory_mib);
	json_put_int(json, "scratch_mib", spec->scratch_mib);
	json_put_text(json, "mac", vm_mac_format(spec->mac, mac));
	json_put_text(json, "accel", vm_accel_names[spec->accel]);
	json_put_int(json, "uid", spec->uid);
	json_put_text(json, "cdrom_bus", vm_bus_names[spec->cdrom_bus]);
	json_put_text(json, "port", vm_port_names[spec->port]);
	json_put_text(json, "image", vm_image_names[spec->image]);
	json_put_text(json, "display", vm_display_names[spec->display]);
	json_put_text(json, "priority", vm_priority_names[spec->priority]);
	if (spec->cgroup_count) {
		json_t *array = json_array();
		for (size_t i = 0; i < spec->cgroup_count; i++)
			json_array_append_new(array, json_string(spec->cgroups[i]));
		json_put(json, "cgroups", array);
	}
	json_put_text(json, "launch_security", vm_launch_names[spec->launch_security]);
	json_put_text(json, "warm", vm_warm_names[spec->warm]);
	json_put_uuid(json, "hardware_id", spec->hardware_id);
	json_put_int(json, "template_bytes", (int64_t)spec->template_bytes);
	return json;
}
