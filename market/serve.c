/* SPDX-License-Identifier: Apache-2.0
 * serve.c - cpushare-market serve: database, certificate, socket, loop
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "attest.h"
#include "bytes.h"
#include "certificate.h"
#include "cluster.h"
#include "commands.h"
#include "file.h"
#include "gate.h"
#include "lane.h"
#include "log.h"
#include "login.h"
#include "mails.h"
#include "market.h"
#include "metrics.h"
#include "notify.h"
#include "operate.h"
#include "pay.h"
#include "pulse.h"
#include "relays.h"
#include "setup.h"
#include "vault.h"

#define ARGUMENTS_MAX 256

/* A connection is a descriptor: as many as we may have. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		log_warn("the limit of descriptors stays as it is", "errno=%d", errno);
}

static void on_signal(void *context, int signal)
{
	struct market *m = context;
	log_info("stopping", "signal=%s", signal == SIGTERM ? "TERM" : "INT");
	loop_stop(m->loop);
}

static err_t write_line(const char *folder, const char *name, const char *text, mode_t mode)
{
	char path[PATH_MAX], line[2048];
	int len = snprintf(line, sizeof line, "%s\n", text);
	snprintf(path, sizeof path, "%s/%s", folder, name);
	return file_write(path, line, (size_t)len, mode);
}

/* An address that listens everywhere is reached at this machine's own. */
static void url_of(const struct settings *s, const char *bound, char *url, size_t size)
{
	const char *port = strrchr(bound, ':');
	bool everywhere = !strncmp(bound, "0.0.0.0:", 8) || !strncmp(bound, "[::]:", 5);
	snprintf(url, size, "%s://%s%s", s->http ? "http" : "https", everywhere ? "127.0.0.1" : bound, everywhere ? port : "");
}

/* What other markets on the database need to hand requests on to us. */
static err_t introduce(struct market *m, const char *bound, const char *pin)
{
	uint8_t secret[32];
	random_fill(secret, sizeof secret);
	hex_encode(secret, sizeof secret, m->self.secret);
	m->owner = uuid_make(clock_wall());
	url_of(m->settings, m->settings->internal[0] ? m->settings->internal : bound, m->self.url, sizeof m->self.url);
	return text_copy(m->self.pin, sizeof m->self.pin, m->settings->http ? "" : pin);
}

/* For people a line, for programs an object; both name where we listen and what clients pin. */
static err_t print_listening(const struct cli *cli, const char *url, const char *pin)
{
	if (strcmp(cli_text(cli, "output", "text"), "json")) {
		printf("listening on %s%s%s\n", url, *pin ? " pin " : "", pin);
	} else {
		AUTO_JSON listening = json_pack("{s:i, s:s, s:s}", "schema", 1, "url", url, "pin", pin);
		if (!listening || json_dumpf(listening, stdout, JSON_INDENT(2)))
			return E_NOMEM;
		putchar('\n');
	}
	fflush(stdout);
	return OK;
}

static err_t announce(const struct setup *setup, const char *url, const struct certificate *certificate)
{
	TRY(write_line(setup->data_dir, "pin", certificate->pin, 0644));
	TRY(write_line(setup->data_dir, "database", setup_market_uri(setup), 0600));
	TRY(write_line(setup->data_dir, "url", url, 0644)); /* last: who waits for it finds all of them */
	return print_listening(setup->cli, url, certificate->pin);
}

static void forget_announcement(const struct setup *setup)
{
	static const char *const names[] = { "url", "database" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char path[PATH_MAX];
		snprintf(path, sizeof path, "%s/%s", setup->data_dir, names[i]);
		unlink(path);
	}
}

static struct http_config http_config_of(struct market *m, int fd, const struct certificate *certificate)
{
	const struct settings *s = m->settings;
	return (struct http_config){
		.listen_fd = fd,
		.key_pem = s->http ? NULL : certificate->key_pem,
		.certificate_pem = s->http ? NULL : certificate->certificate_pem,
		.behind_proxy = s->http,
		.forward_secret = m->self.secret,
		.connections = (uint32_t)s->connections,
		.connections_per_address = (uint32_t)s->connections_per_address,
		.timeout_s = (uint32_t)(s->connection_timeout_us / SECOND_US),
		.buffered_bytes = s->buffered_bytes,
		.routes = market_routes,
		.hooks = { .admit = gate_admit, .run = gate_run, .done = metrics_done },
		.context = m,
	};
}

