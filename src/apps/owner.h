/* What apps ask of a node whose parts are calls, access, prompts and items: the operations of
 * apps.h over these. */
#ifndef PZ_APPS_OWNER_H
#define PZ_APPS_OWNER_H

#include "access/access.h"
#include "apps/apps.h"
#include "calls/calls.h"
#include "prompt/prompt.h"

/** The parts of a node. Everything borrowed; `apps` is set when they are made. */
struct pz_apps_owner {
	struct pz_apps *apps;
	struct pz_access *access;
	struct pz_calls *calls;
	struct pz_prompts *prompts;
	struct pz_items *items;
	struct pz_peers *peers;
	struct pz_uplink *uplink;
	struct pz_requests *requests;
	const struct pz_device_zone *zone;
	const char *device, *display_name, *device_type; /* of this device */
	/** True when the owner has installed a manifest of this app. @param id of the app. May be
	 * NULL */
	bool (*has_manifest)(const void *manifests, const char *id);
	const void *manifests;
};

/** Operations for pz_apps_config; their `arg` is a struct pz_apps_owner. */
extern const struct pz_apps_ops pz_apps_owner_ops;

#endif
