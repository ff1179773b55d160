#include "net/netwatch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* A link that comes up brings several messages: addresses, then routes. */
#define COALESCE_US (200 * PZ_US_PER_MS)

struct pz_netwatch {
	uv_poll_t poll;
	struct pz_loop *loop;
	struct pz_timer timer;
	void (*changed)(void *arg);
	void *arg;
	int fd;
};

static bool
is_relevant(const struct nlmsghdr *msg)
{
	const struct rtmsg *route = NLMSG_DATA(msg);

	switch (msg->nlmsg_type) {
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return true;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return route->rtm_dst_len == 0; /* the default route */
	default:
		return false;
	}
}

static void
on_message(uv_poll_t *poll, int status, int events)
{
	struct pz_netwatch *watch = poll->data;
	_Alignas(struct nlmsghdr) char buf[16384];
	bool relevant = false;

	(void)events;
	ssize_t n = recv(watch->fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n < 0) {
		relevant = errno == ENOBUFS; /* some were lost: assume that they mattered */
	} else {
		size_t left = (size_t)n;
		for (struct nlmsghdr *msg = (void *)buf; NLMSG_OK(msg, left);
		     msg = NLMSG_NEXT(msg, left))
			relevant = relevant || is_relevant(msg);
	}
	if (status < 0) /* libuv has stopped watching; the error was told by recv */
		uv_poll_start(poll, UV_READABLE, on_message);
	if (relevant && !watch->timer.active)
		pz_env_start(&watch->loop->env, &watch->timer, COALESCE_US);
}

static void
on_quiet(struct pz_timer *timer, void *arg)
{
	struct pz_netwatch *watch = arg;

	(void)timer;
	watch->changed(watch->arg);
}

enum pz_err
pz_netwatch_new(struct pz_loop *loop, void (*changed)(void *arg), void *arg,
		struct pz_netwatch **out)
{
	struct sockaddr_nl addr = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
			     RTMGRP_IPV6_ROUTE,
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		return PZ_ERR_IO;
	struct pz_netwatch *watch = calloc(1, sizeof(*watch));
	if (watch == NULL) {
		close(fd);
		return PZ_ERR_LIMIT_MEMORY;
	}
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0 ||
	    uv_poll_init(&loop->uv, &watch->poll, fd) != 0) {
		close(fd);
		free(watch);
		return PZ_ERR_IO;
	}
	watch->poll.data = watch;
	watch->loop = loop;
	watch->fd = fd;
	watch->changed = changed;
	watch->arg = arg;
	pz_timer_init(&watch->timer, on_quiet, watch);
	uv_poll_start(&watch->poll, UV_READABLE, on_message);
	*out = watch;
	return PZ_OK;
}

static void
on_closed(uv_handle_t *handle)
{
	struct pz_netwatch *watch = handle->data;

	close(watch->fd);
	free(watch);
}

void
pz_netwatch_free(struct pz_netwatch *watch)
{
	if (watch == NULL)
		return;
	pz_env_stop(&watch->loop->env, &watch->timer);
	uv_poll_stop(&watch->poll);
	uv_close((uv_handle_t *)&watch->poll, on_closed);
}

static bool
address_of(const struct ifaddrs *entry, char *out, socklen_t len)
{
	if (entry->ifa_addr == NULL || (entry->ifa_flags & IFF_LOOPBACK))
		return false;
	if (entry->ifa_addr->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const void *)entry->ifa_addr;
		if ((ntohl(v4->sin_addr.s_addr) >> 16) == 0xa9fe) /* 169.254/16, RFC 3927 */
			return false;
		return inet_ntop(AF_INET, &v4->sin_addr, out, len) != NULL;
	}
	if (entry->ifa_addr->sa_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const void *)entry->ifa_addr;
		/* A link-local address means nothing without the interface of the reader. */
		if (IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr))
			return false;
		return inet_ntop(AF_INET6, &v6->sin6_addr, out, len) != NULL;
	}
	return false;
}

void
pz_netwatch_addresses(void (*each)(void *arg, const char *address), void *arg)
{
	char text[INET6_ADDRSTRLEN];
	struct ifaddrs *all = NULL;

	if (getifaddrs(&all) != 0)
		return;
	for (const struct ifaddrs *entry = all; entry; entry = entry->ifa_next)
		if (address_of(entry, text, sizeof(text)))
			each(arg, text);
	freeifaddrs(all);
}
