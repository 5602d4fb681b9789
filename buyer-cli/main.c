/* SPDX-License-Identifier: Apache-2.0
 * main.c - cpushare: the table of its commands
 */
#include <locale.h>
#include <signal.h>
#include "commands.h"
#include "config.h"

#define END_OF_OPTIONS       \
	{                    \
		.name = NULL \
	}

static const struct cli_option signup_options[] = {
	{ "email", 'e', "ADDRESS", "your email address" },
	{ "name", 0, "NAME", "what others see of you (the part before the @)" },
	{ "password-file", 0, "FILE", "read the password's first line from FILE; - is standard input" },
	END_OF_OPTIONS,
};
static const struct cli_option login_options[] = {
	{ "with-token", 0, NULL, "by a token on standard input, made elsewhere by `token create`" },
	{ "browser", 'b', NULL, "by a code that you type in a browser where you are logged in" },
	{ "email", 'e', "ADDRESS", "your email address" },
	{ "code", 0, "CODE", "of your authenticator app, or a recovery code, where the account needs one" },
	{ "password-file", 0, "FILE", "read the password's first line from FILE; - is standard input" },
	END_OF_OPTIONS,
};
static const struct cli_option address_options[] = {
	{ "password-file", 0, "FILE", "read the present password's first line from FILE; - is standard input" },
	END_OF_OPTIONS,
};
static const struct cli_option token_options[] = {
	{ "name", 0, "NAME", "to know it again by" },
	{ "scope", 0, "SCOPE", "account, funds, images, orders, machines or operator; may be given again" },
	{ "expires", 0, "TIME", "as in 30d (never)" },
	END_OF_OPTIONS,
};
static const struct cli_option add_options[] = {
	{ "provider", 0, "NAME", "how to pay: manual (an operator confirms), paypal or stripe (manual)" },
	{ "quote", 0, NULL, "only say what the market keeps of it" },
	END_OF_OPTIONS,
};
static const struct cli_option deposits_options[] = {
	{ "all", 0, NULL, "everybody's that wait for an operator; needs scope operator" },
	END_OF_OPTIONS,
};
static const struct cli_option withdraw_options[] = {
	{ "to", 0, "RECEIVER", "PayPal's email address, or what the operator needs" },
	{ "provider", 0, "NAME", "how: manual or paypal (manual)" },
	{ "quote", 0, NULL, "only say what would be sent" },
	END_OF_OPTIONS,
};
static const struct cli_option payouts_options[] = {
	{ "all", 0, NULL, "everybody's that wait to be sent; needs scope operator" },
	END_OF_OPTIONS,
};
static const struct cli_option approve_options[] = {
	{ "paid", 0, NULL, "a manual one was paid" },
	{ "fail", 0, NULL, "refuse it: the money goes back" },
	END_OF_OPTIONS,
};
static const struct cli_option confirm_options[] = {
	{ "fail", 0, NULL, "it was not paid" },
	END_OF_OPTIONS,
};
static const struct cli_option upload_options[] = {
	{ "name", 0, "NAME", "to know it by (the file's name)" },
	{ "cdrom-bus", 0, "BUS", "scsi, or sata where the image lacks virtio-scsi (scsi)" },
	END_OF_OPTIONS,
};
static const struct cli_option build_options[] = {
	{ "file", 'f', "FILE", "where to write it (IMAGE.iso)" },
	END_OF_OPTIONS,
};
static const struct cli_option test_options[] = {
	{ "memory", 'm', "SIZE", "of the machine (512M)" },
	{ "cores", 'c', "N", "of the machine (1)" },
	{ "cdrom-bus", 0, "BUS", "scsi, or sata where the image lacks virtio-scsi (scsi)" },
	{ "user-data", 'u', "FILE", "NoCloud user-data for it" },
	{ "expect", 'e', "TEXT", "wait until its serial console says that" },
	{ "timeout", 0, "TIME", "how long to wait (3m)" },
	{ "kvm", 0, NULL, "with KVM; without it QEMU emulates the processor, which works everywhere" },
	END_OF_OPTIONS,
};
static const struct cli_option create_options[] = {
	{ "image", 'i', "IMAGE", "id, beginning of an id, or name" },
	{ "count", 'n', "N", "how many VMs (1)" },
	{ "cores", 'c', "N", "of each VM (1)" },
	{ "memory", 'm', "SIZE", "of each VM, as in 512M or 4G (512M)" },
	{ "max-price", 'p', "MONEY", "at most, for an hour of one core at work" },
	{ "max-price-memory", 0, "MONEY", "at most, for a GiB of memory an hour (0.05)" },
	{ "max-price-transfer", 0, "MONEY", "at most, for a GiB through the virtual ethernet (0.10)" },
	{ "duration", 'd', "TIME", "of each VM from its start (1h)" },
	{ "open-for", 0, "TIME", "how long to wait for places (1h)" },
	{ "budget", 'b', "MONEY", "charges never exceed it (only your balance is the bound)" },
	{ "user-data", 'u', "FILE", "NoCloud user-data for each VM" },
	{ "mtu", 0, "BYTES", "of its LAN: 576 to 9000; a large one is less work for VMs that move much (1400)" },
	{ "name", 0, "NAME", "to know the order by" },
	{ "country", 0, "CC", "only there; may be given again" },
	{ "not-country", 0, "CC", "not there; may be given again" },
	{ "min-score", 0, "N", "machines at least that fast (SHA-256 MiB/s of one core, claimed)" },
	{ "min-rating", 0, "R", "sellers rated at least that, from 0 to 1" },
	{ "min-ratings", 0, "N", "sellers with at least that many marks" },
	{ "min-up", 0, "MBIT", "of the machine's internet line, measured, in Mbit/s" },
	{ "min-down", 0, "MBIT", "the same, towards the machine" },
	{ "near", 0, "REGION=MS", "machines at most that many milliseconds from a region of the market's" },
	{ "accel", 0, "WHICH", "any, kvm or tcg (any)" },
	{ "cpu-vendor", 0, "WHICH", "any, intel, amd or other (any)" },
	{ "direct", 0, NULL, "machines reachable by UDP without a relay" },
	{ "trusted", 0, "HOW", "require, prefer or off: machines that prove what they booted (off)" },
	{ "distinct", 0, "WHAT", "sellers, countries or cpu-vendors: no two VMs share one; may be given again" },
	{ "all-or-none", 0, NULL, "all VMs at once or none" },
	{ "scratch", 0, "SIZE", "an empty disk of that size for each VM, encrypted, gone with it (/dev/vda)" },
	{ "display", 0, "WHICH", "none, or vga: a VGA card, whose picture node screen fetches (none)" },
	{ "warm", 0, NULL, "from a template, where image and machine have one: quicker; without user-data (docs/IMAGES.md)" },
	{ "max-freeze", 0, "TIME",
	  "a VM that its machine's owner pauses for longer ends as withdrawn_by_seller (as the owner says)" },
	{ "prefer", 0, "SELLER", "first with this seller, by id; may be given again" },
	{ "block", 0, "SELLER", "never with this seller, by id; may be given again" },
	{ "max-price-hour", 0, "MONEY", "at most, for an hour of one VM, cores and memory together" },
	{ "not-before", 0, "TIME", "match no sooner: RFC 3339, or +2h from now" },
	{ "standing", 0, NULL, "wait for places until cancelled" },
	{ "dry-run", 0, NULL, "only say what it would hold and cost, and how many offers fit" },
	{ "wait", 'w', NULL, "until every VM runs" },
	{ "timeout", 0, "TIME", "of --wait (15m)" },
	END_OF_OPTIONS,
};
static const struct cli_option wait_options[] = {
	{ "wait", 'w', NULL, "until every VM has ended" },
	{ "timeout", 0, "TIME", "how long to wait" },
	END_OF_OPTIONS,
};
static const struct cli_option order_wait_options[] = {
	{ "for", 0, "STATE", "running or ended (ended)" },
	{ "timeout", 0, "TIME", "how long to wait" },
	END_OF_OPTIONS,
};
static const struct cli_option watch_options[] = {
	{ "timeout", 0, "TIME", "how long to watch (until the order ends)" },
	END_OF_OPTIONS,
};
static const struct cli_option console_options[] = {
	{ "follow", 'f', NULL, "go on as more comes" },
	{ "type", 0, NULL, "and type: key by key at a terminal until Ctrl-]; or what is piped in" },
	{ "raw", 0, NULL, "let control characters through" },
	END_OF_OPTIONS,
};
static const struct cli_option screen_options[] = {
	{ "file", 'f', "FILE", "where to write it, as PNG (-: standard output)" },
	{ "width", 0, "N", "at most so many pixels wide, 64 to 1024 (1024)" },
	END_OF_OPTIONS,
};
static const struct cli_option exec_options[] = {
	{ "user", 'l', "NAME", "whom to log in as there (root)" },
	{ "identity", 'i', "FILE", "the private key (ssh's own, or its agent's)" },
	{ "tty", 't', NULL, "give the command a terminal" },
	{ "new-host-key", 0, NULL, "forget which host key it had: a live image makes a new one at each start" },
	END_OF_OPTIONS,
};
static const struct cli_option rate_options[] = {
	{ "comment", 0, "TEXT", "for others to read" },
	END_OF_OPTIONS,
};
static const struct cli_option up_options[] = {
	{ "name", 0, "NAME", "this machine's name on the LAN (buyer)" },
	{ "shell", 0, NULL, "as root too: a namespace of its own, with a shell in it" },
	{ "foreground", 0, NULL, "stay; as root without a command" },
	{ "bridge", 0, "NAME", "as root: make the LAN a port of that bridge, so that the machines behind it are on it too" },
	{ "gateway", 0, NULL, "let the VMs reach the world through this machine" },
	{ "allow-private", 0, NULL, "with --gateway: private addresses, such as this machine's own LAN, too" },
	{ "boot-file", 0, "FILE", "what machines are told that start from the network (PXE)" },
	{ "boot-server", 0, "VM", "which member has it, by name or address (this machine)" },
	{ "port", 0, "N", "the UDP port that the other members reach, as a firewall lets it in (any)" },
	{ "address", 0, "ADDRESS:PORT", "where a router leads to that port, opened by hand" },
	{ "cipher", 0, "NAME", "what may seal the packets: aes-256-gcm, or auto: AEGIS-128L too (auto)" },
	END_OF_OPTIONS,
};
static const struct cli_option verify_options[] = {
	{ "ca", 0, "FILE", "PEM certificates of those who vouch for TPMs; without it the TPM's maker is not checked" },
	{ "policy", 0, "FILE", "what is asked, as JSON (the market's, which is in FILE)" },
	END_OF_OPTIONS,
};
static const struct cli_option verify_any_options[] = {
	{ "key", 0, "KEY", "of a receipt: the market's receipt_key; no other may have signed" },
	{ "ca", 0, "FILE", "of a proof: PEM certificates of those who vouch for TPMs" },
	{ "policy", 0, "FILE", "of a proof: what is asked, as JSON (the market's, which is in FILE)" },
	END_OF_OPTIONS,
};
static const struct cli_option ping_options[] = {
	{ "count", 'c', "N", "how many to each peer (4)" },
	{ "interval", 0, "TIME", "between two to one peer (1s)" },
	END_OF_OPTIONS,
};
static const struct cli_option capture_options[] = {
	{ "write", 'w', "FILE", "where to; - is standard output (-)" },
	{ "snaplen", 's', "N", "bytes of each frame at most (65600)" },
	{ "count", 'c', "N", "so many frames (until Ctrl-C)" },
	{ "seconds", 0, "TIME", "so long (until Ctrl-C)" },
	{ "max-size", 0, "SIZE", "the file at most (1G; standard output: no bound)" },
	END_OF_OPTIONS,
};
static const struct cli_option offer_options[] = {
	{ "sort", 0, "FIELD", "by a field of numbers; -FIELD for the largest first (price)" },
	{ "limit", 0, "N", "at most so many (all)" },
	END_OF_OPTIONS,
};
static const struct cli_option offer_watch_options[] = {
	{ "first", 0, NULL, "end with the first offer that there is" },
	{ "interval", 0, "TIME", "between two looks (5s)" },
	{ "timeout", 0, "TIME", "how long (until Ctrl-C)" },
	END_OF_OPTIONS,
};
static const struct cli_option compare_options[] = {
	{ "cores", 'c', "N", "of the VM (1)" },
	{ "memory", 'm', "SIZE", "of the VM, as in 512M or 4G (512M)" },
	END_OF_OPTIONS,
};
static const struct cli_option top_options[] = {
	{ "interval", 0, "TIME", "between two looks (2s)" },
	{ "count", 'c', "N", "so many looks" },
	END_OF_OPTIONS,
};
static const struct cli_option tail_options[] = {
	{ "after", 0, "ID", "behind that event; 0: all that are kept (from now on)" },
	{ "timeout", 0, "TIME", "how long (until Ctrl-C)" },
	END_OF_OPTIONS,
};
static const struct cli_option api_options[] = {
	{ "data", 0, "JSON", "the body; @FILE reads it, - from standard input" },
	END_OF_OPTIONS,
};
static const struct cli_option program_options[] = {
	{ "context", 0, "NAME", "which of the contexts (CPUSHARE_CONTEXT, or the one in use)" },
	{ "market", 0, "URL", "which market (CPUSHARE_MARKET, or the one logged in at)" },
	{ "pin", 0, "PIN", "sha256//... of its public key, where no authority vouches for it (CPUSHARE_PIN)" },
	{ "output", 'o', "FORM", "table, wide, json, ndjson, csv or name (table); under json errors too are JSON" },
	{ "columns", 0, "LIST", "of tables and CSV: columns by title, or any field of the JSON, with commas between" },
	{ "no-header", 0, NULL, "of tables and CSV: only the rows" },
	{ "quiet", 'q', NULL, "no notes, no progress" },
	{ "explain", 0, NULL, "print each call to the market" },
	{ "idempotency-key", 0, "KEY", "repeat a command safely: the same key has one effect" },
	END_OF_OPTIONS,
};

