/*
 * Tests of this machine: its disk and its multicast. The query is sent from separate sockets, as
 * another program on this machine would send it: it leaves through each interface, and the kernel
 * also delivers it to all listening sockets here, unless a firewall drops it.
 */
#include "diagnose/system.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/limits.h"
#include "net/loop.h"

#define MDNS_PORT 5353
#define PROBE_BYTES (64U << 10) /* size of the file that is written */

/* ---- disk ---- */

static int
write_all(int fd)
{
	static const char zeros[4096];

	for (size_t done = 0; done < PROBE_BYTES;) {
		ssize_t n = write(fd, zeros, sizeof(zeros));
		if (n < 0 && errno != EINTR)
			return -1;
		done += n > 0 ? (size_t)n : 0;
	}
	return fsync(fd);
}

static void
look_at_disk(void *self, const char *directory, struct pz_disk_report *out)
{
	PZ_AUTO_FREE char *path = NULL;
	struct statvfs fs;

	(void)self;
	*out = (struct pz_disk_report){.err = PZ_OK};
	if (statvfs(directory, &fs) == 0)
		out->free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	/* A name that the store does not use, and that shows where it comes from if it is left
	 * behind. */
	if (asprintf(&path, "%s/.doctor-XXXXXX", directory) < 0) {
		path = NULL;
		errno = ENOMEM;
	}
	int fd = path ? mkstemp(path) : -1;
	bool is_written = fd >= 0 && write_all(fd) == 0;
	if (!is_written) {
		out->err = errno == ENOSPC || errno == EDQUOT ? PZ_ERR_IO_FULL : PZ_ERR_IO;
		snprintf(out->problem, sizeof(out->problem), "%s", strerror(errno));
	}
	if (fd >= 0) {
		/* Also after a failure, because a full disk needs the space. */
		(void)unlink(path);
		close(fd);
	}
}

/* ---- multicast ---- */

/** The socket of one family. */
struct ear {
	struct pz_multicast_probe *probe;
	uv_poll_t poll;
	int fd; /* -1: not open */
};

struct pz_multicast_probe {
	struct pz_loop *loop;
	struct ear ears[2]; /* IPv4, IPv6 */
	unsigned handles;   /* handles that libuv has not closed yet */
	uint8_t query[64];
	size_t query_len;
	struct pz_multicast_report report;
	struct pz_timer end;
	pz_multicast_done done;
	void *arg;
	struct ifaddrs *own;
};

static void
note(struct pz_multicast_probe *p, const char *interface, const char *what)
{
	snprintf(p->report.problem, sizeof(p->report.problem), "%s%s%s: %s", interface,
		 interface[0] ? ", " : "", what, strerror(errno));
}

/* A query for all personal zone devices. Its id, which RFC 6762 18.1 says to ignore, identifies our
 * own packet. */
static void
make_query(struct pz_multicast_probe *p)
{
	static const char question[] = "\4_pzp\4_tcp\5local\0\0\14\0\1"; /* PTR, IN; and its NUL */
	size_t len = sizeof(question) - 1;

	/* The header of a DNS message: all zero except the id and one question (RFC 1035 4.1.1). */
	memset(p->query, 0, 12);
	pz_env_random(&p->loop->env, p->query, 2);
	p->query[5] = 1;
	memcpy(p->query + 12, question, len);
	p->query_len = 12 + len;
}

/* An answer of another program on this machine shows nothing about the network. */
static bool
is_own(const struct pz_multicast_probe *p, const struct sockaddr_storage *from)
{
	for (const struct ifaddrs *i = p->own; i; i = i->ifa_next) {
		if (i->ifa_addr == NULL || i->ifa_addr->sa_family != from->ss_family)
			continue;
		const struct sockaddr_in *v4 = (const void *)i->ifa_addr;
		const struct sockaddr_in6 *v6 = (const void *)i->ifa_addr;
		if (from->ss_family == AF_INET &&
		    v4->sin_addr.s_addr ==
			    ((const struct sockaddr_in *)(const void *)from)->sin_addr.s_addr)
			return true;
		if (from->ss_family == AF_INET6 &&
		    memcmp(&v6->sin6_addr,
			   &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16) == 0)
			return true;
	}
	return false;
}

static void
on_readable(uv_poll_t *poll, int status, int events)
{
	struct ear *ear = poll->data;
	struct pz_multicast_probe *p = ear->probe;
	struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
	uint8_t bytes[PZ_MDNS_PACKET_BYTES_MAX];

	(void)status, (void)events;
	/* A busy network must not delay the other checks. */
	for (unsigned i = 0; i < 64; i++) { /* in one turn */
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(ear->fd, bytes, sizeof(bytes), MSG_DONTWAIT,
				     (struct sockaddr *)(void *)&from, &from_len);
		if (n < 0)
			return;
		/* Our own query, which the kernel delivers to all listening sockets here. */
		if ((size_t)n == p->query_len && memcmp(bytes, p->query, p->query_len) == 0)
			p->report.has_received_self = true;
		else if (!is_own(p, &from))
			p->report.received_other++;
	}
}

