/* SPDX-License-Identifier: Apache-2.0
 * vm_domain_xml.c - the XML that libvirt gets, as a whole and where it varies
 */
#include <string.h>
#include "domain_xml.h"
#include "tap.h"

static const char golden[] =
	"<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n"
	" <name>vm1</name>\n"
	" <uuid>0193f0a0-1111-7222-8333-444455556666</uuid>\n"
	" <memory unit='MiB'>160</memory>\n"
	" <vcpu placement='static'>2</vcpu>\n"
	" <os>\n"
	"  <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>\n"
	"  <bios useserial='yes'/>\n"
	" </os>\n"
	" <features><acpi/><apic/><tcg><tb-cache unit='MiB'>64</tb-cache></tcg></features>\n"
	" <cpu mode='maximum' check='none'>\n"
	"  <feature policy='disable' name='svm'/>\n"
	"  <feature policy='disable' name='la57'/>\n"
	"  <topology sockets='1' dies='1' cores='2' threads='1'/>\n"
	" </cpu>\n"
	" <clock offset='utc'><timer name='hpet' present='no'/></clock>\n"
	" <on_poweroff>destroy</on_poweroff>\n"
	" <on_reboot>restart</on_reboot>\n"
	" <on_crash>destroy</on_crash>\n"
	" <pm><suspend-to-mem enabled='no'/><suspend-to-disk enabled='no'/></pm>\n"
	" <devices>\n"
	"  <emulator>/usr/bin/qemu-system-x86_64</emulator>\n"
	"  <controller type='usb' model='none'/>\n"
	"  <controller type='scsi' index='0' model='virtio-scsi'><address type='pci' bus='0x00' slot='0x02' function='0x0'/>"
	"</controller>\n"
	"  <disk type='file' device='cdrom'>\n"
	"   <driver name='qemu' type='raw' error_policy='report' rerror_policy='report'/>\n"
	"   <source file='/lease/image.iso'/>\n"
	"   <target dev='sda' bus='scsi'/>\n"
	"   <readonly/>\n"
	"   <boot order='1'/>\n"
	"  </disk>\n"
	"  <disk type='file' device='cdrom'>\n"
	"   <driver name='qemu' type='raw' error_policy='report' rerror_policy='report'/>\n"
	"   <source file='/lease/cidata.iso'/>\n"
	"   <target dev='sdb' bus='scsi'/>\n"
	"   <readonly/>\n"
	"  </disk>\n"
	"  <serial type='unix'><source mode='connect' path='/lease/jail/console.sock'/><target port='0'/></serial>\n"
	"  <rng model='virtio'><rate bytes='65536' period='1000'/><backend model='random'>/dev/urandom</backend>"
	"<address type='pci' bus='0x00' slot='0x03' function='0x0'/></rng>\n"
	"  <video><model type='none'/></video>\n"
	"  <audio id='1' type='none'/>\n"
	"  <memballoon model='none'/>\n"
	" </devices>\n"
	" <qemu:commandline>\n"
	"  <qemu:arg value='-netdev'/>\n"
	"  <qemu:arg value='dgram,id=n0,local.type=unix,local.path=/lease/net/qemu.sock,remote.type=unix,"
	"remote.path=/lease/net/vnet.sock'/>\n"
	"  <qemu:arg value='-device'/>\n"
	"  <qemu:arg value='virtio-net-pci,netdev=n0,mac=52:54:00:12:34:56,bus=pcie.0,addr=0x4,romfile='/>\n"
	" </qemu:commandline>\n"
	" <qemu:capabilities><qemu:del capability='cpu-unavailable-features'/></qemu:capabilities>\n"
	"</domain>\n";

static struct vm_spec plain(void)
{
	struct vm_spec spec = { .name = "vm1", .cores = 2, .memory_mib = 160, .mac = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 } };
	if (uuid_parse("0193f0a0-1111-7222-8333-444455556666", &spec.lease) != OK)
		printf("Bail out! no UUID\n");
	spec.hardware_id = spec.lease;
	return spec;
}

