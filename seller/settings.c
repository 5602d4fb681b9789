/* SPDX-License-Identifier: Apache-2.0
 * settings.c - what the owner decides, and who this machine is
 */
#include "settings.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>
#include "endpoint.h"
#include "file.h"
#include "json.h"
#include "peers.h"

#define AT(field) offsetof(struct settings, field)
#define LIMIT(field) (offsetof(struct settings, limits) + offsetof(struct limits, field))
#define WORD sizeof((struct limits *)0)->battery
#define GIB (1LL << 30)

const struct conf_entry settings_table[] = {
	{ "market.url", CONF_TEXT, AT(market_url), sizeof((struct settings *)0)->market_url, 0, 0, "",
	  "the market's address, https://…" },
	{ "market.pin", CONF_TEXT, AT(market_pin), sizeof((struct settings *)0)->market_pin, 0, 0, "",
	  "sha256//… of the market's public key; empty: the system's certificates decide" },
	{ "machine.name", CONF_TEXT, AT(name), NAME_SIZE, 0, 0, "", "what buyers see" },
	{ "machine.country", CONF_TEXT, AT(country), 8, 0, 0, "", "two letters (ISO 3166-1), or empty" },
	{ "machine.accel", CONF_TEXT, AT(accel), 8, 0, 0, "auto", "auto: KVM where it works, else TCG; kvm; tcg" },
	{ "machine.launch_security", CONF_TEXT, AT(launch_security), sizeof((struct settings *)0)->launch_security, 0, 0, "none",
	  "sev-snp: guests' memory is encrypted for the processor (AMD, KVM, libvirt 10.5, QEMU 9.1; never tried); none" },
	{ "network.port", CONF_TEXT, AT(port), sizeof((struct settings *)0)->port, 0, 0, "auto",
	  "between QEMU and the virtual ethernet: auto, dgram, stream, vhost-user" },
	{ "network.port_number", CONF_INT, AT(udp_port), 0, 0, 65536 - ENDPOINT_PORTS, "0",
	  "the first of 16 UDP ports for other members, one a guest, as a firewall lets them in; 0: any" },
	{ "network.address", CONF_TEXT, AT(address), sizeof((struct settings *)0)->address, 0, 0, "",
	  "the IP address whose ports of the same numbers a router leads here, opened by hand; or empty" },
	{ "network.cipher", CONF_TEXT, AT(cipher), sizeof((struct settings *)0)->cipher, 0, 0, "auto",
	  "what may seal the packets: aes-256-gcm, or auto: AEGIS-128L too, where both processors have AES-NI" },
	{ "network.metered", CONF_TEXT, LIMIT(metered_is), 8, 0, 0, "auto",
	  "is the internet paid by the byte? yes, no, auto: what NetworkManager says; where the default route is a mobile modem "
	  "or a dialled "
	  "line" },
	{ "offer.cores", CONF_INT, AT(cores), 0, 0, 1024, "0", "cores offered; 0: all but one" },
	{ "offer.memory", CONF_SIZE, AT(memory_bytes), 0, 0, 4096 * GIB, "0", "memory offered; 0: half of it" },
	{ "offer.price_core_hour", CONF_MONEY, AT(prices.per_core_hour), 0, 0, 0, "0.01", "for an hour of one core at work" },
	{ "offer.price_gib_hour", CONF_MONEY, AT(prices.per_gib_hour), 0, 0, 0, "0.001", "for a GiB of memory kept for an hour" },
	{ "offer.price_gib_transferred", CONF_MONEY, AT(prices.per_gib_transferred), 0, 0, 0, "0.005",
	  "for a GiB through the virtual ethernet, both directions" },
	{ "offer.up", CONF_INT, AT(up_mbit_s), 0, 0, RATE_MAX_KBIT_S / 1000, "0",
	  "Mbit/s from this machine that buyers are told of, at most what the market measures; 0: what it measures" },
	{ "offer.down", CONF_INT, AT(down_mbit_s), 0, 0, RATE_MAX_KBIT_S / 1000, "0", "the same, towards it" },
	{ "offer.min_duration", CONF_DURATION, AT(min_duration_us), 0, 0, 0, "60s", "shortest lease taken" },
	{ "offer.min_buyer_rating", CONF_MONEY, AT(min_buyer_rating), 0, 0, RATING_MAX_PPM, "0",
	  "buyers rated at least that, from 0 to 1; newcomers have 0" },
	{ "offer.blocked_buyers", CONF_TEXT, AT(blocked_buyers), sizeof((struct settings *)0)->blocked_buyers, 0, 0, "",
	  "ids of up to 16 buyers who get nothing, with blanks between" },
	{ "offer.max_duration", CONF_DURATION, AT(max_duration_us), 0, 0, 0, "30d", "longest lease taken" },
	{ "limits.image_cache", CONF_SIZE, AT(cache_bytes), 0, 64 << 20, 4096 * GIB, "20G", "disk for buyers' images" },
	{ "limits.boot_early", CONF_SIZE, AT(boot_early_bytes), 0, 0, 4096 * GIB, "32M",
	  "where so much of an image or more is missing, its guest starts before it is fetched; 0: never" },
	{ "limits.scratch", CONF_SIZE, AT(scratch_bytes), 0, 0, 4096 * GIB, "10G",
	  "disk for guests' scratch disks, as far as limits.disk_free leaves it; 0: none" },
	{ "limits.display", CONF_BOOL, AT(display), 0, 0, 0, "yes",
	  "guests may have a VGA card, where their buyers ask for one" },
	{ "limits.warm", CONF_SIZE, AT(warm_bytes), 0, 0, 4096 * GIB, "1G",
	  "disk for templates, from which guests start whose buyers ask for it; 0: none" },
	{ "limits.unreachable", CONF_DURATION, AT(unreachable_us), 0, SECOND_US, 0, "90m",
	  "guests are stopped when the market stays unreachable for longer; what they did is paid once it is back" },
	{ "limits.jail_uid", CONF_INT, AT(jail_uid), 0, 1000, 4000000000LL, "64100",
	  "first of 64 unused user ids that guests run as, where the daemon is root" },
	{ "limits.hours", CONF_TEXT, LIMIT(hours_text), sizeof((struct limits *)0)->hours_text, 0, 0, "",
	  "when guests may run, by this machine's clock: mon-fri 18:00-08:00, sat-sun 00:00-24:00; empty: always" },
	{ "limits.priority", CONF_TEXT, LIMIT(priority), sizeof((struct limits *)0)->priority, 0, 0, "idle",
	  "idle: guests get the processors that nobody else wants; normal: an equal share, on a machine that does nothing else" },
	{ "limits.user", CONF_TEXT, LIMIT(user), WORD, 0, 0, "run",
	  "guests while somebody uses this computer: run, close (no new ones), throttle, pause" },
	{ "limits.user_idle", CONF_DURATION, LIMIT(user_idle_us), 0, SECOND_US, 0, "5m",
	  "without a key pressed, nobody uses it" },
	{ "limits.logind", CONF_BOOL, LIMIT(logind), 0, 0, 0, "yes",
	  "where logind says that somebody is here, somebody uses it; no: for a desktop that never says that it is idle" },
	{ "limits.battery", CONF_TEXT, LIMIT(battery), WORD, 0, 0, "pause", "guests on battery: run, close, throttle, pause" },
	{ "limits.metered", CONF_TEXT, LIMIT(metered), WORD, 0, 0, "pause",
	  "guests where the internet is paid by the byte: run, close, throttle, pause" },
	{ "limits.cpu_throttle", CONF_INT, LIMIT(cpu_throttle), 0, 0, 100, "0",
	  "percent of all processors that other programs use, from which on guests are throttled; 0: never, guests only get what "
	  "is left" },
	{ "limits.cpu_pause", CONF_INT, LIMIT(cpu_pause), 0, 0, 100, "0", "the same, paused" },
	{ "limits.queue_throttle", CONF_INT, LIMIT(queue_throttle), 0, 0, 10000, "0",
	  "other programs' tasks that wait for a processor, from which on guests are throttled; 0: never" },
	{ "limits.queue_pause", CONF_INT, LIMIT(queue_pause), 0, 0, 10000, "0", "the same, paused" },
	{ "limits.memory_free", CONF_SIZE, LIMIT(memory_free_bytes), 0, 0, 4096 * GIB, "256M",
	  "with less memory available guests are paused, with less than twice it no new ones are taken; 0: never" },
	{ "limits.memory_pressure", CONF_INT, LIMIT(memory_pressure), 0, 0, 100, "20",
	  "percent of the time that programs wait for memory, from which on guests are paused; 0: never" },
	{ "limits.io_pressure", CONF_INT, LIMIT(io_pressure), 0, 0, 100, "0", "the same of disks" },
	{ "limits.temperature_throttle", CONF_INT, LIMIT(heat_throttle), 0, 0, 150, "85",
	  "degrees Celsius of the hottest sensor, from which on guests are throttled; 0: never" },
	{ "limits.temperature_pause", CONF_INT, LIMIT(heat_pause), 0, 0, 150, "95", "the same, paused" },
	{ "limits.traffic_month", CONF_SIZE, LIMIT(traffic_bytes), 0, 0, 1024 * 1024 * GIB, "0",
	  "bytes that guests may move in a calendar month: at nine tenths no new ones are taken, then guests are paused; 0: "
	  "any" },
	{ "limits.up", CONF_RATE, LIMIT(up_bits_s), 0, 0, RATE_MAX_KBIT_S * 1000LL, "0",
	  "what all guests together may send, in equal parts; 0: any" },
	{ "limits.down", CONF_RATE, LIMIT(down_bits_s), 0, 0, RATE_MAX_KBIT_S * 1000LL, "0",
	  "the same of what they receive, with the image that is fetched; 0: any" },
	{ "limits.disk_free", CONF_SIZE, LIMIT(disk_free_bytes), 0, 0, 4096 * GIB, "1G",
	  "so much disk stays free: with less no new guests are taken, and no image is fetched that would leave less" },
	{ "limits.throttle", CONF_INT, LIMIT(throttle_percent), 0, 1, 100, "25",
	  "percent of the time that throttled guests run" },
	{ "limits.react", CONF_DURATION, LIMIT(react_us), 0, MILLISECOND_US, HOUR_US, "750ms",
	  "a limit that is broken for so long counts" },
	{ "limits.calm", CONF_DURATION, LIMIT(calm_us), 0, MILLISECOND_US, DAY_US, "30s", "and one that is kept for so long" },
	{ "limits.freeze", CONF_DURATION, LIMIT(freeze_us), 0, SECOND_US, 0, "30m",
	  "a guest that was paused for longer is given back: its lease ends, withdrawn_by_seller" },
	{ "energy.price_kwh", CONF_MONEY, AT(price_kwh), 0, 0, 0, "0",
	  "what a kilowatt hour costs: a core is never offered for less than it burns" },
	{ "energy.watts_core", CONF_INT, AT(watts_core), 0, 0, 1000, "10", "what one core at work draws more than an idle one" },
	{ "tpm.tcti", CONF_TEXT, AT(tcti), sizeof((struct settings *)0)->tcti, 0, 0, "device:/dev/tpmrm0",
	  "where the TPM is, as tpm2-tss names it; used once it was enrolled (`tpm enrol`)" },
	{ "tpm.event_log", CONF_TEXT, AT(event_log), sizeof((struct settings *)0)->event_log, 0, 0,
	  "/sys/kernel/security/tpm0/binary_bios_measurements", "what the firmware measured; empty: nothing is sent" },
	{ .key = NULL },
};

