/* SPDX-License-Identifier: Apache-2.0
 * endpoint.c - one lease's end of the virtual ethernet, in a process of its own
 *
 * How it works: the process goes into the lease's directory (unix socket paths stay short), becomes the lease's user where it was
 * root, makes a key that lives as long as it does, and joins the network. It reads frames that a hostile guest made and packets
 * that strangers sent, so it holds nothing else: no token, no lease but its own. The daemon learns its pin and candidates by
 * asking, and hands it the peers that the market introduced.
 */
#include "endpoint.h"
#include <assert.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "file.h"
#include "ipc.h"
#include "json.h"
#include "log.h"
#include "bytes.h"
#include "lan.h"
#include "paths.h"
#include "pid_file.h"
#include "process.h"
#include "proxy.h"
#include "rates.h"

const char *const port_kind_names[] = { "dgram", "stream", "vhost-user" };
static_assert(sizeof port_kind_names / sizeof *port_kind_names == PORT_KIND_COUNT, "a name each");

err_t port_kind_choose(const char *setting, enum port_kind preferred, enum port_kind *ret_kind)
{
	int kind = (int)preferred;
	if (strcmp(setting, "auto") != 0)
		TRY(state_parse(port_kind_names, PORT_KIND_COUNT, setting, &kind));
	*ret_kind = (enum port_kind)kind;
	return OK;
}

/* net.json was written by our own daemon, yet it is read as strictly as anything else. */
static err_t endpoint_read(struct vnet_config *config, int *ret_port, uint32_t *ret_uid, struct vnet_rates *ret_rates)
{
	AUTO_FREE char *text = NULL;
	AUTO_JSON json = NULL;
	size_t len;
	struct json_error error = { .what = "" };
	struct json_reader r, self;
	struct network_view network = { 0 };
	struct peer_view me = { .has_pin = false };
	TRY(file_read("net.json", 65536, &text, &len));
	TRY(json_parse(text, len, &json, &error));
	json_open(&r, json, &error);
	network_view_take(&r, "network", &network);
	if (json_take_object(&r, "self", &self))
		TRY(peer_view_from_json(self.object, &me, &error));
	json_take_enum(&r, "port", port_kind_names, PORT_KIND_COUNT, ret_port);
	json_take_u32(&r, "uid", 0, UINT32_MAX, ret_uid);
	*ret_rates = (struct vnet_rates){ 0 };
	if (json_has(&r, "up_bytes_s")) /* an older daemon's lease has none */
		rates_take(&r, ret_rates);
	TRY(json_close(&r));
	TRY(peers_network(&network, &config->network));
	peers_stun(&network, config);
	return peers_member(&me, &config->self);
}

