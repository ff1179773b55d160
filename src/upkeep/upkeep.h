/*
 * What time brings to a member of a zone: its TLS certificate is renewed, its clock and those of
 * others are compared, and `status` warns of certificates and revocation lists that end.
 */
#ifndef PZ_UPKEEP_UPKEEP_H
#define PZ_UPKEEP_UPKEEP_H

#include <jansson.h>

#include "condition/condition.h"
#include "store/store.h"
#include "x509/keystore.h"
#include "zone/device.h"

struct pz_upkeep;

/** What the node does for its upkeep. Called from timers and commits that end. `arg` is that of the
 * configuration. */
struct pz_upkeep_ops {
	/** True while the zone is being left: nothing is renewed. */
	bool (*is_leaving)(void *arg);
	/** The membership has a new TLS certificate, on disk: it is in force from now on.
	 * @param takes_fresh owned, also on failure. Errors: it cannot be used. */
	enum pz_err (*renewed)(void *arg, struct pz_membership *takes_fresh,
			       struct pz_errinfo *info);
	/** True while the link to the hub is registered. */
	bool (*is_hub_up)(void *arg);
	/** The clock was set: certificates that were refused because of their dates may be accepted
	 * now. */
	void (*clock_was_set)(void *arg);
};

/** Everything borrowed for the life of the upkeep; the node keeps its targets up to date. */
struct pz_upkeep_config {
	const struct pz_env *env;
	struct pz_store *store; /* freed after the upkeep, or before without a call-back */
	struct pz_keystore *keys;
	struct pz_conditions *conditions;
	const struct pz_device_zone *zone;
	const char *self; /* own address, for the log */
	const struct pz_upkeep_ops *ops;
	void *arg;
};

/* ---- life ---- */

/** Nothing is watched yet. NULL: out of memory. */
struct pz_upkeep *pz_upkeep_new(const struct pz_upkeep_config *config);
/** NULL is fine. */
void pz_upkeep_free(struct pz_upkeep *upkeep);
/** Reads when the hub was there for the last time. Errors: IO (of the store). */
enum pz_err pz_upkeep_load(struct pz_upkeep *upkeep, struct pz_errinfo *info) PZ_MUST_USE;
/** Checks now and each hour: the certificate, and the conditions that only time brings; and the
 * clock whenever it was set. */
void pz_upkeep_start(struct pz_upkeep *upkeep);
/** The node ends: nothing is renewed any more. NULL is fine. */
void pz_upkeep_end(struct pz_upkeep *upkeep);

/* ---- renewal.c ---- */

/** Starts to renew the TLS certificate when it is time; the new one is used from the next link on.
 */
void pz_upkeep_renew_if_due(struct pz_upkeep *upkeep);

/* ---- clocks.c ---- */

/** The system reports that the clock was set. */
void pz_upkeep_clock_set(struct pz_upkeep *upkeep);
/** A device announces itself with the tag of a day. @param days after today, < 0: before; 0 also
 * when it does not announce itself any more */
void pz_upkeep_saw_day(struct pz_upkeep *upkeep, const char *device, int days);
/** The hub has sent what time it has. @param ahead_ms of ours */
void pz_upkeep_saw_hub_time(struct pz_upkeep *upkeep, int64_t ahead_ms);
/** A handshake failed. Only a certificate's date matters here. @param who the device that was
 * dialled, or "hub"; @param detail one line */
void pz_upkeep_saw_refusal(struct pz_upkeep *upkeep, const char *who, enum pz_err why,
			   const char *detail);
/** A handshake with it succeeded. @param who as above */
void pz_upkeep_saw_link(struct pz_upkeep *upkeep, const char *who);

/* ---- contact.c ---- */

/** The link to the hub is up, or has been until now. */
void pz_upkeep_saw_hub(struct pz_upkeep *upkeep);
/** After so many days without word from the hub no link with a peer begins. */
void pz_upkeep_set_offline_days(struct pz_upkeep *upkeep, unsigned days);
/** Decides whether a link with a peer may begin now. Errors: DENIED (no word from the hub for too
 * long; the detail says so). @spec page 14 REV-6 */
enum pz_err pz_upkeep_may_link(const struct pz_upkeep *upkeep, struct pz_errinfo *info) PZ_MUST_USE;

/* ---- warnings.c ---- */

/** {tls, ca, crl}: days that certificates and revocation list have left, negative when they have
 * ended. New; null where there are none. */
json_t *pz_upkeep_days_left(const struct pz_upkeep *upkeep);
/** The hub has shown a revocation list of that number, while ours has this one. */
void pz_upkeep_saw_hub_crl(struct pz_upkeep *upkeep, uint64_t number, uint64_t known);
/** Raises and clears the conditions that only time brings. */
void pz_upkeep_check(struct pz_upkeep *upkeep);
/** All conditions of the device, each a line of text, checked now. New. */
json_t *pz_upkeep_warnings(struct pz_upkeep *upkeep);

#endif
