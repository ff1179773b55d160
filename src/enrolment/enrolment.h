/*
 * How this device becomes a member of a zone (page 3): from virgin to enrolled. The exchange of
 * messages is that of enrol/device.h; here are the connection, the key, and the one transaction
 * that makes the device a member. One enrolment runs at a time; earlier ones may still wait for the
 * disk.
 */
#ifndef PZ_ENROLMENT_ENROLMENT_H
#define PZ_ENROLMENT_ENROLMENT_H

#include <jansson.h>

#include "net/link.h"
#include "net/transport.h"
#include "store/store.h"
#include "x509/keystore.h"
#include "zone/device.h"
#include "zone/names.h"

struct pz_enrolment;
struct pz_items;
struct pz_uplink;

/** What the node does for an enrolment. `arg` is that of the configuration. */
struct pz_enrolment_ops {
	/** An enrolment begins: key files that no membership uses stay from now on, and what is
	 * stored is not wiped, until as many have ended. */
	void (*began)(void *arg);
	void (*ended)(void *arg);
	/** The membership is on disk: it is in force from now on.
	 * @param takes_fresh owned, also on failure. Errors: it cannot be used; the device is
	 * virgin again. */
	enum pz_err (*join)(void *arg, struct pz_membership *takes_fresh, struct pz_errinfo *info);
	/** Removes key files that the membership does not use: no other enrolment is being stored.
	 */
	void (*sweep_keys)(void *arg);
};

/** Everything borrowed for the life of the object; the node keeps its targets up to date. */
struct pz_enrolment_config {
	const struct pz_env *env;
	struct pz_transport transport;
	struct pz_link_host link_host; /* without events */
	struct pz_store *store; /* freed after the enrolments, or before without a call-back */
	struct pz_keystore *keys;
	const char *key_type; /* for new keys */
	const struct pz_device_zone *zone;
	const struct pz_names *names;
	struct pz_items *items;
	struct pz_uplink *uplink; /* its machine has the state of the enrolment (page 5) */
	const struct pz_enrolment_ops *ops;
	void *arg;
};

/** @param config copied. NULL: out of memory. */
struct pz_enrolment *pz_enrolment_new(const struct pz_enrolment_config *config);
/** Frees also what waits for the disk: the store makes no more call-backs. NULL is fine. */
void pz_enrolment_free(struct pz_enrolment *enrolment);
/**
 * Starts one.
 * @param params of the command `enrol`, borrowed
 * Errors: CONFIG (params), EXISTS (not virgin, or one is running), LIMIT_MEMORY, those of
 * pz_keystore_create.
 */
enum pz_err pz_enrolment_start(struct pz_enrolment *enrolment, json_t *params,
			       struct pz_errinfo *info) PZ_MUST_USE;
/** True while one runs. */
bool pz_enrolment_is_running(const struct pz_enrolment *enrolment);
/** Ends the one that runs, unless its certificates are being stored already. @return false: none
 * runs, or it is too late */
bool pz_enrolment_call_off(struct pz_enrolment *enrolment, const char *reason);
/** The current step, with the hub's address, e.g. "the TLS handshake with h port 8041".
 * @return out, or "" without an enrolment */
const char *pz_enrolment_step(const struct pz_enrolment *enrolment, char *out, size_t size);
/** Drops the running one: its link closes, its keys are removed. */
void pz_enrolment_drop(struct pz_enrolment *enrolment);

#endif
