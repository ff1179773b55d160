/* Dialling and listening of the virtual network: resolve, SYN with its retries, accept, connected.
 */
#include <stdio.h>
#include <stdlib.h>

#include "vnet_internal.h"

#define SYN_RETRY_US (1 * PZ_US_PER_S)
#define SYN_TIMEOUT_US (127 * PZ_US_PER_S)

struct pz_listener {
	struct pz_list node;
	struct vhost *host;
	uint16_t port;
	pz_accept_fn accept;
	void *arg;
	bool is_dead;
};

struct pz_dial {
	struct pz_list node;
	struct vhost *host;
	char name[256];
	uint16_t port;
	const struct pz_dial_events *events;
	void *arg;
	struct pz_timer timer;
	void (*next)(struct pz_dial *dial);
	struct vconn *conn;
	uint64_t retry_us, waited_us;
	bool is_dead, is_calling, is_cancelled;
};

static void
free_dial(struct pz_dial *dial)
{
	struct vconn *conn = dial->conn;

	pz_timer_stop(&dial->host->net->timers, &dial->timer);
	pz_list_remove(&dial->node);
	free(dial);
	if (conn) {
		/* The caller never took its end: to the other side it has closed. */
		struct vend *end = &conn->end[0];
		if (end->state == END_UNOPENED) {
			end->state = END_OPEN;
			end->stream.ops->close(&end->stream);
		}
		vconn_unused(conn);
	}
}

static void
fail(struct pz_dial *dial, enum pz_err err, const char *what)
{
	char detail[320];

	snprintf(detail, sizeof(detail), "%s port %u: %s", dial->name, dial->port, what);
	dial->is_calling = true;
	dial->events->failed(dial->arg, err, detail);
	free_dial(dial);
}

static void
go_on(struct pz_dial *dial, void (*next)(struct pz_dial *dial), uint64_t delay_us)
{
	dial->next = next;
	vnet_soon(dial->host->net, &dial->timer, delay_us);
}

static struct pz_listener *
find_listener(const struct vhost *host, uint16_t port)
{
	PZ_LIST_EACH (&host->net->listeners, node, tmp) {
		struct pz_listener *l = PZ_CONTAINER(node, struct pz_listener, node);
		if (l->host == host && l->port == port && !l->is_dead)
			return l;
	}
	return NULL;
}

/* ---- the steps of a dial ---- */

static void
step_connected(struct pz_dial *dial)
{
	struct vconn *conn = dial->conn;
	struct vend *end = &conn->end[0];
	const struct pz_dial_events *events = dial->events;
	void *arg = dial->arg;

	if (vnet_is_blocked(dial->host, conn->end[1].host)) {
		go_on(dial, step_connected, SYN_RETRY_US);
		return;
	}
	if (end->is_reset) {
		fail(dial, PZ_ERR_IO, "connection reset (virtual)");
		return;
	}
	end->state = END_OPEN;
	dial->conn = NULL;
	free_dial(dial);
	conn->is_dialling = false;
	events->connected(arg, &end->stream);
}

static void
step_refused(struct pz_dial *dial)
{
	fail(dial, PZ_ERR_IO_REFUSED, "connection refused (virtual)");
}

static void
syn_lost(struct pz_dial *dial)
{
	if (dial->waited_us >= SYN_TIMEOUT_US) {
		fail(dial, PZ_ERR_IO_TIMEOUT, "connection timed out (virtual)");
		return;
	}
	dial->waited_us += dial->retry_us;
	dial->retry_us *= 2;
	go_on(dial, dial->next, dial->retry_us / 2);
}

static void
step_syn(struct pz_dial *dial)
{
	struct vhost *to = vnet_find_host(dial->host->net, dial->name);
	uint64_t latency_us = vnet_latency(dial->host->net);

	if (to == NULL) {
		fail(dial, PZ_ERR_IO, "no route to host (virtual)");
		return;
	}
	if (!to->is_on || vnet_is_blocked(dial->host, to)) {
		syn_lost(dial);
		return;
	}
	struct pz_listener *listener = find_listener(to, dial->port);
	if (listener == NULL) {
		go_on(dial, step_refused, latency_us);
		return;
	}
	dial->conn = vconn_new(dial->host->net, dial->host, to);
	dial->conn->end[1].state = END_OPEN;
	go_on(dial, step_connected, latency_us);
	vnet_begin(dial->host->net, to);
	listener->accept(listener->arg, &dial->conn->end[1].stream, dial->host->address);
}

