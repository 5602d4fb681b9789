/* SPDX-License-Identifier: Apache-2.0
 * lease.c - one lease on this machine
 */
#include "lease.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "bootable.h"
#include "bytes.h"
#include "file.h"
#include "log.h"
#include "scratch.h"
#include "seed.h"
#include "vmrun.h"

#define PATHS_EVERY_US (10 * SECOND_US) /* the market is told of a lease's paths */
#define ENDPOINT_PATIENCE 10		/* questions in a row, a second each, that it may leave unanswered */
#define CAPABILITIES_MAX_BYTES (1024 * 1024)
enum { START_WAIT_MS = 90000, START_STEP_MS = 20, FETCH_STEP_MS = 5 };

static void wake(const struct lease_host *host)
{
	uint64_t one = 1;
	if (write(host->wake_fd, &one, sizeof one) != sizeof one)
		return; /* it is awake already */
}

static err_t in_dir(const struct lease_here *l, const char *part, char *path, size_t size)
{
	int n = snprintf(path, size, "%s/%s", l->dir, part);
	return n < 0 || (size_t)n >= size ? E_LIMIT : OK;
}

static void set_ended(struct lease_here *l, enum end_reason reason, const char *detail)
{
	if (l->state == LEASE_ENDED)
		return;
	l->state = LEASE_ENDED;
	l->reason = reason;
	snprintf(l->detail, sizeof l->detail, "%s", detail);
	log_info("lease ended here", "lease=%s reason=%s detail=%s", strrchr(l->dir, '/') + 1, end_reason_names[reason], detail);
}

static uint64_t traffic_of(const struct lease_here *l)
{
	return l->journal.tx_before + l->journal.tx_now + l->journal.rx_before + l->journal.rx_now;
}

static err_t lease_new(const struct lease_host *host, uuid id, int slot, struct lease_here **ret_lease)
{
	char text[UUID_TEXT_SIZE], part[64];
	struct lease_here *l = calloc(1, sizeof *l);
	if (!l)
		return E_NOMEM;
	l->id = id;
	l->host = host;
	l->uid = geteuid() == 0 ? (uint32_t)(host->settings->jail_uid + slot) : 0;
	l->port = host->port;
	l->start = WARM_START_NONE;
	l->state = LEASE_PREPARING;
	l->desired = LEASE_RUNNING;
	snprintf(l->path, sizeof l->path, "none");
	snprintf(part, sizeof part, "leases/%s", uuid_format(id, text));
	err_t e = settings_path(host->settings, part, l->dir);
	if (!e)
		e = journal_load(l->dir, id, &l->journal);
	if (e) {
		free(l);
		return e;
	}
	l->traffic_counted = traffic_of(l);
	*ret_lease = l;
	return OK;
}

/* ---- preparing, on the lease's own thread ---- */

static err_t failed_for(struct lease_here *l, err_t e, enum end_reason reason, const char *what)
{
	if (!e)
		return OK;
	l->prepare_reason = reason;
	if (!*l->prepare_detail)
		snprintf(l->prepare_detail, sizeof l->prepare_detail, "%s: %s", what, err_name(e));
	return e;
}

static err_t fetch_spec(struct lease_here *l, struct client *client)
{
	char path[128], id[UUID_TEXT_SIZE], file[PATH_SIZE + 16];
	AUTO_JSON json = NULL;
	struct problem problem = { .status = 0 };
	struct json_error error = { .what = "" };
	snprintf(path, sizeof path, "/v1/leases/%s/spec", uuid_format(l->id, id));
	err_t e = client_call(client, "GET", path, NULL, NULL, &json, &problem);
	if (e)
		snprintf(l->prepare_detail, sizeof l->prepare_detail, "the lease's terms: %s", problem.title);
	TRY(e);
	TRY(lease_spec_from_json(json, &l->spec, &error));
	AUTO_FREE char *text = json_dumps(json, JSON_INDENT(2));
	if (!text)
		return E_NOMEM;
	TRY(in_dir(l, "lease.json", file, sizeof file));
	TRY(file_write_now(file, text, strlen(text), 0600));
	l->has_spec = true;
	return OK;
}

