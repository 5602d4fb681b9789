/* SPDX-License-Identifier: Apache-2.0
 * desktop.c - what logind and NetworkManager say, on a bus of the test's own: a real dbus-daemon, and stand-ins that answer the documented
 * properties
 */
#include "desktop.h"
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>
#include "file.h"
#include "governor.h"
#include "json.h"
#include "tap.h"

static char dir[] = "/tmp/cpushare-desktop-XXXXXX";
static char config[64], address[96];
static struct desktop *d;

/* ---- the bus ---- */

static pid_t start_bus(void)
{
	char text[512], option[96], socket[64];
	snprintf(socket, sizeof socket, "%s/bus", dir);
	unlink(socket);
	int len = snprintf(text, sizeof text,
			   "<busconfig><type>session</type><listen>unix:path=%s</listen><policy context=\"default\">"
			   "<allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow "
			   "own=\"*\"/></policy></busconfig>",
			   socket);
	if (file_write(config, text, (size_t)len, 0644) != OK)
		abort();
	snprintf(option, sizeof option, "--config-file=%s", config);
	pid_t pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(STDERR_FILENO); /* it may not raise its limit of descriptors, and says so */
		execlp("dbus-daemon", "dbus-daemon", "--nofork", "--nopidfile", option, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 500 && access(socket, F_OK); i++)
		usleep(20000);
	return pid;
}

