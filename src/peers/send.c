/* Sending on a direct link. */
#include "peers/internal.h"
#include "wire/message.h"

void
pz_peer_link_prop(struct peer_link *pl, const char *status, json_t *message)
{
	struct pz_peers *peers = pl->peers;
	struct pz_buf out;

	if (pl->peer == NULL || pl->link->closing)
		return;
	pz_buf_init(&out, PZ_FRAME_BYTES_MAX, NULL);
	/* Through the router once it knows the link, so that the queue counts against its limits. A
	 * link that has not registered, or is being replaced, gets the frame directly. */
	enum pz_err err =
		pz_message_prop(&out, peers->config.self, pl->peer->address, status, message);
	if (err == PZ_OK)
		err = pl->link->session.attached
			      ? pz_router_push(peers->config.router, &pl->link->session,
					       pz_buf_slice(&out))
			      : pz_link_send(pl->link, pz_buf_slice(&out));
	if (err != PZ_OK)
		peers->config.ops->unsent(peers->config.arg, &pl->link->session, status, err,
					  out.len);
	pz_buf_fini(&out);
}

void
pz_peer_link_answer(struct peer_link *pl, const char *status, json_t *message)
{
	if (pz_peer_is_choked(pl))
		pz_metric_add(pl->peers->metrics, PZ_METRIC_messages_dropped, 1);
	else
		pz_peer_link_prop(pl, status, message);
}

void
pz_peer_channel_prop(struct pz_link *link, const char *status, json_t *message)
{
	pz_peer_link_prop(link->owner, status, message);
}

void
pz_peer_link_bye(struct peer_link *pl, const char *reason)
{
	json_t *message = json_pack("{s:s}", "reason", reason);

	pz_peer_link_prop(pl, "bye", message);
	json_decref(message);
}

bool
pz_peer_is_choked(const struct peer_link *pl)
{
	size_t high = pl->peers->config.queue_high_bytes;

	return pl->link->session.queued > (high ? high : PZ_QUEUE_HIGH_BYTES);
}

struct peer_link *
pz_peer_link_in(const struct peer *peer, enum peer_link_state state)
{
	const struct pz_peers *peers = peer->peers;

	for (struct pz_list *n = peers->links.next; n != &peers->links; n = n->next) {
		struct peer_link *pl = PZ_CONTAINER(n, struct peer_link, node);
		if (pl->peer == peer && pl->state == state && !pl->link->closing)
			return pl;
	}
	return NULL;
}
