/* SPDX-License-Identifier: Apache-2.0
 * domain_xml.c - writes the machine's libvirt XML: as few devices as a live image can do with
 *
 * There is no USB, audio, balloon, floppy, 9p or host device, and a VGA card only where the order asks for a display. q35 brings an AHCI controller that cannot be left out; the
 * discs are on virtio-scsi unless the image's kernel only knows AHCI. libvirt 9.0 has no word for QEMU's dgram and
 * stream network backends, hence the command line's part.
 */
#include "domain_xml.h"
#include <string.h>
#include "jail.h"
#include "nbd.h"
#include "scratch.h"
#include "warm.h"

/* A fixed version, so that a QEMU upgrade does not change the guest's hardware. */
#define MACHINE "pc-q35-7.2"
/* SEV-SNP has no BIOS; this firmware is measured at launch and keeps no variables. */
#define SNP_FIRMWARE "/usr/share/OVMF/OVMF.amdsev.fd"
/* Bits 16 (SMT may be on) and 17 (must be one) of the guest policy (SEV-SNP Firmware ABI, table 10): no debugging, no migration. */
#define SNP_POLICY "0x30000"
/* Bound on TCG's translated code; QEMU's default is a GiB. */
#define TB_CACHE_MIB 64
/* Of the VGA card: 1920x1080 in full colours just fits, and no mode can be as large as to matter to the host. */
#define VGA_MEMORY_KIB 8192

/* Text between tags and in attributes. Names are checked before; this is the second lock on the door. */
static void put_text(struct buf *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '<':
			buf_puts(out, "&lt;");
			break;
		case '>':
			buf_puts(out, "&gt;");
			break;
		case '&':
			buf_puts(out, "&amp;");
			break;
		case '"':
			buf_puts(out, "&quot;");
			break;
		case '\'':
			buf_puts(out, "&apos;");
			break;
		default:
			buf_append(out, text, 1);
		}
	}
}

static void put_head(const struct vm_spec *spec, struct buf *out)
{
	char id[UUID_TEXT_SIZE];

	buf_printf(out, "<domain type='%s' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n",
		   spec->accel == VM_ACCEL_KVM ? "kvm" : "qemu");
	buf_puts(out, " <name>");
	put_text(out, spec->name);
	buf_puts(out, "</name>\n");
	buf_printf(out, " <uuid>%s</uuid>\n", uuid_format(spec->hardware_id, id));
	buf_printf(out, " <memory unit='MiB'>%u</memory>\n <vcpu placement='static'>%u</vcpu>\n", spec->memory_mib, spec->cores);
	/* The endpoint reaches the guest's rings in it. QEMU seals a memfd, so that it cannot shrink under the endpoint. */
	if (spec->port == VM_PORT_VHOST_USER)
		buf_puts(out, " <memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>\n");
	if (spec->warm != VM_WARM_NONE)
		buf_printf(out, " <memoryBacking><source type='file'/><access mode='%s'/></memoryBacking>\n",
			   spec->warm == VM_WARM_CLONE ? "private" : "shared");
	/* The BIOS and boot loaders that print through it show on the serial console, screen or not. */
	if (spec->launch_security == VM_LAUNCH_SEV_SNP) {
		buf_puts(out, " <os>\n  <type arch='x86_64' machine='" MACHINE "'>hvm</type>\n"
			      "  <loader type='rom' readonly='yes' stateless='yes'>" SNP_FIRMWARE "</loader>\n </os>\n");
		return;
	}
	buf_puts(out, " <os>\n  <type arch='x86_64' machine='" MACHINE "'>hvm</type>\n  <bios useserial='yes'/>\n </os>\n");
}