err_t settings_state_dir(const struct cli *cli, char *ret_path, size_t size)
{
	const char *given = cli ? cli_text(cli, "state", getenv("CPUSHARE_SELLER_STATE")) : NULL;
	const char *home = getenv("HOME"), *xdg = getenv("XDG_STATE_HOME");
	int len;
	if (given)
		len = snprintf(ret_path, size, "%s", given);
	else if (geteuid() == 0)
		len = snprintf(ret_path, size, "/var/lib/cpushare-seller");
	else if (xdg && *xdg == '/')
		len = snprintf(ret_path, size, "%s/cpushare-seller", xdg);
	else
		len = snprintf(ret_path, size, "%s/.local/state/cpushare-seller", home ? home : "/");
	return len < 0 || (size_t)len >= size ? E_LIMIT : OK;
}

err_t settings_blocked_buyers(const struct settings *s, uuid *ret, size_t *ret_count)
{
	char word[UUID_TEXT_SIZE];
	size_t count = 0;
	for (const char *at = s->blocked_buyers + strspn(s->blocked_buyers, " "); *at; at += strspn(at, " ")) {
		size_t len = strcspn(at, " ");
		if (count == MAX_BLOCKED_BUYERS || len >= sizeof word)
			return E_INVALID;
		memcpy(word, at, len);
		word[len] = 0;
		TRY(uuid_parse(word, &ret[count++]));
		at += len;
	}
	*ret_count = count;
	return OK;
}

