/* SPDX-License-Identifier: Apache-2.0
 * main.c - cpushare-market: its commands
 */
#include "commands.h"

static const struct cli_option program_options[] = {
	{ "data", 0, "DIR", "folder of the market's data (/var/lib/cpushare-market for root, else cpushare-data)" },
	{ "database", 0, "URI", "PostgreSQL server to use; without it the market runs one of its own under the data folder" },
	{ "config", 0, "FILE", "settings (see config example)" },
	{ "set", 0, "SECTION.NAME=VALUE", "one setting; may be given many times; wins over the file" },
	{ "resources", 0, "DIR", "folder with db/ and web/ (default: where they were installed or built)" },
	{ "output", 'o', "FORM", "text or json (text); errors too are JSON then" },
	{ "log-level", 0, "LEVEL", "error, warn, info or debug (info)" },
	{ .name = NULL },
};

static const struct cli_option serve_options[] = {
	{ "listen", 0, "ADDRESS:PORT", "where to listen (127.0.0.1:8443); port 0: any free one" },
	{ "certificate", 0, "FILE", "PEM certificate chain; without it a self-signed one is made once" },
	{ "key", 0, "FILE", "its private key" },
	{ "http", 0, NULL, "plain HTTP, on a loopback address only, behind your own proxy" },
	{ .name = NULL },
};

static const struct cli_option user_reset_options[] = {
	{ "second-factor", 0, NULL, "and remove the second factor at once, where app and recovery codes are lost, too" },
	{ .name = NULL },
};

static const struct cli_option trust_policy_options[] = {
	{ "file", 0, "FILE", "the whole policy as JSON (see trust policy show)" },
	{ "registers", 0, "LIST", "which registers machines show, as in 0,2,4-7; of 0 to 15" },
	{ "replayed", 0, "LIST", "those of them whose value must follow from the event log, where a machine sends one" },
	{ "log", 0, "WORD", "required or optional: must a machine send its event log" },
	{ "first-use", 0, "WORD", "yes or no: may a TPM enrol that no authority vouches for" },
	{ "deny-firmware", 0, "HEX", "a version of a TPM's firmware that is not trusted" },
	{ .name = NULL },
};

static const struct cli_option trust_reference_options[] = {
	{ "machine", 0, "MACHINE", "whose last proof it is taken from" },
	{ "proof", 0, "FILE", "or a proof as the API gives it" },
	{ "registers", 0, "LIST", "registers that must have the value of that proof" },
	{ "events", 0, "LIST", "registers whose events must all be among that proof's" },
	{ .name = NULL },
};

static const struct cli_command commands[] = {
	{ "serve", "", "run the market",
	  "Prints where it listens and the key that clients pin; writes both to DIR/url and DIR/pin.", serve_options, 0, 0,
	  command_serve },
	{ "migrate", "", "bring the database's structure up to date",
	  "With --database: as its owner. The embedded database is brought up to date by serve itself.", NULL, 0, 0,
	  command_migrate },
	{ "ledger verify", "[NUMBER:HASH]", "add up the whole ledger and follow its chain; exit 1 where anything is wrong",
	  "Names each posting that was changed, removed or put in. NUMBER:HASH: the chain's end as an earlier run printed it "
	  "and\n"
	  "you kept it elsewhere; it must still be there.",
	  NULL, 0, 1, command_ledger_verify },
	{ "ledger correct", "LEASE AMOUNT REASON", "give back a part of what a lease was charged", NULL, NULL, 3, 3,
	  command_ledger_correct },
	{ "dispute list", "", "disputes that wait for a decision, by their lease", NULL, NULL, 0, 0, command_dispute_list },
	{ "dispute show", "LEASE", "one, with its evidence: counters, events, what others saw, the console's last bytes", NULL,
	  NULL, 1, 1, command_dispute_show },
	{ "dispute decide", "LEASE PERCENT REASON", "give back so much of the charge; 0 refuses the dispute", NULL, NULL, 3, 3,
	  command_dispute_decide },
	{ "reputation recompute", "", "make all ratings' sums anew from the leases and marks; says how many were wrong", NULL,
	  NULL, 0, 0, command_reputation_recompute },
	{ "operator grant", "EMAIL", "make an account an operator; counts from its next log-in", NULL, NULL, 1, 1,
	  command_operator_grant },
	{ "operator revoke", "EMAIL", "and take it back, at once", NULL, NULL, 1, 1, command_operator_revoke },
	{ "user reset", "EMAIL", "an address at which a forgotten password is set anew: once, within 30 minutes",
	  "All sessions end then; tokens made by hand stay. There is no mail: hand the address over yourself, to whom you know.",
	  user_reset_options, 1, 1, command_user_reset },
	{ "deposit list", "", "deposits that wait for money", NULL, NULL, 0, 0, command_deposit_list },
	{ "deposit confirm", "ID [REFERENCE]", "the money of a manual deposit came: credit it, once", NULL, NULL, 1, 2,
	  command_deposit_confirm },
	{ "deposit fail", "ID", "the money will not come", NULL, NULL, 1, 1, command_deposit_fail },
	{ "trust policy show", "", "what is asked of machines that are to be trusted, as JSON", NULL, NULL, 0, 0,
	  command_trust_policy_show },
	{ "trust policy set", "", "change it: a new version, by which every machine is asked anew", NULL, trust_policy_options, 0,
	  0, command_trust_policy_set },
	{ "trust reference add", "NAME", "a boot that is known: what a machine of yours has proven",
	  "Enrol a machine that you installed yourself (`cpushare-seller tpm enrol`), let it report, then:\n\n"
	  "  cpushare-market trust reference add desk-2026 --machine MACHINE --registers 0,4,7",
	  trust_reference_options, 1, 1, command_trust_reference_add },
	{ "trust reference list", "", "boots that are known", NULL, NULL, 0, 0, command_trust_reference_list },
	{ "trust reference remove", "NAME", "machines that booted it are not trusted any more", NULL, NULL, 1, 1,
	  command_trust_reference_remove },
	{ "trust revoke", "MACHINE REASON", "end the trust in a machine's TPM, for good", NULL, NULL, 2, 2,
	  command_trust_revoke },
	{ "calibration list", "[MACHINE]", "what came of measuring machines, the newest first", NULL, NULL, 0, 1,
	  command_calibration_list },
	{ "calibration run", "MACHINE", "measure it as soon as it has room, on the book or off",
	  "The market that serves buys a lease on it; calibration list has the result within minutes.", NULL, 1, 1,
	  command_calibration_run },
	{ "calibration fund", "AMOUNT", "add your own money to the commission, which calibrations are paid out of", NULL, NULL, 1,
	  1, command_calibration_fund },
	{ "config example", "", "print every setting with its default", NULL, NULL, 0, 0, command_config_example },
	{ "routes", "", "print what the market can be asked over HTTP", NULL, NULL, 0, 0, command_routes },
	{ .name = NULL },
};

int main(int argc, char **argv)
{
	static const struct cli_program program = {
		.name = "cpushare-market",
		.summary = "a market for idle CPU cycles: HTTPS API, web pages, matching, metering, money",
		.details = "Try it: cpushare-market --data /tmp/market serve\n\n"
			   "That makes a private PostgreSQL below /tmp/market and serves https://127.0.0.1:8443.",
		.options = program_options,
		.commands = commands,
		.fallback = "serve",
		.version = CPUSHARE_VERSION,
	};
	return cli_main(&program, argc, argv);
}
