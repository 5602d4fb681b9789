/* SPDX-License-Identifier: Apache-2.0
 * vm_jail.c - what bubblewrap is told, and which leases are not even tried
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "file.h"
#include "jail.h"
#include "tap.h"

/* Are these arguments there, one after another? */
static bool has(const struct buf *arguments, const char *const *wanted)
{
	const char *end = arguments->data + arguments->len;
	for (const char *at = arguments->data; at < end; at += strlen(at) + 1) {
		const char *here = at;
		size_t i = 0;
		while (wanted[i] && here < end && !strcmp(here, wanted[i])) {
			here += strlen(here) + 1;
			i++;
		}
		if (!wanted[i])
			return true;
	}
	return false;
}
#define HAS(...) has(&arguments, (const char *const[]){ __VA_ARGS__, NULL })

static void arguments_of(bool cidata, enum vm_accel accel)
{
	AUTO_BUF arguments = { 0 };
	struct jail_place place = JAIL_PLACE_NONE;
	const struct vm_spec spec = {
		.name = "vm1", .cores = 1, .memory_mib = 64, .scratch_mib = cidata ? 10 : 0, .accel = accel
	};
	static const char *const namespaces[] = { "user", "net", "pid", "ipc", "uts", "cgroup" };

	place.source_dir = strdup("/state/a b/--dev-bind");
	place.cidata = cidata;
	jail_arguments(&place, &spec, &arguments);
	is_int(arguments.error, OK, "arguments");
	for (size_t i = 0; i < sizeof namespaces / sizeof *namespaces; i++) {
		char option[32];
		snprintf(option, sizeof option, "--unshare-%s", namespaces[i]);
		ok(HAS(option), "%s", option);
	}
	ok(HAS("--die-with-parent") && HAS("--disable-userns") && HAS("--new-session"), "the jail's own rules");
	ok(HAS("--cap-drop", "ALL") && HAS("--clearenv"), "no capability, no environment");
	ok(!HAS("--share-net") && !HAS("--bind", "/", "/"), "nothing shared");
	ok(HAS("--ro-bind", "/state/a b/--dev-bind/image.iso", "/lease/image.iso"), "the image can only be read");
	ok(HAS("--ro-bind", "/state/a b/--dev-bind/jail", "/lease/jail"), "so can jail/");
	ok(HAS("--bind", "/state/a b/--dev-bind/net", "/lease/net"), "net/ can be written");
	is_int(HAS("--ro-bind", "/state/a b/--dev-bind/cidata.iso", "/lease/cidata.iso"), cidata,
	       "the second disc where there is one");
	is_int(HAS("--bind", "/state/a b/--dev-bind/scratch.img", "/lease/scratch.img"), cidata,
	       "the scratch disk where there is one");
	is_int(HAS("--dev-bind", "/dev/kvm", "/dev/kvm"), accel == VM_ACCEL_KVM, "/dev/kvm for KVM only");
	ok(HAS("--remount-ro", "/") && HAS("--remount-ro", "/dev"), "bubblewrap's own tmpfs are closed");
	ok(HAS("--", "/proc/self/fd/6", "--inside"), "then this program's inside");
	jail_place_clear(&place);
}

static void refusals(void)
{
	char dir[] = "/tmp/vm_jail.XXXXXX", detail[JAIL_DETAIL_SIZE] = "", *image = NULL;
	struct jail_place place = JAIL_PLACE_NONE;
	struct vm_spec spec = { .name = "vm1", .cores = 1, .memory_mib = 64, .uid = geteuid() == 0 ? 0 : 64998 };

	if (!mkdtemp(dir) || asprintf(&image, "%s/net", dir) < 0)
		return;
	is_int(jail_prepare(dir, &spec, &place, detail), E_INVALID, "refused: an uid that does not fit who starts");
	ok(strstr(detail, "uid"), "and says so: %s", detail);
	spec.uid = geteuid() == 0 ? 64998 : 0;
	is_int(symlink("/etc", image), 0, "net/ as a link");
	ok(jail_prepare(dir, &spec, &place, detail) != OK, "refused: net/ is a link");
	ok(strstr(detail, "net"), "and says so: %s", detail);
	spec.warm = VM_WARM_CLONE;
	AUTO_FD memory = memfd_create("template", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	is_int(dup2(memory, JAIL_TEMPLATE_IN_FD), JAIL_TEMPLATE_IN_FD, "a template");
	ok(jail_prepare(dir, &spec, &place, detail) == E_INVALID && strstr(detail, "template"),
	   "refused: one that other clones could write to: %s", detail);
	is_int(fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 0, "a sealed one");
	ok(jail_prepare(dir, &spec, &place, detail) != OK && strstr(detail, "net"), "is taken: %s", detail);
	int none = open("/dev/null", O_RDWR | O_CLOEXEC);
	dup2(none, JAIL_TEMPLATE_IN_FD);
	ok(jail_prepare(dir, &spec, &place, detail) == E_INVALID && strstr(detail, "template"), "refused: none at all");
	spec.warm = VM_WARM_NONE;
	ok(jail_prepare("/nowhere/at/all", &spec, &place, detail) != OK, "refused: no directory");
	fd_close(&none);
	is_int(dir_remove(dir), OK, "cleaned up");
	free(image);
}

int main(void)
{
	arguments_of(true, VM_ACCEL_TCG);
	arguments_of(false, VM_ACCEL_KVM);
	refusals();
	return done_testing();
}
