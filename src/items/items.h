/*
 * The items that every device of a zone may write (page 8), as a device keeps them: preferences,
 * details of the user and names of devices, lists of services, and what apps store. This header is
 * the whole: what the items are given, their life, and a change of any of them. What each item adds
 * is in prefs.h, user_details.h, service_cache.h and app_data.h.
 */
#ifndef PZ_ITEMS_ITEMS_H
#define PZ_ITEMS_ITEMS_H

#include <jansson.h>

#include "base/env.h"
#include "service/registry.h"
#include "shared/shared.h"
#include "store/store.h"
#include "wire/address.h"
#include "zone/device.h"

struct pz_items;

/* ---- what the items are given ---- */

/**
 * What the node does for its items. Called from inside the functions of this module and from
 * commits that end; no operation may free the items. `arg` is that of the configuration.
 */
struct pz_items_ops {
	/* ---- the state of the node ---- */

	/** True while there is a link to the hub, or an attempt at one: changes of preferences wait
	 * for its end. */
	bool (*is_held)(void *arg);
	/** True while the zone is being left: nothing is written after that. */
	bool (*is_leaving)(void *arg);
	/** True while a session with the hub, a peer or an app is up. */
	bool (*has_session)(void *arg);
	/** True while the link to the hub is registered. */
	bool (*hub_is_up)(void *arg);
	/** True when messages to this device of the zone have a way. */
	bool (*has_route)(void *arg, const char *device);
	/** The services of a device as they were last received, from it or by the hub. Borrowed;
	 * NULL: none were received. */
	json_t *(*services_of)(void *arg, const char *device);
	/** The services of a device that has none at the node are these. @param takes_list array of
	 * descriptors */
	void (*recall_services)(void *arg, const char *device, json_t *takes_list);
	/** The hub's list of services of a device is invalid. */
	void (*forget_services)(void *arg, const char *device);
	/** The device that a person means. @param out untouched on failure. Errors: NOTFOUND,
	 * CONFIG, with a line in info. */
	enum pz_err (*find_device)(void *arg, const char *text, char out[PZ_DEVICE_BYTES_MAX + 1],
				   struct pz_errinfo *info);
	/** The reason why the hub refuses data that this app stores here. Borrowed; NULL: it does
	 * not. */
	const char *(*app_refusal)(void *arg, const char *origin);
	/** True when a program receives events. */
	bool (*has_watcher)(void *arg);

	/* ---- what has happened ---- */

	/** An event for the programs that watch. @param takes_event NULL: out of memory */
	void (*event)(void *arg, json_t *takes_event);
	/**
	 * Active preferences have other values now. Not called for those of the start.
	 * @param changed PZ_PREF_BIT of each
	 * @param is_choice a value was set or reset, on this device or elsewhere in the zone;
	 * false: the state of the connection has changed and values that waited for it apply, which
	 * may happen inside of a change of state of the node's machine
	 */
	void (*prefs_changed)(void *arg, uint32_t changed, bool is_choice);
	/** The name of this device was read from the zone's data again: it is sent to the others,
	 * also when it is the same, for they may have received a different one. */
	void (*named)(void *arg);
	/** What an app has stored is different now, by a change made here or elsewhere; also when a
	 * change could not be stored and is undone. @param key of the chunk; NULL: any of them */
	void (*app_changed)(void *arg, const char *key);
	/** See pz_shared_config.settled. */
	void (*settled)(void *arg, const struct pz_sync_kind *kind, const char *key,
			bool is_stored);
};

/** What the items need. Copied; everything in it is borrowed for the life of the items. */
struct pz_items_config {
	const struct pz_env *env;
	struct pz_store *store; /* freed after the items */
	const struct pz_device_zone *zone;
	const char *device;           /* the name of this device, kept up to date by the node */
	struct pz_registry *registry; /* the services of this device */
	const char *inbox;            /* default of the preference files.inbox; NULL: "" */
	size_t app_data_bytes_max;    /* what one app may store; see pz_items_set_app_data_max */
	const struct pz_items_ops *ops;
	void *arg;
};

/* ---- life ---- */

/** Items without data: pz_items_set_self loads it. NULL: out of memory. */
struct pz_items *pz_items_new(const struct pz_items_config *config);
/** Frees the items. `done` of running changes is not called. NULL is fine. */
void pz_items_free(struct pz_items *items);
/**
 * Sets the address under which this device writes; the first call loads what is stored.
 * @param self zone/device, or the device's name without a zone
 * Errors: those of pz_shared_load and pz_shared_set_self.
 */
enum pz_err
pz_items_set_self(struct pz_items *items, const char *self, struct pz_errinfo *info) PZ_MUST_USE;
/** Sets what one app may store, in bytes of keys and values. */
void pz_items_set_app_data_max(struct pz_items *items, size_t bytes);

/* ---- the data ---- */

/** The items themselves. Borrowed; NULL before pz_items_set_self. */
struct pz_shared *pz_items_shared(const struct pz_items *items);
/** As pz_shared_write; the other nodes receive the change soon after. Errors: also DENIED (the zone
 * is being left). */
enum pz_err
pz_items_write(struct pz_items *items, enum pz_sync_id id, const char *key, const char *value,
	       pz_shared_done done, void *arg, struct pz_errinfo *info) PZ_MUST_USE;

/* ---- the zone is left (page 2 "Revocation") ---- */

/** Removes the zone's data from the disk. What apps have stored stays where it is not synchronised.
 * Errors: LIMIT_MEMORY. */
enum pz_err pz_items_wipe(struct pz_items *items, struct pz_txn *txn) PZ_MUST_USE;
/** The same after a failure, when memory has left the zone already and may have newer data.
 * Errors: LIMIT_MEMORY. */
enum pz_err pz_items_wipe_again(struct pz_items *items, struct pz_txn *txn) PZ_MUST_USE;
/** Removes the same from memory, and the values of preferences that hold for the whole zone. */
void pz_items_wiped(struct pz_items *items);

#endif
