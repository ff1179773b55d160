/* Enrolment, the PZH's side: one object for each enrolment link. */
#ifndef PZ_ENROL_HUB_H
#define PZ_ENROL_HUB_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"
#include "base/err.h"
#include "base/limits.h"
#include "enrol/code.h"
#include "enrol/confirm.h"

struct pz_key;
struct pz_cert;
struct pz_crl;

#define PZ_ENROL_DEVICE_TYPE_BYTES_MAX 64 /* a word such as "laptop", shown to people */

/** One attempt of one device, on one TLS connection. */
struct pz_enrol_hub;

/** A device that has proved the code and the possession of its key. */
struct pz_enrol_request {
	char zone[PZ_ZONE_BYTES_MAX + 1];
	char device[PZ_DEVICE_BYTES_MAX + 1];
	char display_name[PZ_DISPLAY_NAME_BYTES_MAX + 1];
	char device_type[PZ_ENROL_DEVICE_TYPE_BYTES_MAX + 1];
	struct pz_key *csr_key; /* public key of the CSR; owned by the session */
	uint64_t issue;         /* of the code that was proved */
};

/**
 * Call-backs to the owner. `arg` is the one of pz_enrol_hub_new. None of them may free the object:
 * put it on the deferred list and free it after the call that led here has returned.
 */
struct pz_enrol_hub_ops {
	/** Send a prop with this status and payload.message. Both borrowed. */
	void (*send)(void *arg, const char *status, json_t *message);
	/** The zone's code for a device of this name, live or not; NULL: the zone is not hosted
	 * here, or never had a code. Borrowed for the call. */
	struct pz_code *(*code)(void *arg, const char *zone, const char *device);
	/** True when a device may be enrolled under this name now (README: which names are free).
	 */
	bool (*is_name_free)(void *arg, const char *zone, const char *device);
	/**
	 * Sign, store durably, then call pz_enrol_hub_admitted or _refused (now or later). The
	 * request lives until then or until the session is freed. The owner cancels the code when
	 * the device is stored.
	 */
	void (*admit)(void *arg, const struct pz_enrol_request *request);
	/**
	 * The attempt is over; close the link when it is flushed. Called at most once and last.
	 * @param reason of the enrolError that was sent @param detail for the log, no secrets
	 */
	void (*failed)(void *arg, const char *reason, const char *detail);
};

/**
 * @param sid TLS exporter of this very connection, copied
 * @param env borrowed until free; timers may be NULL (no time-out). The clock starts here:
 * PZ_ENROL_IDLE_US without a message fails the session.
 * @param ops borrowed, outlives the object
 * @param out the caller frees it with pz_enrol_hub_free; untouched on failure
 * Errors: LIMIT_MEMORY.
 * @spec page 3
 */
enum pz_err pz_enrol_hub_new(const uint8_t sid[PZ_ENROL_SID_BYTES], const struct pz_env *env,
			     const struct pz_enrol_hub_ops *ops, void *arg,
			     struct pz_enrol_hub **out) PZ_MUST_USE;

/** Whose attempts are counted together: an address or network as text, copied. Before the first
 * message; "" without it. */
void pz_enrol_hub_set_from(struct pz_enrol_hub *hub, const char *from);

/**
 * Takes one prop of the device.
 * @param message its payload.message, NULL when it has none; borrowed. A message that is out of
 * order, malformed or unknown is answered with enrolError badRequest and ends in failed. Messages
 * after the end are ignored.
 */
void pz_enrol_hub_message(struct pz_enrol_hub *hub, const char *status, json_t *message);

/**
 * To be called when the device is signed and on disk: sends signedCert (step 4). Does nothing when
 * the session has ended in the meantime (the device then enrols again with a new code). Ends in
 * failed when out of memory.
 * @param pzh_id the zone; @param host where the device finds the hub from now on, with `port`
 */
void pz_enrol_hub_admitted(struct pz_enrol_hub *hub, const struct pz_cert *device_ca,
			   const struct pz_cert *master_ca, const struct pz_crl *crl,
			   const char *pzh_id, const char *host, uint16_t port);

/**
 * To be called when the owner cannot admit the device: sends enrolError, releases the code and
 * calls failed.
 * @param reason "nameTaken", "busy", or "badRequest" for any other reason
 */
void pz_enrol_hub_refused(struct pz_enrol_hub *hub, const char *reason);

/** The zone and device that were claimed in step 1; "" before. For the owner's log (ENR-7). */
const char *pz_enrol_hub_zone(const struct pz_enrol_hub *hub);
/** The device's name, likewise. */
const char *pz_enrol_hub_device(const struct pz_enrol_hub *hub);

/** Wipes its secrets. NULL is fine. Calls nothing. */
void pz_enrol_hub_free(struct pz_enrol_hub *hub);

#endif