err_t settings_check(struct settings *s, char *error)
{
	static const char *const accels[] = { "auto", "kvm", "tcg" };
	bool known = false;
	for (size_t i = 0; i < sizeof accels / sizeof *accels; i++)
		known |= !strcmp(s->accel, accels[i]);
	if (!known) {
		snprintf(error, CONF_ERROR_SIZE, "machine.accel must be auto, kvm or tcg, not \"%s\"", s->accel);
		return E_INVALID;
	}
	bool closed = !strcmp(s->launch_security, "sev-snp");
	if (!closed && strcmp(s->launch_security, "none") != 0) {
		snprintf(error, CONF_ERROR_SIZE, "machine.launch_security must be none or sev-snp, not \"%s\"",
			 s->launch_security);
		return E_INVALID;
	}
	if (closed && (strcmp(s->accel, "kvm") != 0 || (strcmp(s->port, "dgram") != 0 && strcmp(s->port, "stream") != 0))) {
		snprintf(error, CONF_ERROR_SIZE,
			 "machine.launch_security = sev-snp needs machine.accel = kvm and network.port = stream or dgram");
		return E_INVALID;
	}
	enum port_kind port;
	if (port_kind_choose(s->port, PORT_DGRAM, &port)) {
		snprintf(error, CONF_ERROR_SIZE, "network.port must be auto, dgram, stream or vhost-user, not \"%s\"", s->port);
		return E_INVALID;
	}
	unsigned without;
	if (peers_cipher(s->cipher, &without)) {
		snprintf(error, CONF_ERROR_SIZE, "network.cipher must be auto or aes-256-gcm, not \"%s\"", s->cipher);
		return E_INVALID;
	}
	struct vnet_candidate opened;
	if (*s->address && (!s->udp_port || endpoint_address(s->address, (uint16_t)s->udp_port, opened.address))) {
		snprintf(error, CONF_ERROR_SIZE, "network.address must be a numeric IP address, and network.port_number not 0");
		return E_INVALID;
	}
	if (*s->country &&
	    (strlen(s->country) != 2 || !isalpha((unsigned char)s->country[0]) || !isalpha((unsigned char)s->country[1]))) {
		snprintf(error, CONF_ERROR_SIZE, "machine.country must be two letters, as in DE, not \"%s\"", s->country);
		return E_INVALID;
	}
	if (s->min_buyer_rating.micro > RATING_MAX_PPM) {
		snprintf(error, CONF_ERROR_SIZE, "offer.min_buyer_rating must be from 0 to 1");
		return E_INVALID;
	}
	uuid blocked[MAX_BLOCKED_BUYERS];
	size_t count;
	if (settings_blocked_buyers(s, blocked, &count)) {
		snprintf(error, CONF_ERROR_SIZE, "offer.blocked_buyers must be at most %d ids with blanks between",
			 MAX_BLOCKED_BUYERS);
		return E_INVALID;
	}
	for (char *at = s->country; *at; at++)
		*at = (char)toupper((unsigned char)*at);
	return limits_check(&s->limits, error, CONF_ERROR_SIZE);
}