/* Until it can be read, or is whole. */
static err_t fetch_image(struct lease_here *l)
{
	struct image_fetch *f;
	const char *detail;
	TRY(image_fetch_start(l->host->settings, l->host->identity, &l->host->image_bytes_s, l->host->wake_fd, l->spec.image,
			      l->spec.image_bytes, l->dir, false, &f));
	atomic_store(&l->fetch, f);
	while (image_fetch_state(f) == FETCH_WAITS) {
		if (atomic_load(&l->cancel))
			return E_AGAIN;
		usleep(FETCH_STEP_MS * 1000);
	}
	l->served = image_fetch_state(f) == FETCH_READABLE;
	if (image_fetch_state(f) != FETCH_FAILED)
		return OK;
	err_t e = image_fetch_error(f, &detail);
	snprintf(l->prepare_detail, sizeof l->prepare_detail, "%s", detail);
	return e;
}

/* The fetch stays until here, so that it knows in the end what the guest read. */
static void end_fetch(struct lease_here *l)
{
	image_fetch_free(atomic_exchange(&l->fetch, NULL));
}

static err_t wait_started(struct lease_here *l, struct vmrun_status *ret)
{
	struct vmrun_status status = { .starting = true };
	for (int waited = 0; waited < START_WAIT_MS; waited += START_STEP_MS) {
		if (atomic_load(&l->cancel))
			return E_AGAIN;
		if (vmrun_ask_status(l->dir, &status) == OK && !status.starting) {
			*ret = status;
			return OK;
		}
		usleep(START_STEP_MS * 1000);
	}
	return E_TIMEOUT;
}

static struct vnet_rates host_rates(const struct lease_host *host)
{
	return (struct vnet_rates){ atomic_load(&host->up_bytes_s), atomic_load(&host->down_bytes_s) };
}

static err_t start_endpoint(struct lease_here *l)
{
	const struct settings *s = l->host->settings;
	struct vnet_rates rates = host_rates(l->host);
	return endpoint_start(l->dir, &l->spec, l->port, l->uid, (uint16_t)s->udp_port, s->address, s->cipher, &rates);
}

/* SEV-SNP's firmware is not the BIOS; and of an image that is still being fetched the sectors need not be here. */
static err_t check_boots(struct lease_here *l)
{
	char image[PATH_SIZE + 16];
	const char *why;
	if (l->served || strcmp(l->host->settings->launch_security, "none") != 0)
		return OK;
	TRY(in_dir(l, "image.iso", image, sizeof image));
	err_t e = bootable_check(image, &why);
	if (e)
		snprintf(l->prepare_detail, sizeof l->prepare_detail, "the image: %s", why);
	return e;
}

/* What libvirt found out of this machine's QEMU, of lease to lease; libvirt looks whether it still holds. */
static err_t capabilities_kept(const struct lease_here *l, char *path)
{
	char part[32];
	(void)snprintf(part, sizeof part, "capabilities-%s.xml", accel_names[l->host->accel]);
	return settings_path(l->host->settings, part, path);
}

static void lend_capabilities(const struct lease_here *l)
{
	char kept[PATH_SIZE], here[PATH_SIZE + 32];
	if (!capabilities_kept(l, kept) && !in_dir(l, "capabilities.xml", here, sizeof here) && link(kept, here) &&
	    errno != ENOENT && errno != EEXIST)
		log_warn("what is known of QEMU is not used", "path=%s", kept);
}

static void keep_capabilities(const struct lease_here *l)
{
	char kept[PATH_SIZE], found[PATH_SIZE + 32];
	AUTO_FREE char *text = NULL;
	size_t len;
	if (!capabilities_kept(l, kept) && !in_dir(l, "capabilities.new", found, sizeof found) &&
	    !file_read(found, CAPABILITIES_MAX_BYTES, &text, &len) && len && file_write(kept, text, len, 0644))
		log_warn("what was found out of QEMU is not kept", "path=%s", kept);
}

static err_t write_seed(const struct lease_here *l, const char *path)
{
	const struct seed seed = { l->spec.lease, l->spec.name, l->spec.self.mac, l->spec.user_data };
	return seed_write(&seed, path);
}