static err_t run(struct market *m, struct setup *setup, int fd, const char *url, const struct certificate *certificate)
{
	struct http_config http = http_config_of(m, fd, certificate);
	err_t e = market_start(m, &http);
	if (e) {
		log_error("the market does not start; is the database up to date (cpushare-market migrate)?", "error=%s store=%s",
			  err_name(e), store_error(m->store));
		return e;
	}
	TRY(loop_signal_add(m->loop, SIGTERM, on_signal, m));
	TRY(loop_signal_add(m->loop, SIGINT, on_signal, m));
	TRY(announce(setup, url, certificate));
	notify_ready(m->loop);
	e = loop_run(m->loop);
	notify_stopping();
	forget_announcement(setup);
	market_stop(m);
	return e;
}

static err_t listen_at(const struct cli *cli, const struct settings *s, int *ret_fd, char *ret_bound)
{
	if (s->http && !http_address_is_loopback(s->address)) {
		(void)cli_error(cli, EXIT_ERROR, "plain HTTP is for a loopback address only, not for %s", s->address);
		return E_INVALID;
	}
	err_t e = http_listen(s->address, ret_fd, ret_bound);
	if (e)
		(void)cli_error(cli, EXIT_ERROR, "cannot listen on %s: %s", s->address,
				e == E_INVALID ? "no address with a port" : strerror(errno));
	return e;
}

/* From the beginning, as the process that it was: nothing of what it remembers holds any more. */
static void stand_by(void)
{
	char *words, *argv[ARGUMENTS_MAX + 1] = { NULL };
	size_t len, count = 0;
	sigset_t none;
	log_info("starting anew, to stand by", "%s", "");
	if (file_read("/proc/self/cmdline", 1 << 20, &words, &len) != OK)
		return;
	for (char *at = words; at < words + len && count < ARGUMENTS_MAX; at += strlen(at) + 1)
		argv[count++] = at;
	sigemptyset(&none); /* those that the loop took are blocked */
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv("/proc/self/exe", argv);
	log_error("cannot start anew", "errno=%d", errno);
	free(words);
}

static struct pay_config pay_config_of(const struct settings *s, const char *url)
{
	return (struct pay_config){ .currency = s->currency,
				    .public_url = url,
				    .ca_file = s->pay_ca,
				    .paypal_file = s->paypal_file,
				    .paypal_url = s->paypal_url,
				    .paypal_certificates = s->paypal_certificates,
				    .stripe_file = s->stripe_file,
				    .stripe_url = s->stripe_url };
}

/* Made once, beside the TLS key: receipts are checked with it for as long as anybody keeps them. */
static err_t load_signing_key(const struct cli *cli, const char *data_dir, struct ed25519_key **ret_key)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/signing.pem", data_dir);
	err_t e = ed25519_load(path, ret_key);
	if (e == E_NOT_FOUND && (e = ed25519_new(ret_key)) == OK && (e = ed25519_save(*ret_key, path)) != OK) {
		ed25519_free(*ret_key);
		*ret_key = NULL;
	}
	if (e)
		(void)cli_error(cli, EXIT_ERROR, "the key in %s: %s", path, err_name(e));
	return e;
}

/* Beside the database, which then does not hold the secrets that are sealed in it. */
static err_t load_vault(const struct cli *cli, const char *data_dir, struct vault **ret_vault)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/secrets.key", data_dir);
	err_t e = vault_load(path, ret_vault);
	if (e)
		(void)cli_error(cli, EXIT_ERROR, "the key in %s: %s", path, err_name(e));
	return e;
}

