/*
 * A hop (page 15): a channel that came in by one link continues on another link. Data, credit, end
 * and close pass one to one; what waits is never more than the windows, whose sum is bounded.
 */
#ifndef PZ_CHANNEL_SPLICE_H
#define PZ_CHANNEL_SPLICE_H

#include "base/limits.h"
#include "base/list.h"
#include "channel/channel.h"

/** How many; 0: no limit of this kind. */
struct pz_splice_limits {
	size_t count;      /* in all */
	size_t per_opener; /* opened by one device */
	size_t per_pair;   /* between two devices, whichever opened */
};

/** The spliced channels of one node. */
struct pz_splices {
	const struct pz_env *env;
	struct pz_splice_limits limits;
	struct pz_list all;
	size_t count, bytes; /* windows, of all of them, and what waits of those that have ended */
};

/** @param env borrowed */
void pz_splices_init(struct pz_splices *splices, const struct pz_env *env,
		     const struct pz_splice_limits *limits);

/**
 * Continues an offer on another link: opens a channel there, and answers the offer as that one is
 * answered. Called from pz_channels_ops.offered, which has nothing more to do.
 * @param in the offer's channel; refused (`limit`) when there is no room
 * @param out channels of the next link
 * @param from the identity that the incoming link has proved
 * @param to the destination: a device, or the zone for its hub
 * @spec page 15 "A hop"
 */
void pz_splice_start(struct pz_splices *splices, struct pz_channel *in,
		     const struct pz_channel_offer *offer, struct pz_channels *out,
		     const char *from, const char *to);

/** Closes all of them: this node passes on no more. */
void pz_splices_end(struct pz_splices *splices);

#endif
