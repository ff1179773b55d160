/*
 * Web apps: the local server for pages and other programs (port `ports.web`), and their sessions in
 * the zone. A session is one more of the router's; before the owner's consent it is not there, and
 * its page learns nothing of the zone.
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

/** The feature that policies know an app's beginning by. */
#define PZ_APPS_FEATURE "http://webinos.org/api/apps"

struct pz_apps;

/* ---- what the apps are given ---- */

enum pz_apps_consent {
	PZ_APPS_YES,
	PZ_APPS_NO,
	PZ_APPS_LATER, /* pz_apps_answered follows, unless pz_apps_ops.withdraw comes first */
};

/** What the node does for its apps. None may free them. `arg` is that of the configuration. */
struct pz_apps_ops {
	/** May this app learn of the zone and call? Asks the owner where a policy says so.
	 * @param address of its session; @param ticket names the question; 0: no one is asked, and
	 * an app that was let in stays as long as the policy asks or permits
	 * @param was_asked of a question that was answered with yes: by a person */
	enum pz_apps_consent (*consent)(void *arg, const char *address, uint64_t ticket,
					bool *was_asked);
	/** The app that waits for an answer is gone. */
	void (*withdraw)(void *arg, uint64_t ticket);
	/** E1: may this app call that method at another node? */
	bool (*may_send)(void *arg, const char *from, const char *to, struct pz_slice method);
	/** Can messages reach that address now, as far as is known here? */
	bool (*has_route)(void *arg, const char *to);
	/** What an app learns of the zone: the `message` of `registeredBrowser`. New; NULL: out of
	 * memory. */
	json_t *(*zone)(void *arg);
	/** Sends a request to an app, whose answer and call-backs go to `ops`, with `job`. @param
	 * id of the request in `payload`, borrowed both. @return false: nothing was sent */
	bool (*ask)(void *arg, const char *to, const char *id, json_t *payload,
		    const struct pz_pending_ops *ops, void *job);
	/** Nothing of the request is wanted any more. */
	void (*ask_cancel)(void *arg, const char *to, const char *id);
	/** Sends a payload to an app. */
	void (*say)(void *arg, const char *to, json_t *payload);
	/** A session that was in the router has ended: its calls, call-backs and answers end. */
	void (*ended)(void *arg, const char *address);
	/** What persons have answered about an app: array of objects. New, or NULL. */
	json_t *(*answers)(void *arg, const char *id);
	/** True when the owner has installed a manifest of an app. */
	bool (*has_manifest)(void *arg, const char *id);
	/** What persons have answered about an app is forgotten. */
	void (*forget)(void *arg, const char *id);
	/** What an app stores on this device: {keys, bytes}. New, or NULL. */
	json_t *(*storage)(void *arg, const char *origin);
	/** Programs that watch get an event. @param takes_event NULL: nothing */
	void (*event)(void *arg, json_t *takes_event);
};

/** Everything borrowed for the life of the apps. */
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

/** Loads which origins were here. Errors: LIMIT_MEMORY, those of pz_store_load. */
enum pz_err pz_apps_new(const struct pz_apps_config *config, struct pz_apps **out,
			struct pz_errinfo *info) PZ_MUST_USE;
/** Says goodbye to every app, and listens no more. */
void pz_apps_end(struct pz_apps *apps);
/** Before the router is freed. NULL is fine. */
void pz_apps_free(struct pz_apps *apps);

/** Listens on 127.0.0.1 and ::1, from now on at this port; a port that cannot be opened is a
 * condition, and is tried again. @param port 0: any free one */
void pz_apps_listen(struct pz_apps *apps, uint16_t port);
/** The port that is open; 0: none. @param apps may be NULL */
uint16_t pz_apps_port(const struct pz_apps *apps);

/* ---- what happens; apps may be NULL: there are none yet, or any more ---- */

/** The owner has answered. Unknown tickets are fine. */
void pz_apps_answered(struct pz_apps *apps, uint64_t ticket, bool is_yes, bool was_asked);
/** Policies have changed: apps that may not be here any more are cut off. */
void pz_apps_recheck(struct pz_apps *apps);
/** A person has taken back a permit: sessions that it let in end. @param is_of true for what is
 * meant. @param from address of the session @param api PZ_APPS_FEATURE */
void pz_apps_taken_back(struct pz_apps *apps,
			bool (*is_of)(void *arg, const char *from, const char *api), void *arg);
/** Something of the zone has changed that apps know; they get it after PZ_APP_UPDATE_US. */
void pz_apps_changed(struct pz_apps *apps);
/** The address of this device changes: sessions leave the router, before its own address changes.
 */
void pz_apps_unroute(struct pz_apps *apps);
/** It has changed: each app is judged anew; one that needs another answer has to connect again. */
void pz_apps_reroute(struct pz_apps *apps);

/** True when that service is one that an app here provides. @param id of the app, without the
 * instance @param service_id of the service */
bool pz_apps_provides(const struct pz_apps *apps, struct pz_slice id, const char *service_id);

/** True while an app has a session. */
bool pz_apps_has_session(const struct pz_apps *apps);
/** What an app has stored is different now: its pages that want to know are sent the key. @param
 * key of the chunk; NULL: everything is gone */
void pz_apps_stored(struct pz_apps *apps, const char *key);

/** The origin of an app here. Borrowed; NULL: not known. @param id without the instance */
const char *pz_apps_origin_of(const struct pz_apps *apps, struct pz_slice id);

/** This device leaves its zone: puts the removal of what is remembered into the transaction.
 * Errors: LIMIT_MEMORY. */
enum pz_err pz_apps_wipe(struct pz_txn *txn) PZ_MUST_USE;
/** The zone was left: memory follows. */
void pz_apps_wiped(struct pz_apps *apps);

/* ---- commands ---- */

/** The command `apps`: params forget? (an origin; of a program with a token, the token is revoked).
 */
void pz_apps_command(struct pz_apps *apps, struct pz_request *request);
/** Tokens of programs, for the command `app-token`. */
struct pz_tokens *pz_apps_tokens(struct pz_apps *apps);

#endif