static void put_processor(const struct vm_spec *spec, struct buf *out)
{
	if (spec->accel == VM_ACCEL_KVM) {
		buf_puts(out, " <features><acpi/><apic/></features>\n");
		/* Buyers pay for this processor's speed: all that it can do, but no virtual machines in the machine. */
		buf_puts(out, " <cpu mode='host-passthrough' check='none' migratable='on'>\n"
			      "  <feature policy='disable' name='vmx'/>\n  <feature policy='disable' name='svm'/>\n");
	} else {
		buf_printf(out, " <features><acpi/><apic/><tcg><tb-cache unit='MiB'>%d</tb-cache></tcg></features>\n",
			   TB_CACHE_MIB);
		/* Everything that TCG can do, so that images built for newer processors boot too. */
		buf_puts(out, " <cpu mode='maximum' check='none'>\n"
			      "  <feature policy='disable' name='svm'/>\n  <feature policy='disable' name='la57'/>\n");
	}
	buf_printf(out, "  <topology sockets='1' dies='1' cores='%u' threads='1'/>\n </cpu>\n", spec->cores);
	buf_puts(out, " <clock offset='utc'><timer name='hpet' present='no'/></clock>\n");
	buf_puts(out, " <on_poweroff>destroy</on_poweroff>\n <on_reboot>restart</on_reboot>\n <on_crash>destroy</on_crash>\n");
	buf_puts(out, " <pm><suspend-to-mem enabled='no'/><suspend-to-disk enabled='no'/></pm>\n");
}

/* "raw" is said, never guessed: a guessed qcow2 header could name a backing file. */
static void put_disc(const struct vm_spec *spec, const char *path, char letter, int boot_order, struct buf *out)
{
	bool served = !strcmp(path, JAIL_IMAGE) && spec->image == VM_IMAGE_NBD;
	buf_printf(out,
		   "  <disk type='%s' device='cdrom'>\n"
		   "   <driver name='qemu' type='raw' error_policy='report' rerror_policy='report'/>\n",
		   served ? "network" : "file");
	if (served)
		buf_puts(out, "   <source protocol='nbd' name='" NBD_EXPORT "'><host transport='unix' socket='" JAIL_NET_IMAGE
			      "'/></source>\n");
	else
		buf_printf(out, "   <source file='%s'/>\n", path);
	buf_printf(out, "   <target dev='sd%c' bus='%s'/>\n   <readonly/>\n", letter, vm_bus_names[spec->cdrom_bus]);
	if (boot_order)
		buf_printf(out, "   <boot order='%d'/>\n", boot_order);
	buf_puts(out, "  </disk>\n");
}

/* QEMU's standard VGA: what SeaBIOS, boot loaders and every kernel's text console know, and no 3D, no acceleration, no cursor of its own.
 * Nothing listens for viewers: QEMU draws it when a picture is asked for. */
static void put_video(const struct vm_spec *spec, struct buf *out)
{
	if (spec->display == VM_DISPLAY_VGA)
		buf_printf(out,
			   "  <video><model type='vga' vram='%d' heads='1' primary='yes'/>"
			   "<address type='pci' bus='0x00' slot='0x01' function='0x0'/></video>\n",
			   VGA_MEMORY_KIB);
	else
		buf_puts(out, "  <video><model type='none'/></video>\n");
}

static void put_devices(const struct vm_spec *spec, bool cidata, struct buf *out)
{
	buf_puts(out, " <devices>\n  <emulator>" JAIL_QEMU "</emulator>\n"
		      "  <controller type='usb' model='none'/>\n");
	if (spec->cdrom_bus == VM_BUS_SCSI)
		buf_puts(out, "  <controller type='scsi' index='0' model='virtio-scsi'>"
			      "<address type='pci' bus='0x00' slot='0x02' function='0x0'/></controller>\n");
	put_disc(spec, JAIL_IMAGE, 'a', 1, out);
	if (cidata)
		put_disc(spec, JAIL_CIDATA, 'b', 0, out);
	buf_puts(out, "  <serial type='unix'><source mode='connect' path='" JAIL_CONSOLE "'/><target port='0'/></serial>\n"
		      "  <rng model='virtio'><rate bytes='65536' period='1000'/><backend model='random'>/dev/urandom</backend>"
		      "<address type='pci' bus='0x00' slot='0x03' function='0x0'/></rng>\n");
	put_video(spec, out);
	buf_puts(out, "  <audio id='1' type='none'/>\n  <memballoon model='none'/>\n"
		      " </devices>\n");
}

