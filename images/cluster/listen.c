/* SPDX-License-Identifier: Apache-2.0
 * listen.c - listens at the ssh port at once; makes the host key meanwhile, and starts an sshd for each who comes
 *
 * Making a key and starting a daemon takes longer than a clone's whole start. Who comes before the key is there waits for it.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SSHD "/usr/sbin/sshd"
#define HOST_KEY "/etc/ssh/ssh_host_ed25519_key"
#define NEW_KEY "/etc/ssh/host_key.new"
enum { SSH_PORT = 22, WAITING_MAX = 128, SERVED_MAX = 256 };

static int listen_at(uint16_t port)
{
	const struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_ANY_INIT };
	const int yes = 1, no = 0;
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no) ||
	    bind(fd, (const struct sockaddr *)&address, sizeof address) || listen(fd, WAITING_MAX))
		return -1;
	return fd;
}

static bool make_key(void)
{
	int status = -1;
	pid_t pid = fork();
	if (pid == 0) {
		execl("/usr/bin/ssh-keygen", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", NEW_KEY, NULL);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* One that the image or user-data brought stays: ours is made beside it, and takes its place only where there is none. */
static bool have_key(void)
{
	if (access(HOST_KEY, F_OK) && make_key() && !link(NEW_KEY, HOST_KEY))
		link(NEW_KEY ".pub", HOST_KEY ".pub");
	unlink(NEW_KEY);
	unlink(NEW_KEY ".pub");
	return !access(HOST_KEY, F_OK);
}

/* An sshd of its own: it is told of a connection as its input and output. */
static pid_t serve(int connection)
{
	pid_t pid = fork();
	if (pid)
		return pid;
	setsid();
	dup2(connection, 0);
	dup2(connection, 1);
	execl(SSHD, "sshd", "-i", NULL);
	_exit(127);
}

static void serve_all(int listener)
{
	for (int served = 0;;) {
		while (served && waitpid(-1, NULL, served < SERVED_MAX ? WNOHANG : 0) > 0)
			served--;
		int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (connection < 0)
			continue;
		served += serve(connection) > 0;
		close(connection);
	}
}

int main(void)
{
	mkdir("/run/sshd", 0755);
	mkdir("/run/sendsigs.omit.d", 0755);
	int listener = listen_at(SSH_PORT), null = open("/dev/null", O_RDWR);
	if (listener < 0 || null < 0)
		return EXIT_FAILURE;
	pid_t pid = fork();
	if (pid)
		return pid < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	setsid();
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	if (!have_key())
		return EXIT_FAILURE;
	serve_all(listener);
}
