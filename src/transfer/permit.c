/*
 * Decides whether a file may be received. Each offer is judged. While a person is asked, or the
 * call is being counted on the disk, the offer waits here: its channel stays open for a while, then
 * it is refused with `limit`, and the next try of the same sending finds its pending question.
 *
 *   ASKING    the judgment follows
 *   ALLOWED   further tries of the same sending continue while the policy still permits or asks
 *   DENIED    the next try is refused, also where the answer came between two tries
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transfer/internal.h"

struct asked {
	struct pz_list node; /* transfers.asked, in the order of arrival */
	struct pz_transfers *transfers;
	struct pz_channel *channel; /* that waits for the answer; or NULL */
	struct pz_transfer_offer offer;
	char device[PZ_ADDRESS_BYTES_MAX + 1];
	enum { ASKING, ALLOWED, DENIED } state;
	uint64_t ticket;
	struct pz_timer timer; /* the channel waits too long, or this entry is not needed */
};

static const struct pz_channel_ops channel_ops;

static void
asked_free(struct asked *a)
{
	struct pz_transfers *transfers = a->transfers;

	pz_list_remove(&a->node);
	pz_env_stop(transfers->env, &a->timer);
	if (a->channel)
		/* "limit" is the only word that makes the sender try again. */
		pz_channel_refuse(a->channel, PZ_CHANNEL_LIMIT);
	if (a->state == ASKING)
		transfers->config.ops->judge_over(transfers->config.arg, a->ticket);
	free(a);
}

/* Without a channel the sender has gone, or is about to try again. */
static void
on_timer(struct pz_timer *timer, void *arg)
{
	struct asked *a = arg;

	if (a->channel == NULL) {
		asked_free(a);
		return;
	}
	pz_channel_refuse(PZ_TAKE(a->channel), PZ_CHANNEL_LIMIT);
	pz_env_start(a->transfers->env, timer, PZ_TRANSFER_ASK_AGAIN_US);
}

static void
hold(struct asked *a, struct pz_channel *channel, const struct pz_transfer_offer *offer)
{
	/* The sender has lost its former link: that channel has no other end any more. */
	if (a->channel)
		pz_channel_refuse(a->channel, PZ_CHANNEL_LIMIT);
	a->channel = channel;
	a->offer = *offer;
	/* Neither accepted nor refused: the offer waits, and the time limit of the sender is
	 * extended. */
	pz_channel_keep(channel, &channel_ops, a);
	pz_env_start(a->transfers->env, &a->timer, PZ_TRANSFER_ASK_HOLD_US);
}

static void
on_closed(void *arg, const char *reason, json_t *message)
{
	struct asked *a = arg;

	(void)reason;
	(void)message;
	a->channel = NULL;
	pz_env_start(a->transfers->env, &a->timer, PZ_TRANSFER_ASK_AGAIN_US);
}

/* Nothing is received before the channel is accepted. */
static void
on_refused(void *arg, enum pz_channel_refusal why)
{
	(void)arg;
	(void)why;
}

static void
on_data(void *arg, struct pz_slice data)
{
	(void)arg;
	(void)data;
}

static void
on_ended(void *arg)
{
	(void)arg;
}

static const struct pz_channel_ops channel_ops = {
	.refused = on_refused,
	.data = on_data,
	.ended = on_ended,
	.closed = on_closed,
};

/* ---- which ---- */

static struct asked *
asked_of(const struct pz_transfers *transfers, const char *device, const char *id)
{
	for (struct pz_list *n = transfers->asked.next; n != &transfers->asked; n = n->next) {
		struct asked *a = PZ_CONTAINER(n, struct asked, node);
		if (strcmp(a->device, device) == 0 && strcmp(a->offer.id, id) == 0)
			return a;
	}
	return NULL;
}