static const char *const netdevs[] = {
	[VM_PORT_DGRAM] = "dgram,id=n0,local.type=unix,local.path=" JAIL_NET_QEMU ",remote.type=unix,remote.path=" JAIL_NET_VNET,
	/* The one that listens finds its peer again after a restart; QEMU's connecting side does not. */
	[VM_PORT_VHOST_USER] = "vhost-user,id=n0,chardev=net0",
	[VM_PORT_STREAM] = ("stream,id=n0,server=on,addr.type=unix,addr.path=" JAIL_NET_QEMU),
};

/* Rings as long as QEMU has them; and the guest may not change which offloads it takes, since QEMU would not tell us. */
#define VHOST_DEVICE ",rx_queue_size=1024,tx_queue_size=1024,ctrl_guest_offloads=off"
/* QEMU 7.2 dies of a message-signalled interrupt of vhost-user's where there is no KVM. */
#define VHOST_UNDER_TCG ",vectors=0"

/* libvirt would store the key in its own state. What does not fit on the seller's disk any more is the guest's to hear of, not a pause. */
static void put_scratch(const struct vm_spec *spec, struct buf *out)
{
	static const char *const arguments[] = {
		"-object",
		("secret,id=scratch-key,file=" SCRATCH_KEY),
		"-blockdev",
		("driver=luks,node-name=scratch,key-secret=scratch-key,file.driver=file,file.filename=" JAIL_SCRATCH),
		"-device",
		"virtio-blk-pci,drive=scratch,serial=scratch,bus=pcie.0,addr=0x5,werror=report,rerror=report",
	};
	for (size_t i = 0; spec->scratch_mib && i < sizeof arguments / sizeof *arguments; i++)
		buf_printf(out, "  <qemu:arg value='%s'/>\n", arguments[i]);
}

/* The option ROM would only add a second, longer boot by network. */
static void put_network(const struct vm_spec *spec, struct buf *out)
{
	char mac[VM_MAC_TEXT_SIZE];
	bool vhost = spec->port == VM_PORT_VHOST_USER;
	buf_puts(out, " <qemu:commandline>\n");
	if (vhost)
		buf_puts(out, "  <qemu:arg value='-chardev'/>\n"
			      "  <qemu:arg value='socket,id=net0,path=" JAIL_NET_VNET ",reconnect=1'/>\n");
	buf_printf(out, "  <qemu:arg value='-netdev'/>\n  <qemu:arg value='%s'/>\n  <qemu:arg value='-device'/>\n",
		   netdevs[spec->port]);
	buf_printf(out, "  <qemu:arg value='virtio-net-pci,netdev=n0,mac=%s,bus=pcie.0,addr=0x4,romfile=%s%s'/>\n",
		   vm_mac_format(spec->mac, mac), vhost ? VHOST_DEVICE : "",
		   vhost && spec->accel == VM_ACCEL_TCG ? VHOST_UNDER_TCG : "");
	put_scratch(spec, out);
	if (spec->warm != VM_WARM_NONE)
		buf_puts(out, "  <qemu:arg value='-fw_cfg'/>\n"
			      "  <qemu:arg value='name=opt/org.cpushare/warm,file=" VM_WARM_SEED "'/>\n");
	if (spec->warm == VM_WARM_CLONE)
		buf_puts(out, "  <qemu:arg value='-incoming'/>\n  <qemu:arg value='defer'/>\n");
	buf_puts(out, " </qemu:commandline>\n");
}

/* Where QEMU can say which of the processor's features it lacks, libvirt asks for each of 400 by a command of its own, at each start. We ask
 * for none (check='none'), and so does libvirt without this. */
static void put_capabilities(struct buf *out)
{
	buf_puts(out, " <qemu:capabilities><qemu:del capability='cpu-unavailable-features'/></qemu:capabilities>\n");
}

void domain_xml(const struct vm_spec *spec, bool cidata, struct buf *out)
{
	put_head(spec, out);
	put_processor(spec, out);
	put_devices(spec, cidata, out);
	put_network(spec, out);
	put_capabilities(out);
	if (spec->launch_security == VM_LAUNCH_SEV_SNP)
		buf_puts(out, " <launchSecurity type='sev-snp'>\n  <policy>" SNP_POLICY "</policy>\n </launchSecurity>\n");
	buf_puts(out, "</domain>\n");
}