static err_t start_guest(struct lease_here *l, struct vmrun_status *ret_status)
{
	if (l->served)
		TRY(failed_for(l, vmrun_serve_image(l->dir, l->uid), END_BOOT_FAILED, "the image's blocks"));
	TRY(failed_for(l,
		       vmrun_start(l->dir, &l->spec, l->host->accel, l->port, l->uid, l->host->settings->limits.idle, l->served,
				   l->host->settings->launch_security, &l->start),
		       END_BOOT_FAILED, "vmrun"));
	return failed_for(l, wait_started(l, ret_status), END_BOOT_FAILED, "the VM did not start");
}

/* A template that does not start costs a cold start, and no lease. */
static err_t start_warm_or_cold(struct lease_here *l)
{
	struct vmrun_status status = { .starting = true };
	if (!strcmp(l->host->settings->launch_security, "none"))
		l->start = warm_choose(l->host->warm, &l->spec, l->host->accel, l->port);
	err_t e = start_guest(l, &status);
	if (!e && l->start.mode == WARM_CLONE && status.state == LEASE_ENDED && status.reason == END_BOOT_FAILED) {
		log_warn("a template does not start and is dropped", "lease=%s detail=%s", strrchr(l->dir, '/') + 1,
			 status.detail);
		warm_drop(l->host->warm, l->start.hardware_id);
		vmrun_end(l->dir);
		warm_start_clear(&l->start);
		l->start = WARM_START_NONE;
		e = start_guest(l, &status);
	}
	warm_start_clear(&l->start);
	return e;
}

static err_t prepare(struct lease_here *l, struct client *client)
{
	char seed[PATH_SIZE + 16];
	TRY(in_dir(l, "cidata.iso", seed, sizeof seed));
	TRY(failed_for(l, fetch_spec(l, client), END_IMAGE_FAILED, "the lease's terms"));
	if (l->spec.warm && l->port == PORT_VHOST_USER)
		l->port = PORT_STREAM; /* vhost-user's endpoint would have the template's memory */
	TRY(failed_for(l, fetch_image(l), END_IMAGE_FAILED, "the image"));
	TRY(failed_for(l, check_boots(l), END_BOOT_FAILED, "the image"));
	TRY(failed_for(l, write_seed(l, seed), END_BOOT_FAILED, "the seed disc"));
	TRY(failed_for(l, scratch_make(l->host->settings, l->dir, &l->spec, l->uid), END_BOOT_FAILED, "the scratch disk"));
	TRY(failed_for(l, start_endpoint(l), END_BOOT_FAILED, "the network's endpoint"));
	lend_capabilities(l);
	TRY(start_warm_or_cold(l));
	keep_capabilities(l);
	return OK;
}

static void *prepare_thread(void *context)
{
	struct lease_here *l = context;
	struct client *client = NULL;
	struct client_config config = { .url = l->host->settings->market_url,
					.pin = l->host->settings->market_pin,
					.token = l->host->identity->token,
					.user_agent = "cpushare-seller/" CPUSHARE_VERSION };
	l->prepare_error = failed_for(l, client_new(&config, &client), END_IMAGE_FAILED, "the market's address");
	if (!l->prepare_error)
		l->prepare_error = prepare(l, client);
	client_free(client);
	atomic_store(&l->prepared, true);
	wake(l->host);
	return NULL;
}

static err_t prepare_start(struct lease_here *l)
{
	TRY(dir_make(l->dir, 0711));
	if (pthread_create(&l->thread, NULL, prepare_thread, l))
		return E_NOMEM;
	l->preparing = true;
	return OK;
}

static void prepare_join(struct lease_here *l)
{
	if (!l->preparing)
		return;
	pthread_join(l->thread, NULL);
	l->preparing = false;
}

err_t lease_start(const struct lease_host *host, uuid id, int slot, struct lease_here **ret_lease)
{
	struct lease_here *l;
	TRY(lease_new(host, id, slot, &l));
	err_t e = prepare_start(l);
	if (e) {
		free(l);
		return e;
	}
	*ret_lease = l;
	return OK;
}

