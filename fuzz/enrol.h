/*
 * Both sides of an enrolment for the targets enrol_hub and enrol_device. One side is the target,
 * the other is honest and runs along, so that an input gets behind the proof of the code: it says
 * which of the honest side's messages are delivered, and what is changed in them.
 *
 * Input: "good" or "wrong" (does the honest side know the code?), then one line for each event:
 *     > {"csr": "x", "share": null}   the next honest message, with these members set or removed
 *     enrolHello {"zone": "a@b"}      a message that the input makes up; a word alone has none
 *     ~                               ten seconds pass
 *     N                               a new connection
 * and what the target itself knows (`act` of the target).
 */
#ifndef PZ_FUZZ_ENROL_H
#define PZ_FUZZ_ENROL_H

#include "zone.h"

#include "enrol/code.h"
#include "enrol/device.h"
#include "enrol/hub.h"
#include "enrol/message.h"
#include "wire/json.h"

/** The input that runs now. */
struct fuzz_enrol {
	struct pz_kit_clock clock;
	struct pz_code code;
	struct pz_enrol_hub *hub;
	struct pz_enrol_device *device;
	bool is_good; /* both have the same code */
	bool admits, is_name_taken;
	bool has_ended;  /* the target has reported the end of this connection */
	unsigned shares; /* enrolShare sent by the hub for this code */
	unsigned admissions, proofs, requests_sent;
};

/** What each of the two targets defines. */
struct fuzz_enrol_target {
	const struct pz_enrol_hub_ops *hub_ops;
	const struct pz_enrol_device_ops *device_ops;
	/** Hands a message to the target. */
	void (*deliver)(const char *status, json_t *message);
	/** A new input, of `size` bytes. @return false: the device is not started */
	bool (*begin)(size_t size);
	/** The connection has ended, before the next one. */
	void (*again)(void);
	/** An event that only this target has. @return false: not such an event */
	bool (*act)(char event);
};

extern const struct fuzz_enrol_target fuzz_enrol_target;
extern struct fuzz_enrol fuzz_enrol;
/** Those of data/. */
extern struct pz_key *fuzz_device_key;
extern struct pz_cert *fuzz_ca, *fuzz_device_ca;

/** Keeps a message of the honest side until a ">". */
void fuzz_queue_put(const char *status, json_t *message);
/** The owner admits: the hub gets what data/ holds for this device. */
void fuzz_admit(void);

#endif