static const struct cli_option history_options[] = {
	{ "from", 0, "TIME", "a statement: movements since then, a date or a time (30 days before the end)" },
	{ "to", 0, "TIME", "and before then (now)" },
	END_OF_OPTIONS,
};

static const struct cli_option history_of_book_options[] = {
	{ "range", 0, "RANGE", "day, week, month or quarter (day)" },
	END_OF_OPTIONS,
};
static const struct cli_option earnings_options[] = {
	{ "days", 0, "N", "so many, up to today (30)" },
	END_OF_OPTIONS,
};
static const struct cli_option receipt_options[] = {
	{ "verify", 0, NULL, "check a receipt that was kept with -o json; - is standard input" },
	{ "key", 0, "KEY", "the market's receipt_key, as GET /v1/market names it: no other may have signed" },
	END_OF_OPTIONS,
};

static const struct cli_command commands[] = {
	{ "signup", "", "make an account",
	  "  cpushare signup --market https://market.example:8443 --pin sha256//... --email me@example.org\n\n"
	  "The market, the key and the token are kept in ~/.config/cpushare/credentials. A market that sends mail\n"
	  "mails a link first, and the token comes with `cpushare login` once it was opened.",
	  signup_options, 0, 0, command_signup },
	{ "login", "", "log in", NULL, login_options, 0, 0, command_login },
	{ "logout", "", "revoke this session and forget it", NULL, NULL, 0, 0, command_logout },
	{ "whoami", "", "which account, at which market", NULL, NULL, 0, 0, command_whoami },
	{ "session list", "", "where you are logged in", NULL, NULL, 0, 0, command_session_list },
	{ "session end", "SESSION", "log out there", NULL, NULL, 1, 1, command_session_end },
	{ "account export", "", "all that the market keeps of you, as JSON", NULL, NULL, 0, 0, command_account_export },
	{ "account address", "EMAIL", "another email address: mails the link that makes it yours",
	  "  cpushare account address me@example.net", address_options, 1, 1, command_account_address },
	{ "account mail", "[KIND...]", "what you are told of by mail, or choose that",
	  "  cpushare account mail funds payouts\n  cpushare account mail none\n\n"
	  "Kinds: funds (the balance or an order's budget runs out), orders (one is over), payouts (one is sent, or\n"
	  "returned), disputes (one is decided), logins (of a program that was not logged in before).",
	  NULL, 0, 5, command_account_mail },
	{ "token create", "", "a token for a program or a selling machine",
	  "  cpushare token create --scope machines --name desk -o name", token_options, 0, 0, command_token_create },
	{ "token list", "", "your tokens", NULL, NULL, 0, 0, command_token_list },
	{ "token revoke", "TOKEN", "end a token at once", NULL, NULL, 1, 1, command_token_revoke },
	{ "funds add", "AMOUNT", "put money on the account",
	  "What the market keeps of AMOUNT is shown before you pay; --quote shows nothing else.", add_options, 1, 1,
	  command_funds_add },
	{ "funds balance", "", "what is available, and what orders hold", NULL, NULL, 0, 0, command_funds_balance },
	{ "funds history", "", "every movement of your money, the newest first; of a time: its statement, the oldest first",
	  "  cpushare funds history --from 2026-11-01 --to 2026-12-01 -o csv >november.csv", history_options, 0, 0,
	  command_funds_history },
	{ "funds deposits", "", "your deposits and their state", NULL, deposits_options, 0, 0, command_funds_deposits },
	{ "funds confirm", "DEPOSIT", "an operator says that a manual deposit was paid", NULL, confirm_options, 1, 1,
	  command_funds_confirm },
	{ "funds earnings", "", "what leases earned and cost, by day", NULL, earnings_options, 0, 0, command_funds_earnings },
	{ "funds withdraw", "AMOUNT", "take money out",
	  "The market's part is taken out of AMOUNT; --quote shows it. Large payouts wait for an operator.", withdraw_options, 1,
	  1, command_funds_withdraw },
	{ "funds payouts", "", "your payouts and their state", NULL, payouts_options, 0, 0, command_funds_payouts },
	{ "funds approve", "PAYOUT", "an operator lets a payout go, or says that it was paid by hand", NULL, approve_options, 1,
	  1, command_funds_approve },
	{ "trust policy", "", "what the market asks of machines that are to be trusted, as JSON", NULL, NULL, 0, 0,
	  command_trust_policy },
	{ "trust show", "NODE", "what a VM's machine has proven of itself: verdict, quote, registers, event log",
	  "Exit code 9 says that the proof has a fault. To judge it without the market, keep it as JSON:\n\n"
	  "  cpushare trust show job/vm1 -o json >proof.json && cpushare trust verify proof.json --ca makers.pem",
	  NULL, 1, 1, command_trust_show },
	{ "trust verify", "FILE", "judge a proof here: no market is asked", "FILE - is standard input.", verify_options, 1, 1,
	  command_trust_verify },
	{ "trust log", "FILE", "read a boot's event log: each event, and what it makes the TPM's registers",
	  "  cpushare trust log /sys/kernel/security/tpm0/binary_bios_measurements", NULL, 1, 1, command_trust_log },
	{ "image upload", "FILE", "upload a bootable ISO",
	  "Sends only what the market lacks; after a break, run it again and it goes on.", upload_options, 1, 1,
	  command_image_upload },
	{ "image build", "IMAGE|FOLDER", "make a bootable ISO here: tiny or cluster, or by a FOLDER's build.sh",
	  "  cpushare image build cluster                  # cluster.iso: Debian with OpenMPI, Slurm, ssh, NFS\n\n"
	  "Of Debian's packages, which must be installed or are fetched; what is missing here is said, with the packages that "
	  "mend "
	  "it.",
	  build_options, 1, 1, command_image_build },
	{ "image test", "FILE", "start an ISO here, on the machine that sellers give, and say what it lacks there",
	  "  cpushare image test my.iso --memory 1G\n"
	  "  cpushare image test my.iso --user-data job --expect 'job: done' --timeout 10m\n\n"
	  "Shows its serial console. Without --expect it ends when all is there and the console falls silent. The network is "
	  "one\n"
	  "of its own: DHCP answers, and nothing else. Asks no market; takes QEMU (apt install qemu-system-x86).\n"
	  "Exit code 10 says that something is missing, 8 that TEXT did not come in time.",
	  test_options, 1, 1, command_image_test },
	{ "image list", "", "your images", NULL, NULL, 0, 0, command_image_list },
	{ "image show", "IMAGE", "one image", NULL, NULL, 1, 1, command_image_show },
	{ "image download", "IMAGE FILE", "fetch an image's bytes, each piece checked",
	  "What FILE has already is kept: after a break, run it again and it goes on.", NULL, 2, 2, command_image_download },
	{ "image verify", "FILE IMAGE", "is FILE that image, byte for byte?", "Exit code 9 says that it is not.", NULL, 2, 2,
	  command_image_verify },
	{ "image id", "FILE", "the id that FILE has at every market: its contents alone make it", NULL, NULL, 1, 1,
	  command_image_id },
	{ "image delete", "IMAGE", "remove an image from the market", NULL, NULL, 1, 1, command_image_delete },
	{ "offer list", "[QUERY...]", "what machines there are, and what they ask",
	  "  cpushare offer list 'cores>=4 memory>=8G price<=0.02 rating>=0.9 rtt<40ms country notin [US,GB]' --sort -score\n\n"
	  "All terms of a query hold. Fields: accel, bad, cores, cores_total, country, direct, down, good, machine, memory,\n"
	  "memory_total, price, price_memory, price_transfer, rating, rtt, rtt.REGION, score, seller, trusted, up, vendor.\n"
	  "Operators: = != < <= > >= in notin. -o wide and csv show all fields.",
	  offer_options, 0, -1, command_offer_list },
	{ "offer show", "MACHINE", "one machine's offer", NULL, NULL, 1, 1, command_offer_show },
	{ "offer watch", "[QUERY...]", "which offers come, go and change their price or what is free",
	  "  cpushare offer watch 'cores>=8 price<=0.01' --first --timeout 2h && cpushare order create ...\n\n"
	  "Those that are there at first are new. The query is that of `offer list`. Exit code 8 says that --first saw none.",
	  offer_watch_options, 0, -1, command_offer_watch },
	{ "offer compare", "MACHINE MACHINE...", "what an hour of a VM costs at each, and what it gets done",
	  "  cpushare offer compare desk1 desk2 --cores 2 --memory 4G\n\n"
	  "VM/H is an hour of such a VM with its cores at work. WORK/MONEY is its score for that: MiB hashed for a\n"
	  "thousandth of the market's currency; -1 where it costs nothing.",
	  compare_options, 2, -1, command_offer_compare },
	{ "offer explain", "MACHINE", "what you offer with a machine: which rule keeps how many waiting orders from it", NULL,
	  NULL, 1, 1, command_machine_explain },
	{ "book show", "", "the order book: asks and bids by price, and how many cores up to there", NULL, NULL, 0, 0,
	  command_book_show },
	{ "book depth", "[CORES]", "what so many cores cost together, taken cheapest first",
	  "Without CORES: at each price. Exit code 3 says that fewer are free. An order's own limits are not looked at: `order\n"
	  "create --dry-run` counts the offers that fit it.",
	  NULL, 0, 1, command_book_depth },
	{ "book trades", "", "the last leases made, and at what price", NULL, NULL, 0, 0, command_book_trades },
	{ "book history", "", "prices, supply and demand over time", NULL, history_of_book_options, 0, 0, command_book_history },
	{ "seller list", "", "sellers and their reputation", NULL, NULL, 0, 0, command_seller_list },
	{ "seller show", "SELLER", "one seller", NULL, NULL, 1, 1, command_seller_show },
	{ "seller history", "SELLER", "how its leases ended, its paths and disputes; as JSON also its marks and machines by day",
	  NULL, NULL, 1, 1, command_seller_history },
	{ "machine list", "", "the machines you sell", NULL, NULL, 0, 0, command_machine_list },
	{ "machine explain", "MACHINE", "why it gets no work; as `offer explain`", NULL, NULL, 1, 1, command_machine_explain },
	{ "machine retire", "MACHINE", "take a machine off the market for good", NULL, NULL, 1, 1, command_machine_retire },
	{ "order create", "", "rent VMs on one private ethernet",
	  "  cpushare order create --image tiny.iso --count 3 --memory 256M --max-price 0.02 --wait\n\n"
	  "The first minutes are held at once; then you pay for what the VMs use, at each seller's own price, never above\n"
	  "your maximum. A VM that ends before its time is not replaced: place another order.",
	  create_options, 0, 0, command_order_create },
	{ "order list", "", "your orders", NULL, NULL, 0, 0, command_order_list },
	{ "order show", "ORDER", "one order, and why it does not fill", NULL, NULL, 1, 1, command_order_show },
	{ "order explain", "ORDER", "which rule takes out how many offers", NULL, NULL, 1, 1, command_order_explain },
	{ "order watch", "ORDER", "events as they come", NULL, watch_options, 1, 1, command_order_watch },
	{ "order wait", "ORDER", "until its VMs run, or have ended", "Exit code 8 says that it is still going on.",
	  order_wait_options, 1, 1, command_order_wait },
	{ "order extend", "ORDER TIME", "a longer time for its VMs",
	  "  cpushare order extend job 4h         # of each VM from its start, in place of what `order create --duration` said\n"
	  "  cpushare order extend job +30m       # so much longer than it has\n\n"
	  "Nothing more is held: each VM holds its next minutes alone, within the budget and what is available. Refused where\n"
	  "the owner of one of the machines takes no lease that long.",
	  NULL, 2, 2, command_order_extend },
	{ "order cancel", "ORDER", "end an order and its VMs", NULL, wait_options, 1, 1, command_order_cancel },
	{ "order receipt", "ORDER|FILE", "what was used and paid",
	  "  cpushare order receipt job -o json >receipt.json\n"
	  "  cpushare order receipt --verify receipt.json\n\n"
	  "The second asks nobody: it checks the market's signature, each machine's over its counters, the prices and the sums.",
	  receipt_options, 1, 1, command_order_receipt },
	{ "verify", "FILE",
	  "say what a kept file is, and check it here: a receipt, a machine's proof, a boot's event log, an image",
	  "  cpushare order receipt job -o json >receipt.json && cpushare verify receipt.json\n\n"
	  "Asks nobody. The same as `order receipt --verify`, `trust verify`, `trust log` and `image id`, whichever it takes.",
	  verify_any_options, 1, 1, command_verify },
	{ "recipe list", "", "orders that are ready but for their price", NULL, NULL, 0, 0, command_recipe_list },
	{ "recipe show", "RECIPE", "one of them, and what to do when it runs", NULL, NULL, 1, 1, command_recipe_show },
	{ "recipe up", "RECIPE|FOLDER", "place such an order",
	  "  cpushare image build cluster && cpushare image upload cluster.iso\n"
	  "  cpushare recipe up mpi --max-price 0.02 --count 4 --wait\n\n"
	  "Options are those of `order create`, and say what should be other than in the recipe. A recipe that wants an ssh key\n"
	  "makes one for this order, below ~/.local/state/cpushare/recipes. A FOLDER (with a slash) of your own has the same "
	  "files\n"
	  "as those of the program: docs/IMAGES.md, \"Recipes\".",
	  create_options, 1, 1, command_recipe_up },
	{ "node list", "ORDER", "the VMs of an order", NULL, NULL, 1, 1, command_node_list },
	{ "node show", "NODE", "one VM: ORDER/vm1, or its lease's id", NULL, NULL, 1, 1, command_node_show },
	{ "node screen", "NODE", "a picture of its screen, where its order asked for a display", NULL, screen_options, 1, 1,
	  command_node_screen },
	{ "node console", "NODE", "its serial console: the log of what it says",
	  "What it said before is there, too: its machine keeps the last 256 KiB.", console_options, 1, 1, command_node_console },
	{ "node exec", "NODE [-- COMMAND...]", "a command on a VM, or a shell, by ssh over the order's ethernet",
	  "  cpushare net up job -- sleep 1h &\n"
	  "  cpushare node exec job/vm1 --identity key -- uname -r\n\n"
	  "This machine must be on the LAN (`net up`), the image must run an ssh server, and your public key be in the order's\n"
	  "user-data (examples/mpi/user-data.sh writes such). It ends as the command did; exit code 11 says that ssh got no\n"
	  "answer or was not let in. Without a terminal nothing is asked.",
	  exec_options, 1, -1, command_node_exec },
	{ "node reset", "NODE", "let a VM start anew, as by its reset button",
	  "The same VM on the same machine: its lease, addresses and scratch disk stay, its memory does not.", NULL, 1, 1,
	  command_node_reset },
	{ "node stop", "NODE", "end one VM; the others of its order go on",
	  "It is paid for what it used, the rest of its hold is free. Its place is not filled again: `order cancel` ends them "
	  "all.",
	  NULL, 1, 1, command_node_stop },
	{ "node receipt", "NODE", "what one VM used and cost, for its buyer, and by its lease's id for its seller",
	  "With -o json it is signed as an order's: `cpushare verify FILE` checks it without asking anybody.", NULL, 1, 1,
	  command_node_receipt },
	{ "node rate", "NODE good|bad", "mark the seller, once the VM has been charged for", NULL, rate_options, 2, 2,
	  command_node_rate },
	{ "node dispute", "NODE [TEXT]", "say why a VM that ended was not worth its money; without TEXT: what became of it", NULL,
	  NULL, 1, 2, command_node_dispute },
	{ "top", "", "the VMs that run now, and what they use", "On a terminal again and again until Ctrl-C, else once.",
	  top_options, 0, 0, command_top },
	{ "event tail", "", "what happens to your orders, VMs and machines, as it happens", NULL, tail_options, 0, 0,
	  command_event_tail },
	{ "net up", "ORDER [-- COMMAND...]", "put this machine on the order's ethernet",
	  "As root a TAP appears here, in the background. Without root, or with a command, the LAN is in a namespace of its\n"
	  "own, in which you are root and reach nothing else:\n\n"
	  "  cpushare net up ORDER -- ping -c 3 vm1\n"
	  "  cpushare net up ORDER            # a shell in there\n\n"
	  "With --gateway the VMs' packets leave from here, from this machine's address; they do not reach its own LAN, nor its\n"
	  "other addresses. VMs that were up before notice within five minutes. As root nftables does it, until `net down`;\n"
	  "in a namespace pasta(1).",
	  up_options, 1, -1, command_net_up },
	{ "net status", "ORDER", "each peer's path, round-trip time, loss, and why it is not direct",
	  "LOSS is the share of the last minute's probes that went unanswered. Where a path is relayed, ADDRESS is the relay's.",
	  NULL, 1, 1, command_net_status },
	{ "net peers", "ORDER", "all that is known of each peer's path",
	  "KIND says where the peer's address comes from: host, fixed, mapped or reflexive as the peer announced it, learned "
	  "where it\n"
	  "was heard from there, relayed. DATAGRAM is what the path carries whole, in bytes of UDP payload. REPEATED counts "
	  "parts of\n"
	  "handshakes that were sent again.",
	  NULL, 1, 1, command_net_peers },
	{ "net ping", "ORDER[/NODE]", "ask the endpoints of the VMs for an answer, and say whether directly or relayed",
	  "The VM's endpoint answers, not the VM: whether its system is up or not. Exit code 11 says that a peer answered "
	  "nothing.",
	  ping_options, 1, 1, command_net_ping },
	{ "net capture", "ORDER", "the frames at this machine's port, both ways, as pcapng",
	  "  cpushare net capture ORDER | wireshark -k -i -\n"
	  "  cpushare net capture ORDER -w lan.pcapng --count 1000\n\n"
	  "Frames are written as they pass the port: what this machine's kernel hands over to be cut into segments is one "
	  "frame,\n"
	  "with its checksum not computed yet. The network never waits for a capture: what is not read in time is counted as "
	  "dropped.",
	  capture_options, 1, 1, command_net_capture },
	{ "net map", "ORDER", "how all members reach each other, as they told the market", NULL, NULL, 1, 1, command_net_map },
	{ "net netcheck", "", "what this machine's network lets an ethernet do, and what to mend",
	  "Asks the market's STUN servers and relays: whether UDP passes, the public address, the kind of NAT, port mapping, the "
	  "relays'\n"
	  "distance, the way by TLS, the path's MTU, the clock. Needs no order. Exit code 11 says that no server answers at all.",
	  NULL, 0, 0, command_net_netcheck },
	{ "net down", "ORDER", "leave the ethernet", NULL, NULL, 1, 1, command_net_down },
	{ "context list", "", "the markets, or accounts, that you have names for", NULL, NULL, 0, 0, command_context_list },
	{ "context create", "NAME", "a name for another market or account",
	  "  cpushare context create work --market https://market.example:8443 --pin sha256//...\n"
	  "  cpushare --context work login\n\n"
	  "Each has a log-in of its own. --context or CPUSHARE_CONTEXT chooses one for a command.",
	  NULL, 1, 1, command_context_create },
	{ "context use", "NAME", "from now on, where no other is named", NULL, NULL, 1, 1, command_context_use },
	{ "context show", "[NAME]", "the one in use, or that one", NULL, NULL, 0, 1, command_context_show },
	{ "context rename", "NAME NEW-NAME", "give it another name", NULL, NULL, 2, 2, command_context_rename },
	{ "context delete", "NAME", "forget it, and its log-in", NULL, NULL, 1, 1, command_context_delete },
	{ "config list", "", "what options are taken to be where you do not give them", NULL, NULL, 0, 0, command_config_list },
	{ "config get", "KEY", "one of them", NULL, NULL, 1, 1, command_config_get },
	{ "config set", "KEY VALUE", "set one: output, or a command's option that takes a value",
	  "  cpushare config set output wide\n  cpushare config set order.create.max-price 0.02\n\n"
	  "The file can be written by hand, too: lines KEY = VALUE. What is given on the command line wins.",
	  NULL, 2, 2, command_config_set },
	{ "config unset", "KEY", "forget one", NULL, NULL, 1, 1, command_config_unset },
	{ "config path", "", "where they are kept", NULL, NULL, 0, 0, command_config_path },
	{ "api", "METHOD PATH", "one call to the market, as its interface's description has it",
	  "  cpushare api GET /v1/market\n  cpushare api POST /v1/tokens --data '{\"name\":\"x\",\"scopes\":[\"orders\"]}'\n\n"
	  "The answer is printed as it came.",
	  api_options, 2, 2, command_api },
	{ "doctor", "", "what is wrong here, and what helps", "The exit code is that of the first check that fails.", NULL, 0, 0,
	  command_doctor },
	{ "bugreport", "", "what others need to know to help you, without secrets: JSON", NULL, NULL, 0, 0, command_bugreport },
	{ .name = NULL },
};

static const struct cli_alias aliases[] = { { "ls", "list" }, { "rm", "delete" }, { "ps", "node list" }, { .word = NULL } };

static struct cli_program program = {
	.name = "cpushare",
	.summary = "rent virtual machines on one private ethernet",
	.details =
		"First `signup`, `funds add`, `image upload`; then `order create`, `net up`. What stands in parentheses is "
		"taken\n"
		"where an option is not given. An order, image, seller, machine or token is named by its id, by the beginning "
		"of\n"
		"it, or by its name; a VM by ORDER/vm1.\n\n"
		"Exit codes: 0 ok, 1 error, 2 usage, 3 not found, 4 log-in needed or refused, 5 conflict, 6 market unreachable,\n"
		"7 funds or a limit, 8 still going on at --timeout, 9 a proof has a fault, 10 an order or VM ended badly, 11 no "
		"answer, 130 "
		"interrupted.",
	.options = program_options,
	.commands = commands,
	.aliases = aliases,
	.version = CPUSHARE_VERSION,
};

int main(int argc, char **argv)
{
	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_IGN);
	program.defaults = config_load();
	return cli_main(&program, argc, argv);
}