static err_t become(uint32_t uid)
{
	if (uid == 0 || geteuid() != 0)
		return OK;
	if (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
		return E_DENIED;
	return OK;
}

/* Short paths, from the lease's directory; the jail has the same two (seller/vm/jail.h). */
static err_t attach(struct vnet *vnet, enum port_kind port)
{
	switch (port) {
	case PORT_STREAM:
		return vnet_attach_qemu_stream(vnet, "net/qemu.sock");
	case PORT_VHOST_USER:
		return vnet_attach_qemu_vhost(vnet, "net/vnet.sock");
	default:
		return vnet_attach_qemu_dgram(vnet, "net/vnet.sock", "net/qemu.sock");
	}
}

static void log_line(void *context, int level, const char *line)
{
	(void)context;
	log_at((enum log_level)level, line, "");
}

err_t endpoint_address(const char *ip, uint16_t port, char *ret_address)
{
	int n = snprintf(ret_address, VNET_CANDIDATE_SIZE, strchr(ip, ':') ? "[%s]:%u" : "%s:%u", ip, port);
	return n < VNET_CANDIDATE_SIZE && network_address_valid(ret_address) ? OK : E_INVALID;
}

/* On the first of the opened ports that no other guest's endpoint has; on any where there is none. */
static err_t join(struct loop *loop, struct vnet_config *config, uint16_t udp_port, const char *address, struct lan **ret_lan)
{
	for (uint16_t port = udp_port; port && port < udp_port + ENDPOINT_PORTS; port++) {
		config->bind_port = port;
		if (*address)
			TRY(endpoint_address(address, port, config->fixed_address));
		if (lan_new(loop, config, ret_lan) == OK)
			return OK;
	}
	config->bind_port = 0;
	config->fixed_address[0] = 0;
	return lan_new(loop, config, ret_lan);
}

static err_t endpoint_run(struct loop *loop, uint16_t udp_port, const char *address, const char *cipher, struct lan **ret_lan)
{
	AUTO_FREE char *key = NULL, *cert = NULL;
	uint32_t uid = 0;
	int port = PORT_DGRAM;
	struct vnet_config config = { .answer_dhcp = true };
	struct vnet_rates rates = { 0 };
	int pid_fd;
	TRY(pid_file_take("net.pid", &pid_fd)); /* before anything: two would fight over the sockets */
	TRY(endpoint_read(&config, &port, &uid, &rates));
	TRY(peers_cipher(cipher, &config.without));
	TRY(certificate_make("endpoint", &key, &cert));
	config.key_pem = key;
	config.cert_pem = cert;
	config.log = log_line;
	proxy_from_environment(&config);
	TRY(join(loop, &config, udp_port, address, ret_lan));
	TRY(vnet_set_rates(lan_vnet(*ret_lan), &rates));
	TRY(lan_serve(*ret_lan, "net.sock"));
	TRY(become(uid));
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	TRY(attach(lan_vnet(*ret_lan), (enum port_kind)port));
	log_info("endpoint up", "port=%s udp=%u", port_kind_names[port], vnet_port_number(lan_vnet(*ret_lan)));
	return loop_run(loop);
}

int endpoint_main(const char *lease_dir, uint16_t udp_port, const char *address, const char *cipher)
{
	struct loop *loop = NULL;
	struct lan *lan = NULL;
	log_init("endpoint", LOG_INFO);
	signal(SIGPIPE, SIG_IGN);
	if (chdir(lease_dir)) {
		log_error("no such lease directory", "path=%s", lease_dir);
		return EXIT_FAILURE;
	}
	err_t failed = loop_new(&loop);
	if (!failed)
		failed = endpoint_run(loop, udp_port, address, cipher, &lan);
	if (failed)
		log_error("the endpoint could not start", "error=%s", err_name(failed));
	lan_free(lan);
	loop_free(loop);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- the daemon's side ---- */

static err_t lease_path(const char *lease_dir, const char *part, char *path, size_t size)
{
	int n = snprintf(path, size, "%s/%s", lease_dir, part);
	return n < 0 || (size_t)n >= size ? E_LIMIT : OK;
}

err_t endpoint_start(const char *lease_dir, const struct lease_spec *spec, enum port_kind port, uint32_t uid, uint16_t udp_port,
		     const char *address, const char *cipher, const struct vnet_rates *rates)
{
	char path[600], log_path[600], program[512];
	AUTO_JSON json = json_object();
	json_put(json, "network", network_view_to_json(&spec->network));
	json_put(json, "self", peer_view_to_json(&spec->self));
	json_put_text(json, "port", port_kind_names[port]);
	json_put_int(json, "uid", uid);
	rates_put(json, rates);
	AUTO_FREE char *text = json_dumps(json, JSON_INDENT(2));
	if (!text)
		return E_NOMEM;
	TRY(lease_path(lease_dir, "net", path, sizeof path));
	TRY(dir_make(path, 0700));
	if (uid && geteuid() == 0 && chown(path, uid, uid))
		return E_IO;
	TRY(lease_path(lease_dir, "net.json", path, sizeof path));
	TRY(file_write_now(path, text, strlen(text), 0600));
	TRY(lease_path(lease_dir, "net.log", log_path, sizeof log_path));
	TRY(process_sibling("cpushare-seller", program, sizeof program));
	char number[8];
	(void)snprintf(number, sizeof number, "%u", udp_port);
	char *argv[] = { program,
			 "endpoint",
			 (char *)lease_dir,
			 "--cipher",
			 (char *)cipher,
			 udp_port ? "--port" : NULL,
			 number,
			 *address ? "--address" : NULL,
			 (char *)address,
			 NULL };
	return process_start(argv, log_path);
}

bool endpoint_lives(const char *lease_dir)
{
	char path[600];
	return !lease_path(lease_dir, "net.pid", path, sizeof path) && pid_file_holder(path);
}

void endpoint_kill(const char *lease_dir)
{
	char path[600];
	if (!lease_path(lease_dir, "net.pid", path, sizeof path))
		pid_file_kill(path);
}

static err_t endpoint_ask(const char *lease_dir, json_t *request, json_t **ret_answer)
{
	char path[600];
	TRY(lease_path(lease_dir, "net.sock", path, sizeof path));
	return ipc_ask(path, request, 1000, ret_answer);
}

err_t endpoint_ask_status(const char *lease_dir, struct endpoint_status *ret)
{
	struct endpoint_status s = { .path = "none" };
	struct json_error error = { .what = "" };
	struct json_reader r;
	AUTO_JSON request = json_pack("{s:s}", "ask", "status");
	AUTO_JSON answer = NULL;
	TRY(endpoint_ask(lease_dir, request, &answer));
	json_open(&r, answer, &error);
	json_take_sha256(&r, "pin", &s.pin);
	candidates_take(&r, "candidates", &s.candidates);
	json_take_u64(&r, "tx_bytes", &s.tx_bytes);
	json_take_u64(&r, "rx_bytes", &s.rx_bytes);
	if (json_has(&r, "up_bytes_s")) /* one of an older version has none, and keeps none */
		rates_take(&r, &s.rates);
	if (json_has(&r, "first_rx_us"))
		json_take_u64(&r, "first_rx_us", &s.first_rx_us);
	TRY(json_close_lenient(&r));
	/* The buyer's peers have the order's first addresses, and names of their own; the first one that is there counts. */
	size_t i;
	json_t *peer;
	json_array_foreach (json_object_get(answer, "peers"), i, peer) {
		const char *ip = json_string_value(json_object_get(peer, "ip"));
		const char *path = json_string_value(json_object_get(peer, "path"));
		if (ip && path && !strncmp(ip, "10.77.0.", 8)) {
			TRY(text_copy(s.path, sizeof s.path, path));
			break;
		}
	}
	s.path_count = paths_of_status(json_object_get(answer, "peers"), s.paths, PEER_MAX);
	*ret = s;
	return OK;
}

err_t endpoint_set_peers(const char *lease_dir, const struct peer_list *peers, const struct relay_list *relays)
{
	AUTO_JSON request = json_object();
	AUTO_JSON answer = NULL;
	json_put_text(request, "ask", "peers");
	json_put(request, "peers", peer_list_to_json(peers));
	json_put(request, "relays", relay_list_to_json(relays));
	TRY(endpoint_ask(lease_dir, request, &answer));
	const char *error = json_string_value(json_object_get(answer, "error"));
	if (error)
		log_warn("the endpoint refused the peers", "error=%s", error);
	return error ? E_INVALID : OK;
}

err_t endpoint_set_rates(const char *lease_dir, const struct vnet_rates *rates)
{
	AUTO_JSON request = json_pack("{s:s}", "ask", "rates");
	AUTO_JSON answer = NULL;
	rates_put(request, rates);
	TRY(endpoint_ask(lease_dir, request, &answer));
	return json_object_get(answer, "error") ? E_INVALID : OK;
}

void endpoint_stop(const char *lease_dir)
{
	AUTO_JSON request = json_pack("{s:s}", "ask", "quit");
	AUTO_JSON answer = NULL;
	if (endpoint_ask(lease_dir, request, &answer))
		endpoint_kill(lease_dir);
}