/* Answered entries are replaced first. NULL: too many wait. */
static struct asked *
asked_new(struct pz_transfers *transfers, const char *device, const struct pz_transfer_offer *offer)
{
	size_t count = 0, of_device = 0;
	struct asked *oldest = NULL;

	PZ_LIST_EACH (&transfers->asked, n, tmp) {
		struct asked *a = PZ_CONTAINER(n, struct asked, node);
		count++;
		/* Only open questions count against a device. */
		of_device += a->state == ASKING && pz_transfer_is_same_party(device, a->device);
		if (oldest == NULL && a->state != ASKING)
			oldest = a;
	}
	if (of_device >= PZ_TRANSFERS_PER_PEER_MAX)
		return NULL;
	if (count >= PZ_TRANSFERS_ASKED_MAX && oldest == NULL)
		return NULL;
	if (count >= PZ_TRANSFERS_ASKED_MAX)
		asked_free(oldest);
	struct asked *a = calloc(1, sizeof(*a));
	if (a == NULL)
		return NULL;
	a->transfers = transfers;
	a->offer = *offer;
	a->ticket = ++transfers->last_ticket;
	snprintf(a->device, sizeof(a->device), "%s", device);
	pz_timer_init(&a->timer, on_timer, a);
	pz_list_append(&transfers->asked, &a->node);
	return a;
}

/* ---- offers ---- */

static enum pz_transfer_permit
permit_first(struct pz_transfers *transfers, const char *device, struct pz_channel *channel,
	     const struct pz_transfer_offer *offer)
{
	struct asked *a = asked_new(transfers, device, offer);

	if (a == NULL)
		return PZ_TRANSFER_LATER;
	enum pz_transfer_permit permit =
		transfers->config.ops->judge(transfers->config.arg, device, a->ticket);
	if (permit == PZ_TRANSFER_WAITS) {
		hold(a, channel, offer);
		return permit;
	}
	/* So that asked_free does not cancel a judgment that has ended. */
	a->state = DENIED; /* nothing is pending */
	asked_free(a);
	return permit;
}

enum pz_transfer_permit
pz_transfer_permit(struct pz_transfers *transfers, const char *device, struct pz_channel *channel,
		   const struct pz_transfer_offer *offer)
{
	const struct pz_transfers_ops *ops = transfers->config.ops;
	struct asked *a = asked_of(transfers, device, offer->id);

	if (a == NULL)
		return permit_first(transfers, device, channel, offer);
	if (a->state == ASKING) {
		hold(a, channel, offer);
		return PZ_TRANSFER_WAITS;
	}
	if (a->state == DENIED)
		return PZ_TRANSFER_DENIED;
	pz_env_start(transfers->env, &a->timer, PZ_TRANSFER_ALLOWED_US);
	/* A permission is for this sending, and only as long as no policy denies it. */
	if (ops->may_go_on(transfers->config.arg, device))
		return PZ_TRANSFER_PERMITTED;
	asked_free(a);
	return PZ_TRANSFER_DENIED;
}

void
pz_transfers_judged(struct pz_transfers *transfers, uint64_t ticket, bool is_permitted)
{
	PZ_LIST_EACH (&transfers->asked, n, tmp) {
		struct asked *a = PZ_CONTAINER(n, struct asked, node);
		if (a->ticket != ticket || a->state != ASKING)
			continue;
		struct pz_channel *channel = PZ_TAKE(a->channel);
		a->state = is_permitted ? ALLOWED : DENIED;
		pz_env_start(transfers->env, &a->timer,
			     is_permitted ? PZ_TRANSFER_ALLOWED_US : PZ_TRANSFER_ASK_AGAIN_US);
		/* Without a channel the next try finds the answer. */
		if (channel)
			transfers->judged(transfers, a->device, channel, &a->offer, is_permitted);
		return;
	}
}

void
pz_transfer_permit_end(struct pz_transfers *transfers)
{
	PZ_LIST_EACH (&transfers->asked, n, tmp)
		asked_free(PZ_CONTAINER(n, struct asked, node));
}
