/*
 * Avahi's loop implemented with ours: watches with libuv, timeouts with struct pz_timer. It also
 * hides from Avahi's parser what must not reach it: malformed datagrams, and echoes of our own
 * former records (packet.h).
 */
#include "mdns/poll.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"

struct AvahiWatch {
	uv_poll_t poll;
	const struct pz_mdns_poll *owner;
	/* libuv accepts a descriptor only once, while libdbus watches one twice (to read and to
	 * write): so each watch has a duplicate. */
	int copy;
	int fd;
	bool is_datagram; /* a network socket: what it receives is checked before Avahi reads it */
	unsigned wanted, happened; /* AvahiWatchEvent */
	AvahiWatchCallback callback;
	void *arg;
};

struct AvahiTimeout {
	const struct pz_env *env;
	struct pz_timer timer;
	AvahiTimeoutCallback callback;
	void *arg;
};

/* ---- watches ---- */

static void on_poll(uv_poll_t *poll, int status, int events);

static void
start(AvahiWatch *watch)
{
	int events = 0;

	if (watch->wanted & AVAHI_WATCH_IN)
		events |= UV_READABLE;
	if (watch->wanted & AVAHI_WATCH_OUT)
		events |= UV_WRITABLE;
	if (watch->wanted & AVAHI_WATCH_HUP)
		events |= UV_DISCONNECT;
	if (events != 0)
		uv_poll_start(&watch->poll, events, on_poll);
	else
		uv_poll_stop(&watch->poll);
}

static bool
is_network_datagram(int fd)
{
	int domain = 0, type = 0;
	socklen_t domain_len = sizeof(domain), type_len = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_len) == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) == 0 && type == SOCK_DGRAM &&
	       (domain == AF_INET || domain == AF_INET6);
}

/**
 * Takes the next datagram out of the socket if Avahi must not read it (packet.h). Avahi reads one
 * datagram in each call-back, so it reads the one that was checked here. @return whether there is
 * nothing left for this call-back
 */
static bool
drops_datagram(int fd, const struct pz_mdns_echoes *echoes)
{
	uint8_t bytes[PZ_MDNS_PACKET_BYTES_MAX];
	/* MSG_TRUNC returns the full length even if the datagram is cut. */
	ssize_t len = recv(fd, bytes, sizeof(bytes), MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);

	if (len < 0) /* no datagram, or an error of the socket, which this call has consumed */
		return true;
	struct pz_slice datagram = pz_slice_of(bytes, (size_t)len);
	enum pz_mdns_packet is = (size_t)len > sizeof(bytes) ? PZ_MDNS_PACKET_MALFORMED
							     : pz_mdns_packet_check(datagram);
	if (is == PZ_MDNS_PACKET_GOOD && !pz_mdns_packet_is_echo(datagram, echoes))
		return false;
	(void)recv(fd, bytes, 0, MSG_DONTWAIT);
	pz_debug("mdns-dropped", "bytes=%zd reason=%s", len,
		 is == PZ_MDNS_PACKET_GOOD    ? "echo"
		 : is == PZ_MDNS_PACKET_ALIAS ? "alias"
					      : "malformed");
	return true;
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	AvahiWatch *watch = poll->data;
	unsigned happened = 0;

	if (watch->is_datagram && (events & UV_READABLE) &&
	    drops_datagram(watch->fd, &watch->owner->echoes))
		/* The datagram is removed; libuv reports the next one, because the socket is still
		 * readable. */
		return;
	if (status < 0) { /* libuv has stopped watching; Avahi's read returns the error */
		happened = AVAHI_WATCH_ERR | (watch->wanted & AVAHI_WATCH_IN);
		start(watch);
	}
	if (events & UV_READABLE)
		happened |= AVAHI_WATCH_IN;
	if (events & UV_WRITABLE)
		happened |= AVAHI_WATCH_OUT;
	if (events & UV_DISCONNECT)
		happened |= AVAHI_WATCH_HUP;
	watch->happened = happened;
	watch->callback(watch, watch->fd, (AvahiWatchEvent)happened, watch->arg);
}

static AvahiWatch *
watch_new(const AvahiPoll *api, int fd, AvahiWatchEvent event, AvahiWatchCallback callback,
	  void *arg)
{
	const struct pz_mdns_poll *owner = api->userdata;
	AvahiWatch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL)
		return NULL;
	watch->owner = owner;
	watch->fd = fd;
	watch->is_datagram = is_network_datagram(fd);
	watch->wanted = event;
	watch->callback = callback;
	watch->arg = arg;
	watch->copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (watch->copy < 0 || uv_poll_init(&owner->loop->uv, &watch->poll, watch->copy) != 0) {
		if (watch->copy >= 0)
			close(watch->copy);
		free(watch);
		return NULL;
	}
	watch->poll.data = watch;
	start(watch);
	return watch;
}

static void
watch_update(AvahiWatch *watch, AvahiWatchEvent event)
{
	if (watch->wanted == (unsigned)event)
		return;
	watch->wanted = event;
	start(watch);
}

static AvahiWatchEvent
watch_get_events(AvahiWatch *watch)
{
	return (AvahiWatchEvent)watch->happened;
}

static void
on_closed(uv_handle_t *handle)
{
	AvahiWatch *watch = handle->data;

	close(watch->copy);
	free(watch);
}

/* Freed when libuv has closed it; Avahi does not use it any more. */
static void
watch_free(AvahiWatch *watch)
{
	uv_poll_stop(&watch->poll);
	uv_close((uv_handle_t *)&watch->poll, on_closed);
}

/* ---- timeouts ---- */

static void
on_timer(struct pz_timer *timer, void *arg)
{
	AvahiTimeout *timeout = arg;

	(void)timer;
	timeout->callback(timeout, timeout->arg);
}

/* Avahi gives times of the wall clock, which it reads itself. */
static void
timeout_update(AvahiTimeout *timeout, const struct timeval *due)
{
	struct timeval now;

	if (due == NULL) {
		pz_env_stop(timeout->env, &timeout->timer);
		return;
	}
	gettimeofday(&now, NULL);
	int64_t delay = (int64_t)(due->tv_sec - now.tv_sec) * (int64_t)PZ_US_PER_S + due->tv_usec -
			now.tv_usec;
	pz_env_start(timeout->env, &timeout->timer, delay > 0 ? (uint64_t)delay : 0);
}

static AvahiTimeout *
timeout_new(const AvahiPoll *api, const struct timeval *due, AvahiTimeoutCallback callback,
	    void *arg)
{
	const struct pz_mdns_poll *owner = api->userdata;
	AvahiTimeout *timeout = calloc(1, sizeof(*timeout));

	if (timeout == NULL)
		return NULL;
	timeout->env = &owner->loop->env;
	timeout->callback = callback;
	timeout->arg = arg;
	pz_timer_init(&timeout->timer, on_timer, timeout);
	timeout_update(timeout, due);
	return timeout;
}

static void
timeout_free(AvahiTimeout *timeout)
{
	pz_env_stop(timeout->env, &timeout->timer);
	free(timeout);
}

void
pz_mdns_poll_init(struct pz_mdns_poll *poll, struct pz_loop *loop)
{
	poll->loop = loop;
	poll->echoes = (struct pz_mdns_echoes){.len = 0};
	poll->api = (AvahiPoll){
		.userdata = poll,
		.watch_new = watch_new,
		.watch_update = watch_update,
		.watch_get_events = watch_get_events,
		.watch_free = watch_free,
		.timeout_new = timeout_new,
		.timeout_update = timeout_update,
		.timeout_free = timeout_free,
	};
}
