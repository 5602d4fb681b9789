/* SPDX-License-Identifier: Apache-2.0
 * main.c - cpushare-seller: the table of its commands
 */
#include <stdio.h>
#include "commands.h"
#include <unistd.h>
#include "attest.h"
#include "endpoint.h"
#include "settings.h"

static const struct cli_option endpoint_options[] = {
	{ "port", 0, "N", "the first of the UDP ports that were opened for endpoints" },
	{ "address", 0, "IP", "the address that leads to them" },
	{ "cipher", 0, "NAME", "what may seal the packets: auto, aes-256-gcm" },
	{ .name = NULL },
};

static int command_endpoint(struct cli *cli)
{
	char path[PATH_SIZE];
	int n = snprintf(path, sizeof path, "%s/net.json", cli_arg(cli, 0));
	if (n < 0 || n >= (int)sizeof path || access(path, R_OK))
		return cli_error(cli, EXIT_NOT_FOUND, "%s is no lease's directory: net.json is missing", cli_arg(cli, 0));
	int64_t udp_port;
	if (cli_int(cli, "port", 0, 1, 65536 - ENDPOINT_PORTS, &udp_port))
		return EXIT_USAGE;
	return endpoint_main(cli_arg(cli, 0), (uint16_t)udp_port, cli_text(cli, "address", ""), cli_text(cli, "cipher", "auto"));
}

static const struct cli_option setup_options[] = {
	{ "market", 0, "URL", "the market's address" },
	{ "pin", 0, "PIN", "sha256//... of its public key, where it has no certificate that this system trusts" },
	{ "token", 0, "TOKEN", "a token with scope machines; better: --token-file, or CPUSHARE_TOKEN" },
	{ "token-file", 0, "FILE", "read the token's first line from FILE; - is standard input" },
	{ "name", 0, "NAME", "what buyers see (the host's name)" },
	{ "country", 0, "CC", "where it stands, two letters as in DE" },
	{ "accel", 0, "WHICH", "auto, kvm or tcg (auto: KVM if a guest really runs)" },
	{ "cores", 0, "N", "cores to offer (all but one)" },
	{ "memory", 0, "SIZE", "memory to offer, as in 4G (half of it)" },
	{ "price-core", 0, "MONEY", "for an hour of one core at work (0.01)" },
	{ "price-memory", 0, "MONEY", "for a GiB of memory an hour (0.001)" },
	{ "price-transfer", 0, "MONEY", "for a GiB through the virtual ethernet (0.005)" },
	{ "cache", 0, "SIZE", "disk for buyers' images (20G)" },
	{ "unreachable", 0, "TIME", "stop guests when the market is silent for longer (10m)" },
	{ "jail-uid", 0, "UID", "first of 64 unused user ids for guests (64100)" },
	{ "again", 0, NULL, "enrol a machine anew that was set up before" },
	{ .name = NULL },
};
static const struct cli_option run_options[] = {
	{ "log", 0, "LEVEL", "error, warn, info or debug (info)" },
	{ .name = NULL },
};
static const struct cli_option status_options[] = {
	{ "watch", 'w', NULL, "again every second, until interrupted" },
	{ .name = NULL },
};
static const struct cli_option drain_options[] = {
	{ "now", 0, NULL, "end the guests that run, too: their buyers see withdrawn_by_seller" },
	{ "wait", 0, NULL, "return when the last guest has gone" },
	{ .name = NULL },
};
static const struct cli_option tpm_enrol_options[] = {
	{ "ek", 0, "KIND", "rsa2048, p256 or p384 (the first that has a certificate)" },
	{ "chain", 0, "FILE", "PEM certificates between the TPM's and its maker's root, where the market lacks them" },
	{ .name = NULL },
};
static const struct cli_option program_options[] = {
	{ "state", 0, "DIR", "where everything is kept (/var/lib/cpushare-seller, or ~/.local/state/cpushare-seller)" },
	{ "output", 'o', "FORM", "table or json (table); errors too are JSON then" },
	{ .name = NULL },
};

static const struct cli_command commands[] = {
	{ "setup", "", "enrol this machine at a market",
	  "Makes the machine's key, enrols it with a token of your account, and writes the settings.\n\n"
	  "  cpushare token create --scope machines --name desk -o name |\n"
	  "      cpushare-seller setup --market https://market.example:8443 --token-file - --price-core 0.01",
	  setup_options, 0, 0, command_setup },
	{ "run", "", "the daemon: offer this machine and run guests",
	  "Stays in the foreground. When it ends, guests go on; the next one finds them again.", run_options, 0, 0, command_run },
	{ "status", "", "what runs, what is offered, and what stands in the way", NULL, status_options, 0, 0, command_status },
	{ "pause", "", "freeze the guests and take no new ones, until resume", NULL, NULL, 0, 0, command_pause },
	{ "resume", "", "go on after pause or drain", NULL, NULL, 0, 0, command_resume },
	{ "drain", "", "take no new guests; those that run may end",
	  "Announces to their buyers that they may be withdrawn. What is withdrawn once the market's notice is over (ten "
	  "minutes,\n"
	  "if it says nothing else) does not count against you.",
	  drain_options, 0, 0, command_drain },
	{ "calibrate", "", "ask the market to measure this machine",
	  "The market then places an order of its own here and takes the time of work whose answer it can check. Once a day; "
	  "`status`\n"
	  "has the result. It measures machines at random times as well.",
	  NULL, 0, 0, command_calibrate },
	{ "tpm enrol", "", "show the market this computer's TPM, so that buyers can require it",
	  "The market checks the TPM's certificate and that the key which signs is in that TPM. From then on the daemon answers\n"
	  "its questions. What this proves to buyers, and what it tells of you: docs/TRUST.md.",
	  tpm_enrol_options, 0, 0, command_tpm_enrol },
	{ "tpm status", "", "what the TPM has, and what the market found", NULL, NULL, 0, 0, command_tpm_status },
	{ "tpm answer", "QUESTION ANSWER", "answers one question of the market; the daemon starts it", NULL, NULL, 2, 2,
	  command_tpm_answer },
	{ "selftest", "", "try each layer of the guests' jail, and what a guest needs, and say what mends it",
	  "A line for each: ok, less (guests run, and something is missing) or bad (they do not, or not safely). Exit code 1 "
	  "where\n"
	  "one is bad. It keeps one processor busy for a second. What NATs and firewalls allow: `cpushare net netcheck`.",
	  NULL, 0, 0, command_selftest },
	{ "endpoint", "LEASE_DIR", "one lease's network process; the daemon starts it", NULL, endpoint_options, 1, 1,
	  command_endpoint },
	{ .name = NULL },
};

static const struct cli_program program = {
	.name = "cpushare-seller",
	.summary = "earn money with this computer while it idles",
	.details =
		"First `setup`, once; then `run`. Guests are virtual machines in a jail: they reach their own private network\n"
		"and nothing of yours. `pause` freezes them at once. What stands in parentheses is taken where an option is\n"
		"not given; all of it can be changed later in STATE/seller.conf.\n\n"
		"Exit codes: 0 ok, 1 error, 2 usage, 3 not found, 4 the market refused the token, 5 conflict, 6 the market or\n"
		"the daemon cannot be reached, 7 a limit, 130 interrupted.",
	.options = program_options,
	.commands = commands,
	.version = CPUSHARE_VERSION,
};

int main(int argc, char **argv)
{
	return cli_main(&program, argc, argv);
}