/* What vm.json says of the user id and the port; what a new lease would get where there is none yet. */
static void adopt_vm(struct lease_here *l)
{
	char path[PATH_SIZE + 16];
	AUTO_FREE char *text = NULL;
	AUTO_JSON json = NULL;
	size_t len;
	struct json_error error;
	if (in_dir(l, "vm.json", path, sizeof path) || file_read(path, 65536, &text, &len) ||
	    json_parse(text, len, &json, &error))
		return;
	json_int_t uid = json_integer_value(json_object_get(json, "uid"));
	if (uid >= 0 && uid <= UINT32_MAX)
		l->uid = (uint32_t)uid;
	/* A machine that runs keeps the port that it was started with, whatever the settings say since. */
	const char *port = json_string_value(json_object_get(json, "port"));
	int kind;
	if (state_parse(port_kind_names, PORT_KIND_COUNT, port ? port : port_kind_names[PORT_DGRAM], &kind) == OK)
		l->port = (enum port_kind)kind;
	else
		log_warn("vm.json names no port that we know", "lease=%s", strrchr(l->dir, '/') + 1);
}

static bool adopt_spec(struct lease_here *l)
{
	char path[PATH_SIZE + 16];
	AUTO_FREE char *text = NULL;
	AUTO_JSON json = NULL;
	size_t len;
	struct json_error error = { .what = "" };
	l->has_spec = !in_dir(l, "lease.json", path, sizeof path) && !file_read(path, 1 << 20, &text, &len) &&
		      !json_parse(text, len, &json, &error) && !lease_spec_from_json(json, &l->spec, &error);
	return l->has_spec;
}

/* Its guest reads an image that may not be whole yet. */
static void resume_fetch(struct lease_here *l)
{
	struct image_fetch *f = NULL;
	l->served = vmrun_image_served(l->dir);
	if (!l->served)
		return;
	if (image_fetch_start(l->host->settings, l->host->identity, &l->host->image_bytes_s, l->host->wake_fd, l->spec.image,
			      l->spec.image_bytes, l->dir, true, &f))
		log_warn("the image is not fetched on", "lease=%s", strrchr(l->dir, '/') + 1);
	atomic_store(&l->fetch, f);
}

/* vm.json is written right before the machine starts. What a power cut took of the files here it did not take of the usage records. */
static bool was_started(const struct lease_here *l)
{
	char path[PATH_SIZE + 16];
	return (!in_dir(l, "vm.json", path, sizeof path) && !access(path, F_OK)) || l->journal.last.running_us;
}

/* A machine that is gone is not started again, and neither is one whose terms are gone left running. */
static void adopt_started(struct lease_here *l, bool has_spec)
{
	struct vmrun_status status;
	l->ran = true;
	err_t e = has_spec ? vmrun_ask_status(l->dir, &status) : E_CORRUPT;
	if (e && e != E_TIMEOUT) {
		set_ended(l, END_BOOT_FAILED, "the VM was gone when the daemon came back");
		endpoint_stop(l->dir);
		vmrun_end(l->dir);
		return;
	}
	/* One that is too busy to answer lives. */
	l->state = e || status.starting ? LEASE_RUNNING : status.state;
	resume_fetch(l);
	log_info("lease found again", "lease=%s state=%s", strrchr(l->dir, '/') + 1, lease_state_names[l->state]);
}

err_t lease_adopt(const struct lease_host *host, uuid id, int slot, struct lease_here **ret_lease)
{
	struct lease_here *l;
	TRY(lease_new(host, id, slot, &l));
	adopt_vm(l);
	bool has_spec = adopt_spec(l);
	if (was_started(l)) {
		adopt_started(l, has_spec);
	} else {
		lease_spec_clear(&l->spec);
		l->has_spec = false;
		err_t e = prepare_start(l);
		if (e) {
			free(l);
			return e;
		}
	}
	*ret_lease = l;
	return OK;
}

err_t lease_refuse(const struct lease_host *host, uuid id, enum end_reason reason, const char *detail,
		   struct lease_here **ret_lease)
{
	TRY(lease_new(host, id, 0, ret_lease));
	set_ended(*ret_lease, reason, detail);
	return OK;
}

/* ---- on the agent's thread ---- */

/* Only where no frame of another peer had come before: any image may be ordered to start warm, and one that does what its network tells it
 * says whatever its buyer wants, in the name of all who order it. */
