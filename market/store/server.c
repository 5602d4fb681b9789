/* SPDX-License-Identifier: Apache-2.0
 * server.c - the files of a private PostgreSQL server, and starting its process
 *
 * How it works: the server refuses to run as root, so a market that is root runs it as the user postgres and gives it dir/postgres
 * and dir/run. Should that user be unable to pass a folder above dir (a private one of root's), the server gets a mount namespace
 * in which dir lies at MOUNT; the socket is reached through its true path all the same. A child starts with no descriptor but
 * 0, 1, 2, with default signals, in a session of its own: a market that is killed leaves its database running and finds it again.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <dirent.h>
#include "buf.h"
#include "bytes.h"
#include "file.h"
#include "log.h"
#include "server.h"

#define MOUNT "/run/cpushare-postgres"
#define SOCKET_NAME "/.s.PGSQL.5432"
#define LOG_MAX_BYTES (4 << 20)

/* dir/name into a PATH_MAX buffer. */
static err_t path_join(char *path, const char *dir, const char *name)
{
	return snprintf(path, PATH_MAX, "%s/%s", dir, name) < PATH_MAX ? OK : E_LIMIT;
}

/* ---- the child ---- */

/* Between fork and exec: nothing that takes locks or memory. Exits with 126 where it cannot become what it should. */
static void child_become(const struct server *s, int log_fd)
{
	sigset_t none;
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	int null = open("/dev/null", O_RDONLY);
	if (null < 0 || dup2(null, 0) < 0 || dup2(log_fd, 1) < 0 || dup2(log_fd, 2) < 0)
		_exit(126);
	close_range(3, ~0U, 0);
	setsid();
	umask(077);
	if (s->mounted && (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
			   mount(s->dir, MOUNT, NULL, MS_BIND, NULL)))
		_exit(126);
	if (s->uid != geteuid() && (setgroups((size_t)s->group_count, s->groups) || setresgid(s->gid, s->gid, s->gid) ||
				    setresuid(s->uid, s->uid, s->uid)))
		_exit(126);
	if (chdir("/"))
		_exit(126);
}

/* argv[0] is left to us: PostgreSQL finds its own files by it, so it must be the whole path. */
static err_t child_start(const struct server *s, const char *program, char **argv, pid_t *ret_pid)
{
	char path[PATH_MAX], log_path[PATH_MAX];
	static char *const environment[] = { "PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC", NULL };
	TRY(path_join(path, s->bin, program));
	argv[0] = path;
	TRY(path_join(log_path, s->dir, "postgres.log"));
	struct stat st;
	int fresh = !stat(log_path, &st) && st.st_size > LOG_MAX_BYTES ? O_TRUNC : 0;
	AUTO_FD log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | fresh, 0600);
	if (log_fd < 0)
		return err_from_errno(errno);
	pid_t pid = fork();
	if (pid < 0)
		return err_from_errno(errno);
	if (pid == 0) {
		child_become(s, log_fd);
		execve(path, argv, environment);
		_exit(127);
	}
	*ret_pid = pid;
	return OK;
}

/* How the server itself names a path under dir. */
static err_t inside(const struct server *s, const char *name, char *path)
{
	return path_join(path, s->mounted ? MOUNT : s->dir, name);
}

/* ---- preparing ---- */

static bool has_postgres(const char *bin)
{
	char path[PATH_MAX];
	return path_join(path, bin, "postgres") == OK && !access(path, X_OK) && path_join(path, bin, "initdb") == OK &&
	       !access(path, X_OK);
}

static err_t use_version(struct server *s, const char *version)
{
	if (snprintf(s->bin, sizeof s->bin, "/usr/lib/postgresql/%s/bin", version) >= (int)sizeof s->bin)
		return E_LIMIT;
	return has_postgres(s->bin) ? OK : E_NOT_FOUND;
}

static err_t newest_version(struct server *s)
{
	int64_t newest = 0;
	DIR *versions = opendir("/usr/lib/postgresql");
	for (struct dirent *entry; versions && (entry = readdir(versions));) {
		int64_t version;
		if (int_parse(entry->d_name, &version) == OK && version > newest && use_version(s, entry->d_name) == OK)
			newest = version;
	}
	if (versions)
		closedir(versions);
	char text[24];
	snprintf(text, sizeof text, "%lld", (long long)newest);
	return newest ? use_version(s, text) : E_NOT_FOUND;
}

static err_t on_path(struct server *s)
{
	const char *path = getenv("PATH");
	while (path && *path) {
		int len = (int)strcspn(path, ":");
		if (*path == '/' && snprintf(s->bin, sizeof s->bin, "%.*s", len, path) < (int)sizeof s->bin &&
		    has_postgres(s->bin))
			return OK;
		path += len + (path[len] == ':');
	}
	return E_NOT_FOUND;
}