static void varied(void)
{
	struct vm_spec spec = plain();
	AUTO_BUF xml = { 0 };

	spec.accel = VM_ACCEL_KVM;
	spec.cdrom_bus = VM_BUS_SATA;
	domain_xml(&spec, false, &xml);
	ok(strstr(xml.data, "<domain type='kvm'"), "KVM's domain");
	ok(strstr(xml.data, "host-passthrough") && strstr(xml.data, "name='vmx'"), "KVM's processor without virtual machines");
	ok(!strstr(xml.data, "tb-cache"), "KVM has no translated code");
	ok(strstr(xml.data, "<target dev='sda' bus='sata'/>") && !strstr(xml.data, "virtio-scsi"), "discs on SATA");
	ok(!strstr(xml.data, "cidata"), "no second disc");
}

static void served(void)
{
	struct vm_spec spec = plain();
	AUTO_BUF xml = { 0 };
	spec.image = VM_IMAGE_NBD;
	domain_xml(&spec, true, &xml);
	ok(strstr(xml.data,
		  "<source protocol='nbd' name='image'><host transport='unix' socket='/lease/net/image.sock'/></source>"),
	   "an image that is served");
	ok(!strstr(xml.data, "/lease/image.iso") && strstr(xml.data, "<source file='/lease/cidata.iso'/>"),
	   "is no file; the seed is");
}

static void with_scratch(void)
{
	struct vm_spec spec = plain();
	AUTO_BUF xml = { 0 };
	spec.scratch_mib = 64;
	domain_xml(&spec, true, &xml);
	ok(strstr(xml.data, "<qemu:arg value='driver=luks,node-name=scratch,key-secret=scratch-key,file.driver=file,"
			    "file.filename=/lease/scratch.img'/>"),
	   "a scratch disk is encrypted");
	ok(strstr(xml.data, "drive=scratch,") && strstr(xml.data, "werror=report"), "and tells its errors to the guest");
	ok(!strstr(golden, "scratch"), "without one there is no third disk");
}

static void with_display(void)
{
	struct vm_spec spec = plain();
	AUTO_BUF xml = { 0 };
	spec.display = VM_DISPLAY_VGA;
	domain_xml(&spec, true, &xml);
	ok(strstr(xml.data, "  <video><model type='vga' vram='8192' heads='1' primary='yes'/>"
			    "<address type='pci' bus='0x00' slot='0x01' function='0x0'/></video>\n"),
	   "a display is a VGA card with little memory");
	ok(!strstr(xml.data, "<graphics") && !strstr(xml.data, "<input"), "that nobody looks at over a network, or types into");
	ok(strstr(xml.data, "<bios useserial='yes'/>"), "the BIOS goes on showing on the serial console");
}

static void warm(void)
{
	struct vm_spec spec = plain();
	AUTO_BUF template = { 0 };
	AUTO_BUF clone = { 0 };
	spec.hardware_id.bytes[0] = 7;
	spec.warm = VM_WARM_TEMPLATE;
	domain_xml(&spec, true, &template);
	ok(strstr(template.data, "<memoryBacking><source type='file'/><access mode='shared'/></memoryBacking>"),
	   "a template's memory is in a file");
	ok(strstr(template.data, "<qemu:arg value='name=opt/org.cpushare/warm,file=/lease/state/warm-seed'/>"),
	   "it sees its seed");
	ok(!strstr(template.data, "0193f0a0"), "its firmware does not know the lease");
	ok(!strstr(template.data, "incoming"), "it starts from nothing");
	spec.warm = VM_WARM_CLONE;
	domain_xml(&spec, true, &clone);
	ok(strstr(clone.data, "<memoryBacking><source type='file'/><access mode='private'/></memoryBacking>"),
	   "a clone's is its own as soon as it writes");
	ok(strstr(clone.data, "<qemu:arg value='-incoming'/>\n  <qemu:arg value='defer'/>\n"), "it waits for the devices' state");
	ok(strstr(clone.data, "opt/org.cpushare/warm"), "and has a seed, too");
	ok(!strstr(golden, "warm"), "nobody else has one");
}

