/* The registry: the services that this node hosts. */
#ifndef PZ_SERVICE_REGISTRY_H
#define PZ_SERVICE_REGISTRY_H

#include "service/service.h"

struct pz_registry;

/** Empty registry; NULL: out of memory. */
struct pz_registry *pz_registry_new(void);
/** Removes and frees every service; calls the watchers. NULL is fine. */
void pz_registry_free(struct pz_registry *r);

/**
 * Adds a service and calls the watchers.
 * @param service taken on success; on failure still the caller's
 * @param info may be NULL
 * Errors: EXISTS (the same id under the same api), LIMIT (PZ_SERVICES_PER_DEVICE_MAX),
 * LIMIT_MEMORY.
 * @spec page 7, 3 "register"
 */
enum pz_err pz_registry_add(struct pz_registry *r, struct pz_service *service,
			    struct pz_errinfo *info) PZ_MUST_USE;

/**
 * Removes a service: ends its calls and listeners (through the dispatcher's watch), calls the
 * watchers, frees it. Not from within a call of that service. Errors: NOTFOUND.
 * @spec page 7, 3 "unregister"
 */
enum pz_err pz_registry_remove(struct pz_registry *r, const char *api, const char *id) PZ_MUST_USE;

/** Exact match or NULL; borrowed until the service is removed. */
struct pz_service *pz_registry_lookup(const struct pz_registry *r, const char *api, const char *id);

/** Number of services. */
size_t pz_registry_count(const struct pz_registry *r);

/** New JSON array of descriptors, oldest first. @param api_pattern see pz_api_matches; NULL: all.
 * NULL: out of memory. */
json_t *pz_registry_list(const struct pz_registry *r, const char *api_pattern);

/** Calls fn for each service, oldest first; fn must not add or remove. */
void pz_registry_each(const struct pz_registry *r,
		      void (*fn)(void *arg, const struct pz_descriptor *d), void *arg);

/**
 * Sets the address that descriptors carry: "device" before enrolment, "zone/device" after. Watchers
 * are called when it changed. Errors: PROTO_ADDRESS, LIMIT_MEMORY (nothing has changed then).
 */
enum pz_err pz_registry_set_address(struct pz_registry *r, const char *node_address) PZ_MUST_USE;

/** The address set last, or NULL. */
const char *pz_registry_address(const struct pz_registry *r);

enum pz_registry_event {
	PZ_REGISTRY_ADDED,
	PZ_REGISTRY_REMOVED, /* the service is out of the list, and freed after the call-back */
	PZ_REGISTRY_ADDRESS, /* service is NULL */
};

/** A watcher, embedded in its owner; zero it, set changed and arg. */
struct pz_registry_watch {
	/** Must not add or remove services or watchers. */
	void (*changed)(void *arg, enum pz_registry_event event, struct pz_service *service);
	void *arg;
	struct pz_list node; /* private */
};

/** Adds a watcher; the owner announces the list from here (page 7, 4). Borrowed until unwatched. */
void pz_registry_watch(struct pz_registry *r, struct pz_registry_watch *watch);
/** Removes a watcher; does nothing when it is in none. */
void pz_registry_unwatch(struct pz_registry_watch *watch);

#endif