static void take_template(struct lease_here *l, const struct vmrun_status *status)
{
	struct endpoint_status network;
	char path[PATH_SIZE + 16];
	if (!l->revived && endpoint_ask_status(l->dir, &network))
		return; /* the next time */
	if (l->revived || (network.first_rx_us && network.first_rx_us <= status->template_us))
		log_info("a template is not kept", "lease=%s why=\"frames had come before\"", strrchr(l->dir, '/') + 1);
	else
		warm_keep(l->host->warm, l->start.hardware_id, l->dir, status->template_hash);
	if (!in_dir(l, "template.new", path, sizeof path) && unlink(path) && errno != ENOENT)
		log_warn("a template stays", "path=%s", path);
	l->start.mode = WARM_NONE; /* once */
}

static void take_counters(struct lease_here *l, const struct vmrun_status *status)
{
	if (l->start.mode == WARM_TEMPLATE && status->has_template)
		take_template(l, status);
	if (status->vcpu_ns > l->vcpu_ns)
		l->vcpu_ns = status->vcpu_ns;
	l->resets = status->resets;
	if (status->running_us > l->running_us)
		l->running_us = status->running_us;
}

/* False: it does not answer. */
static bool look_at_endpoint(struct lease_here *l)
{
	struct endpoint_status status;
	if (endpoint_ask_status(l->dir, &status))
		return false;
	l->unanswered = 0;
	if (!sha256_equal(l->pin, status.pin))
		l->peers_version = 0; /* a new endpoint knows nobody yet */
	l->has_network = true;
	l->pin = status.pin;
	l->candidates = status.candidates;
	l->rates = status.rates;
	memcpy(l->path, status.path, sizeof l->path);
	l->path_count = status.path_count;
	memcpy(l->paths, status.paths, status.path_count * sizeof *l->paths);
	journal_traffic(&l->journal, status.pin, status.tx_bytes, status.rx_bytes);
	return true;
}

/* One that lives and does not answer is slow, or hangs: a second one beside it would do harm, so it is killed first. */
static void revive_endpoint(struct lease_here *l)
{
	if (endpoint_lives(l->dir)) {
		if (++l->unanswered < ENDPOINT_PATIENCE)
			return;
		log_warn("the endpoint hangs and is killed", "lease=%s", strrchr(l->dir, '/') + 1);
		endpoint_kill(l->dir);
	}
	l->unanswered = 0;
	l->has_network = false;
	l->revived = true;
	l->peers_version = 0;
	if (start_endpoint(l))
		log_warn("the endpoint does not start", "lease=%s", strrchr(l->dir, '/') + 1);
}

static void finish_preparing(struct lease_here *l)
{
	prepare_join(l);
	if (l->prepare_error) {
		end_fetch(l);
		set_ended(l, l->prepare_reason, l->prepare_detail);
		endpoint_stop(l->dir);
		vmrun_end(l->dir);
		return;
	}
	l->ran = true;
	l->state = LEASE_RUNNING;
	if (!l->spec.warm)
		return;
	snprintf(l->detail, sizeof l->detail, "started %s", l->start.mode == WARM_CLONE ? "warm, from a template" : "cold");
	log_info("the guest started", "lease=%s start=%s", strrchr(l->dir, '/') + 1,
		 l->start.mode == WARM_CLONE ? "warm" : "cold");
}

/* A guest whose image cannot be completed, or is served no more, would only see its disc fail. */
static void look_at_image(struct lease_here *l)
{
	struct image_fetch *f = atomic_load(&l->fetch);
	const char *detail = "what served the image's blocks is gone";
	if (!l->served)
		return;
	if (f && image_fetch_state(f) == FETCH_FAILED)
		(void)!image_fetch_error(f, &detail);
	else if (vmrun_image_served(l->dir))
		return;
	char text[DETAIL_SIZE];
	snprintf(text, sizeof text, "%s", detail);
	lease_stop(l, END_IMAGE_FAILED, text);
}

