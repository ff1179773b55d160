/* Inside of the liar only: liar.c what it does to bytes, answers and names; liar_own.c the channels
 * that it has for itself. */
#ifndef PZ_SIM_LIAR_INTERNAL_H
#define PZ_SIM_LIAR_INTERNAL_H

#include "base/buf.h"
#include "channel/internal.h"
#include "liar.h"

#define LIAR_LANES_MAX 16384

/** A channel that a liar has had. */
struct lane {
	const struct pz_channel *channel; /* to compare only: it may be gone */
	struct pz_buf held;               /* goes out behind a later piece */
	struct pz_buf seen;               /* its first bytes, to be played to others */
	bool is_cut;
};

struct liar {
	struct world *world; /* NULL: all are honest */
	struct sim_node *nodes[SIM_NODES_MAX];
	size_t node_count;
	struct rng *rng;
	unsigned chance; /* of each piece, percent */
	bool tells[LIE_COUNT];
	struct pz_list own;                /* liar_own.c */
	struct lane lanes[LIAR_LANES_MAX]; /* the newest of one address is the channel's */
	size_t count;
	unsigned lies[LIE_COUNT];
};

extern struct liar liar;

/** The liar whose code runs now; NULL: an honest node's. */
struct sim_node *liar_here(void);
/** Decides by chance whether the liar whose code runs tells this lie now. */
bool liar_tells(enum lie lie, unsigned percent);
/** Sends as much as the window takes: our own code would refuse more. */
void liar_put(struct pz_channel *channel, struct pz_slice data);
/** The address of any device, or of the zone; until the next call. */
const char *liar_any_name(void);
/** A channel of a splice, also one that the liar has for itself. */
bool liar_is_spliced(const struct pz_channel *channel);

/* ---- liar_own.c ---- */
/** Takes a channel whose other half is gone. */
void liar_own_keep(struct pz_channel *channel);
/** Takes an offer that goes on to no other node, and accepts it. */
void liar_own_accept(struct pz_channel *channel, uint32_t window);
/** Closes all of them. */
void liar_own_end(void);
/** Channels of a link of this node, other than with `except`; NULL: it has none. @param out_address
 * of the other end, borrowed */
struct pz_channels *
liar_any_link(struct sim_node *node, const char *except, const char **out_address);

/* ---- the real ones, of which the linker has given us the calls ---- */
enum pz_err __real_pz_channel_forward(struct pz_channel *channel, struct pz_slice data);
enum pz_err
__real_pz_channel_open(struct pz_channels *channels, const struct pz_channel_offer *offer,
		       const struct pz_channel_ops *ops, void *arg, struct pz_channel **out);
void __real_pz_channel_accept(struct pz_channel *channel, uint32_t window, json_t *more,
			      const struct pz_channel_ops *ops, void *arg);
void __real_pz_channel_close(struct pz_channel *channel, const char *reason);
void __real_pz_channel_credit(struct pz_channel *channel, uint32_t bytes);

#endif
