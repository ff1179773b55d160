/*
 * The protocol of sd_notify(3) by hand: a datagram to the socket in systemd's variable. libsystemd
 * would be a large dependency for ten lines. Without systemd nothing happens.
 */
#include "daemon/sdnotify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void
pz_daemon_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	if (path == NULL || strlen(path) >= sizeof(addr.sun_path) ||
	    (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(addr.sun_path, path, strlen(path));
	if (path[0] == '@')
		addr.sun_path[0] = '\0'; /* abstract socket */
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&addr,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
	close(fd);
}

uint64_t
pz_daemon_watchdog_us(void)
{
	const char *usec = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");

	/* The variable is inherited, but a child of the unit's process must not answer instead of
	 * it. */
	if (usec == NULL || (pid && strtol(pid, NULL, 10) != getpid()))
		return 0;
	/* sd_watchdog_enabled(3) recommends half of the interval. */
	return strtoull(usec, NULL, 10) / 2;
}
