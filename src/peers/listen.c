/*
 * The TLS server of a device (seed "TLS Servers on the PZP"): opens it, and limits who may connect.
 * It is open while the device is in a zone and the preference wants it, or while a pairing window
 * is open. Strangers are limited as at the hub, with smaller numbers: a device is a small machine.
 */
#include <stdio.h>
#include <stdlib.h>

#include "peers/internal.h"

static void
refuse(struct pz_peers *peers, struct pz_stream *stream, const char *remote, const char *why)
{

	pz_metric_add(peers->metrics, PZ_METRIC_links_refused, 1);
	pz_metric_add(peers->metrics, PZ_METRIC_limits_hit, 1);
	pz_warning_of(&peers->refuse_log, peers->env, "link-refused", "remote=%s %s", remote, why);
	stream->ops->close(stream);
}

static size_t
count_links(const struct pz_peers *peers)
{
	size_t count = 0;

	for (const struct pz_list *n = peers->links.next; n != &peers->links; n = n->next)
		count++;
	return count;
}

static void
on_evict(void *arg, struct pz_guest *guest, const char *why)
{
	struct pz_peers *peers = arg;

	pz_metric_add(peers->metrics, PZ_METRIC_limits_hit, 1);
	pz_link_close(PZ_CONTAINER(guest, struct peer_link, guest)->link, PZ_ERR_LIMIT, why);
}

static void
on_full(void *arg, const char *busiest, unsigned count)
{
	struct pz_peers *peers = arg;

	pz_condition_raise(peers->config.conditions, PZ_CONDITION_WAITING_ROOM_FULL, "",
			   "%zu connections that have not proved an identity are open, as many as "
			   "are allowed; %u of them are from %s",
			   pz_doorway_waiting(peers->doorway), count, busiest);
}

static void
on_calm(void *arg)
{
	struct pz_peers *peers = arg;

	pz_condition_clear(peers->config.conditions, PZ_CONDITION_WAITING_ROOM_FULL, "");
}

/* The operator may lower a limit, not raise it. 0: not configured. */
static unsigned
at_most(unsigned wanted, unsigned max)
{
	return wanted > 0 && wanted < max ? wanted : max;
}

struct pz_doorway *
pz_peers_doorway_new(struct pz_peers *peers)
{
	static const struct pz_doorway_ops ops = {
		.evict = on_evict,
		.full = on_full,
		.calm = on_calm,
	};
	const struct pz_peers_config *config = &peers->config;
	unsigned per_net =
		at_most(config->unauthenticated_per_address_max, PZ_PEER_UNAUTH_PER_ADDRESS_MAX);
	struct pz_doorway_limits limits = {
		.all = at_most(config->unauthenticated_max, PZ_PEER_UNAUTH_MAX),
		.per_net = per_net,
		.per_site = per_net * PZ_UNAUTH_SITE_FACTOR,
	};

	return pz_doorway_new(&limits, peers->env, &ops, peers);
}

static void
on_accept(void *arg, struct pz_stream *stream, const char *remote)
{
	struct pz_peers *peers = arg;

	if ((peers->server_ctx == NULL && !peers->has_window) || peers->is_ending)
		stream->ops->close(stream);
	else if (count_links(peers) >= PZ_PEER_LINKS_MAX)
		refuse(peers, stream, remote, "too many connections");
	else if (pz_peer_link_accept(peers, stream, remote) == NULL)
		pz_warning_of(&peers->refuse_log, peers->env, "link-refused", "remote=%s %s",
			      remote, "out of memory");
}

void
pz_peers_unlisten(struct pz_peers *peers)
{
	if (peers->listener)
		peers->config.transport.ops->listen_close(peers->listener);
	peers->listener = NULL;
	peers->port = 0;
	pz_env_stop(peers->env, &peers->listen_again);
	pz_condition_clear(peers->config.conditions, PZ_CONDITION_NO_DIRECT_LINKS, NULL);
	pz_nearby_announce(peers->nearby);
}

/* A port that another program uses must not end the daemon: everything else works, and listening is
 * tried again each minute, with each connection to the hub and with each change of the network. */
static void
open_listener(struct pz_peers *peers)
{
	const struct pz_transport *t = &peers->config.transport;
	const char *address = peers->config.listen ? peers->config.listen : "";
	struct pz_errinfo info = {""};

	if (t->ops->listen == NULL)
		return;
	enum pz_err err = t->ops->listen(t->self, address, peers->config.peer_prefs->tls_port,
					 on_accept, peers, &peers->listener, &peers->port, &info);
	if (err != PZ_OK) {
		peers->listener = NULL;
		pz_condition_raise(peers->config.conditions, PZ_CONDITION_NO_DIRECT_LINKS, "",
				   "peers cannot connect to this device: %s", info.text);
		pz_env_start(peers->env, &peers->listen_again, PZ_PEER_LISTEN_AGAIN_US);
		return;
	}
	pz_env_stop(peers->env, &peers->listen_again);
	pz_condition_clear(peers->config.conditions, PZ_CONDITION_NO_DIRECT_LINKS, NULL);
	pz_notice("peer-listen", "port=%u", peers->port);
}

static void
on_listen_again(struct pz_timer *timer, void *arg)
{
	(void)timer;
	pz_peers_listen_again(arg);
}

void
pz_peers_listen_init(struct pz_peers *peers)
{
	pz_timer_init(&peers->listen_again, on_listen_again, peers);
}

void
pz_peers_listen_again(struct pz_peers *peers)
{
	if (peers->listen_again.active || peers->listener == NULL)
		pz_peers_listen(peers);
}

/* Called with every change that may matter; it compares the wanted state with the actual one, and
 * does nothing when they are equal. */
void
pz_peers_listen(struct pz_peers *peers)
{
	bool is_wanted = ((peers->config.zone->membership && peers->config.peer_prefs->listen) ||
			  peers->has_window) &&
			 !peers->is_ending;
	bool is_moved = peers->listener && peers->config.peer_prefs->tls_port != 0 &&
			peers->config.peer_prefs->tls_port != peers->port;

	if (peers->listener && (!is_wanted || is_moved))
		pz_peers_unlisten(peers);
	if (is_wanted && peers->listener == NULL)
		open_listener(peers);
	pz_nearby_announce(peers->nearby);
	pz_peers_send_info_soon(peers);
}

/* ---- the pairing window ---- */

void
pz_peers_open_window(struct pz_peers *peers, uint64_t duration_us)
{
	if (peers->is_ending || peers->config.ops->stranger_ctx == NULL)
		return;
	peers->has_window = true;
	pz_peers_listen(peers);
	pz_nearby_look_for_windows(peers->nearby, duration_us);
}

void
pz_peers_close_window(struct pz_peers *peers)
{
	if (!peers->has_window)
		return;
	peers->has_window = false;
	pz_peers_listen(peers);
}