static void end_bus(pid_t pid)
{
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

/* ---- the services ---- */

static atomic_int idle, metered;
static atomic_bool wrong, ready, quit;

static int get_idle(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
		    void *context, sd_bus_error *error)
{
	(void)bus, (void)path, (void)interface, (void)property, (void)context, (void)error;
	return sd_bus_message_append(reply, "b", atomic_load(&idle));
}
static int get_wrong(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
		     void *context, sd_bus_error *error)
{
	(void)bus, (void)path, (void)interface, (void)property, (void)context, (void)error;
	return sd_bus_message_append(reply, "s", "yes");
}
static int get_metered(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
		       void *context, sd_bus_error *error)
{
	(void)bus, (void)path, (void)interface, (void)property, (void)context, (void)error;
	return sd_bus_message_append(reply, "u", (uint32_t)atomic_load(&metered));
}
static const sd_bus_vtable logind[] = { SD_BUS_VTABLE_START(0),
					SD_BUS_PROPERTY("IdleHint", "b", get_idle, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
					SD_BUS_VTABLE_END };
static const sd_bus_vtable other_logind[] = { SD_BUS_VTABLE_START(0), SD_BUS_PROPERTY("IdleHint", "s", get_wrong, 0, 0),
					      SD_BUS_VTABLE_END };
static const sd_bus_vtable manager[] = { SD_BUS_VTABLE_START(0),
					 SD_BUS_PROPERTY("Metered", "u", get_metered, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
					 SD_BUS_VTABLE_END };

#define LOGIND_PATH "/org/freedesktop/login1", "org.freedesktop.login1.Manager"
#define MANAGER_PATH "/org/freedesktop/NetworkManager", "org.freedesktop.NetworkManager"

static void *serve(void *context)
{
	sd_bus *bus = NULL;
	(void)context;
	if (sd_bus_open_system(&bus) < 0 ||
	    sd_bus_add_object_vtable(bus, NULL, LOGIND_PATH, atomic_load(&wrong) ? other_logind : logind, NULL) < 0 ||
	    sd_bus_add_object_vtable(bus, NULL, MANAGER_PATH, manager, NULL) < 0 ||
	    sd_bus_request_name(bus, "org.freedesktop.login1", 0) < 0 ||
	    sd_bus_request_name(bus, "org.freedesktop.NetworkManager", 0) < 0)
		abort();
	atomic_store(&ready, true);
	for (int was_idle = atomic_load(&idle), was_metered = atomic_load(&metered); !atomic_load(&quit);) {
		while (sd_bus_process(bus, NULL) > 0)
			;
		if (was_idle != atomic_load(&idle))
			sd_bus_emit_properties_changed(bus, LOGIND_PATH, "IdleHint", NULL);
		if (was_metered != atomic_load(&metered))
			sd_bus_emit_properties_changed(bus, MANAGER_PATH, "Metered", NULL);
		was_idle = atomic_load(&idle);
		was_metered = atomic_load(&metered);
		sd_bus_wait(bus, 20000);
	}
	sd_bus_flush_close_unref(bus);
	return NULL;
}

static pthread_t start_services(void)
{
	pthread_t thread;
	atomic_store(&quit, false);
	atomic_store(&ready, false);
	if (pthread_create(&thread, NULL, serve, NULL))
		abort();
	while (!atomic_load(&ready))
		usleep(1000);
	return thread;
}

static void end_services(pthread_t thread)
{
	atomic_store(&quit, true);
	pthread_join(thread, NULL);
}

/* ---- what is seen ---- */

static bool sees(bool (*what)(const struct desktop_view *v))
{
	for (int i = 0; i < 1000; i++) {
		struct desktop_view v = desktop_look(d, clock_mono());
		if (what(&v))
			return true;
		usleep(20000);
	}
	return false;
}
static bool both(const struct desktop_view *v)
{
	return v->logind && v->network_manager;
}
static bool somebody(const struct desktop_view *v)
{
	return v->logind && v->user == 0;
}
static bool nobody_for_a_second(const struct desktop_view *v)
{
	return v->logind && v->user <= -1;
}
static bool costs(const struct desktop_view *v)
{
	return v->network_manager && v->metered && !v->guessed;
}
static bool only_logind(const struct desktop_view *v)
{
	return v->logind && !v->network_manager;
}
static bool neither(const struct desktop_view *v)
{
	return !v->logind && v->user == POLICY_UNKNOWN && !v->network_manager;
}
static bool only_manager(const struct desktop_view *v)
{
	return !v->logind && v->user == POLICY_UNKNOWN && v->network_manager;
}

static bool has_reason(struct governor *g, const char *name, const char *level, const char *sense, const char *by)
{
	for (int i = 0; i < 1000; i++) {
		AUTO_JSON json = governor_to_json(g);
		size_t n;
		json_t *one, *way;
		bool found = false, told = false;
		json_array_foreach (json_object_get(json, "reasons"), n, one)
			found |= !strcmp(json_string_value(json_object_get(one, "reason")), name) &&
				 !strcmp(json_string_value(json_object_get(one, "level")), level);
		json_array_foreach (json_object_get(json_object_get(json, "senses"), sense), n, way)
			told |= !strcmp(json_string_value(way), by);
		if (found && told)
			return true;
		usleep(20000);
	}
	return false;
}

/* All the way to what guests may: the owner's settings, this computer's own senses beside. */
static void test_governor(void)
{
	static struct settings s;
	char error[CONF_ERROR_SIZE];
	struct governor *g;
	AUTO_FD wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	conf_defaults(settings_table, &s);
	snprintf(s.state, sizeof s.state, "%s", dir);
	ok(conf_set(settings_table, &s, "limits.user", "pause", error) == OK &&
		   conf_set(settings_table, &s, "limits.metered", "throttle", error) == OK && settings_check(&s, error) == OK,
	   "an owner who wants his computer for himself");
	atomic_store(&idle, 0);
	atomic_store(&metered, 1);
	ok(governor_new(&s, wake, &g) == OK, "a governor");
	ok(has_reason(g, "user", "paused", "user", "logind"), "guests are paused while logind says that somebody is here");
	ok(has_reason(g, "metered", "throttled", "metered", "NetworkManager"),
	   "and throttled where NetworkManager says that it costs");
	governor_free(g);
}

static void test_bus(void)
{
	ok(desktop_new(&d) == OK, "without a bus");
	ok(sees(neither), "nothing is known");
	desktop_free(d);

	pid_t bus = start_bus();
	ok(desktop_new(&d) == OK && sees(neither), "nor on a bus without services");
	desktop_free(d);

	atomic_store(&idle, 1);
	atomic_store(&metered, 4);
	pthread_t services = start_services();
	ok(desktop_new(&d) == OK && sees(both), "logind and NetworkManager are there");
	ok(sees(nobody_for_a_second), "nobody is here");
	atomic_store(&idle, 0);
	ok(sees(somebody), "somebody comes: a signal says so");
	atomic_store(&idle, 1);
	ok(sees(nobody_for_a_second), "and goes");
	ok(desktop_look(d, (mono_time){ clock_mono().us + 3600 * SECOND_US }).logind == false,
	   "what was not confirmed for long is not known any more");
	atomic_store(&metered, 1);
	ok(sees(costs), "the line is paid by the byte");
	atomic_store(&metered, 0);
	ok(sees(only_logind), "it is not known what the line costs");
	atomic_store(&metered, 77);
	ok(sees(only_logind), "nor by a word that the documentation does not have");
	test_governor();
	end_services(services);
	desktop_free(d);

	atomic_store(&wrong, true);
	atomic_store(&metered, 2);
	services = start_services();
	ok(desktop_new(&d) == OK && sees(only_manager), "an IdleHint of another type says nothing");
	end_services(services);
	end_bus(bus);
	ok(sees(neither), "the bus is gone");
	desktop_free(d);
}

static int64_t added(int64_t user, int64_t metered_here, struct desktop_view v, bool logind_counts, enum policy_reason which)
{
	int64_t values[POLICY_REASON_COUNT] = { [POLICY_USER] = user, [POLICY_METERED] = metered_here };
	desktop_add(&v, logind_counts, values);
	return values[which];
}

static void test_add(void)
{
	const struct desktop_view here = { .logind = true, .user = -5 }, none = { .user = POLICY_UNKNOWN };
	const struct desktop_view yes = { .user = POLICY_UNKNOWN, .network_manager = true, .metered = true },
				  no = { .user = POLICY_UNKNOWN, .network_manager = true },
				  guess_no = { .user = POLICY_UNKNOWN, .network_manager = true, .guessed = true };
	is_int(added(-300, 0, here, true, POLICY_USER), -5, "who saw somebody last is believed");
	is_int(added(-2, 0, here, true, POLICY_USER), -2, "logind or not");
	is_int(added(POLICY_UNKNOWN, 0, here, true, POLICY_USER), -5, "where no device can be read logind alone");
	is_int(added(-300, 0, here, false, POLICY_USER), -300, "unless the owner does not let it count");
	is_int(added(-300, 0, none, true, POLICY_USER), -300, "without logind it is as it was");
	is_int(added(0, 0, yes, true, POLICY_METERED), 1, "NetworkManager knows that a cable's line is paid by the byte");
	is_int(added(0, 1, no, true, POLICY_METERED), 0, "and that a modem's is not");
	is_int(added(0, 1, guess_no, true, POLICY_METERED), 1, "its guess does not make a modem free");
	is_int(added(0, POLICY_UNKNOWN, guess_no, true, POLICY_METERED), 0, "but is better than nothing");
	is_int(added(0, 1, none, true, POLICY_METERED), 1, "without NetworkManager it is as it was");
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	snprintf(config, sizeof config, "%s/conf", dir);
	snprintf(address, sizeof address, "unix:path=%s/bus", dir);
	setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1);
	test_bus();
	test_add();
	if (dir_remove(dir) != OK)
		return 1;
	return done_testing();
}
