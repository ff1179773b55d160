/*
 * Asks the owner about a call (page 9, 11): the questions of this device (prompt/prompt.h), and the
 * other devices of the owner that may answer them, or ask here.
 */
#ifndef PZ_ASKING_ASKING_H
#define PZ_ASKING_ASKING_H

#include <jansson.h>

#include "base/env.h"
#include "base/err.h"
#include "prompt/prompt.h"
#include "store/store.h"
#include "zone/device.h"

struct pz_asking;
struct pz_calls;
struct pz_items;
struct pz_peers;

/** What the node does. `arg` is that of the configuration. */
struct pz_asking_ops {
	/** The answer for a call, as pz_prompts_ops.answered. */
	void (*answered)(void *arg, uint64_t ticket, enum pz_prompt_result result, const char *by);
	/** As pz_prompts_ops.taken_back. May be NULL. */
	void (*taken_back)(void *arg, const struct pz_prompt_key *key);
	/** The origin of an app here. Borrowed; NULL: not known. May be NULL. */
	const char *(*app_origin)(void *arg, struct pz_slice app);
	/** Something happened that `pzp watch` shows. @param takes_event may be NULL */
	void (*event)(void *arg, json_t *takes_event);
};

/** Everything borrowed for the life of the object. */
struct pz_asking_config {
	const struct pz_env *env;
	struct pz_store *store;
	const struct pz_device_zone *zone;
	struct pz_calls *calls; /* the names of devices */
	struct pz_items *items; /* preferences */
	const struct pz_asking_ops *ops;
	void *arg;
};

/* ---- life ---- */

/** Loads earlier answers. Errors: those of pz_prompts_new. */
enum pz_err pz_asking_new(const struct pz_asking_config *config, struct pz_asking **out,
			  struct pz_errinfo *info) PZ_MUST_USE;
/** The links of devices that may answer; before the first of them is up. */
void pz_asking_connect(struct pz_asking *asking, struct pz_peers *peers);
/** The node ends: nothing is sent after that. NULL is fine. */
void pz_asking_end(struct pz_asking *asking);
/** After the peers and the requests. NULL is fine. */
void pz_asking_free(struct pz_asking *asking);

/** The questions, for calls that ask and for agents. As long as this object. */
struct pz_prompts *pz_asking_prompts(struct pz_asking *asking);

/* ---- what happens ---- */

/** Preferences have changed. */
void pz_asking_follow(struct pz_asking *asking);
/** A device has sent news, or its link has come or gone: it may have become able or unable to
 * answer. */
void pz_asking_device(struct pz_asking *asking, const char *device);
/** A device has no direct link any more. @param address zone/device */
void pz_asking_gone(struct pz_asking *asking, const char *address);
/** Devices have left the zone. */
void pz_asking_drop_left(struct pz_asking *asking);
/** True when a person of this device may be asked by others: sent to them. */
bool pz_asking_answers(const struct pz_asking *asking);
/** What a device has sent: `prompt`, `promptAnswer` or `promptEnded`, over a link that has proved
 * which device it is. @return false: it is wrong, or not allowed */
bool pz_asking_on_prop(struct pz_asking *asking, const char *device, const char *status,
		       const json_t *message);

#endif