static int
open_socket(int family)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1, hops = 255;
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(MDNS_PORT)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(MDNS_PORT)};
	bool is_v4 = family == AF_INET;

	if (fd < 0)
		return -1;
	/* Avahi and pzpd use the port as well. */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	if (is_v4)
		/* RFC 6762 11: receivers check that a packet has not passed a router. */
		(void)setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &hops, sizeof(hops));
	else
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops));
	if ((!is_v4 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) != 0) ||
	    bind(fd, is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
		 is_v4 ? sizeof(v4) : sizeof(v6)) != 0) {
		int error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

static void
on_closed(uv_handle_t *handle)
{
	struct ear *ear = handle->data;
	struct pz_multicast_probe *p = ear->probe;

	close(ear->fd);
	if (--p->handles == 0)
		free(p);
}

/* Frees the probe after libuv has closed its handles. */
static void
release(struct pz_multicast_probe *p)
{
	pz_env_stop(&p->loop->env, &p->end);
	freeifaddrs(p->own);
	p->own = NULL;
	if (p->handles == 0)
		free(p);
	else
		for (size_t i = 0; i < 2; i++)
			if (p->ears[i].fd >= 0)
				uv_close((uv_handle_t *)&p->ears[i].poll, on_closed);
}

static void
open_ear(struct pz_multicast_probe *p, struct ear *ear, int family)
{
	ear->probe = p;
	ear->fd = open_socket(family);
	if (ear->fd < 0) {
		note(p, "", family == AF_INET ? "IPv4 port 5353" : "IPv6 port 5353");
		return;
	}
	if (uv_poll_init(&p->loop->uv, &ear->poll, ear->fd) != 0) {
		close(ear->fd);
		ear->fd = -1;
		return;
	}
	ear->poll.data = ear;
	p->handles++;
	uv_poll_start(&ear->poll, UV_READABLE, on_readable);
}

static bool
send_v4(struct pz_multicast_probe *p, int interface)
{
	struct ip_mreqn group = {.imr_ifindex = interface};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(MDNS_PORT)};
	int fd = p->ears[0].fd;

	if (fd < 0)
		return false;
	to.sin_addr.s_addr = group.imr_multiaddr.s_addr = htonl(0xE00000FBU);
	/* Fails if the group was joined before, which is sufficient. */
	(void)setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group));
	return setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof(group)) == 0 &&
	       sendto(fd, p->query, p->query_len, 0, (struct sockaddr *)&to, sizeof(to)) ==
		       (ssize_t)p->query_len;
}

static bool
send_v6(struct pz_multicast_probe *p, int interface)
{
	static const uint8_t all[16] = {0xff, 0x02, [15] = 0xfb};
	struct ipv6_mreq group = {.ipv6mr_interface = (unsigned)interface};
	struct sockaddr_in6 to = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(MDNS_PORT),
		.sin6_scope_id = (uint32_t)interface,
	};
	int fd = p->ears[1].fd;

	if (fd < 0)
		return false;
	memcpy(&to.sin6_addr, all, 16);
	memcpy(&group.ipv6mr_multiaddr, all, 16);
	(void)setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &group, sizeof(group));
	return setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &interface, sizeof(interface)) ==
		       0 &&
	       sendto(fd, p->query, p->query_len, 0, (struct sockaddr *)&to, sizeof(to)) ==
		       (ssize_t)p->query_len;
}

/* One family is enough: an interface may have no address of the other one. */
static void
send_by(struct pz_multicast_probe *p, const char *name)
{
	int interface = (int)if_nametoindex(name);
	bool is_sent = send_v4(p, interface);

	if (!is_sent)
		note(p, name, "IPv4");
	is_sent = send_v6(p, interface) || is_sent;
	p->report.interfaces++;
	p->report.sent += is_sent;
}

static bool
is_usable(unsigned flags)
{
	return (flags & (IFF_UP | IFF_RUNNING | IFF_MULTICAST)) ==
		       (IFF_UP | IFF_RUNNING | IFF_MULTICAST) &&
	       (flags & (IFF_LOOPBACK | IFF_POINTOPOINT)) == 0;
}

static bool
has_address(const struct ifaddrs *i)
{
	return i->ifa_addr &&
	       (i->ifa_addr->sa_family == AF_INET || i->ifa_addr->sa_family == AF_INET6);
}

/* Through each interface with an address: without one no protocol here can use it. */
static void
send_all(struct pz_multicast_probe *p)
{
	for (const struct ifaddrs *i = p->own; i; i = i->ifa_next) {
		bool is_new = true;

		if (!is_usable(i->ifa_flags) || !has_address(i))
			continue;
		/* An interface is listed once for each of its addresses. */
		for (const struct ifaddrs *j = p->own; j != i; j = j->ifa_next)
			is_new = is_new &&
				 !(has_address(j) && strcmp(i->ifa_name, j->ifa_name) == 0);
		if (is_new)
			send_by(p, i->ifa_name);
	}
}

static void
on_end(struct pz_timer *timer, void *arg)
{
	struct pz_multicast_probe *p = arg;

	(void)timer;
	p->done(p->arg, &p->report);
	release(p);
}

static struct pz_multicast_probe *
multicast_start(void *self, pz_multicast_done done, void *arg)
{
	struct pz_multicast_probe *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->loop = self;
	p->done = done;
	p->arg = arg;
	pz_timer_init(&p->end, on_end, p);
	if (getifaddrs(&p->own) != 0)
		p->own = NULL;
	make_query(p);
	open_ear(p, &p->ears[0], AF_INET);
	open_ear(p, &p->ears[1], AF_INET6);
	send_all(p);
	pz_env_start(&p->loop->env, &p->end,
		     /* If nothing was sent there is nothing to wait for, but the end must not come
		      * inside the start. */
		     p->report.sent > 0 ? PZ_DOCTOR_LISTEN_US : PZ_US_PER_MS);
	return p;
}

static void
multicast_cancel(struct pz_multicast_probe *probe)
{
	release(probe);
}

const struct pz_diagnose_system pz_diagnose_this_system = {
	.disk = look_at_disk,
	.multicast_start = multicast_start,
	.multicast_cancel = multicast_cancel,
};
