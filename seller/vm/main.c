/* SPDX-License-Identifier: Apache-2.0
 * main.c - cpushare-vmrun: runs one lease's virtual machine in a jail; started by cpushare-seller
 */
#include <stdio.h>
#include <string.h>
#include "blocks.h"
#include "bytes.h"
#include "control.h"
#include "inside.h"
#include "log.h"

#ifdef __SANITIZE_ADDRESS__
/* The leak checker traces its own process, which the jail does not allow; what runs inside is never freed anyway. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

static const char usage[] = "usage: cpushare-vmrun LEASE_DIR\n"
			    "\n"
			    "Runs the virtual machine that LEASE_DIR/vm.json describes, in a jail, until it is told to quit at\n"
			    "LEASE_DIR/vmrun.sock. cpushare-seller starts it; docs/SELLER.md says what is in the directory.\n";

int main(int argc, char **argv)
{
	int64_t uid;
	if (argc == 4 && !strcmp(argv[1], "--blocks") && int_parse(argv[3], &uid) == OK && uid >= 0 && uid < INT32_MAX) {
		log_init("cpushare-vmrun", LOG_INFO);
		return blocks_run(argv[2], (uint32_t)uid);
	}
	if (argc == 2 && !strcmp(argv[1], "--inside"))
		return vm_inside();
	if (argc == 2 && !strcmp(argv[1], "--help")) {
		fputs(usage, stdout);
		return 0;
	}
	if (argc == 2 && !strcmp(argv[1], "--version")) {
		puts("cpushare-vmrun " CPUSHARE_VERSION);
		return 0;
	}
	if (argc != 2 || argv[1][0] == '-' || !argv[1][0]) {
		fputs(usage, stderr);
		return 2;
	}
	log_init("cpushare-vmrun", LOG_INFO);
	return vm_control_run(argv[1]);
}