void lease_look(struct lease_here *l)
{
	struct vmrun_status status;
	if (l->preparing) {
		if (!atomic_load(&l->prepared))
			return;
		finish_preparing(l);
	}
	if (l->state == LEASE_ENDED)
		return;
	if (!look_at_endpoint(l) && l->has_spec)
		revive_endpoint(l);
	err_t e = vmrun_ask_status(l->dir, &status);
	if (e == E_TIMEOUT)
		return; /* busy: ask again next time */
	if (e) {
		set_ended(l, END_BOOT_FAILED, "the VM's process is gone");
		endpoint_stop(l->dir);
		vmrun_end(l->dir);
		return;
	}
	take_counters(l, &status);
	if (status.state == LEASE_ENDED) {
		lease_stop(l, status.reason, status.detail);
		return;
	}
	if (!status.starting)
		l->state = status.state;
	look_at_image(l);
}

void lease_share(struct lease_here *l)
{
	static struct log_bucket bucket;
	struct vnet_rates rates = host_rates(l->host);
	if (!l->has_network || l->state == LEASE_ENDED ||
	    (rates.up_bytes_s == l->rates.up_bytes_s && rates.down_bytes_s == l->rates.down_bytes_s))
		return;
	if (endpoint_set_rates(l->dir, &rates) == OK)
		l->rates = rates;
	else if (log_allowed(&bucket))
		log_warn("the endpoint does not take its share of the line", "lease=%s", strrchr(l->dir, '/') + 1);
}

bool lease_fetches(const struct lease_here *l)
{
	const struct image_fetch *f = atomic_load(&l->fetch);
	return f && image_fetch_state(f) < FETCH_WHOLE;
}

bool lease_moves(const struct lease_here *l)
{
	const struct image_fetch *f = atomic_load(&l->fetch);
	return l->state != LEASE_ENDED && (!l->preparing || (f && image_fetch_state(f) != FETCH_WAITS));
}

static void steer_throttle(struct lease_here *l, enum policy_level level)
{
	int64_t percent = level == POLICY_THROTTLED ? l->host->settings->limits.throttle_percent : 100;
	if (l->ran && l->state != LEASE_ENDED && percent != l->throttle_percent && vmrun_throttle(l->dir, percent) == OK)
		l->throttle_percent = percent;
}

void lease_steer(struct lease_here *l, enum policy_level level)
{
	struct vmrun_status status;
	if (l->desired == LEASE_ENDED) {
		lease_stop(l, l->desired_reason, "");
		return;
	}
	steer_throttle(l, level);
	bool pause = level == POLICY_PAUSED || l->desired == LEASE_PAUSED;
	const char *ask = l->state == LEASE_RUNNING && pause ? "pause" : l->state == LEASE_PAUSED && !pause ? "resume" : NULL;
	if (ask && vmrun_ask(l->dir, ask, &status) == OK) {
		take_counters(l, &status);
		if (status.state != LEASE_ENDED)
			l->state = status.state;
	}
	if (l->state == LEASE_RUNNING && l->resets < l->desired_resets && vmrun_reset(l->dir, l->desired_resets, &status) == OK)
		take_counters(l, &status);
}

uint64_t lease_new_traffic(struct lease_here *l)
{
	uint64_t all = traffic_of(l), before = l->traffic_counted;
	l->traffic_counted = all;
	return all > before ? all - before : 0;
}

money lease_earned(const struct lease_here *l)
{
	const struct prices *p = &l->spec.prices;
	money sum = { 0 }, part;
	if (!l->has_spec || l->preparing)
		return sum;
	const struct {
		money price;
		uint64_t quantity, per;
	} parts[] = {
		{ p->per_core_hour, l->vcpu_ns / 1000, (uint64_t)HOUR_US },
		{ p->per_gib_hour, l->running_us * l->spec.memory_mib, 1024 * (uint64_t)HOUR_US },
		{ p->per_gib_transferred, traffic_of(l), 1ULL << 30 },
	};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (money_scale(parts[i].price, parts[i].quantity, parts[i].per, &part) || money_add(sum, part, &sum))
			return (money){ 0 };
	return sum;
}

int64_t lease_frozen_us(struct lease_here *l, enum policy_level level, mono_time now)
{
	bool frozen = level == POLICY_PAUSED && l->ran && l->state != LEASE_ENDED;
	if (!frozen)
		l->frozen_at.us = 0;
	else if (!l->frozen_at.us)
		l->frozen_at = now;
	return frozen ? now.us - l->frozen_at.us : 0;
}

