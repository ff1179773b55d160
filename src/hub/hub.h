/* The hub: zones behind one listening port; it opens no descriptor itself. */
#ifndef PZ_HUB_HUB_H
#define PZ_HUB_HUB_H

#include <jansson.h>

#include "base/env.h"
#include "command/request.h"
#include "metrics/metrics.h"
#include "net/transport.h"
#include "net/turn.h"
#include "store/store.h"
#include "x509/keystore.h"

struct pz_hub;

/** Everything the hub is given. Borrowed for its life. Zero limits mean the defaults of
 * base/limits.h. */
struct pz_hub_config {
	const struct pz_env *env;
	struct pz_transport transport;
	struct pz_turn *turn;
	struct pz_store *store;
	struct pz_keystore *keys;
	const char *key_type; /* for new zones */
	const char *listen;   /* address */
	uint16_t port;        /* 0: any */
	uint32_t frame_max;
	size_t queue_high_bytes, queue_low_bytes;
	unsigned unauthenticated_max, unauthenticated_per_address_max, per_address_max;
	unsigned signatures_per_minute; /* of one zone, for devices that enrol; 0: any number */
	uint64_t keepalive_us;
};

/** Loads the zones of the store. Errors: LIMIT_MEMORY and those of pz_authority_load_all. */
enum pz_err pz_hub_new(const struct pz_hub_config *config, struct pz_hub **out,
		       struct pz_errinfo *info) PZ_MUST_USE;
/** Starts to listen. Errors: IO, CONFIG. */
enum pz_err pz_hub_start(struct pz_hub *hub, struct pz_errinfo *info) PZ_MUST_USE;
/** Sends `bye` on every link and closes it; the links are gone after the turn's end. */
void pz_hub_stop(struct pz_hub *hub);
/** After pz_hub_stop and a turn's end; running commits must have been polled or be dropped with the
 * store. */
void pz_hub_free(struct pz_hub *hub);

/** Silence on a link until a sign of life is sent, also on links that are up. 0: the default. */
void pz_hub_set_keepalive(struct pz_hub *hub, uint64_t keepalive_us);

/** The system's clock was set; a hub that is not called is late by at most PZ_CLOCK_LOOK_US. */
void pz_hub_clock_set(struct pz_hub *hub);

/** The machine's addresses or routes have changed: friends' hubs are dialled at once.
 * @spec page 6 "Friends: hub to hub" */
void pz_hub_network_changed(struct pz_hub *hub);

/** The port that devices reach it by. */
uint16_t pz_hub_port(const struct pz_hub *hub);

/** What a hub serves now. */
struct pz_hub_counts {
	size_t zones, devices, connected; /* devices: enrolled and not revoked */
};
/** Counts them. */
struct pz_hub_counts pz_hub_counts(const struct pz_hub *hub);
/** The hub's counters, to be read and added to. */
struct pz_metrics *pz_hub_metrics(struct pz_hub *hub);

#endif
