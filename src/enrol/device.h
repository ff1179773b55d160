/* Enrolment, the PZP's side: messages in, messages out, one verdict at the end. */
#ifndef PZ_ENROL_DEVICE_H
#define PZ_ENROL_DEVICE_H

#include <jansson.h>
#include <stdint.h>

#include "base/env.h"
#include "base/err.h"
#include "enrol/confirm.h"

struct pz_key;
struct pz_cert;
struct pz_crl;

/** One attempt of one device, on one TLS connection. */
struct pz_enrol_device;

/** What an attempt needs. Strings are copied; all are NUL-terminated and not NULL. */
struct pz_enrol_device_config {
	const char *zone;
	const char *device;
	const char *display_name;
	const char *device_type;
	const char *code;                /* PZ_CODE_DIGITS digits (pz_code_parse) */
	struct pz_key *ca_key;           /* the PZP CA key; borrowed until free */
	uint8_t sid[PZ_ENROL_SID_BYTES]; /* TLS exporter of this very connection */
	const struct pz_env *env;        /* borrowed until free; timers may be NULL (no time-out) */
};

/** What the hub has sent, verified. Borrowed: valid until done() returns. */
struct pz_enrol_result {
	struct pz_cert *device_ca; /* this device's PZP CA certificate */
	struct pz_cert *master_ca; /* the PZH CA certificate */
	struct pz_crl *crl;
	const char *pzh_id; /* equals the zone */
	const char *host;   /* address of the hub from now on */
	uint16_t port;
};

/**
 * Call-backs to the owner. `arg` is the one of pz_enrol_device_new. None of them may free the
 * object: put it on the deferred list and free it after the call that led here has returned.
 */
struct pz_enrol_device_ops {
	/** Send a prop with this status and payload.message. Both borrowed. */
	void (*send)(void *arg, const char *status, json_t *message);
	/** The hub has proved that it knows the code (state virgin-connected). May be NULL. */
	void (*proven)(void *arg);
	/** Checks that the TLS certificate of this connection chains to that PZH CA. PZ_OK or the
	 * reason. */
	enum pz_err (*verify_connection)(void *arg, const struct pz_cert *master_ca,
					 const struct pz_crl *crl, struct pz_errinfo *info);
	/** Success; called at most once and last. Store everything in one transaction. */
	void (*done)(void *arg, const struct pz_enrol_result *result);
	/** Failure; called at most once and last. reason: one line that says what to do. */
	void (*failed)(void *arg, enum pz_err err, const char *reason);
};

/**
 * Prepares an attempt; sends nothing yet.
 * @param ops borrowed, outlives the object
 * @param out the caller frees it with pz_enrol_device_free; untouched on failure
 * @param info may be NULL
 * Errors: CONFIG (a name, the code or the type is malformed: checked before anything is sent),
 * CRYPTO, LIMIT_MEMORY.
 * @spec page 3
 */
enum pz_err pz_enrol_device_new(const struct pz_enrol_device_config *config,
				const struct pz_enrol_device_ops *ops, void *arg,
				struct pz_enrol_device **out, struct pz_errinfo *info) PZ_MUST_USE;

/** Sends enrolHello (step 1). The exchange has no time-out: the owner's state machine ends one that
 * takes too long. */
void pz_enrol_device_start(struct pz_enrol_device *device);

/**
 * Takes one prop of the hub.
 * @param status its status; @param message its payload.message, NULL when it has none; borrowed
 * The exchange ends in done or failed; messages after that are ignored. Errors given to
 * failed: DENIED_CODE (tag B is wrong, or the hub answered badCode, expired or attempts), EXISTS
 * (nameTaken), PROTO (anything out of order, missing or malformed), DENIED_* (a certificate that is
 * not what page 3 step 4 asks for), IO_TIMEOUT, CRYPTO, LIMIT_MEMORY.
 */
void pz_enrol_device_message(struct pz_enrol_device *device, const char *status, json_t *message);

/** Wipes its secrets. NULL is fine. Calls nothing. */
void pz_enrol_device_free(struct pz_enrol_device *device);

#endif