void lease_stop(struct lease_here *l, enum end_reason reason, const char *detail)
{
	struct vmrun_status status;
	if (l->preparing) {
		atomic_store(&l->cancel, true);
		prepare_join(l);
	}
	if (l->state == LEASE_ENDED)
		return;
	if (vmrun_ask(l->dir, "stop", &status) == OK)
		take_counters(l, &status);
	if (l->ran)
		(void)look_at_endpoint(l); /* its last counters */
	end_fetch(l);
	set_ended(l, reason, detail);
	endpoint_stop(l->dir);
	vmrun_end(l->dir);
}

int lease_permille(const struct lease_here *l)
{
	const struct image_fetch *f = atomic_load(&l->fetch);
	return f ? image_fetch_permille(f) : -1;
}

void lease_report(struct lease_here *l, struct lease_report *ret)
{
	static struct log_bucket bucket;
	memset(ret, 0, sizeof *ret);
	ret->lease = l->id;
	ret->state = l->state;
	ret->reason = l->state == LEASE_ENDED ? l->reason : END_NONE;
	snprintf(ret->detail, sizeof ret->detail, "%s", l->detail);
	ret->progress_permille = lease_permille(l);
	ret->has_network = l->has_network;
	ret->pin = l->pin;
	ret->candidates = l->candidates;
	memcpy(ret->path, l->path, sizeof ret->path);
	ret->peers_version = l->peers_version;
	if (!l->ran)
		return;
	err_t e = journal_record(&l->journal, l->dir, l->host->identity->key, l->vcpu_ns, l->running_us, &ret->usage);
	ret->has_usage = true;
	if (e && log_allowed(&bucket))
		log_warn("usage not written", "lease=%s error=%s", strrchr(l->dir, '/') + 1, err_name(e));
}

void lease_report_paths(struct lease_here *l, struct report *report, struct lease_report *ret, mono_time now)
{
	if (!l->has_network || now.us - l->paths_told_us < PATHS_EVERY_US ||
	    l->path_count > REPORT_MAX_PATHS - report->path_count)
		return;
	ret->has_paths = true;
	ret->first_path = report->path_count;
	ret->path_count = l->path_count;
	memcpy(report->paths + report->path_count, l->paths, l->path_count * sizeof *l->paths);
	report->path_count += l->path_count;
	l->paths_told_us = now.us;
}

void lease_answer(struct lease_here *l, const struct lease_order *order)
{
	l->desired = order->state;
	l->desired_reason = order->reason;
	l->desired_resets = order->resets;
	if (journal_acknowledge(&l->journal, order->ack_seq, order->ack_hash))
		log_warn("the market builds on a usage record that this machine does not know", "lease=%s seq=%llu",
			 strrchr(l->dir, '/') + 1, (unsigned long long)order->ack_seq);
	if (order->has_peers && l->has_network && endpoint_set_peers(l->dir, &order->peers, &order->relays) == OK)
		l->peers_version = order->peers_version;
}

err_t lease_console(const struct lease_here *l, int64_t from, struct console_chunk *ret)
{
	return vmrun_console(l->dir, from, ret);
}

err_t lease_type(const struct lease_here *l, const struct console_input *input)
{
	return vmrun_type(l->dir, input);
}

err_t lease_screen(const struct lease_here *l, uint32_t width, struct screen_picture *ret)
{
	TRY(vmrun_screen(l->dir, width, ret));
	if (ret->number == l->screen_sent)
		ret->len = 0;
	return OK;
}

void lease_leave(struct lease_here *l)
{
	if (l->preparing) {
		atomic_store(&l->cancel, true);
		prepare_join(l);
	}
	end_fetch(l);
	lease_spec_clear(&l->spec);
	free(l);
}

void lease_forget(struct lease_here *l)
{
	lease_stop(l, END_CANCELLED_BY_BUYER, "");
	err_t e = dir_remove(l->dir);
	if (e)
		log_warn("the lease's directory stays", "path=%s error=%s", l->dir, err_name(e));
	lease_leave(l);
}
