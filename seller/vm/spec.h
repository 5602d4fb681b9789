/* SPDX-License-Identifier: Apache-2.0
 * spec.h - what one virtual machine is: vm.json as a struct
 */
#ifndef VM_SPEC_H
#define VM_SPEC_H

#include <jansson.h>
#include <stdint.h>
#include "err.h"
#include "json.h"
#include "uuid.h"

enum vm_accel {
	VM_ACCEL_TCG, /* QEMU translates the guest's code: works everywhere, slow */
	VM_ACCEL_KVM, /* the processor runs it */
	VM_ACCEL_COUNT
};
extern const char *const vm_accel_names[VM_ACCEL_COUNT];

/* The bus of both discs. */
enum vm_bus { VM_BUS_SCSI, VM_BUS_SATA, VM_BUS_COUNT };
extern const char *const vm_bus_names[VM_BUS_COUNT];

/* How QEMU hands the machine's ethernet frames over (docs/SELLER.md). */
enum vm_port { VM_PORT_DGRAM, VM_PORT_STREAM, VM_PORT_VHOST_USER, VM_PORT_COUNT };
extern const char *const vm_port_names[VM_PORT_COUNT];

/* What the vCPUs get of the host: what nobody else wants, or an equal share. */
enum vm_priority { VM_PRIORITY_IDLE, VM_PRIORITY_NORMAL, VM_PRIORITY_COUNT };
extern const char *const vm_priority_names[VM_PRIORITY_COUNT];
/* Whether the guest's memory is closed to its host: AMD SEV-SNP, with KVM, where processor, QEMU 9.1 and libvirt 10.5 have it. */
enum vm_launch { VM_LAUNCH_NONE, VM_LAUNCH_SEV_SNP, VM_LAUNCH_COUNT };
extern const char *const vm_launch_names[VM_LAUNCH_COUNT];

/* What the guest has of a screen. */
enum vm_display { VM_DISPLAY_NONE, VM_DISPLAY_VGA, VM_DISPLAY_COUNT };
extern const char *const vm_display_names[VM_DISPLAY_COUNT];

/* Where QEMU has the image from: a file, or a server of its blocks while it is being fetched (blocks.h). */
enum vm_image { VM_IMAGE_FILE, VM_IMAGE_NBD, VM_IMAGE_COUNT };
extern const char *const vm_image_names[VM_IMAGE_COUNT];

/* Whether the guest's memory is in a file of ours: so that it can become a template; or begins as a template's (warm.h). */
enum vm_warm { VM_WARM_NONE, VM_WARM_TEMPLATE, VM_WARM_CLONE, VM_WARM_COUNT };
extern const char *const vm_warm_names[VM_WARM_COUNT];
#define VM_WARM_STATE_BYTES (16 * 1024 * 1024)

#define VM_NAME_SIZE 64
#define VM_MAC_TEXT_SIZE 18
#define VM_SPEC_MAX_BYTES 4096
#define VM_CGROUPS_MAX 4
#define VM_CGROUP_SIZE 256

struct vm_spec {
	uuid lease;
	char name[VM_NAME_SIZE]; /* a host name's label: a-z 0-9 and inner hyphens */
	uint32_t cores;
	uint32_t memory_mib;
	uint32_t scratch_mib; /* of the scratch disk; 0: none; optional in vm.json */
	uint8_t mac[6];	      /* unicast */
	enum vm_accel accel;
	uint32_t uid; /* that the jail runs as where root starts it, also its group; 0: the caller's own */
	enum vm_bus cdrom_bus;
	enum vm_port port;
	enum vm_image image;	 /* optional in vm.json */
	enum vm_display display; /* optional in vm.json */
	enum vm_priority priority;
	char cgroups[VM_CGROUPS_MAX][VM_CGROUP_SIZE]; /* folders of control groups that the jail is to be in */
	size_t cgroup_count;
	enum vm_launch launch_security; /* optional in vm.json */
	enum vm_warm warm;		/* optional in vm.json */
	uint64_t template_bytes;	/* at most in template.new; optional in vm.json */
	uuid hardware_id; /* what the guest's firmware says that the machine is: the lease, or what clones have in common */
};

/* Of the guest's memory. */
static inline uint64_t vm_memory_bytes(const struct vm_spec *spec)
{
	return (uint64_t)spec->memory_mib << 20;
}

/* E_INVALID with error filled. */
MUST_CHECK err_t vm_spec_from_json(const char *text, size_t len, struct vm_spec *ret_spec, struct json_error *error);
json_t *vm_spec_to_json(const struct vm_spec *spec);

/* "52:54:00:12:34:56"; text has VM_MAC_TEXT_SIZE bytes. Returns text. */
char *vm_mac_format(const uint8_t *mac, char *text);

#endif