err_t settings_load(const struct cli *cli, struct settings *ret)
{
	char path[PATH_SIZE], error[CONF_ERROR_SIZE] = "";
	memset(ret, 0, sizeof *ret);
	TRY(settings_state_dir(cli, ret->state, sizeof ret->state));
	conf_defaults(settings_table, ret);
	TRY(settings_path(ret, "seller.conf", path));
	if (access(path, R_OK) && errno == ENOENT)
		return E_NOT_FOUND;
	err_t e = conf_load(settings_table, ret, path, error);
	if (!e)
		e = settings_check(ret, error);
	if (e)
		(void)cli_error(cli, EXIT_USAGE, "%s", error);
	return e;
}

void settings_capacity(const struct settings *s, uint32_t *ret_cores, uint32_t *ret_memory_mib)
{
	struct sysinfo info;
	int cores = get_nprocs();
	int64_t memory = sysinfo(&info) ? GIB : (int64_t)info.totalram * info.mem_unit;
	*ret_cores = (uint32_t)(s->cores ? s->cores : cores > 1 ? cores - 1 : 1);
	*ret_memory_mib = (uint32_t)((s->memory_bytes ? s->memory_bytes : memory / 2) >> 20);
}

struct prices settings_prices(const struct settings *s)
{
	struct prices p = s->prices;
	money floor;
	if (money_scale(s->price_kwh, (uint64_t)s->watts_core, 1000, &floor) == OK && floor.micro > p.per_core_hour.micro)
		p.per_core_hour = floor;
	return p;
}