/* Data can be served by the major version that made it only. */
static err_t find_binaries(struct server *s)
{
	char path[PATH_MAX];
	AUTO_FREE char *made_by = NULL;
	size_t len = 0;
	TRY(path_join(path, s->data, "PG_VERSION"));
	if (file_read(path, 16, &made_by, &len) == OK) {
		made_by[strcspn(made_by, "\n")] = '\0';
		if (use_version(s, made_by) == OK)
			return OK;
	} else if (use_version(s, "15") == OK || newest_version(s) == OK) {
		return OK;
	}
	if (on_path(s) == OK)
		return OK;
	log_error("PostgreSQL is not installed: apt install postgresql", "wanted_version=%s", made_by ? made_by : "15");
	return E_NOT_FOUND;
}

static err_t find_user(struct server *s)
{
	s->uid = geteuid();
	s->gid = getegid();
	if (s->uid != 0)
		return OK;
	const struct passwd *user = getpwnam("postgres");
	if (!user || user->pw_uid == 0) {
		log_error("PostgreSQL does not run as root, and there is no user postgres: apt install postgresql", "%s", "");
		return E_NOT_FOUND;
	}
	s->uid = user->pw_uid;
	s->gid = user->pw_gid;
	s->group_count = SERVER_GROUPS_MAX;
	return getgrouplist("postgres", s->gid, s->groups, &s->group_count) < 0 ? E_LIMIT : OK;
}

/* A folder of the server's own. */
static err_t own_folder(const struct server *s, const char *path)
{
	TRY(dir_make(path, 0700));
	if (geteuid() == 0 && lchown(path, s->uid, s->gid))
		return err_from_errno(errno);
	return OK;
}

/* A unix socket's address has 108 bytes (unix(7)). dir/socket remembers where a short folder was made. */
static err_t find_socket_folder(struct server *s)
{
	char note[PATH_MAX], folder[] = "/tmp/cpushare-XXXXXX";
	TRY(path_join(s->run, s->dir, "run"));
	if (strlen(s->run) + strlen(SOCKET_NAME) < sizeof((struct sockaddr_un *)NULL)->sun_path)
		return own_folder(s, s->run);
	TRY(path_join(note, s->dir, "socket"));
	AUTO_FREE char *known = NULL;
	size_t len = 0;
	struct stat st;
	/* In /tmp, a folder of that name may be anybody's by now. */
	if (file_read(note, sizeof folder, &known, &len) == OK && !lstat(known, &st) && S_ISDIR(st.st_mode) &&
	    st.st_uid == s->uid && !(st.st_mode & 077))
		return text_copy(s->run, sizeof s->run, known);
	if (!mkdtemp(folder))
		return err_from_errno(errno);
	TRY(text_copy(s->run, sizeof s->run, folder));
	TRY(own_folder(s, s->run));
	return file_write(note, folder, strlen(folder), 0600);
}

/* Can the server's user get to the data by its own rights? */
static bool reachable(const struct server *s)
{
	pid_t pid = fork();
	if (pid == 0) {
		if (setgroups((size_t)s->group_count, s->groups) || setresgid(s->gid, s->gid, s->gid) ||
		    setresuid(s->uid, s->uid, s->uid))
			_exit(2);
		_exit(chdir(s->data) || chdir(s->run) ? 1 : 0);
	}
	int status = 1;
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && status == 0;
}

err_t server_prepare(struct server *s, const char *dir)
{
	struct stat st;
	memset(s, 0, sizeof *s);
	TRY(dir_make(dir, 0711));
	if (!realpath(dir, s->dir))
		return err_from_errno(errno);
	TRY(path_join(s->data, s->dir, "postgres"));
	TRY(find_user(s));
	TRY(find_binaries(s));
	TRY(own_folder(s, s->data));
	TRY(find_socket_folder(s));
	if (geteuid() != 0)
		return OK;
	/* dir itself is the market's: passing through it is allowed to others, what lies in it is closed. */
	if (stat(s->dir, &st) || (!(st.st_mode & 0001) && chmod(s->dir, (st.st_mode & 07777) | 0001)))
		return err_from_errno(errno);
	s->mounted = !reachable(s);
	return s->mounted ? dir_make(MOUNT, 0755) : OK;
}

/* ---- the data ---- */

static err_t give(const struct server *s, const char *path)
{
	return geteuid() == 0 && lchown(path, s->uid, s->gid) ? err_from_errno(errno) : OK;
}

static err_t wait_for(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_from_errno(errno);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? OK : E_INTERNAL;
}

err_t server_init(const struct server *s)
{
	char path[PATH_MAX], made[PATH_MAX], arg[PATH_MAX];
	struct stat st;
	pid_t pid;
	TRY(path_join(path, s->data, "PG_VERSION"));
	if (!stat(path, &st))
		return OK;
	/* Made under another name, so that what has the right name is whole. */
	TRY(path_join(made, s->dir, "postgres.new"));
	TRY(dir_remove(made));
	TRY(own_folder(s, made));
	TRY(inside(s, "postgres.new", arg));
	char *argv[] = { NULL,
			 "-D",
			 arg,
			 "-U",
			 "postgres",
			 "-A",
			 "peer",
			 "-E",
			 "UTF8",
			 "--locale=C.UTF-8",
			 "--data-checksums",
			 "--no-instructions",
			 NULL };
	TRY(child_start(s, "initdb", argv, &pid));
	if (wait_for(pid) != OK) {
		log_error("initdb failed: see postgres.log", "dir=%s", s->dir);
		return E_INTERNAL;
	}
	if (rmdir(s->data) && errno != ENOENT)
		return err_from_errno(errno);
	return rename(made, s->data) ? err_from_errno(errno) : OK;
}