static void with_vhost_user(void)
{
	struct vm_spec spec = plain();
	AUTO_BUF xml = { 0 };
	AUTO_BUF kvm = { 0 };
	spec.port = VM_PORT_VHOST_USER;
	domain_xml(&spec, true, &xml);
	ok(strstr(xml.data, "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>"),
	   "memory to be shared");
	ok(strstr(xml.data, "<qemu:arg value='socket,id=net0,path=/lease/net/vnet.sock,reconnect=1'/>") &&
		   strstr(xml.data, "<qemu:arg value='vhost-user,id=n0,chardev=net0'/>"),
	   "vhost-user's socket, again and again");
	ok(strstr(xml.data, ",ctrl_guest_offloads=off,vectors=0'/>"), "no message-signalled interrupts under TCG");
	spec.accel = VM_ACCEL_KVM;
	domain_xml(&spec, true, &kvm);
	ok(strstr(kvm.data, ",ctrl_guest_offloads=off'/>"), "but with KVM");
	ok(!strstr(golden, "memoryBacking"), "no other port's memory is shared");
}

/* Never tried on hardware: libvirt 9.0 and QEMU 7.2 have no SEV-SNP. The text is what libvirt 10.5 documents. */
static void with_sev_snp(void)
{
	struct vm_spec spec = plain();
	AUTO_BUF xml = { 0 };
	spec.accel = VM_ACCEL_KVM;
	spec.launch_security = VM_LAUNCH_SEV_SNP;
	domain_xml(&spec, true, &xml);
	ok(strstr(xml.data, " <launchSecurity type='sev-snp'>\n  <policy>0x30000</policy>\n </launchSecurity>\n</domain>\n"),
	   "memory that the host cannot read");
	ok(strstr(xml.data, "<loader type='rom' readonly='yes' stateless='yes'>") && !strstr(xml.data, "<bios"),
	   "a firmware without state in place of the BIOS");
	ok(!strstr(golden, "launchSecurity"), "and none of it otherwise");
}

static void with_port(enum vm_port port, const char *netdev)
{
	struct vm_spec spec = plain();
	AUTO_BUF xml = { 0 };
	spec.port = port;
	domain_xml(&spec, true, &xml);
	ok(strstr(xml.data, netdev), "%s's netdev", vm_port_names[port]);
	is_text(strstr(xml.data, "<qemu:arg value='virtio-net-pci,netdev=n0,mac=52:54:00:12:34:56"),
		strstr(golden, "<qemu:arg value='virtio-net-pci,netdev=n0,mac=52:54:00:12:34:56"), "its device is the same");
}

/* vm.json's reader lets no such name through; the writer would not be fooled either. */
static void injected(void)
{
	struct vm_spec spec = plain();
	AUTO_BUF xml = { 0 };

	snprintf(spec.name, sizeof spec.name, "</name><hostdev a='b' c=\"d\">&x;");
	domain_xml(&spec, true, &xml);
	ok(!strstr(xml.data, "<hostdev"), "no element out of a name");
	ok(strstr(xml.data, "<name>&lt;/name&gt;&lt;hostdev a=&apos;b&apos; c=&quot;d&quot;&gt;&amp;x;</name>"), "it is escaped");
}

int main(void)
{
	static const char *const absent[] = { "<graphics", "<sound",	"<hostdev", "<filesystem", "<interface", "<channel",
					      "<input",	   "<watchdog", "qcow2",    "floppy",	   "<tpm",	 "file='/etc" };
	struct vm_spec spec = plain();
	AUTO_BUF xml = { 0 };

	domain_xml(&spec, true, &xml);
	is_int(xml.error, OK, "written");
	is_text(xml.data, golden, "the whole text");
	AUTO_BUF seen = { 0 };
	spec.display = VM_DISPLAY_VGA;
	domain_xml(&spec, true, &seen);
	for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
		ok(!strstr(xml.data, absent[i]) && !strstr(seen.data, absent[i]), "without %s, display or not", absent[i]);
	varied();
	with_port(VM_PORT_STREAM, "  <qemu:arg value='stream,id=n0,server=on,addr.type=unix,addr.path=/lease/net/qemu.sock'/>\n");
	served();
	with_scratch();
	with_display();
	warm();
	with_vhost_user();
	with_sev_snp();
	injected();
	return done_testing();
}
