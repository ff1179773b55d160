/*
 * Detects by rtnetlink whether the network of this machine has changed, and lists its addresses,
 * the best first. It decides nothing: its callers renew links and announcements.
 */
#include "net/netwatch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/lookup.h"

/* A link that comes up brings several messages: addresses, then routes. */
#define COALESCE_US (200 * PZ_US_PER_MS)

/*
 * Many events are no change: a router's advertisement refreshes an address, a container's interface
 * appears and vanishes with its link-local address. A change is one of the addresses that others
 * can use, or of the default routes; for the local network, also of link-local addresses.
 */
struct pz_netwatch {
	uv_poll_t poll;
	struct pz_loop *loop;
	struct pz_timer timer;
	void (*changed)(void *arg);
	void *arg;
	enum pz_netwatch_scope scope;
	uint64_t seen; /* the former network: fingerprint() */
	int fd;
};

/* ---- default routes, as the kernel lists them ---- */

#define ROUTES_MAX 8

struct default_routes {
	char interface[ROUTES_MAX][IF_NAMESIZE];
	size_t count;
	uint64_t fingerprint;
};

/*
 * FNV-1a, and the last step of MurmurHash3. The results are summed, so the order of the entries
 * does not matter; without that last step the changes of two addresses in their last digit would
 * cancel out.
 */
static uint64_t
hash_of(const char *text)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * UINT64_C(1099511628211);
	hash = (hash ^ hash >> 33) * UINT64_C(0xff51afd7ed558ccd);
	hash = (hash ^ hash >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return hash ^ hash >> 33;
}

static void
add_route(struct default_routes *routes, const char *interface, const char *gateway)
{
	char text[IF_NAMESIZE + 64];

	snprintf(text, sizeof(text), "%s %s", interface, gateway);
	routes->fingerprint += hash_of(text);
	if (routes->count < ROUTES_MAX)
		snprintf(routes->interface[routes->count++], IF_NAMESIZE, "%s", interface);
}

/* Splits a line at white space. */
static size_t
split(char *line, char **fields, size_t max)
{
	size_t count = 0;
	char *rest = NULL;

	for (char *one = strtok_r(line, " \t\n", &rest); one && count < max;
	     one = strtok_r(NULL, " \t\n", &rest))
		fields[count++] = one;
	return count;
}

/* Interface, destination, gateway, flags, references, use, metric, mask. */
static void
read_v4_route(struct default_routes *routes, char *line)
{
	char *f[8];

	if (split(line, f, 8) == 8 && strcmp(f[1], "00000000") == 0 &&
	    strcmp(f[7], "00000000") == 0)
		add_route(routes, f[0], f[2]);
}

/* Destination, its length, source, its length, gateway, metric, references, use, flags, interface;
 * the kernel's own route on lo means that no default route exists. */
static void
read_v6_route(struct default_routes *routes, char *line)
{
	char *f[10];

	if (split(line, f, 10) == 10 && strcmp(f[1], "00") == 0 && strspn(f[0], "0") == 32 &&
	    strcmp(f[9], "lo") != 0)
		add_route(routes, f[9], f[4]);
}

static void
read_routes(struct default_routes *routes, const char *path,
	    void (*read_line)(struct default_routes *routes, char *line))
{
	char line[256];
	FILE *file = fopen(path, "re");

	if (file == NULL)
		return;
	/* A longer line is read in pieces, none of which has enough fields. */
	while (fgets(line, sizeof(line), file))
		read_line(routes, line);
	fclose(file);
}

static void
read_default_routes(struct default_routes *out)
{
	*out = (struct default_routes){.count = 0};
	read_routes(out, "/proc/net/route", read_v4_route);
	read_routes(out, "/proc/net/ipv6_route", read_v6_route);
}

/* ---- changes ---- */

/* False for an entry without an IP address. */
static bool
text_of(const struct ifaddrs *entry, char *out, socklen_t len)
{
	const struct sockaddr_in *v4 = (const void *)entry->ifa_addr;
	const struct sockaddr_in6 *v6 = (const void *)entry->ifa_addr;

	if (entry->ifa_addr == NULL)
		return false;
	if (entry->ifa_addr->sa_family == AF_INET)
		return inet_ntop(AF_INET, &v4->sin_addr, out, len) != NULL;
	return entry->ifa_addr->sa_family == AF_INET6 &&
	       inet_ntop(AF_INET6, &v6->sin6_addr, out, len) != NULL;
}

static void
add_to_fingerprint(void *arg, const char *address)
{
	*(uint64_t *)arg += hash_of(address);
}

/* A sum of hashes, because the kernel may list the addresses in another order. */
static uint64_t
fingerprint_of_local(void)
{
	char text[IF_NAMESIZE + INET6_ADDRSTRLEN + 1], address[INET6_ADDRSTRLEN];
	struct ifaddrs *all = NULL;
	uint64_t sum = 0;

	if (getifaddrs(&all) != 0)
		return 0;
	for (const struct ifaddrs *entry = all; entry; entry = entry->ifa_next) {
		if (!text_of(entry, address, sizeof(address)))
			continue;
		snprintf(text, sizeof(text), "%s %s", entry->ifa_name, address);
		sum += hash_of(text);
	}
	freeifaddrs(all);
	return sum;
}