err_t settings_path(const struct settings *s, const char *part, char *ret_path)
{
	int len = snprintf(ret_path, PATH_SIZE, "%s/%s", s->state, part);
	return len < 0 || len >= PATH_SIZE ? E_LIMIT : OK;
}

err_t identity_load(const struct settings *s, struct identity *ret)
{
	char path[PATH_SIZE];
	AUTO_FREE char *text = NULL;
	size_t len;
	struct identity id = { .key = NULL };
	struct json_error error = { .what = "" };
	struct json_reader r;
	TRY(settings_path(s, "identity.json", path));
	TRY(file_read(path, 4096, &text, &len));
	AUTO_JSON json = NULL;
	TRY(json_parse(text, len, &json, &error));
	json_open(&r, json, &error);
	json_take_uuid(&r, "machine", &id.machine);
	json_take_text(&r, "token", id.token, sizeof id.token);
	TRY(json_close(&r));
	TRY(settings_path(s, "machine.key", path));
	TRY(ed25519_load(path, &id.key));
	*ret = id;
	return OK;
}

err_t identity_save(const struct settings *s, const struct identity *id)
{
	char path[PATH_SIZE];
	AUTO_JSON json = json_object();
	json_put_uuid(json, "machine", id->machine);
	json_put_text(json, "token", id->token);
	AUTO_FREE char *text = json_dumps(json, JSON_INDENT(2));
	if (!text)
		return E_NOMEM;
	TRY(settings_path(s, "machine.key", path));
	TRY(ed25519_save(id->key, path));
	TRY(settings_path(s, "identity.json", path));
	return file_write(path, text, strlen(text), 0600);
}

void identity_clear(struct identity *id)
{
	ed25519_free(id->key);
	id->key = NULL;
}