/* Settings are explained in docs/MARKET.md. */
static const char CONFIGURATION[] =
	"# Written at each start of the market; settings of your own go to postgresql.auto.conf (ALTER SYSTEM).\n"
	"listen_addresses = ''\n"
	"port = 5432\n"
	"unix_socket_permissions = 0700\n"
	"max_connections = 64\n"
	"superuser_reserved_connections = 3\n"
	"work_mem = 8MB\n"
	"maintenance_work_mem = 64MB\n"
	"fsync = on\n"
	"full_page_writes = on\n"
	"synchronous_commit = on\n"
	"max_wal_size = 1GB\n"
	"min_wal_size = 80MB\n"
	"wal_compression = on\n"
	"checkpoint_timeout = 5min\n"
	"random_page_cost = 1.1\n"
	"jit = off\n"
	"timezone = 'UTC'\n"
	"log_timezone = 'UTC'\n"
	"log_line_prefix = '%m [%p] '\n"
	"# A refusal is an ERROR to PostgreSQL, and everyday life to the market, which logs what is not.\n"
	"log_min_messages = log\n"
	"log_min_error_statement = panic\n"
	"log_checkpoints = off\n";

/* An eighth of the machine's memory: the rest is for the kernel's cache of the same files, the market and whatever else runs. */
static int64_t shared_buffers_mib(void)
{
	enum { MIN_MIB = 128, MAX_MIB = 1024 };
	int64_t mib = sysconf(_SC_PHYS_PAGES) / 8 * sysconf(_SC_PAGESIZE) >> 20;
	return mib < MIN_MIB ? MIN_MIB : mib > MAX_MIB ? MAX_MIB : mib;
}

static err_t write_for_server(const struct server *s, const char *name, struct buf *text)
{
	char path[PATH_MAX];
	TRY(path_join(path, s->data, name));
	if (text->error != OK)
		return text->error;
	TRY(file_write(path, text->data, text->len, 0600));
	return give(s, path);
}

static void map_user(struct buf *ident, uid_t uid)
{
	const struct passwd *user = getpwuid(uid);
	if (user)
		buf_printf(ident, "cpushare \"%s\" postgres\ncpushare \"%s\" cpushare_owner\ncpushare \"%s\" cpushare_market\n",
			   user->pw_name, user->pw_name, user->pw_name);
}

err_t server_configure(const struct server *s)
{
	AUTO_BUF conf = { 0 }, hba = { 0 }, ident = { 0 };
	char socket_folder[PATH_MAX];
	if (strncmp(s->run, s->dir, strlen(s->dir)) != 0)
		TRY(text_copy(socket_folder, sizeof socket_folder, s->run));
	else
		TRY(inside(s, "run", socket_folder));
	buf_puts(&conf, CONFIGURATION);
	buf_printf(&conf, "shared_buffers = %lldMB\n", (long long)shared_buffers_mib());
	buf_puts(&conf, "unix_socket_directories = '");
	for (const char *at = socket_folder; *at; at++)
		buf_printf(&conf, *at == '\'' ? "''" : "%c", *at);
	buf_puts(&conf, "'\n");
	TRY(write_for_server(s, "postgresql.conf", &conf));
	buf_puts(&hba, "local all all peer map=cpushare\nlocal replication postgres peer map=cpushare\n"); /* pg_basebackup */
	TRY(write_for_server(s, "pg_hba.conf", &hba));
	map_user(&ident, geteuid());
	if (s->uid != geteuid())
		map_user(&ident, s->uid);
	return write_for_server(s, "pg_ident.conf", &ident);
}

err_t server_spawn(const struct server *s, pid_t *ret_pid)
{
	char data[PATH_MAX];
	TRY(inside(s, "postgres", data));
	char *argv[] = { NULL, "-D", data, NULL };
	return child_start(s, "postgres", argv, ret_pid);
}

pid_t server_find(const struct server *s)
{
	char path[PATH_MAX];
	AUTO_FREE char *text = NULL;
	size_t len = 0;
	int64_t pid = 0;
	struct stat ours, its;
	if (path_join(path, s->data, "postmaster.pid") != OK || file_read(path, 4096, &text, &len) != OK)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	if (int_parse(text, &pid) != OK || pid <= 1 || pid > INT32_MAX)
		return 0;
	/* A postmaster works in its data folder; numbers are given again, folders are not. */
	snprintf(path, sizeof path, "/proc/%lld/cwd", (long long)pid);
	if (stat(path, &its) || stat(s->data, &ours) || its.st_dev != ours.st_dev || its.st_ino != ours.st_ino)
		return 0;
	return (pid_t)pid;
}