/* Different networks have different values (except with a chance of 2^-64). */
static uint64_t
fingerprint(enum pz_netwatch_scope scope)
{
	struct default_routes routes;
	uint64_t sum = 0;

	if (scope == PZ_NETWATCH_LOCAL)
		return fingerprint_of_local();
	read_default_routes(&routes);
	pz_netwatch_addresses(add_to_fingerprint, &sum);
	return sum + routes.fingerprint;
}

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
	/* ENOBUFS (netlink(7)): the kernel dropped messages for lack of room. */
	if (n < 0) {
		relevant = errno == ENOBUFS; /* some messages were lost: assume a change */
	} else {
		size_t left = (size_t)n;
		for (struct nlmsghdr *msg = (void *)buf; NLMSG_OK(msg, left);
		     msg = NLMSG_NEXT(msg, left))
			relevant = relevant || is_relevant(msg);
	}
	if (status < 0) /* libuv has stopped watching; recv returned the error */
		uv_poll_start(poll, UV_READABLE, on_message);
	/* The first event starts the timer and later ones do not move it: a network that changes
	 * all the time is checked every 200 ms. */
	if (relevant && !watch->timer.active)
		pz_env_start(&watch->loop->env, &watch->timer, COALESCE_US);
}

static void
on_quiet(struct pz_timer *timer, void *arg)
{
	struct pz_netwatch *watch = arg;

	uint64_t now = fingerprint(watch->scope);

	(void)timer;
	if (now == watch->seen)
		return;
	watch->seen = now;
	if (watch->scope == PZ_NETWATCH_REACHABLE)
		pz_lookups_outdated(watch->loop); /* they use another network's name servers */
	watch->changed(watch->arg);
}

enum pz_err
pz_netwatch_new(struct pz_loop *loop, enum pz_netwatch_scope scope, void (*changed)(void *arg),
		void *arg, struct pz_netwatch **out)
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
	watch->scope = scope;
	watch->seen = fingerprint(scope);
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

/* ---- the machine's addresses ---- */

struct own {
	char text[INET6_ADDRSTRLEN];
	int worth; /* smaller is better */
};

#define OWN_MAX 256 /* considered; a machine with more addresses is known by the best of these */

/* A link-local address has no meaning without an interface of the reader. */
static bool
is_link_local(const struct sockaddr *address)
{
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;

	if (address->sa_family == AF_INET)
		return (ntohl(v4->sin_addr.s_addr) >> 16) == 0xa9fe; /* 169.254/16, RFC 3927 */
	return IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr);
}

static bool
address_of(const struct ifaddrs *entry, char *out, socklen_t len)
{
	return (entry->ifa_flags & IFF_LOOPBACK) == 0 && text_of(entry, out, len) &&
	       !is_link_local(entry->ifa_addr);
}

/* On a machine that others reach, such a bridge is the host's side of an internal network:
 * containers or virtual machines, often with the same numbers on every machine. */
static bool
is_bridge(const char *interface)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/net/%s/bridge", interface);
	return access(path, F_OK) == 0;
}

static int
worth_of_interface(const struct ifaddrs *entry, const struct default_routes *routes)
{
	for (size_t i = 0; i < routes->count; i++)
		if (strcmp(routes->interface[i], entry->ifa_name) == 0)
			return 0;
	if ((entry->ifa_flags & IFF_RUNNING) == 0) /* no cable */
		return 3;
	return is_bridge(entry->ifa_name) ? 2 : 1;
}

/* The second and later addresses of one family on one interface come after all first ones: a
 * machine may have a dozen temporary addresses (RFC 8981). */
static int
nth_of_its_kind(const struct ifaddrs *all, const struct ifaddrs *entry)
{
	char text[INET6_ADDRSTRLEN];
	int n = 0;

	for (const struct ifaddrs *e = all; e != entry; e = e->ifa_next)
		n += strcmp(e->ifa_name, entry->ifa_name) == 0 &&
		     address_of(e, text, sizeof(text)) &&
		     e->ifa_addr->sa_family == entry->ifa_addr->sa_family;
	return n;
}

static int
compare_worth(const void *a, const void *b)
{
	return ((const struct own *)a)->worth - ((const struct own *)b)->worth;
}

void
pz_netwatch_addresses(void (*each)(void *arg, const char *address), void *arg)
{
	struct own *own = calloc(OWN_MAX, sizeof(*own));
	struct default_routes routes = {.count = 0};
	struct ifaddrs *all = NULL;
	int count = 0;

	if (own == NULL || getifaddrs(&all) != 0) {
		free(own);
		return;
	}
	read_default_routes(&routes);
	for (const struct ifaddrs *entry = all; entry && count < OWN_MAX; entry = entry->ifa_next) {
		struct own *one = &own[count];
		if (!address_of(entry, one->text, sizeof(one->text)))
			continue;
		int nth = nth_of_its_kind(all, entry);
		/* The system's order, if nothing else decides. The three weights do not overlap:
		 * interface, number of its kind before it, the system's order. */
		one->worth = ((worth_of_interface(entry, &routes) * 16 + (nth < 15 ? nth : 15)) *
			      OWN_MAX) +
			     count;
		count++;
	}
	freeifaddrs(all);
	qsort(own, (size_t)count, sizeof(*own), compare_worth);
	for (int i = 0; i < count; i++)
		each(arg, own[i].text);
	free(own);
}
