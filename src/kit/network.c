#include "kit/network.h"

#include <string.h>

#include "kit/check.h"
#include "kit/zone.h"

static enum pz_err
on_dial(void *self, const char *host, uint16_t port, const struct pz_dial_events *events, void *arg,
	struct pz_dial **out)
{
	struct pz_kit_network *n = self;

	PZ_KIT_CHECK(host[0] != '\0' && port != 0);
	if (strcmp(host, PZ_KIT_HOST) != 0 && n->dial_err != PZ_OK)
		return n->dial_err;
	PZ_KIT_CHECK(!n->is_single || pz_kit_network_dial(n, NULL) == NULL);
	PZ_KIT_CHECK(n->dial_count < PZ_KIT_DIALS_MAX);
	struct pz_dial *dial = &n->dials[n->dial_count++];
	*dial = (struct pz_dial){.network = n,
				 .port = port,
				 .events = events,
				 .arg = arg,
				 .started_us = n->clock->now_us};
	snprintf(dial->host, sizeof(dial->host), "%s", host);
	*out = dial;
	return PZ_OK;
}

static void
on_cancel(struct pz_dial *dial)
{
	PZ_KIT_CHECK(!dial->is_over);
	dial->is_over = dial->is_cancelled = true;
	dial->network->cancel_count++;
}

static enum pz_err
on_listen(void *self, const char *address, uint16_t port, pz_accept_fn accept, void *arg,
	  struct pz_listener **out, uint16_t *out_port, struct pz_errinfo *info)
{
	struct pz_kit_network *n = self;

	PZ_KIT_CHECK(!n->is_listening);
	if (n->listen_err != PZ_OK)
		return pz_fail(info, n->listen_err, "port %u: address in use", port);
	snprintf(n->listen_address, sizeof(n->listen_address), "%s", address);
	n->is_listening = true;
	n->listener = (struct pz_listener){n, accept, arg};
	*out = &n->listener;
	*out_port = port ? port : n->port;
	return PZ_OK;
}

static void
on_listen_close(struct pz_listener *listener)
{
	listener->network->is_listening = false;
}

void
pz_kit_network_init(struct pz_kit_network *network, const struct pz_kit_clock *clock)
{
	*network = (struct pz_kit_network){.clock = clock};
}

struct pz_transport
pz_kit_network_transport(struct pz_kit_network *network)
{
	static const struct pz_transport_ops dials = {.dial = on_dial, .dial_cancel = on_cancel};
	static const struct pz_transport_ops both = {
		.dial = on_dial,
		.dial_cancel = on_cancel,
		.listen = on_listen,
		.listen_close = on_listen_close,
	};

	return (struct pz_transport){network->can_listen ? &both : &dials, network};
}

struct pz_dial *
pz_kit_network_dial(struct pz_kit_network *network, const char *host)
{
	for (size_t i = network->dial_count; i-- > 0;) {
		struct pz_dial *dial = &network->dials[i];
		if (!dial->is_over && (host == NULL || strcmp(dial->host, host) == 0))
			return dial;
	}
	return NULL;
}

void
pz_kit_network_forget(struct pz_kit_network *network)
{
	for (size_t i = 0; i < network->dial_count; i++)
		network->dials[i].is_over = true;
}

void
pz_kit_dial_resolved(struct pz_dial *dial)
{
	PZ_KIT_CHECK(dial && !dial->is_over);
	dial->events->resolved(dial->arg);
}

void
pz_kit_dial_connected(struct pz_dial *dial, struct pz_stream *stream)
{
	PZ_KIT_CHECK(dial && !dial->is_over);
	dial->is_over = true;
	dial->events->connected(dial->arg, stream);
}

void
pz_kit_dial_failed(struct pz_dial *dial, enum pz_err err, const char *detail)
{
	PZ_KIT_CHECK(dial && !dial->is_over);
	dial->is_over = true;
	dial->events->failed(dial->arg, err, detail);
}