/* Everything up to the loop; what fails has said why. */
static err_t serve(struct market *m, struct setup *setup)
{
	__attribute__((cleanup(certificate_clear))) struct certificate certificate = { 0 };
	char error[256] = "", bound[64];
	static char url[320];
	int fd = -1;
	/* First what can be wrong about the command, then what takes time. */
	TRY(listen_at(setup->cli, m->settings, &fd, bound));
	if (!m->settings->http && certificate_load(m->settings, setup->data_dir, &certificate, error) != OK) {
		(void)cli_error(setup->cli, EXIT_ERROR, "%s", error);
		return E_INVALID;
	}
	if (relays_load(m->settings, setup->data_dir, &m->relays, error) != OK) {
		(void)cli_error(setup->cli, EXIT_ERROR, "%s", error);
		return E_INVALID;
	}
	if (attest_new(m->settings, &m->attest, error) != OK) {
		(void)cli_error(setup->cli, EXIT_ERROR, "%s", error);
		return E_INVALID;
	}
	if (m->settings->public_url[0])
		snprintf(url, sizeof url, "%s", m->settings->public_url);
	else
		url_of(m->settings, bound, url, sizeof url);
	m->pin = m->settings->certificate[0] ? "" : certificate.pin;
	struct pay_config pay = pay_config_of(m->settings, url);
	if (pay_new(&pay, &m->pay, error) != OK) {
		(void)cli_error(setup->cli, EXIT_ERROR, "%s", error);
		return E_INVALID;
	}
	if (mails_new(m->settings, url, &m->mails, error) != OK) {
		(void)cli_error(setup->cli, EXIT_ERROR, "%s", error);
		return E_INVALID;
	}
	if (!setup->database[0] && setup_lock(setup) != OK) {
		(void)cli_error(setup->cli, EXIT_ERROR, "another market runs on %s", setup->data_dir);
		return E_EXISTS;
	}
	TRY(load_signing_key(setup->cli, setup->data_dir, &m->signing_key));
	TRY(load_vault(setup->cli, setup->data_dir, &m->vault));
	TRY(setup_cluster(setup));
	m->cluster = setup->cluster;
	if (m->cluster)
		TRY(setup_migrate(setup));
	TRY(setup_store(setup, &m->store));
	TRY(login_factors_reseal(m));
	TRY(introduce(m, bound, certificate.pin));
	TRY(loop_new(&m->loop));
	TRY(pulse_start(setup_market_uri(setup), &m->pulse));
	store_watch(m->store, m->pulse);
	TRY(lane_open(m->loop, setup_market_uri(setup), m->pulse, &m->lane));
	for (int i = 0; i < PLACING_LANES; i++)
		TRY(lane_open(m->loop, setup_market_uri(setup), m->pulse, &m->placing_lanes[i]));
	TRY(lane_open(m->loop, setup_market_uri(setup), m->pulse, &m->chain_lane));
	TRY(mails_start(m, setup_market_uri(setup)));
	return run(m, setup, fd, url, &certificate);
}

int command_serve(struct cli *cli)
{
	static struct setup setup;
	static struct market market = { .catch_up_fd = -1 };
	enum log_level level;
	if (log_level_parse(cli_text(cli, "log-level", "info"), &level) != OK)
		return cli_error(cli, EXIT_USAGE, "--log-level: must be error, warn, info or debug");
	int code = form_check(cli);
	if (code || (code = setup_read(cli, true, &setup)))
		return code;
	log_init("cpushare-market", level);
	signal(SIGPIPE, SIG_IGN);
	raise_descriptor_limit();
	market.settings = &setup.settings;
	market.data_dir = setup.data_dir;
	market.resources_dir = setup.resources_dir;
	err_t e = serve(&market, &setup);
	if (market.book_lost)
		stand_by(); /* the embedded database goes on */
	store_close(market.store);
	pulse_stop(market.pulse);
	relays_free(market.relays);
	attest_free(market.attest);
	pay_free(market.pay);
	mails_free(market.mails);
	ed25519_free(market.signing_key);
	vault_free(market.vault);
	setup_clear(&setup);
	loop_free(market.loop);
	return e ? EXIT_ERROR : EXIT_OK;
}