static bool
is_address(const char *name)
{
	return strspn(name, "0123456789.") == strlen(name);
}

static void
step_resolve(struct pz_dial *dial)
{
	struct vnet *net = dial->host->net;

	if (!is_address(dial->name) && rng_chance(&net->rng, net->weather.resolver_failures)) {
		fail(dial, PZ_ERR_IO_RESOLVE, "temporary failure in name resolution (virtual)");
		return;
	}
	go_on(dial, step_syn, vnet_latency(net));
	if (dial->events->resolved == NULL)
		return;
	dial->is_calling = true;
	dial->events->resolved(dial->arg);
	dial->is_calling = false;
	if (dial->is_cancelled)
		free_dial(dial);
}

static void
run_dial(struct pz_timer *timer, void *arg)
{
	struct pz_dial *dial = arg;
	struct vnet *net = dial->host->net;

	(void)timer;
	if (dial->is_dead)
		return;
	vnet_begin(net, dial->host);
	dial->next(dial);
	vnet_after(net);
}

/* ---- the transport ---- */

static enum pz_err
dial_start(void *self, const char *host, uint16_t port, const struct pz_dial_events *events,
	   void *arg, struct pz_dial **out)
{
	struct vhost *from = self;
	struct pz_dial *dial = calloc(1, sizeof(*dial));

	if (dial == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	dial->host = from;
	dial->port = port;
	dial->events = events;
	dial->arg = arg;
	dial->retry_us = SYN_RETRY_US;
	snprintf(dial->name, sizeof(dial->name), "%s", host);
	pz_timer_init(&dial->timer, run_dial, dial);
	pz_list_append(&from->net->dials, &dial->node);
	go_on(dial, step_resolve, vnet_latency(from->net));
	*out = dial;
	return PZ_OK;
}

static void
dial_cancel(struct pz_dial *dial)
{
	if (dial == NULL)
		return;
	dial->is_cancelled = true;
	if (!dial->is_calling)
		free_dial(dial);
}

static enum pz_err
listen_start(void *self, const char *address, uint16_t port, pz_accept_fn accept, void *arg,
	     struct pz_listener **out, uint16_t *out_port, struct pz_errinfo *info)
{
	struct vhost *host = self;

	(void)address;
	if (port == 0)
		port = (uint16_t)(49152 + host->next_port++);
	if (find_listener(host, port))
		return pz_fail(info, PZ_ERR_IO, "cannot listen on port %u: address in use", port);
	struct pz_listener *listener = calloc(1, sizeof(*listener));
	if (listener == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	*listener = (struct pz_listener){.host = host, .port = port, .accept = accept, .arg = arg};
	pz_list_append(&host->net->listeners, &listener->node);
	*out = listener;
	*out_port = port;
	return PZ_OK;
}

static void
listen_close(struct pz_listener *listener)
{
	if (listener == NULL)
		return;
	pz_list_remove(&listener->node);
	free(listener);
}

void
vdial_host_killed(struct vhost *host)
{
	PZ_LIST_EACH (&host->net->dials, node, tmp) {
		struct pz_dial *dial = PZ_CONTAINER(node, struct pz_dial, node);
		if (dial->host == host)
			dial->is_dead = true;
	}
	PZ_LIST_EACH (&host->net->listeners, node, tmp) {
		struct pz_listener *listener = PZ_CONTAINER(node, struct pz_listener, node);
		if (listener->host == host)
			listener->is_dead = true;
	}
}

static const struct pz_transport_ops transport_ops = {
	.dial = dial_start,
	.dial_cancel = dial_cancel,
	.listen = listen_start,
	.listen_close = listen_close,
};

struct pz_transport
vhost_transport(struct vhost *host)
{
	return (struct pz_transport){.ops = &transport_ops, .self = host};
}
