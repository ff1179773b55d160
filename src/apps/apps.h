/*
 * Web apps: the local server for pages and other programs (port `ports.web`), and their sessions in
 * the zone. A session is a session of the router; it does not exist before the owner's consent, and
 * until then its page learns nothing of the zone.
 * @spec page 11 "For apps"; page 14 APP-1 to APP-13
 */
#ifndef PZ_APPS_APPS_H
#define PZ_APPS_APPS_H

#include <jansson.h>

#include "base/env.h"
#include "command/request.h"
#include "condition/condition.h"
#include "items/items.h"
#include "metrics/metrics.h"
#include "net/transport.h"
#include "route/router.h"
#include "rpc/pending.h"
#include "service/registry.h"
#include "store/store.h"
#include "tokens/tokens.h"

/** The feature by which policies know the start of an app. */
#define PZ_APPS_FEATURE "http://webinos.org/api/apps"

struct pz_apps;

/* ---- what the apps are given ---- */

enum pz_apps_consent {
	PZ_APPS_YES,
	PZ_APPS_NO,
	PZ_APPS_LATER, /* pz_apps_answered is called later, unless pz_apps_ops.withdraw was called
			  before */
};

/** Call-backs to the node. None may free the apps. `arg` is that of the configuration. */
struct pz_apps_ops {
	/** Decides whether this app may learn of the zone and make calls. Asks the owner if a
	 * policy requires it.
	 * @param address of its session; @param ticket identifies the question; 0: no person is
	 * asked, and an app that was allowed stays as long as the policy permits or asks
	 * @param was_asked set when a person has allowed the app */
	enum pz_apps_consent (*consent)(void *arg, const char *address, uint64_t ticket,
					bool *was_asked);
	/** The app that waits for an answer has ended. */
	void (*withdraw)(void *arg, uint64_t ticket);
	/** E1: true when this app may call that method at another node. */
	bool (*may_send)(void *arg, const char *from, const char *to, struct pz_slice method);
	/** True when there is a route to that address now, as far as this node knows. */
	bool (*has_route)(void *arg, const char *to);
	/** Builds what an app learns of the zone: the `message` of `registeredBrowser`. New; NULL:
	 * out of memory. */
	json_t *(*zone)(void *arg);
	/** Sends a request to an app; its answer and call-backs go to `ops`, with `job`. @param
	 * id of the request in `payload`, borrowed both. @return false: nothing was sent */
	bool (*ask)(void *arg, const char *to, const char *id, json_t *payload,
		    const struct pz_pending_ops *ops, void *job);
	/** The answer and call-backs of the request are no longer wanted. */
	void (*ask_cancel)(void *arg, const char *to, const char *id);
	/** Sends a payload to an app. */
	void (*say)(void *arg, const char *to, json_t *payload);
	/** A session has left the router: the node ends its calls, call-backs and answers. */
	void (*ended)(void *arg, const char *address);
	/** The remembered answers about an app: array of objects. New, or NULL. */
	json_t *(*answers)(void *arg, const char *id);
	/** True when the owner has installed a manifest of an app. */
	bool (*has_manifest)(void *arg, const char *id);
	/** Deletes the remembered answers about an app. */
	void (*forget)(void *arg, const char *id);
	/** How much an app stores on this device: {keys, bytes}. New, or NULL. */
	json_t *(*storage)(void *arg, const char *origin);
	/** Sends an event to programs that watch. @param takes_event NULL: does nothing */
	void (*event)(void *arg, json_t *takes_event);
};

/** Configuration; everything is borrowed for the life of the apps. */
struct pz_apps_config {
	const struct pz_env *env;
	struct pz_transport transport; /* for listening only; no ops: no port is opened */
	struct pz_router *router;
	struct pz_registry *registry; /* of this device */
	struct pz_metrics *metrics;
	struct pz_conditions *conditions;
	struct pz_store *store;
	struct pz_items *items; /* what apps store */
	const char *self;       /* address of this device, kept up to date by the node */
	uint32_t frame_max;     /* of a message, in bytes */
	const struct pz_apps_ops *ops;
	void *arg;
};

/* ---- life ---- */

/** Loads the list of origins that have connected. Errors: LIMIT_MEMORY, those of pz_store_load. */
enum pz_err pz_apps_new(const struct pz_apps_config *config, struct pz_apps **out,
			struct pz_errinfo *info) PZ_MUST_USE;
/** Closes every app's connection, and stops listening. */
void pz_apps_end(struct pz_apps *apps);
/** To be called before the router is freed. NULL is fine. */
void pz_apps_free(struct pz_apps *apps);

/** Listens on this port of 127.0.0.1 and ::1. A port that cannot be opened raises a condition, and
 * is tried again. @param port 0: any free one */
void pz_apps_listen(struct pz_apps *apps, uint16_t port);
/** The port that is open; 0: none. @param apps may be NULL */
uint16_t pz_apps_port(const struct pz_apps *apps);

/* ---- events; apps may be NULL: before they are created, and after they are freed ---- */

/** The owner has answered. Unknown tickets are fine. */
void pz_apps_answered(struct pz_apps *apps, uint64_t ticket, bool is_yes, bool was_asked);
/** Policies have changed: closes apps that are no longer allowed. */
void pz_apps_recheck(struct pz_apps *apps);
/** A person has taken back a permit: ends the sessions that it had allowed. @param is_of true for
 * these sessions @param from address of the session @param api PZ_APPS_FEATURE */
void pz_apps_taken_back(struct pz_apps *apps,
			bool (*is_of)(void *arg, const char *from, const char *api), void *arg);
/** What apps know of the zone has changed; it is sent to them after PZ_APP_UPDATE_US. */
void pz_apps_changed(struct pz_apps *apps);
/** To be called before the address of this device changes: removes all sessions from the router.
 */
void pz_apps_unroute(struct pz_apps *apps);
/** To be called after the address has changed: judges each app again. An app that needs a new
 * answer has to connect again. */
void pz_apps_reroute(struct pz_apps *apps);

/** True when an app here provides that service. @param id of the app, without the instance @param
 * service_id of the service */
bool pz_apps_provides(const struct pz_apps *apps, struct pz_slice id, const char *service_id);

/** True while an app has a session. */
bool pz_apps_has_session(const struct pz_apps *apps);
/** A value that an app has stored has changed: sends the key to those of its pages that have asked
 * for changes. @param key of the chunk; NULL: all values were removed */
void pz_apps_stored(struct pz_apps *apps, const char *key);

/** The origin of an app here. Borrowed; NULL: not known. @param id without the instance */
const char *pz_apps_origin_of(const struct pz_apps *apps, struct pz_slice id);

/** This device leaves its zone: adds the removal of the known origins to the transaction. Errors:
 * LIMIT_MEMORY. */
enum pz_err pz_apps_wipe(struct pz_txn *txn) PZ_MUST_USE;
/** The transaction of pz_apps_wipe is on the disk: clears the same in memory. */
void pz_apps_wiped(struct pz_apps *apps);

/* ---- commands ---- */

/** The command `apps`: params forget? (an origin; the token of a program is revoked).
 */
void pz_apps_command(struct pz_apps *apps, struct pz_request *request);
/** Tokens of programs, for the command `app-token`. */
struct pz_tokens *pz_apps_tokens(struct pz_apps *apps);

#endif
